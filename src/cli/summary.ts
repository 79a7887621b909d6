/** Lines that describe what `augment` did. */

import { plural } from '../base/plural.ts';
import { quoted } from '../base/shell.ts';
import { total } from '../dataset/unpasted.ts';
import type { AugmentSummary, BalanceSummary, PriorSummary } from '../engine/tally.ts';
import { noCategory } from '../masks/ids.ts';
import { augmentOptions, type Given, presets } from '../options.ts';
import type { SampleRecord } from '../output/manifest.ts';
import { dropWords, passInWords, passWords, reasonsInWords } from '../output/reasons.ts';
import type { Limit } from '../plan/measures.ts';
import { smallestGain } from '../plan/prior.ts';
import type { ClassNames } from '../types.ts';
import type { Merged } from '../verbs/merge.ts';
import { change, tableLines } from './table.ts';

/** Plan of one sample, for a dry run. @param classNames names of the pasted classes. */
export function describePlan(record: SampleRecord, classNames: ClassNames): string {
  const { id, copy } = record;
  if (record.status === 'unchanged') return `${id} copy ${copy}: unchanged: ${passInWords(record)}`;
  const { source, scenes, placements } = record;
  const pastes = placements.map(
    ({ classId, sourceBox, targetBox, scale, ...rest }) =>
      `${classNames.get(classId) ?? `class ${classId}`} [${sourceBox}] -> [${targetBox}] x${scale.toFixed(3)}${describeLook(rest)}`,
  );
  const jittered = scenes ? `; scene -> [${scenes.target.targetBox}]${scenes.target.flip ? ' flipped' : ''}` : '';
  return `${id} copy ${copy}: from ${source}: ${pastes.join('; ')}${jittered}`;
}

type PlacementRecord = Extract<SampleRecord, { status: 'augmented' }>['placements'][number];

/** Orientation and tone of a placement; empty if it has the orientation and the colours of its source. */
function describeLook({ transpose, flip, flipY, tone }: Pick<PlacementRecord, 'transpose' | 'flip' | 'flipY' | 'tone'>): string {
  return [
    transpose ? ' transposed' : '',
    flip ? ' flipped' : '',
    flipY ? ' flipped vertically' : '',
    tone
      ? ` gain ${tone.gain.map((gain) => (gain / 256).toFixed(2))} offset ${tone.offset.map((offset) => (offset / 256).toFixed(1))}`
      : '',
  ].join('');
}

/** Lines of a run's summary. @param columns width of the terminal. */
export function describeSummary(summary: AugmentSummary, given: Given<typeof augmentOptions>, rate: number, columns = 80): string[] {
  const { backend, copied, reused } = summary;
  const lines = describeSamples(summary, given, columns);
  if (given.dryRun) return [...lines, ...describeExpected(summary.expected), 'dry run: nothing was written'];
  if (copied > 0) lines.push(describeCopied(copied));
  if (backend === undefined) return [...lines, `${given.out} is already complete; to start over, pass --overwrite`];
  if (reused > 0) lines.push(`${plural(reused, 'sample')} reused from an earlier run`);
  return [...lines, `wrote ${given.out} with manifest.json, ${rate.toFixed(1)} samples/s`];
}

/** Lines of a summary of merged shards. */
export function describeMerged({ summary, options, shards, again }: Merged): string[] {
  const { copied } = summary;
  const { out } = options;
  return [
    ...describeSamples(summary, options),
    ...(copied > 0 ? [describeCopied(copied)] : []),
    again ? `${out} is already complete` : `wrote ${out} with manifest.json, from ${plural(shards, 'shard')}`,
  ];
}

function describeCopied(copied: number): string {
  return `${plural(copied, 'more sample')} copied unchanged`;
}

/** Lines on samples, pastes and classes. @param columns width of the terminal. */
function describeSamples(summary: AugmentSummary, given: Given<typeof augmentOptions>, columns = 80): string[] {
  const { samples, augmented, unchanged, pasted, dropped, classes, leftBehind, ways = [] } = summary;
  const kept = samples - augmented;
  const refused = total(dropped);
  const lines = [
    `${plural(samples, 'sample')}: ${augmented} augmented${kept > 0 ? `; ${kept} unchanged: ${reasonsInWords(unchanged, passWords)}` : ''}`,
    `${plural(pasted, 'instance')} pasted${refused > 0 ? `; ${refused} not pasted: ${reasonsInWords(dropped, dropWords)}` : ''}`,
  ];
  if (ways.length > 0) lines.push(`for samples without a source: ${ways.join(', or ')}`);
  if (summary.prior?.used) lines.push(describePrior(summary.prior));
  if (summary.balance && pasted > 0) lines.push(...describeBalance(summary.balance, summary, given));
  lines.push(...describeStuff(classes, given), ...describeClasses(summary, given, columns));
  return [...lines, ...describeLeft(leftBehind, '--json')];
}

/** Line on files that are not copied; none if there are none. @param where what lists all of them. */
export function describeLeft(files: readonly string[], where: string): string[] {
  if (files.length === 0) return [];
  return [
    `${plural(files.length, 'file')} not copied (not part of any sample, or out of date after pasting): ${describeFiles(files, where)}`,
  ];
}

/** Lines on the size of the output that a dry run stands for. */
function describeExpected(expected: AugmentSummary['expected']): string[] {
  if (!expected) return [];
  const { samples, bytes, free = Number.POSITIVE_INFINITY } = expected;
  const size = `the output would have ${plural(samples, 'sample')} in about ${sizeOf(bytes)}`;
  return [bytes > free ? `${size}, but only ${sizeOf(free)} are free there` : size];
}

/** A size such as `1.5 GB`. */
function sizeOf(bytes: number): string {
  const step = bytes < 1 ? 0 : Math.min(4, Math.floor(Math.log10(bytes) / 3));
  return `${Number((bytes / 1000 ** step).toPrecision(2))} ${['bytes', 'kB', 'MB', 'GB', 'TB'][step]}`;
}

/** Maximum number of classes in the table of a summary. */
const mostClasses = 20;

/** A table of classes: instances, pastes, and the share of the pixels of the samples that were pasted into. */
function describeClasses(
  { classes, augmented, pixels }: AugmentSummary,
  { out, dryRun }: Given<typeof augmentOptions>,
  columns: number,
): string[] {
  if (pixels === 0) return [];
  const rows = classes.map(({ id, name, instances, pasted, before, after }) => [
    name ?? `class ${id}`,
    `${instances}`,
    `${pasted}`,
    change(before, after, pixels),
  ]);
  const more = rows.length - mostClasses;
  return [
    `classes, with the share of their pixels in ${plural(augmented, 'augmented sample')}:`,
    ...tableLines([['class', 'instances', 'pasted', 'before -> after'], ...rows.slice(0, mostClasses)], [0], columns - 2).map(
      (line) => `  ${line}`,
    ),
    ...(more > 0
      ? [
          `  … ${plural(more, 'more class', 'more classes')}; for all: ${dryRun || out === undefined ? '--json' : `copypaste report ${quoted(out)}`}`,
        ]
      : []),
  ];
}

/** Lines on stuff that is skipped, and on classes that look like scenery and may be pasted. */
function describeStuff(classes: AugmentSummary['classes'], given: Given<typeof augmentOptions>): string[] {
  const skipped = classes.filter((row) => row.skipped && row.instances > 0);
  const allowed = classes.filter((row) => row.allowed && row.instances > 0);
  const found = allowed.filter((row) => row.scenery);
  // Classes that --classes names are wanted, and without all classes nothing could be pasted.
  const scenery = given.classes === undefined && found.length < allowed.length ? found : [];
  const names = (rows: typeof classes): string =>
    [
      ...rows.slice(0, 8).map(({ id, name, pasted }) => `${name ?? `class ${id}`}${pasted > 0 ? ` (${pasted} pasted)` : ''}`),
      ...(rows.length > 8 ? [`… ${rows.length - 8} more`] : []),
    ].join(', ');
  const excluded = quoted([...(given.excludeClasses ?? []), ...scenery.map(({ id }) => id)].join(','));
  return [
    ...(skipped.length > 0 ? [`stuff, not pasted: ${names(skipped)} (--stuff keep allows ${skipped.length === 1 ? 'it' : 'them'})`] : []),
    ...(scenery.length > 0
      ? [
          `most pixels of ${names(scenery)} lie in instances that the image border cuts off; if ${scenery.length === 1 ? 'this class is' : 'these classes are'} scenery, exclude ${scenery.length === 1 ? 'it' : 'them'} with --exclude-classes ${excluded}`,
        ]
      : []),
  ];
}

/** Line on a prior that places follow: the classes that instances of each class stand on. */
export function describePrior({ instances, gain, classes }: PriorSummary): string {
  const name = (row: { readonly id: number; readonly name?: string }): string =>
    row.name ?? (row.id === noCategory ? 'no category' : `class ${row.id}`);
  const stands = classes.flatMap((row) => {
    const [most] = row.under;
    return most ? [`${name(row)} on ${name(most)} ${Math.round(100 * most.share)} %`] : [];
  });
  const rest = stands.length > 6 ? `, and ${stands.length - 6} more` : '';
  return `placed by the prior of ${plural(instances, 'instance')} (${gain.toFixed(2)} bits better than anywhere): ${stands.slice(0, 6).join(', ')}${rest}`;
}

/** Warning that a prior is not used; `undefined` if it is. */
export function warnOfPrior(prior: PriorSummary | undefined): string | undefined {
  if (!prior || prior.used) return undefined;
  const { instances, gain } = prior;
  return `--place prior: the places of ${plural(instances, 'instance')} say little more than random ones (${Math.max(0, gain).toFixed(2)} bits, below ${smallestGain}), as in data without a fixed up and down, or with few instances; instances land anywhere`;
}

/** Reason for pixels that differ from their share although nothing limits the class. */
const otherSizes =
  'pastes came out larger or smaller than planned, by chance or by the rules of placement; change the shares to make up for it';

/** Lines of a balance: the shares that were asked for and reached, and what stood in the way of each class that missed its share. */
function describeBalance({ of, by, classes }: BalanceSummary, summary: AugmentSummary, given: Given<typeof augmentOptions>): string[] {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const rows = classes.map(({ id, name, asked, reached }) => [name ?? `class ${id}`, percent(asked), percent(reached)]);
  const more = rows.length - mostClasses;
  const limited = classes.some(({ limit }) => limit);
  // If one class falls short, others have more than their share.
  const missed = classes.filter(({ asked, reached, limit }) => (limit || !limited) && Math.abs(asked - reached) > 0.02);
  const may = leversOf(summary, given);
  return [
    `shares of ${of === 'pasted' ? 'pasted' : 'resulting'} ${by}:`,
    ...tableLines([['class', 'asked', 'reached'], ...rows.slice(0, mostClasses)], [0]).map((line) => `  ${line}`),
    ...(more > 0 ? [`  … ${plural(more, 'more class', 'more classes')}; for all: --json`] : []),
    ...missed.map(({ id, name, asked, reached, limit }) => {
      const chance = `chance, with ${plural(summary.pasted, 'paste')}; raise ${may.raiseP ? '-p or ' : ''}--copies`;
      const why = limit ? limitOf(limit, may) : by === 'pixels' ? otherSizes : chance;
      return `${name ?? `class ${id}`}: ${percent(asked)} asked, ${percent(reached)} reached: ${why}`;
    }),
  ];
}

/** What a larger or smaller value of an option can still change in a run. */
function leversOf({ samples, unchanged }: AugmentSummary, given: Given<typeof augmentOptions>) {
  const batchSize = Number(optionIn('batchSize', given));
  const maxInstances = optionIn('maxInstances', given);
  return {
    raiseP: (unchanged['not drawn'] ?? 0) > 0,
    raiseBatch: given.sources === undefined && batchSize < samples / Number(given.copies ?? 1),
    raiseInstances: maxInstances !== 'all',
    lowerInstances: maxInstances !== 1,
    keepTruncated: optionIn('truncated', given) === 'skip',
  };
}

/** Value of an option, from the command line, the preset or the defaults. */
function optionIn(name: 'truncated' | 'maxInstances' | 'batchSize', given: Given<typeof augmentOptions>): unknown {
  const values: Readonly<Record<string, unknown>> = presets[given.preset ?? 'default'].values;
  return given[name] ?? values[name] ?? augmentOptions[name].default;
}

/** Reason that keeps a class from its share, with a remedy if there is one. */
function limitOf({ reason, batches: [having, all] }: Pick<Limit, 'reason' | 'batches'>, may: ReturnType<typeof leversOf>): string {
  const withWays = (text: string, ...ways: (string | false)[]): string => {
    const able = ways.filter((way) => way !== false);
    return able.length > 0 ? `${text}; ${able.join(' or ')}` : text;
  };
  switch (reason) {
    case 'absent':
    case 'unusable':
      return withWays('no instance may be pasted', 'lower --min-area', may.keepTruncated && 'pass --truncated keep');
    case 'batches':
      return withWays(
        `only ${having} of ${plural(all, 'batch', 'batches')} have an instance to paste`,
        may.raiseBatch && 'raise --batch-size',
      );
    case 'samples':
      return withWays(
        'the samples that hold it have too few instances of it',
        may.lowerInstances && 'lower --max-instances',
        may.raiseBatch && 'raise --batch-size',
      );
    case 'fit':
      return 'its instances seldom fit; loosen --min-area, --max-area or --scale';
    case 'pastes':
      return withWays(
        'there are too few pastes beside the existing instances',
        may.raiseP && 'raise -p',
        may.raiseInstances && 'raise --max-instances',
      );
  }
}

/** The first few files, grouped by folder. */
function describeFiles(files: readonly string[], where: string): string {
  const folders = new Map<string, string[]>();
  for (const file of files) {
    const folder = file.slice(0, file.lastIndexOf('/') + 1);
    const key = folder === '' ? file : folder;
    const held = folders.get(key);
    if (held) held.push(file);
    else folders.set(key, [file]);
  }
  const named = [...folders].map(([folder, held]) => (held.length === 1 ? held[0] : `${folder} (${held.length})`));
  return [...named.slice(0, 4), ...(named.length > 4 ? [`… ${named.length - 4} more; for all: ${where}`] : [])].join(', ');
}
