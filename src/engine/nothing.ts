/** Reasons why samples got no paste, from the instances that could be their sources, with remedies that can help in this run. */
import { inParts } from '../base/parts.ts';
import { pasteFilter } from '../dataset/classes.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { describeUnpasted, total, unpastedWith } from '../dataset/unpasted.ts';
import { CopyPasteError, interrupted } from '../errors.ts';
import { layoutNamed } from '../formats/layouts.ts';
import { byNumber, dropWords, reasonsInWords } from '../output/reasons.ts';
import { scaleOf } from '../plan/jitter.ts';
import type { ByClass } from '../plan/measures.ts';
import { limitInPixels } from '../plan/plan.ts';
import type { DropReason, PassReason, Unpasted } from '../types.ts';
import { jobsOf } from './budget.ts';
import { giveBackBuffers } from './holdings.ts';
import { type MeasureOptions, typicalSize } from './measure.ts';
import { misfitOf } from './pastable.ts';
import { planOptionsOf } from './planner.ts';
import { readSourced } from './reading.ts';

/** Measures, as far as classes of weight 0 are never pasted. */
export interface Weighted {
  readonly weights?: { readonly instances: ByClass } | undefined;
}

/** Counts of a run that pasted nothing. */
interface Outcome {
  readonly unchanged: Readonly<Partial<Record<PassReason, number>>>;
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  readonly measures: Weighted;
  /** Samples that were left out; reading one again may end the process. */
  readonly skipped?: readonly { readonly id: string }[];
}

type Read = Pick<Outcome, 'measures' | 'skipped'>;

type Options = MeasureOptions & { readonly crowd?: string | undefined };

/** Number of samples that are read for advice on a run that went well. */
const mostRead = 64;

/**
 * Reason why a run pasted nothing, with a remedy; `undefined` if that was chance. It reads the annotations of all sources again if
 * no instance was drawn.
 *
 * @param only class that was wanted; absent for any.
 */
export async function whyNothing(
  dataset: SourcedDataset,
  options: Options,
  { unchanged, dropped, measures, skipped = [] }: Outcome,
  stop?: AbortSignal,
  only?: number,
): Promise<string | undefined> {
  const { 'not a target': untargeted, 'not drawn': undrawn, ...drawn } = unchanged;
  if (total(drawn) === 0) {
    if (untargeted && !undrawn)
      return options.targets === 'background'
        ? 'every sample has annotations; change --targets'
        : 'no sample has annotations; change --targets';
    if (options.p === 0 || (only === undefined && !isAlone(dataset, options))) return undefined;
  }
  if (total(dropped) > 0) return whyDropped(dropped);
  if (drawn['nothing fits'] && !drawn['no source'])
    return 'no annotation can take another object: all ids of its mask are in use, or it has pixels without a label';
  const none = noneToPaste(dataset);
  if (none !== undefined) return none;
  const stock = await takeStock(dataset, options, { measures, skipped }, Number.POSITIVE_INFINITY, stop, only);
  return total(drawn) === 0 && usableOf(stock) > 0 && !isAlone(dataset, options) ? undefined : describeStock(dataset, options, stock, only);
}

/** Reasons why no drawn instance was pasted, with a remedy for the most frequent. */
function whyDropped(dropped: Outcome['dropped']): string {
  const n = total(dropped);
  const [most] = byNumber(dropped);
  const remedy = most ? `; loosen ${dropWords[most[0]].options.join(' or ')}` : '';
  const none = n === 1 ? 'the only drawn instance does not fit' : `none of the ${n} drawn instances fits`;
  return `${none}: ${reasonsInWords(dropped, dropWords)}${remedy}`;
}

/** Why no annotation can be pasted, with the remedy; undefined if one can. */
function noneToPaste({ sources, counts, crowds }: SourcedDataset): string | undefined {
  const { unpasted: all = {}, annotations = 0 } = counts ?? {};
  const unpasted = unpastedWith(all, crowds);
  if (sources || annotations === 0 || total(unpasted) < annotations) return undefined;
  return `no annotation can be pasted: ${describeUnpasted(unpasted)}; ${remedyOf(unpasted)}`;
}

function remedyOf(unpasted: Unpasted): string {
  if (unpasted['crowd of run lengths'])
    return 'if iscrowd 1 only marks run lengths, as in exports of CVAT and Datumaro, pass --crowd objects';
  if (unpasted.crowd) return 'set iscrowd to 0 for annotations of one object';
  return unpasted.stuff ? 'set isthing to 1 for categories of objects' : 'add masks or polygons';
}

type Misfit = NonNullable<ReturnType<typeof misfitOf>>;

/** Instances that pastes are drawn from. */
interface Stock {
  /** Classes of all instances. */
  readonly classes: ReadonlySet<number>;
  /** Number of instances of classes that may be pasted, without crowds. */
  readonly instances: number;
  /** Number of those that fit at no scale, by reason. */
  readonly misfits: Readonly<Partial<Record<Misfit, number>>>;
  /** Number of those by the way to make them fit. */
  readonly ways: Readonly<Record<string, number>>;
  readonly crowds: number;
}

/** Reads up to `most` sources, spread over all, and counts their instances by what prevents them from being pasted. */
async function takeStock(
  dataset: SourcedDataset,
  options: Options,
  { measures, skipped = [] }: Read,
  most: number,
  stop?: AbortSignal,
  only?: number,
): Promise<Stock> {
  const leftOut = new Set(skipped.map(({ id }) => id));
  const samples = (dataset.sources ?? dataset).samples.filter(({ id }) => !leftOut.has(id));
  const step = Math.max(1, Math.ceil(samples.length / most));
  const planned = planOptionsOf(dataset, options, {});
  const frame = typicalSize(dataset.samples);
  const classes = new Set<number>();
  const misfits: Partial<Record<Misfit, number>> = {};
  const ways: Record<string, number> = {};
  let [instances, crowds] = [0, 0];
  await inParts(
    samples.filter((_, n) => n % step === 0),
    jobsOf(options),
    async (sample) => {
      if (stop?.aborted) throw interrupted();
      const read = await readSourced(sample, dataset, { ...options, truncated: 'keep', stuff: 'keep' }).catch((error: unknown) => {
        if (error instanceof CopyPasteError && error.code === 'data') return undefined;
        throw error;
      });
      if (!read) return;
      for (const { classId, area, truncated, crowd } of read.instances) {
        classes.add(classId);
        if (!planned.mayPaste(classId) || measures.weights?.instances[classId] === 0 || (only !== undefined && classId !== only)) continue;
        if (crowd) {
          crowds++;
          continue;
        }
        instances++;
        const scale = scaleOf(classId, planned);
        const misfit = misfitOf({ area, truncated }, sample.size, frame, scale, planned);
        if (misfit === undefined) continue;
        misfits[misfit] = (misfits[misfit] ?? 0) + 1;
        const way = wayToFit({ area, truncated }, sample.size, frame, scale, planned);
        ways[way] = (ways[way] ?? 0) + 1;
      }
      giveBackBuffers(read);
    },
  );
  return { classes, instances, misfits, ways, crowds };
}

/** What makes an instance fit that `misfitOf` refuses: all options to change. */
function wayToFit(...[instance, size, frame, scale, options]: Parameters<typeof misfitOf>): string {
  const limit = misfitOf(instance, size, frame, scale, { ...options, truncated: 'keep', minSourceArea: '0px' });
  const wayOf = {
    'cut off': 'pass --truncated keep',
    'too small': limitInPixels(options.minArea, frame) <= 1 ? 'raise --scale' : 'lower --min-area',
    'too large': 'raise --max-area',
  };
  return [
    ...(instance.truncated && options.truncated === 'skip' ? [wayOf['cut off']] : []),
    ...(instance.area < limitInPixels(options.minSourceArea, size) ? ['lower --min-source-area'] : []),
    ...(limit ? [wayOf[limit]] : []),
  ].join(' and ');
}

/** Tests if no sample has another one to paste from. */
function isAlone({ sources, samples }: SourcedDataset, { allowSelf, batchSize }: Options): boolean {
  return !sources && !allowSelf && (samples.length === 1 || batchSize === 1);
}

/** Number of instances that fit at some scale. */
function usableOf({ instances, misfits }: Stock): number {
  return instances - total(misfits);
}

/** Reason why none of the sources could be pasted, with remedies. */
function describeStock(dataset: SourcedDataset, options: Options, stock: Stock, only?: number): string {
  const { samples } = dataset;
  const { instances, misfits, crowds } = stock;
  if (instances === 0 && crowds === 0) return describeNoClass(dataset, options, stock, only);
  const usable = usableOf(stock);
  const alone = isAlone(dataset, options);
  const causes = [
    ...(usable === 0 ? [`no instance can be pasted: ${describeUnpasted({ ...misfits, ...(crowds > 0 && { crowd: crowds }) })}`] : []),
    ...(alone
      ? [`${samples.length === 1 ? 'the data set has only one sample' : 'each batch has only one sample'}, and thus no other to paste from`]
      : []),
  ];
  const ways = [
    ...(usable === 0 ? waysOf(stock).slice(0, 1) : []),
    ...(alone ? [samples.length === 1 ? 'pass --allow-self, or other sources with --sources' : 'raise --batch-size'] : []),
  ];
  if (causes.length > 0) return [causes.join('; '), ways.join(', and ')].filter((text) => text !== '').join('; ');
  const more = waysToSources(dataset, options, stock);
  return `no other sample of a batch has an instance that fits${more.length > 0 ? `; ${more.join(', or ')}` : ''}`;
}

/** Reason why no class may be pasted, or not the one that was wanted, with a remedy. */
function describeNoClass(dataset: SourcedDataset, options: Options, { classes }: Stock, only?: number): string {
  const { background, ignore, classNames, layout, sources } = dataset;
  const named = (ids: readonly number[]): string => list([...ids].sort((a, b) => a - b).map((id) => classNames.get(id) ?? id));
  const wanted = [...classes].filter((id) => only === undefined || id === only);
  const usable = wanted.filter(pasteFilter(dataset, options));
  if (usable.length > 0)
    return `all classes that may be pasted (${named(usable)}) have weight 0; change ${options.classWeights ? '--class-weights' : '--balance'}`;
  if (sources)
    return 'no instance in --sources is of a class that may be pasted; change --classes, --exclude-classes, --stuff or --class-map';
  if (classes.size === 0) {
    if (layoutNamed(layout).format) return 'no annotation has a mask, and boxes cannot be pasted; add masks or polygons';
    return `masks hold only background (${list(background)}) and ignore (${list(ignore)}) ids; set --background and --ignore`;
  }
  if (only !== undefined && wanted.length === 0)
    return `no sample has an instance of ${named([only])}; classes found: ${named([...classes])}`;
  const found = named(wanted);
  const withStuff = pasteFilter(dataset, { ...options, stuff: 'keep' });
  if (wanted.some(withStuff) && options.stuff === 'skip' && options.classes === undefined)
    return `no class found (${found}) may be pasted, since stuff is skipped; pass --stuff keep, or name classes with --classes`;
  const flags = [...(options.classes ? ['--classes'] : []), ...(options.excludeClasses ? ['--exclude-classes'] : [])];
  return `no class found (${found}) may be pasted${flags.length > 0 ? `; change ${flags.join(' or ')}` : ''}`;
}

function list(ids: Iterable<number | string>): string {
  return [...ids].join(', ') || 'none';
}

/** Ways to make more instances fit, the one for most of them first. */
function waysOf({ ways }: Stock): string[] {
  return byNumber(ways).map(([way]) => way);
}

function waysToSources(dataset: SourcedDataset, options: Options, stock: Stock): string[] {
  const { sources, samples } = dataset;
  const { batchSize, allowSelf } = options;
  return [
    ...(sources ? [] : batchSize < samples.length ? ['raise --batch-size'] : allowSelf ? [] : ['pass --allow-self']),
    ...waysOf(stock),
  ];
}

/** Ways to give a source to samples without one, if others have one. It reads some sources again. */
export async function moreSources(dataset: SourcedDataset, options: Options, outcome: Read, stop?: AbortSignal): Promise<string[]> {
  return waysToSources(dataset, options, await takeStock(dataset, options, outcome, mostRead, stop));
}
