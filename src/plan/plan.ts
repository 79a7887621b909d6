import { ownedPixels } from '../masks/coverage.ts';
import { mappingOf, tablesOf } from '../masks/tables.ts';
import type { AreaLimit, Dropped, DropReason, Instance, PassReason, Placement, Plan, Scene, Size } from '../types.ts';
import { boxesInScene, type JitterOptions, jitterInstance, jitterScene } from './jitter.ts';
import { type Stream, stream } from './rng.ts';

/** What planning reads of a sample: no pixels. */
export interface Candidate extends Size {
  readonly id: string;
  /** It is more than background. */
  readonly annotated: boolean;
  readonly instances: readonly Instance[];
  /** How many instances its annotation has ids for. */
  readonly capacity: number;
  /** The largest class id that its mask's file holds. */
  readonly largestId: number;
}

export interface PlanOptions extends JitterOptions {
  readonly seed: number;
  readonly p: number;
  /** Which samples are pasted into: those with annotations, those without, or both. */
  readonly targets: 'all' | 'annotated' | 'background';
  /** Probability that one without annotations is; else `p`. */
  readonly backgroundRatio?: number | undefined;
  readonly maxInstances: number | 'all';
  readonly minArea: AreaLimit;
  readonly maxArea: AreaLimit;
  /** `instance`: each instance by itself; `scene`: source and target as wholes, as in the paper. */
  readonly jitter: 'instance' | 'scene';
  readonly truncated: 'skip' | 'keep';
  readonly allowSelf: boolean;
  /** Whether a class may be pasted. */
  readonly mayPaste: (classId: number) => boolean;
}

/** Draws of the jitter for one instance, after which it is dropped; Composer's number. */
const maxDraws = 10;

/**
 * Puts samples in the seeded order of a copy and cuts them into batches, the pools that sources come from. None is short: what is left over
 * makes the first ones larger by one.
 *
 * @param samples in any order: the result does not depend on it.
 */
export function batchesOf<S extends { readonly id: string }>(samples: readonly S[], batchSize: number, copy: number, seed: number): S[][] {
  const keyed = samples.map((sample) => ({ sample, key: stream(seed, copy, sample.id, 'order').uniform() }));
  keyed.sort((a, b) => a.key - b.key || (a.sample.id < b.sample.id ? -1 : 1));
  const order = keyed.map(({ sample }) => sample);
  const count = Math.max(1, Math.floor(order.length / batchSize));
  const [size, more] = [Math.floor(order.length / count), order.length % count];
  const start = (n: number): number => n * size + Math.min(n, more);
  return Array.from({ length: count }, (_, n) => order.slice(start(n), start(n + 1)));
}

/** Why a sample is not a target of this copy; nothing where it is one. */
function passReason({ id, annotated }: Candidate, copy: number, options: PlanOptions): PassReason | undefined {
  if (options.targets === (annotated ? 'background' : 'annotated')) return 'not a target';
  const { seed, p, backgroundRatio = p } = options;
  return stream(seed, copy, id, 'target').uniform() < (annotated ? p : backgroundRatio) ? undefined : 'not drawn';
}

/** Whether a sample whose annotation is not known may be a target of this copy, or has to be looked at to tell why it is none. */
export function mayBeTarget(id: string, copy: number, { seed, p, targets, backgroundRatio = p }: Omit<PlanOptions, 'mayPaste'>): boolean {
  return targets !== 'all' || stream(seed, copy, id, 'target').uniform() < Math.max(p, backgroundRatio);
}

/** The plan of a sample that nothing is pasted into. */
export function passThrough(id: string, copy: number, reason: PassReason): Plan {
  return { id, copy, placements: [], dropped: [], reason };
}

/** The instances of a sample that could be pasted into a target at all; at most as many as are asked for. */
function eligible(
  source: Candidate,
  target: Size & { largestId: number },
  options: PlanOptions,
  most = Number.POSITIVE_INFINITY,
): number[] {
  const { minArea, maxArea } = areaLimits(target, options);
  const [low, high] = options.scale;
  const skip = options.truncated === 'skip';
  const { instances } = source;
  const able: number[] = [];
  for (let index = 0; index < instances.length && able.length < most; index++) {
    const { classId, area, truncated, crowd } = instances[index] as Instance;
    if (crowd || (truncated && skip)) continue;
    if (area * high ** 2 < minArea || area * low ** 2 > maxArea) continue;
    if (classId <= target.largestId && options.mayPaste(classId)) able.push(index);
  }
  return able;
}

/**
 * Plans one sample of a batch: draws everything that is random about it. Reads no pixels, and depends on
 * the batch, the options and the seed alone.
 *
 * @param batch all samples of the batch in its order, the target included.
 */
export function planSample(target: Candidate, batch: readonly Candidate[], copy: number, options: PlanOptions): Plan {
  const reason = passReason(target, copy, options);
  if (reason !== undefined) return passThrough(target.id, copy, reason);
  const able: Candidate[] = [];
  for (const source of batch) {
    if ((options.allowSelf || source.id !== target.id) && eligible(source, target, options, 1).length > 0) able.push(source);
  }
  if (able.length === 0) return passThrough(target.id, copy, 'no source');
  const { from, none } = drawFor(target, copy, options);
  if (target.capacity === 0) return none();
  // Where nothing of the first source fits, the next one is tried: a target stays a target.
  for (const source of stream(options.seed, copy, target.id, 'source').shuffle(able)) {
    const plan = from(source);
    if (plan) return plan;
  }
  return none();
}

/** Sources of a set of its own that are tried for one target; most have nothing of a fitting size. */
const maxSources = 256;

/**
 * Plans one sample whose source is drawn from a set of its own, from all of it. Reads no more of the set than it has to.
 *
 * @param count how many samples the set has.
 * @param read says what the nth of them has; nothing where nothing of it may be pasted anywhere.
 */
export async function planFromSet(
  target: Candidate,
  count: number,
  read: (n: number) => Promise<Candidate | undefined>,
  copy: number,
  options: PlanOptions,
): Promise<Plan> {
  const reason = passReason(target, copy, options);
  if (reason !== undefined) return passThrough(target.id, copy, reason);
  const { from, none } = drawFor(target, copy, options);
  if (target.capacity === 0) return none();
  let tried = 0;
  for (const n of stream(options.seed, copy, target.id, 'source').permutation(count)) {
    const source = await read(n);
    const plan = source && eligible(source, target, options, 1).length > 0 ? from(source) : undefined;
    if (plan) return plan;
    if (source && ++tried === maxSources) break;
  }
  return none();
}

/** Whether anything of a sample may be pasted into some target. */
export function isSource({ instances }: Pick<Candidate, 'instances'>, { mayPaste, truncated }: PlanOptions): boolean {
  return instances.some((one) => !one.crowd && !(one.truncated && truncated === 'skip') && mayPaste(one.classId));
}

/** Draws instances for a target, from one source after another until something fits. */
function drawFor(target: Candidate, copy: number, options: PlanOptions) {
  const { seed } = options;
  const jitterStream = stream(seed, copy, target.id, 'jitter');
  const scene = options.jitter === 'scene' ? jitterScene(target, target, options, jitterStream) : undefined;
  let first: Plan | undefined;
  return {
    from(source: Candidate): Plan | undefined {
      const choice = stream(seed, copy, target.id, `instances\0${source.id}`);
      const drawn = scene
        ? drawFromScene(source, target, scene, jitterStream, choice, options)
        : drawInstances(source, target, jitterStream, choice, options);
      const plan: Plan = { id: target.id, copy, source: source.id, ...drawn };
      if (plan.placements.length > 0) return plan;
      first ??= plan;
      return undefined;
    },
    /** The plan where nothing of any fitted. */
    none(): Plan {
      // It has no place for an instance more.
      if (target.capacity === 0) return passThrough(target.id, copy, 'nothing fits');
      if (!first) return passThrough(target.id, copy, 'no source');
      return { ...passThrough(target.id, copy, 'nothing fits'), source: first.source as string, dropped: first.dropped };
    },
  };
}

type Drawn = Pick<Plan, 'placements' | 'dropped' | 'scenes'>;

/** Each instance is jittered by itself, and drawn again a bounded number of times until its area fits. */
function drawInstances(source: Candidate, target: Candidate, jitter: Stream, choice: Stream, options: PlanOptions): Drawn {
  const able = eligible(source, target, options);
  const wanted = 1 + choice.below(most(able.length, target, options));
  const placements: Placement[] = [];
  const dropped: Dropped[] = [];
  for (const index of choice.shuffle(able)) {
    if (placements.length === wanted) break;
    const instance = source.instances[index] as Instance;
    const { classId, box } = instance;
    let misfit: DropReason | undefined;
    for (let draw = 0; draw < maxDraws; draw++) {
      const landed = jitterInstance(box, source, target, options, jitter);
      const placement = withArea({ instance: index, classId, sourceBox: box, ...landed }, instance, undefined, source, target);
      misfit = areaMisfit(placement, target, options);
      if (misfit !== undefined) continue;
      placements.push(placement);
      break;
    }
    if (misfit !== undefined) dropped.push({ instance: index, classId, reason: misfit });
  }
  return { placements, dropped };
}

/** The source is jittered as a whole, once; a random subset of the instances that fit stays where the jitter put them. */
function drawFromScene(
  source: Candidate,
  target: Candidate,
  targetScene: Scene,
  jitter: Stream,
  choice: Stream,
  options: PlanOptions,
): Drawn {
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
  const placements = fitting.length === 0 ? [] : choice.shuffle(fitting).slice(0, 1 + choice.below(most(fitting.length, target, options)));
  return { placements, dropped, scenes: { target: targetScene, source: scene } };
}

/**
 * A placement with its area: the pixels of the frame that it covers by half or more, counted from the instance's mask.
 *
 * @param scene the source's, where it is jittered as a whole.
 */
export function withArea(
  placement: Omit<Placement, 'area'>,
  instance: Instance,
  scene: Scene | undefined,
  source: Size,
  frame: Size,
): Placement {
  return { ...placement, area: ownedPixels(instance, tablesOf(mappingOf(placement, scene, source, frame), source)) };
}

/** The most instances that a target takes of those that there are. */
function most(available: number, { capacity }: Candidate, { maxInstances }: PlanOptions): number {
  return Math.min(available, capacity, maxInstances === 'all' ? available : maxInstances);
}

function areaMisfit({ area }: Placement, frame: Size, options: PlanOptions): DropReason | undefined {
  const { minArea, maxArea } = areaLimits(frame, options);
  if (area < minArea) return 'below min-area';
  return area > maxArea ? 'above max-area' : undefined;
}

/** The limits in pixels of a frame; an instance always has to keep one pixel. */
function areaLimits(frame: Size, { minArea, maxArea }: Pick<PlanOptions, 'minArea' | 'maxArea'>): { minArea: number; maxArea: number } {
  return { minArea: Math.max(1, limitInPixels(minArea, frame)), maxArea: limitInPixels(maxArea, frame) };
}

function limitInPixels(limit: AreaLimit, { width, height }: Size): number {
  return typeof limit === 'number' ? limit * width * height : Number.parseFloat(limit);
}
