import { interrupted } from '../errors.ts';
import type { Outcome } from '../output/outcomes.ts';
import type { Output } from '../output/run.ts';
import type { Sample } from '../types.ts';
import type { Hooks } from './hooks.ts';
import { bytesOfImage } from './images.ts';
import type { OutcomeBatch } from './job.ts';

/** A batch in progress, or one that an earlier run has done. */
export interface Step extends OutcomeBatch {
  readonly key: string;
  readonly samples: readonly Sample[];
  readonly recalled: boolean;
}

/** Creates the steps of a run: each batch is recorded in the journal when it begins and ends, or recalled if an earlier run has done it. */
export function createSteps(output: Output | undefined, { done, stop, meter }: Hooks) {
  const keys: string[] = [];
  let reused = 0;
  return {
    /** Keys of ended batches, in order. */
    keys,
    /** Number of samples that an earlier run had done. */
    reused: (): number => reused,
    /** Begins or recalls a batch. @param files paths that it may write. */
    async begin(key: string, samples: readonly Sample[], files: readonly string[], work: () => Promise<OutcomeBatch>): Promise<Step> {
      if (stop?.aborted) throw interrupted();
      const known = await output?.recall(key);
      if (known) for (const sample of samples) meter?.recall(bytesOfImage(sample));
      if (known) return { key, samples, recalled: true, results: known.outcomes.map((one) => Promise.resolve(one)), read: known.read };
      await output?.begin(key, files);
      return { key, samples, recalled: false, ...(await work()) };
    },
    /** Waits for the outcomes of a batch, and records them. */
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
      // A dry run has no output to finish, and may have millions of batches.
      if (output) keys.push(key);
      return outcomes;
    },
  };
}
