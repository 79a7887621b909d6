import { plural } from '../base/plural.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import type { Programs } from '../engine/programs.ts';
import type { AugmentSummary } from '../engine/tally.ts';
import { CopyPasteError, exitCodes, printable } from '../errors.ts';
import { augmentOptions, type Given, shardOptions } from '../options.ts';
import type { SampleRecord } from '../output/manifest.ts';
import type { ClassNames } from '../types.ts';
import { augment, augmentShard } from '../verbs/augment.ts';
import { describeDataset, describeNotes, describeSources } from './dataset.ts';
import { tellSkipped } from './skipped.ts';
import type { Streams } from './streams.ts';
import { describePlan, describeSummary, warnOfPrior } from './summary.ts';
import { withProgress } from './with-progress.ts';

/** Runs `augment`, or one of its shards, and prints the summary. */
export async function run(
  given: Given<typeof augmentOptions> | Given<typeof shardOptions>,
  streams: Streams,
  programs?: Programs,
): Promise<number> {
  return 'run' in given || 'shard' in given
    ? runShard(given as Given<typeof shardOptions>, streams, programs)
    : runWhole(given, streams, programs);
}

function runWhole(given: Given<typeof augmentOptions>, streams: Streams, programs?: Programs): Promise<number> {
  const { stdout, stderr } = streams;
  let began = 0;
  let classNames: ClassNames = new Map();
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
            for (const line of describeOpened(opened, given)) say(line);
            // The rate includes the time of measurements.
            began ||= performance.now();
            classNames = opened.classNames;
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
                stdout.write(`${printable(describePlan(record, classNames))}
`);
            }
          },
        },
        programs,
      ),
    tell: (summary, say) => {
      const seconds = (performance.now() - began) / 1000;
      const rate = (summary.samples + summary.copied - summary.reused) / seconds;
      tellSkipped(summary.skipped, streams, given.dryRun ? '--json' : 'manifest.json');
      const warning = warnOfPrior(summary.prior);
      if (warning !== undefined) stderr.write(`${warning}\n`);
      const { nothing } = summary;
      if (nothing !== undefined) stderr.write(`copypaste: nothing was pasted: ${nothing}\n`);
      if (given.json) stdout.write(`${JSON.stringify({ ...summary, seconds, samplesPerSecond: rate, ...(given.dryRun && { plan }) })}\n`);
      for (const line of describeSummary(summary, given, rate, stderr.columns)) say(line);
      if (nothing !== undefined) return exitCodes.data;
      return summary.skipped.length > 0 ? exitCodes.skipped : 0;
    },
  });
}

/** Runs a shard; temporary files may be those of other shards, and stay. Samples that are skipped are in the exit code of `merge`: a scheduler would take the shard for a failed one. */
function runShard(given: Given<typeof shardOptions>, streams: Streams, programs?: Programs): Promise<number> {
  const planned = Object.keys(given).find((name) => name in augmentOptions && !(name in shardOptions));
  if (planned !== undefined) {
    const flag = augmentOptions[planned as keyof typeof augmentOptions].flag.replace(/ <.*/, '');
    throw new CopyPasteError('usage', `${flag}: has no effect with --run, whose file has the options of the run; leave it out`);
  }
  return withProgress({
    given,
    streams,
    run: (hooks) => augmentShard(given, hooks, programs),
    tell: (summary, say) => {
      tellSkipped(summary?.skipped ?? [], streams, '--json');
      if (given.json) streams.stdout.write(`${JSON.stringify(summary ?? { done: true })}\n`);
      say(summary ? `shard ${given.shard}: ${describeShard(summary)}` : `shard ${given.shard} is done already`);
      return 0;
    },
  });
}

function describeShard({ samples, augmented, copied, pasted, reused }: AugmentSummary): string {
  return [
    plural(samples, 'sample'),
    `${augmented} augmented`,
    `${plural(pasted, 'instance')} pasted`,
    ...(copied > 0 ? [`${copied} copied`] : []),
    ...(reused > 0 ? [`${reused} done before`] : []),
  ].join(', ');
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
