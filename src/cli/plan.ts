import { plural } from '../base/plural.ts';
import type { Dataset } from '../dataset/open.ts';
import type { Programs } from '../engine/programs.ts';
import type { Given, planOptions } from '../options.ts';
import { plan } from '../verbs/plan.ts';
import { describeDataset, describeNotes, describeSources } from './dataset.ts';
import { tellSkipped } from './skipped.ts';
import type { Streams } from './streams.ts';
import { describeLeft } from './summary.ts';
import { withProgress } from './with-progress.ts';

/** Runs `plan` and prints the run file on standard output. */
export function run(given: Given<typeof planOptions>, streams: Streams, programs?: Programs): Promise<number> {
  let skipped: Dataset['skipped'] = [];
  return withProgress({
    given,
    streams,
    run: (hooks, say) =>
      plan(
        given,
        (text) => streams.stdout.write(text),
        {
          ...hooks,
          opened: (dataset) => {
            skipped = dataset.skipped;
            const left = given.measure === undefined ? describeLeft(dataset.leftBehind, 'copypaste inspect') : [];
            for (const line of [describeDataset(dataset), ...describeNotes(dataset), ...describeSources(dataset), ...left]) say(line);
          },
        },
        programs,
      ),
    tell: ({ shards, samples, batches, measured }, say) => {
      tellSkipped(skipped, streams, 'copypaste check');
      if (measured) {
        say(`measured part ${measured.part} of ${measured.of}: ${plural(measured.samples, 'sample')} of ${samples}`);
        return 0;
      }
      say(`planned ${plural(samples, 'sample')} in ${plural(batches, 'batch', 'batches')} for ${plural(shards, 'shard')}`);
      const idle = shards - batches;
      if (idle > 0) say(`a shard does whole batches: ${idle} of the shards ${idle === 1 ? 'has' : 'have'} nothing to augment`);
      return 0;
    },
  });
}
