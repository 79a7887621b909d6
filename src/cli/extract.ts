import { plural } from '../base/plural.ts';
import type { Dataset } from '../dataset/open.ts';
import type { Programs } from '../engine/programs.ts';
import { exitCodes } from '../errors.ts';
import type { extractOptions, Given } from '../options.ts';
import { type ExtractSummary, extract } from '../verbs/extract.ts';
import { describeDataset, describeNotes } from './dataset.ts';
import { tellSkipped } from './skipped.ts';
import { some } from './some.ts';
import type { Streams } from './streams.ts';
import { withProgress } from './with-progress.ts';

/** Runs `extract` and prints its summary. */
export function run(given: Given<typeof extractOptions>, streams: Streams, programs?: Programs): Promise<number> {
  const { stdout, stderr } = streams;
  return withProgress({
    given,
    streams,
    out: given.out,
    run: (hooks, say) => {
      const opened = (dataset: Dataset): void => {
        for (const line of [describeDataset(dataset), ...describeNotes(dataset)]) say(line);
      };
      return extract(given, { ...hooks, opened }, programs);
    },
    tell: (summary, say) => {
      tellSkipped(summary.skipped, streams, 'manifest.json');
      if (given.json) stdout.write(`${JSON.stringify(summary)}\n`);
      for (const line of describeBank(summary, given.out)) say(line);
      if (summary.cutouts === 0) {
        stderr.write(
          'copypaste: nothing was extracted: no sample has an instance of a class that may be extracted; copypaste inspect lists the classes\n',
        );
        return exitCodes.data;
      }
      return summary.skipped.length > 0 ? exitCodes.skipped : 0;
    },
  });
}

/** Largest number of classes that the summary names. */
const mostClasses = 20;

function describeBank({ samples, reused, cutouts, classes }: ExtractSummary, out: string): string[] {
  const named = classes.map(({ id, name, cutouts: own }) => `${name ?? id} ${own}`);
  const kept = reused > 0 ? `; ${plural(reused, 'sample')} of an earlier run kept` : '';
  return [
    `wrote ${out}: ${plural(cutouts, 'cut-out')} from ${plural(samples, 'sample')}${kept}`,
    ...(named.length > 0 ? [`classes: ${some(named, mostClasses).join(', ')}`] : []),
  ];
}
