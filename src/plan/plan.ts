import { ownedPixels, ownedSpans } from '../masks/coverage.ts';
import { areaOfSpans, type Shape, shapeOfSpans, turned } from '../masks/spans.ts';
import { mappingOf, tablesOf } from '../masks/tables.ts';
import type {
  AreaLimit,
  Dropped,
  DropReason,
  Instance,
  Mask,
  PassPlan,
  PassReason,
  PastePlan,
  Placement,
  Plan,
  Scene,
  Size,
} from '../types.ts';
import { boxesInScene, drawTone, type JitterOptions, jitterInstance, jitterScene, scaleOf } from './jitter.ts';
import type { Measures } from './measures.ts';
import { type Places, type Site, siteOf } from './places.ts';
import { type Stream, stream } from './rng.ts';
import { type RuleOptions, type Rules, rulesOf } from './rules.ts';
import { drawBySums, drawByWeight, largestFactor, targetFactor, weightOf } from './weights.ts';

/** Facts of a sample that planning needs; its pixels are not among them. */
export interface Candidate extends Size {
  readonly id: string;
  /** True if the sample has annotations, so that it is not a background image. */
  readonly annotated: boolean;
  /** Class ids `[H, W]` of its class mask. */
  readonly ids: Mask['ids'];
  readonly instances: readonly Instance[];
  /** Number of pasted instances that its annotation has free ids for. */
  readonly capacity: number;
  /** The largest class id that its mask's file can hold. */
  readonly largestId: number;
}

export interface PlanOptions extends JitterOptions, RuleOptions {
  readonly seed: number;
  /** Probability that a sample is a target. */
  readonly p: number;
  /** Samples that may be targets: those with annotations, those without, or both. */
  readonly targets: 'all' | 'annotated' | 'background';
  /** Probability that a sample without annotations is a target; default `p`. */
  readonly backgroundRatio?: number | undefined;
  readonly maxInstances: number | 'all';
  readonly minArea: AreaLimit;
  readonly maxArea: AreaLimit;
  /** Smallest area of an instance in its source; its fractions are of the source image. */
  readonly minSourceArea: AreaLimit;
  /** Unit of the jitter: each `instance` by itself, or the whole `scene` of the source and of the target, as in the paper. */
  readonly jitter: 'instance' | 'scene';
  readonly truncated: 'skip' | 'keep';
  readonly allowSelf: boolean;
  /** Tests if a class may be pasted. */
  readonly mayPaste: (classId: number) => boolean;
  readonly measures: Measures;
  /** Prior of places; absent if an instance may land anywhere. */
  readonly places?: Places | undefined;
}

/** Maximum number of draws of the jitter before an instance is dropped, as in MosaicML Composer. */
export const maxDraws = 10;

/**
 * The reason that a sample is not a target of this copy; `undefined` if it is one.
 *
 * @param factor by which it is a target more often.
 */
export function passReason(
  { id, annotated }: Pick<Candidate, 'id' | 'annotated'>,
  copy: number,
  options: PlanOptions,
  factor: number,
): PassReason | undefined {
  if (options.targets === (annotated ? 'background' : 'annotated')) return 'not a target';
  const { seed, p, backgroundRatio = p } = options;
  return stream(seed, copy, id, 'target').uniform() < (annotated ? p : backgroundRatio) * factor ? undefined : 'not drawn';
}

/** Classes of the instances that may be copied. */
export function* copyableClasses(source: Size & Pick<Candidate, 'instances'>, options: PlanOptions): Generator<number> {
  for (const instance of source.instances) if (mayCopy(instance, source, options)) yield instance.classId;
}

/**
 * Tests if the annotation of a sample must be read: the sample may be a target of this copy, or its annotation gives the reason why it is
 * not.
 */
export function mayBeTarget(id: string, copy: number, { seed, p, targets, backgroundRatio = p, measures }: PlanOptions): boolean {
  const factor = largestFactor(measures);
  return targets !== 'all' || stream(seed, copy, id, 'target').uniform() < Math.max(p, backgroundRatio) * factor;
}

/** Tests if a plan has placements. */
export function isPasted(plan: Plan): plan is PastePlan {
  return plan.reason === undefined;
}

/** The plan of a sample into which nothing is pasted. */
export function passThrough(id: string, copy: number, reason: PassReason): PassPlan {
  return { id, copy, placements: [], dropped: [], reason };
}

/** Tests if an instance may be copied, whatever the target. */
function mayCopy({ classId, area, truncated, crowd }: Instance, source: Size, options: PlanOptions): boolean {
  if (crowd || (truncated && options.truncated === 'skip') || area < limitInPixels(options.minSourceArea, source)) return false;
  return options.mayPaste(classId) && weightOf(classId, options.measures) > 0;
}

/** Indices of the first `limit` instances of a source that could be pasted into a target at some scale. */
export function eligible(
  source: Size & Pick<Candidate, 'instances'>,
  target: Size & { largestId: number },
  options: PlanOptions,
  limit = Number.POSITIVE_INFINITY,
): number[] {
  const { minArea, maxArea } = areaLimits(target, options);
  const { instances } = source;
  const able: number[] = [];
  for (let index = 0; index < instances.length && able.length < limit; index++) {
    const instance = instances[index] as Instance;
    const [low, high] = scaleOf(instance.classId, options);
    if (instance.area * high ** 2 < minArea || instance.area * low ** 2 > maxArea) continue;
    if (instance.classId <= target.largestId && mayCopy(instance, source, options)) able.push(index);
  }
  return able;
}

/**
 * Plans one sample of a batch, with all of its random draws. The plan depends only on the batch, the options and the seed.
 *
 * @param batch all samples of the batch in order, including the target.
 */
export function planSample(target: Candidate, batch: readonly Candidate[], copy: number, options: PlanOptions): Plan {
  const reason = passReason(target, copy, options, targetFactor(copyableClasses(target, options), options.measures));
  if (reason !== undefined) return passThrough(target.id, copy, reason);
  const able: Candidate[] = [];
  for (const source of batch) {
    if ((options.allowSelf || source.id !== target.id) && eligible(source, target, options, 1).length > 0) able.push(source);
  }
  if (able.length === 0) return passThrough(target.id, copy, 'no source');
  const { from, none, hopeless, weighted } = drawFor(target, copy, options);
  if (target.capacity === 0) return none();
  const weightOfSource = (source: Candidate): number => sum(weightsOf(eligible(source, target, options), source, options));
  const order = (): Iterable<Candidate> =>
    weighted ? pick(able, drawByWeight(able.map(weightOfSource), weighted)) : stream(options.seed, copy, target.id, 'source').shuffle(able);
  // If nothing of the first source fits, the next one is tried, so that a target stays a target.
  for (const source of order()) {
    const plan = from(source);
    if (plan) return plan;
    if (hopeless()) break;
  }
  return none();
}

/** Maximum number of samples of a separate source set that are tried for one target. */
const maxSources = 256;

/**
 * Plans one sample whose source is drawn from a separate source set. Samples of the set are read only when they are tried.
 *
 * @param count number of samples in the set.
 * @param read gives the nth sample of the set, or `undefined` if it has nothing that may be pasted.
 */
export async function planFromSet(
  target: Candidate,
  count: number,
  read: (n: number) => Promise<Candidate | undefined>,
  copy: number,
  options: PlanOptions,
): Promise<Plan> {
  const reason = passReason(target, copy, options, targetFactor(copyableClasses(target, options), options.measures));
  if (reason !== undefined) return passThrough(target.id, copy, reason);
  const { from, none, hopeless, weighted } = drawFor(target, copy, options);
  if (target.capacity === 0) return none();
  const { sourceSums } = options.measures;
  const order =
    weighted && sourceSums ? drawBySums(sourceSums, weighted) : stream(options.seed, copy, target.id, 'source').permutation(count);
  let tried = 0;
  for (const n of order) {
    const source = await read(n);
    const plan = source && eligible(source, target, options, 1).length > 0 ? from(source) : undefined;
    if (plan) return plan;
    if (source && (++tried === maxSources || hopeless())) break;
  }
  return none();
}

/** Tests if a sample has an instance that may be pasted into some target. */
export function isSource(source: Size & Pick<Candidate, 'instances'>, options: PlanOptions): boolean {
  return source.instances.some((one) => mayCopy(one, source, options));
}

/**
 * The purpose of all draws by weight for one target, in this order for each source that is tried: the source, the number of instances, and
 * each instance. The calibration of the weights knows these draws before any source is read.
 */
export const weightedPurpose = 'weighted';

/** The purpose of all draws of the jitter for one target. */
export const jitterPurpose = 'jitter';

/** Draws instances for one target: `from` tries a source, `none` is the plan after all have failed. */
function drawFor(target: Candidate, copy: number, options: PlanOptions) {
  const { seed } = options;
  const jitterStream = stream(seed, copy, target.id, jitterPurpose);
  const tones = options.tone > 0 ? stream(seed, copy, target.id, 'tone') : undefined;
  const scene = options.jitter === 'scene' ? jitterScene(target, target, options, jitterStream) : undefined;
  const rules = rulesOf(target, options);
  const weighted = options.measures.weights ? stream(seed, copy, target.id, weightedPurpose) : undefined;
  const site = options.places && siteOf(target, options.places, options.pasteOn);
  let first: PastePlan | undefined;
  return {
    /** Random numbers of draws by weight; `undefined` without weights. */
    weighted,
    /** Returns true if one source has failed, and all others must fail for the same reason. */
    hopeless: (): boolean => first !== undefined && rules?.hopeless() === true,
    from(source: Candidate): PastePlan | undefined {
      const choice = weighted ?? stream(seed, copy, target.id, `instances\0${source.id}`);
      const drawn = scene
        ? drawFromScene(source, target, scene, jitterStream, choice, options)
        : drawInstances(source, target, jitterStream, choice, rules, site, options);
      const placements = tones ? drawn.placements.map((one) => ({ ...one, tone: drawTone(options.tone, tones) })) : drawn.placements;
      const plan: PastePlan = { id: target.id, copy, source: source.id, ...drawn, placements };
      if (plan.placements.length > 0) return plan;
      first ??= plan;
      return undefined;
    },
    /** The plan if no instance of any source fits; it records the instances that the first source dropped. */
    none(): PassPlan {
      // The target's annotation has no free id.
      if (target.capacity === 0) return passThrough(target.id, copy, 'nothing fits');
      if (!first) return passThrough(target.id, copy, 'no source');
      return { ...passThrough(target.id, copy, 'nothing fits'), source: first.source, dropped: first.dropped };
    },
  };
}

/** The part of a plan that is drawn from its source. */
type DrawnPlacements = Pick<PastePlan, 'placements' | 'dropped' | 'scenes'>;

/** Jitters each instance by itself, and draws again, a limited number of times, until its area fits and it meets the rules. */
function drawInstances(
  source: Candidate,
  target: Candidate,
  jitter: Stream,
  choice: Stream,
  rules: Rules | undefined,
  site: Site | undefined,
  options: PlanOptions,
): DrawnPlacements {
  const able = eligible(source, target, options);
  const wanted = 1 + choice.below(largestCount(able.length, target, options));
  const placements: Placement[] = [];
  const dropped: Dropped[] = [];
  for (const index of inDrawnOrder(able, source, choice, options)) {
    if (placements.length === wanted) break;
    const instance = source.instances[index] as Instance;
    const { classId, box } = instance;
    const land = site
      ? site.placesFor(instance, source, scalesThatFit(instance, target, options), options.flip)
      : (random: Stream) => jitterInstance(instance, source, target, options, random);
    let misfit: DropReason | undefined = land ? undefined : 'no place in prior';
    for (let draw = 0; land && draw < maxDraws; draw++) {
      const landed = land(jitter);
      const geometry = { instance: index, classId, sourceBox: box, ...landed };
      const owned = rules && ownedOf(geometry, instance, source, target);
      const placement = owned ? { ...geometry, area: areaOfSpans(owned.spans) } : withArea(geometry, instance, undefined, source, target);
      misfit = areaMisfit(placement, target, options) ?? (owned && rules.misfit(owned));
      if (misfit !== undefined) continue;
      if (owned) rules.accept(owned);
      placements.push(placement);
      break;
    }
    if (misfit !== undefined) dropped.push({ instance: index, classId, reason: misfit });
  }
  return { placements, dropped };
}

/** Jitters the source as a whole, once, and takes a random subset of the instances that fit, at their positions in the jittered scene. */
function drawFromScene(
  source: Candidate,
  target: Candidate,
  targetScene: Scene,
  jitter: Stream,
  choice: Stream,
  options: PlanOptions,
): DrawnPlacements {
  const scene = jitterScene(source, target, options, jitter);
  const boxOf = boxesInScene(scene, source, target);
  const fitting: Placement[] = [];
  const dropped: Dropped[] = [];
  for (const index of eligible(source, target, options)) {
    const instance = source.instances[index] as Instance;
    const { classId, box } = instance;
    const landed = { ...scene, targetBox: boxOf(box) };
    const placement = withArea({ instance: index, classId, sourceBox: box, ...landed }, instance, scene, source, target);
    const misfit = areaMisfit(placement, target, options);
    if (misfit === undefined) fitting.push(placement);
    else dropped.push({ instance: index, classId, reason: misfit });
  }
  const scenes = { target: targetScene, source: scene };
  if (fitting.length === 0) return { placements: [], dropped, scenes };
  const count = (): number => 1 + choice.below(largestCount(fitting.length, target, options));
  if (!options.measures.weights) return { placements: choice.shuffle(fitting).slice(0, count()), dropped, scenes };
  const wanted = count();
  const byIndex = new Map(fitting.map((placement) => [placement.instance, placement]));
  const drawn = [...inDrawnOrder([...byIndex.keys()], source, choice, options)].slice(0, wanted);
  return { placements: drawn.map((index) => byIndex.get(index) as Placement), dropped, scenes };
}

/** Instances of a source in random order: each next one is drawn from the rest by weight, if there are weights. */
function inDrawnOrder(indices: readonly number[], source: Candidate, choice: Stream, options: PlanOptions): Iterable<number> {
  if (!options.measures.weights) return choice.shuffle(indices);
  const order = byClassAndArea(indices, source.instances);
  return pick(order, drawByWeight(weightsOf(order, source, options), choice));
}

/** Indices of instances by class, then by area: the order in which the calibration of the weights counts them. */
export function byClassAndArea(indices: readonly number[], instances: readonly Instance[]): number[] {
  const at = (index: number): Instance => instances[index] as Instance;
  return [...indices].sort((a, b) => at(a).classId - at(b).classId || at(a).area - at(b).area || a - b);
}

/** Weights of instances of a source. */
function weightsOf(indices: readonly number[], { instances }: Candidate, { measures }: PlanOptions): number[] {
  return indices.map((index) => weightOf((instances[index] as Instance).classId, measures));
}

/** Values at drawn indices. */
function* pick<T>(values: readonly T[], indices: Iterable<number>): Generator<T> {
  for (const index of indices) yield values[index] as T;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}

/**
 * Adds the area of a placement: the pixels inside the frame that it covers by half or more, counted from the instance's mask.
 *
 * @param scene jitter of the whole source, if any.
 */
export function withArea(
  placement: Omit<Placement, 'area'>,
  instance: Instance,
  scene: Scene | undefined,
  source: Size,
  frame: Size,
): Placement {
  return { ...placement, area: ownedPixels(turned(instance, placement), tablesOf(mappingOf(placement, scene, source, frame), source)) };
}

/** Pixels of the frame that a placement owns. */
function ownedOf(placement: Omit<Placement, 'area'>, instance: Instance, source: Size, frame: Size): Shape {
  const mapping = mappingOf(placement, undefined, source, frame);
  return shapeOfSpans(ownedSpans(turned(instance, placement), tablesOf(mapping, source), mapping.seen));
}

/** The largest number of instances that a target takes, given how many fit. */
function largestCount(available: number, { capacity }: Candidate, { maxInstances }: PlanOptions): number {
  return Math.min(available, capacity, maxInstances === 'all' ? available : maxInstances);
}

/** The reason that a placement is dropped for its area; `undefined` if it fits. */
function areaMisfit({ area }: Placement, frame: Size, options: PlanOptions): DropReason | undefined {
  const { minArea, maxArea } = areaLimits(frame, options);
  if (area < minArea) return 'below min-area';
  return area > maxArea ? 'above max-area' : undefined;
}

/** Range of the scale in which an instance that lies inside the frame has an area that fits. */
function scalesThatFit({ area, classId }: Instance, frame: Size, options: PlanOptions): readonly [low: number, high: number] {
  const { minArea, maxArea } = areaLimits(frame, options);
  const [low, high] = scaleOf(classId, options);
  return [Math.max(low, Math.sqrt(minArea / area)), Math.min(high, Math.sqrt(maxArea / area))];
}

/** Limits of an area in pixels of a frame; the lower one is at least one pixel. */
export function areaLimits(
  frame: Size,
  { minArea, maxArea }: Pick<PlanOptions, 'minArea' | 'maxArea'>,
): { minArea: number; maxArea: number } {
  return { minArea: Math.max(1, limitInPixels(minArea, frame)), maxArea: limitInPixels(maxArea, frame) };
}

/** A limit of an area in pixels of an image. */
export function limitInPixels(limit: AreaLimit, { width, height }: Size): number {
  return typeof limit === 'number' ? limit * width * height : Number.parseFloat(limit);
}
