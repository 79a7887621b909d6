import { interrupted } from '../errors.ts';
import type { Outcome } from '../output/outcomes.ts';
import type { Output } from '../output/run.ts';
import type { Sample } from '../types.ts';
import type { Hooks } from './hooks.ts';
import type { OutcomeBatch } from './job.ts';

/** A batch that is under way, or that an earlier run has done. */
export interface Step extends OutcomeBatch {
  readonly key: string;
  readonly samples: readonly Sample[];
  readonly recalled: boolean;
}

/** Runs batches between their two lines of the journal, and takes from there those that an earlier run has done. */
export function createSteps(output: Output | undefined, { done, stop }: Hooks) {
  const keys: string[] = [];
  let reused = 0;
  return {
    /** Keys of the batches that have ended, in order. */
    keys,
    /** Number of samples that an earlier run had done. */
    reused: (): number => reused,
    /** @param files that the batch may write. */
    async begin(key: string, samples: readonly Sample[], files: readonly string[], work: () => Promise<OutcomeBatch>): Promise<Step> {
      if (stop?.aborted) throw interrupted();
      const known = await output?.recall(key);
      if (known) return { key, samples, recalled: true, results: known.outcomes.map((one) => Promise.resolve(one)), read: known.read };
      await output?.begin(key, files);
      return { key, samples, recalled: false, ...(await work()) };
    },
    async end({ key, samples, recalled, results, read }: Step): Promise<Outcome[]> {
      const outcomes: Outcome[] = [];
      for (const [i, result] of results.entries()) {
        const outcome = await result;
        outcomes.push(outcome);
        // Bad samples of the source set follow those of the batch.
        if (i < samples.length) done?.(outcome.id, outcome.record);
      }
      if (recalled) reused += samples.length;
      else await output?.end(key, outcomes, read);
      keys.push(key);
      return outcomes;
    },
  };
}
