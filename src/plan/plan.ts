import type { AreaLimit, Box, Dropped, DropReason, Instance, PassReason, Placement, Plan, Size } from '../types.ts';
import { boxInScene, type JitterOptions, jitterInstance, jitterScene } from './jitter.ts';
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

/** Draws of the jitter for one instance before it is dropped; Composer's number. */
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
  return { id, copy, minArea: 0, placements: [], dropped: [], reason };
}

/** The instances of a sample that could be pasted into a target at all; at most as many as are asked for. */
function eligible(
  source: Candidate,
  target: Size & { largestId: number },
  options: PlanOptions,
  most = Number.POSITIVE_INFINITY,
): number[] {
  const [minArea, maxArea] = areaLimits(target, options);
  const [low, high] = options.jitter === 'instance' ? options.scale : [0, Number.POSITIVE_INFINITY];
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

/** Sources that are drawn for one target and have nothing that fits, before it is given up; most have nothing of a fitting size. */
const maxMisfits = 256;

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
  let misfits = 0;
  for (const n of stream(options.seed, copy, target.id, 'source').permutation(count)) {
    const source = await read(n);
    const plan = source && eligible(source, target, options, 1).length > 0 ? from(source) : undefined;
    if (plan) return plan;
    if (source && ++misfits === maxMisfits) break;
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
  const [minArea] = areaLimits(target, options);
  const jitterStream = stream(seed, copy, target.id, 'jitter');
  const scene = options.jitter === 'scene' ? jitterScene(target, target, options, jitterStream) : undefined;
  let first: Plan | undefined;
  return {
    from(source: Candidate): Plan | undefined {
      const draw = options.jitter === 'scene' ? drawFromScene : drawInstances;
      const { placements, dropped } = draw(source, target, jitterStream, stream(seed, copy, target.id, `instances\0${source.id}`), options);
      const plan: Plan = { id: target.id, copy, source: source.id, minArea, placements, dropped, ...(scene && { scene }) };
      if (placements.length > 0) return plan;
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

/** A plan once the exact areas of its placements are known: where none is kept, nothing is pasted. */
export function settle(plan: Plan, areas: readonly number[]): Plan {
  return plan.placements.length > 0 && areas.every((area) => area === 0) ? { ...plan, reason: 'all dropped' } : plan;
}

interface Drawn {
  placements: Placement[];
  dropped: Dropped[];
}

/** Each instance is jittered by itself, and redrawn a bounded number of times until its area fits. */
function drawInstances(source: Candidate, target: Candidate, jitter: Stream, choice: Stream, options: PlanOptions): Drawn {
  const able = eligible(source, target, options);
  const wanted = 1 + choice.below(most(able.length, target, options));
  const placements: Placement[] = [];
  const dropped: Dropped[] = [];
  for (const index of choice.shuffle(able)) {
    if (placements.length === wanted) break;
    const instance = source.instances[index] as Instance;
    let misfit: DropReason | undefined;
    for (let draw = 0; draw < maxDraws; draw++) {
      const landed = jitterInstance(instance.box, source, target, options, jitter);
      misfit = areaMisfit(instance, landed.targetBox, target, options);
      if (misfit === undefined) {
        placements.push({ instance: index, classId: instance.classId, sourceBox: instance.box, ...landed });
        break;
      }
    }
    if (misfit !== undefined) dropped.push({ instance: index, classId: instance.classId, reason: misfit });
  }
  return { placements, dropped };
}

/** The source is jittered as a whole; a random subset of the instances that fit stays where the jitter put them. */
function drawFromScene(source: Candidate, target: Candidate, jitter: Stream, choice: Stream, options: PlanOptions): Drawn {
  const scene = jitterScene(source, target, options, jitter);
  const fitting: Placement[] = [];
  const dropped: Dropped[] = [];
  for (const index of eligible(source, target, options)) {
    const { classId, box, area } = source.instances[index] as Instance;
    const targetBox = boxInScene(box, source, scene);
    const misfit = areaMisfit({ box, area }, targetBox, target, options);
    if (misfit === undefined) fitting.push({ instance: index, classId, sourceBox: box, ...scene, targetBox });
    else dropped.push({ instance: index, classId, reason: misfit });
  }
  const placements = fitting.length === 0 ? [] : choice.shuffle(fitting).slice(0, 1 + choice.below(most(fitting.length, target, options)));
  return { placements, dropped };
}

/** The most instances that a target takes of those that there are. */
function most(available: number, { capacity }: Candidate, { maxInstances }: PlanOptions): number {
  return Math.min(available, capacity, maxInstances === 'all' ? available : maxInstances);
}

/** Whether an instance's estimated area, after jitter and cropping, leaves the limits. */
function areaMisfit({ box, area }: Pick<Instance, 'box' | 'area'>, landed: Box, frame: Size, options: PlanOptions): DropReason | undefined {
  const [x0, y0, x1, y1] = landed;
  const inside = Math.max(0, Math.min(frame.width, x1) - Math.max(0, x0)) * Math.max(0, Math.min(frame.height, y1) - Math.max(0, y0));
  const estimate = (area * inside) / ((box[2] - box[0]) * (box[3] - box[1]));
  const [minArea, maxArea] = areaLimits(frame, options);
  if (estimate < minArea) return 'below min-area';
  return estimate > maxArea ? 'above max-area' : undefined;
}

/** The limits in pixels of a frame; an instance always has to keep one pixel. */
function areaLimits(frame: Size, { minArea, maxArea }: Pick<PlanOptions, 'minArea' | 'maxArea'>): [number, number] {
  return [Math.max(1, Math.ceil(limitInPixels(minArea, frame))), limitInPixels(maxArea, frame)];
}

function limitInPixels(limit: AreaLimit, { width, height }: Size): number {
  return typeof limit === 'number' ? limit * width * height : Number.parseFloat(limit);
}
