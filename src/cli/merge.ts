import { exitCodes } from '../errors.ts';
import type { Given, mergeOptions } from '../options.ts';
import { merge } from '../verbs/merge.ts';
import { tellSkipped } from './skipped.ts';
import type { Streams } from './streams.ts';
import { describeMerged } from './summary.ts';
import { withProgress } from './with-progress.ts';

/** Runs `merge` and prints the summary of the whole run. */
export function run(given: Given<typeof mergeOptions>, streams: Streams): Promise<number> {
  return withProgress({
    given,
    streams,
    out: given.out,
    run: (hooks) => merge(given, hooks),
    tell: (merged, say) => {
      const { summary } = merged;
      const { nothing } = summary;
      tellSkipped(summary.skipped, streams, 'manifest.json');
      if (nothing !== undefined) streams.stderr.write(`copypaste: nothing was pasted: ${nothing}\n`);
      if (given.json) streams.stdout.write(`${JSON.stringify(summary)}\n`);
      for (const line of describeMerged(merged)) say(line);
      if (nothing !== undefined) return exitCodes.data;
      return summary.skipped.length > 0 ? exitCodes.skipped : 0;
    },
  });
}
