import type { SourcedDataset } from '../dataset/sources.ts';
import type { Programs } from '../engine/programs.ts';
import { exitCodes, printable } from '../errors.ts';
import type { augmentOptions, Given } from '../options.ts';
import type { SampleRecord } from '../output/manifest.ts';
import { augment } from '../verbs/augment.ts';
import { describeDataset, describeNotes, describeSources } from './dataset.ts';
import type { Streams } from './streams.ts';
import { describePlan, describeSummary, nothingPasted, warnOfPrior } from './summary.ts';
import { withProgress } from './with-progress.ts';

/** Runs `augment` and prints its summary. */
export function run(given: Given<typeof augmentOptions>, streams: Streams, programs?: Programs): Promise<number> {
  const { stdout, stderr } = streams;
  let dataset: SourcedDataset | undefined;
  let began = 0;
  /** Records of a dry run. */
  const plan: SampleRecord[] = [];
  return withProgress({
    given,
    streams,
    out: given.out,
    run: (hooks, say) =>
      augment(
        given,
        {
          ...hooks,
          opened: (opened) => {
            dataset = opened;
            for (const line of describeOpened(dataset, given)) say(line);
            // The rate includes the time of measurements.
            began ||= performance.now();
          },
          fellBack: (error) => say(`${error.message}; continuing on the CPU (--fallback)`),
          done: (id, record) => {
            hooks.done?.(id, record);
            if (given.jsonLines && record)
              stdout.write(`${JSON.stringify(record)}
`);
            else if (given.dryRun && record?.copy !== undefined) {
              if (given.json) plan.push(record);
              else
                stdout.write(`${printable(describePlan(record))}
`);
            }
          },
        },
        programs,
      ),
    tell: (summary, say) => {
      const seconds = (performance.now() - began) / 1000;
      const rate = (summary.samples + summary.copied - summary.reused) / seconds;
      for (const { reason } of summary.skipped) stderr.write(`skipped ${printable(reason)}\n`);
      const warning = warnOfPrior(summary.prior);
      if (warning !== undefined) stderr.write(`${warning}\n`);
      const nothing = dataset && nothingPasted(summary, dataset, given);
      if (nothing !== undefined) stderr.write(`copypaste: nothing was pasted: ${nothing}\n`);
      if (given.json)
        stdout.write(
          `${JSON.stringify({ ...summary, seconds, samplesPerSecond: rate, ...(given.dryRun && !given.jsonLines && { plan }) })}\n`,
        );
      for (const line of describeSummary(summary, given, rate, stderr.columns)) say(line);
      if (nothing !== undefined) return exitCodes.data;
      return summary.skipped.length > 0 ? exitCodes.skipped : 0;
    },
  });
}

/** Lines that describe a data set before it is augmented. */
function describeOpened(dataset: SourcedDataset, { instances, preset }: Given<typeof augmentOptions>): string[] {
  const objects = dataset.folders.find((one) => one.objects)?.objects;
  const whole = preset === 'composer' && instances === undefined && dataset.counts !== undefined && !dataset.sources;
  const hint = objects && dataset.documents.size === 0 && instances === undefined && preset !== 'composer';
  return [
    describeDataset(dataset),
    ...describeNotes(dataset),
    ...describeSources(dataset),
    ...(whole ? ['instances are the annotations; the whole classes of --preset composer apply to masks alone'] : []),
    ...(hint ? [`instances are connected components; to use the objects of ${objects}/, pass --instances object`] : []),
  ];
}
