/** Lines that describe what `augment` did. */

import { plural } from '../base/plural.ts';
import type { Dataset } from '../dataset/open.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { describeUnpasted, total as totalOf, unpastedWith } from '../dataset/unpasted.ts';
import { type AugmentSummary, type BalanceSummary, type PriorSummary, whyDropped } from '../engine/tally.ts';
import { layoutNamed } from '../formats/layouts.ts';
import { noCategory } from '../masks/ids.ts';
import { augmentOptions, type Given, presets } from '../options.ts';
import type { SampleRecord } from '../output/manifest.ts';
import type { Limit } from '../plan/measures.ts';
import { smallestGain } from '../plan/prior.ts';
import type { Unpasted } from '../types.ts';
import type { Merged } from '../verbs/merge.ts';
import { change, tableLines } from './table.ts';

/** Plan of one sample, for a dry run. */
export function describePlan(record: SampleRecord): string {
  const { id, copy } = record;
  if (record.status === 'unchanged') return `${id} copy ${copy}: unchanged, ${record.reason}`;
  const { source, scenes, placements } = record;
  const pastes = placements.map(
    ({ classId, sourceBox, targetBox, scale, ...rest }) =>
      `class ${classId} [${sourceBox}] -> [${targetBox}] x${scale.toFixed(3)}${describeLook(rest)}`,
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

/** Reason why a run pasted nothing, with a remedy; undefined if it pasted something, or no sample was drawn. */
export function nothingPasted(
  summary: AugmentSummary,
  { background, ignore, samples, counts, crowds, layout, sources }: SourcedDataset,
  given: Given<typeof augmentOptions>,
): string | undefined {
  const { augmented, unchanged, dropped, classes } = summary;
  const drawn = Object.keys(unchanged).some((reason) => reason !== 'not drawn');
  if (augmented > 0 || !drawn) return undefined;
  if (Object.keys(unchanged).every((reason) => reason === 'not a target'))
    return `${given.targets === 'background' ? 'every sample has' : 'no sample has'} annotations; change --targets`;
  const why = whyDropped(dropped);
  if (why !== undefined) return why;
  if (sources)
    return 'no instance in --sources is of an allowed class and fits; loosen --classes, --class-map, --stuff, --min-area, --max-area or --truncated';
  const list = (ids: Iterable<number | string>): string => [...ids].join(', ') || 'none';
  const none = noneToPaste({ ...(counts && { counts }), ...(crowds && { crowds }) });
  if (none !== undefined) return none;
  if (classes.length === 0) {
    if (layoutNamed(layout).format) return 'no annotation has a mask, and boxes cannot be pasted; add masks or polygons';
    return `masks hold only background (${list(background)}) and ignore (${list(ignore)}) ids; set --background and --ignore`;
  }
  if (!classes.some(({ allowed }) => allowed)) {
    const found = classes.map(({ id, name }) => name ?? id);
    if (classes.some(({ skipped }) => skipped))
      return `no class found (${list(found)}) may be pasted, since stuff is skipped; pass --stuff keep, or name classes with --classes`;
    return `no class found (${list(found)}) may be pasted; change --classes or --exclude-classes`;
  }
  if (!given.allowSelf && samples.length === 1)
    return 'the data set has only one sample, and thus no other to paste from; pass --allow-self, or other sources with --sources';
  if (!given.allowSelf && Number(given.batchSize) === 1)
    return 'each batch has only one sample and thus no other to paste from; raise --batch-size';
  const truncated = mayKeepTruncated(given) ? ', or pass --truncated keep' : '';
  const { crowd, 'crowd of run lengths': runs } = unpastedWith(counts?.unpasted ?? {}, crowds);
  if (crowd ?? runs)
    return `no instance fits, and crowds (iscrowd 1) are never pasted; loosen --min-area, --max-area or --scale${truncated}`;
  return `no instance fits; loosen --min-area, --max-area or --scale${truncated}`;
}

/** Why no annotation can be pasted, with the remedy; undefined if one can. */
function noneToPaste({ counts, crowds }: Pick<Dataset, 'counts' | 'crowds'>): string | undefined {
  const { unpasted: all = {}, annotations = 0 } = counts ?? {};
  const unpasted = unpastedWith(all, crowds);
  if (annotations === 0 || totalOf(unpasted) < annotations) return undefined;
  return `no annotation can be pasted: ${describeUnpasted(unpasted)}; ${remedyOf(unpasted)}`;
}

function remedyOf(unpasted: Unpasted): string {
  if (unpasted['crowd of run lengths'])
    return 'if iscrowd 1 only marks run lengths, as in exports of CVAT and Datumaro, pass --crowd objects';
  if (unpasted.crowd) return 'set iscrowd to 0 for annotations of one object';
  return unpasted.stuff ? 'set isthing to 1 for categories of objects' : 'add masks or polygons';
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
  const { samples, augmented, unchanged, pasted, dropped, classes, leftBehind } = summary;
  const kept = samples - augmented;
  const lines = [
    `${plural(samples, 'sample')}: ${augmented} augmented, ${kept} unchanged${reasons(unchanged)}`,
    `${plural(pasted, 'instance')} pasted, ${total(dropped)} dropped${reasons(dropped)}`,
  ];
  const sourceless = unchanged['no source'] ?? 0;
  // If nothing was pasted, that is explained elsewhere.
  if (sourceless > 0 && pasted > 0) {
    lines.push(adviceOnSources(sourceless, summary, given));
  }
  if (summary.prior?.used) lines.push(describePrior(summary.prior));
  if (summary.balance && pasted > 0) lines.push(...describeBalance(summary.balance, pasted, (unchanged['not drawn'] ?? 0) > 0));
  lines.push(...describeStuff(classes, given), ...describeClasses(summary, columns));
  if (leftBehind.length > 0) {
    lines.push(
      `${plural(leftBehind.length, 'file')} not copied (not part of any sample, or out of date after pasting): ${describeFiles(leftBehind)}`,
    );
  }
  return lines;
}

/** Line on samples without a source, with the options that can change it in this run. */
function adviceOnSources(sourceless: number, { samples }: AugmentSummary, given: Given<typeof augmentOptions>): string {
  const { sources, batchSize = 16, copies = 1, allowSelf } = given;
  const isWhole = Number(batchSize) >= samples / Number(copies);
  const batch = sources !== undefined ? '' : isWhole ? (allowSelf ? '' : 'pass --allow-self, ') : 'raise --batch-size, ';
  const advice = `${batch}lower --min-area${mayKeepTruncated(given) ? ', or pass --truncated keep' : ''}`;
  return `${plural(sourceless, 'sample')} found no source${sources === undefined ? ' in the batch' : ''}; ${advice}`;
}

/** Tests if instances that the image border cuts off are skipped. */
function mayKeepTruncated({ truncated, preset = 'default' }: Given<typeof augmentOptions>): boolean {
  const values: { readonly truncated?: string } = presets[preset].values;
  return (truncated ?? values.truncated ?? augmentOptions.truncated.default) === 'skip';
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
function describeClasses({ classes, augmented, pixels }: AugmentSummary, columns: number): string[] {
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
    ...(more > 0 ? [`  and ${plural(more, 'more class', 'more classes')}; --json lists all`] : []),
  ];
}

/** Lines on stuff that is skipped, and on classes that look like scenery and may be pasted. */
function describeStuff(classes: AugmentSummary['classes'], given: Given<typeof augmentOptions>): string[] {
  const skipped = classes.filter((row) => row.skipped && row.instances > 0);
  // Classes that --classes names are wanted.
  const scenery = given.classes === undefined ? classes.filter((row) => row.scenery && row.allowed) : [];
  const names = (rows: typeof classes): string =>
    [
      ...rows.slice(0, 8).map(({ id, name, pasted }) => `${name ?? `class ${id}`}${pasted > 0 ? ` (${pasted} pasted)` : ''}`),
      ...(rows.length > 8 ? [`… ${rows.length - 8} more`] : []),
    ].join(', ');
  const ids = scenery.map(({ id }) => id).join(',');
  return [
    ...(skipped.length > 0 ? [`stuff, not pasted: ${names(skipped)} (--stuff keep pastes ${skipped.length === 1 ? 'it' : 'them'})`] : []),
    ...(scenery.length > 0
      ? [
          `most pixels of ${names(scenery)} lie in instances that the image border cuts off; if ${scenery.length === 1 ? 'this class is' : 'these classes are'} scenery, exclude ${scenery.length === 1 ? 'it' : 'them'} with --exclude-classes ${ids}`,
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

/**
 * Lines of a balance: the shares that were asked for and reached, and what stood in the way of each class that missed its share.
 *
 * @param undrawn if samples were not drawn, so that a larger `-p` gives more pastes.
 */
function describeBalance({ of, by, classes }: BalanceSummary, pasted: number, undrawn: boolean): string[] {
  const raise = undrawn ? 'raise -p or' : 'raise';
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const rows = classes.map(({ id, name, asked, reached }) => [name ?? `class ${id}`, percent(asked), percent(reached)]);
  const more = rows.length - mostClasses;
  const limited = classes.some(({ limit }) => limit);
  // If one class falls short, others have more than their share.
  const missed = classes.filter(({ asked, reached, limit }) => (limit || !limited) && Math.abs(asked - reached) > 0.02);
  return [
    `shares of ${of === 'pasted' ? 'pasted' : 'resulting'} ${by}:`,
    ...tableLines([['class', 'asked', 'reached'], ...rows.slice(0, mostClasses)], [0]).map((line) => `  ${line}`),
    ...(more > 0 ? [`  and ${plural(more, 'more class', 'more classes')}; --json lists all`] : []),
    ...missed.map(({ id, name, asked, reached, limit }) => {
      const chance = `chance, with ${plural(pasted, 'paste')}; ${raise} --copies`;
      const why = limit ? limitOf(limit, raise) : by === 'pixels' ? otherSizes : chance;
      return `${name ?? `class ${id}`}: ${percent(asked)} asked, ${percent(reached)} reached: ${why}`;
    }),
  ];
}

/** Reason that keeps a class from its share, with the remedy. */
function limitOf({ reason, batches: [having, all] }: Pick<Limit, 'reason' | 'batches'>, raise: string): string {
  switch (reason) {
    case 'absent':
    case 'unusable':
      return 'no instance may be pasted; loosen --min-area, --truncated or --classes';
    case 'batches':
      return `only ${having} of ${plural(all, 'batch', 'batches')} have an instance to paste; raise --batch-size`;
    case 'samples':
      return 'the samples that hold it have too few instances of it; lower --max-instances or raise --batch-size';
    case 'fit':
      return 'its instances seldom fit; loosen --min-area, --max-area or --scale';
    case 'pastes':
      return `there are too few pastes beside the existing instances; ${raise} --max-instances`;
  }
}

/** The first few files, grouped by folder. */
function describeFiles(files: readonly string[]): string {
  const folders = new Map<string, string[]>();
  for (const file of files) {
    const folder = file.slice(0, file.lastIndexOf('/') + 1);
    const key = folder === '' ? file : folder;
    const held = folders.get(key);
    if (held) held.push(file);
    else folders.set(key, [file]);
  }
  const named = [...folders].map(([folder, held]) => (held.length === 1 ? held[0] : `${folder} (${held.length})`));
  return [...named.slice(0, 4), ...(named.length > 4 ? ['…'] : [])].join(', ');
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, n) => sum + n, 0);
}

function reasons(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([reason, n]) => `${n} ${reason}`);
  return parts.length > 0 ? ` (${parts.join(', ')})` : '';
}
