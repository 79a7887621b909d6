import { inFrame, pixelsWithTaps, sceneMapping, tablesOf } from '../masks/tables.ts';
import type { Box, Instance, Scene, Size, Tone, Turn } from '../types.ts';
import type { RandomNumbers } from './rng.ts';

/** Ranges that the jitter draws from. */
export interface JitterOptions {
  /** Range of the scale, which is drawn uniformly. */
  readonly scale: readonly [low: number, high: number];
  /** Ranges of the scale by class id; `scale` is the range of all other classes. */
  readonly scaleByClass?: Readonly<Record<number, readonly [low: number, high: number]>> | undefined;
  /** Probability of a horizontal flip. */
  readonly flip: number;
  /** Draws one of the eight orientations for each instance, instead of a flip. */
  readonly turns: boolean;
  /** Largest change of gains and offsets, as a fraction; 0 for none. */
  readonly tone: number;
  /** Maximum distance that an instance's centre moves, as a fraction of the target's width and height. */
  readonly maxTranslation: number;
}

/** Range of the scale of an instance of a class. */
export function scaleOf(
  classId: number,
  { scale, scaleByClass }: Pick<JitterOptions, 'scale' | 'scaleByClass'>,
): readonly [low: number, high: number] {
  return scaleByClass?.[classId] ?? scale;
}

/**
 * Jitters one instance by itself: scales its box and places the centre of the box uniformly at random inside the target's frame, no
 * farther than `maxTranslation` from its position in the source (both as fractions of the image's size).
 */
export function jitterInstance(
  { box, classId }: Pick<Instance, 'box' | 'classId'>,
  source: Size,
  target: Size,
  options: JitterOptions,
  random: RandomNumbers,
): Scene & Turn {
  const turn = options.turns ? drawTurn(random) : { flip: random.uniform() < options.flip };
  const scale = random.between(...scaleOf(classId, options));
  const sides = [box[2] - box[0], box[3] - box[1]].map((side) => Math.max(1, Math.round(side * scale))) as [number, number];
  const [width, height] = turn.transpose ? [sides[1], sides[0]] : sides;
  const [x0, x1] = jitterAxis((box[0] + box[2]) / 2 / source.width, width, target.width, options, random);
  const [y0, y1] = jitterAxis((box[1] + box[3]) / 2 / source.height, height, target.height, options, random);
  return { targetBox: [x0, y0, x1, y1], scale, ...turn };
}

/** Draws one of the eight orientations. */
function drawTurn(random: RandomNumbers): Turn {
  const [transpose, flip, flipY] = [random, random, random].map((stream) => stream.uniform() < 0.5) as [boolean, boolean, boolean];
  return { flip, ...(transpose && { transpose }), ...(flipY && { flipY }) };
}

/** Draws a gain in `256·(1 ± fraction)` and an offset in `± 16320·fraction` for each channel, uniformly, rounded half up. */
export function drawTone(fraction: number, random: RandomNumbers): Tone {
  const draw = (middle: number, reach: number): number => Math.round(random.between(middle - reach, middle + reach)) + 0;
  const channels = [0, 1, 2].map(() => ({ gain: draw(256, 256 * fraction), offset: draw(0, 16320 * fraction) }));
  const of = (name: keyof Tone) => channels.map((channel) => channel[name]) as [number, number, number];
  return { gain: of('gain'), offset: of('offset') };
}

/** @param place centre of the box in its source, as a fraction. */
function jitterAxis(
  place: number,
  length: number,
  target: number,
  { maxTranslation }: JitterOptions,
  random: RandomNumbers,
): [number, number] {
  const home = place * target;
  const reach = maxTranslation * target;
  const centre = random.between(Math.max(0, home - reach), Math.min(target, home + reach));
  const start = Math.round(centre - length / 2) + 0;
  return [start, start + length];
}

/**
 * Jitters a whole scene by the paper's large-scale jittering (Ghiasi et al., CVPR 2021): fits it to the canvas, flips it, scales it, and
 * crops or pads it to the canvas at a uniformly random offset on each axis.
 */
export function jitterScene(scene: Size, canvas: Size, options: JitterOptions, random: RandomNumbers): Scene {
  const flip = random.uniform() < options.flip;
  const scale = random.between(...options.scale);
  const fit = Math.min(canvas.width / scene.width, canvas.height / scene.height) * scale;
  const width = Math.max(1, Math.round(scene.width * fit));
  const height = Math.max(1, Math.round(scene.height * fit));
  const x = offset(width, canvas.width, random);
  const y = offset(height, canvas.height, random);
  return { targetBox: [x, y, x + width, y + height], scale, flip };
}

function offset(length: number, canvas: number, random: RandomNumbers): number {
  const slack = canvas - length;
  return slack >= 0 ? random.below(slack + 1) : -random.below(1 - slack) + 0;
}

/** Maps boxes of a scene to the frame after its jitter: to all pixels that have a tap in the box. */
export function boxesInScene(scene: Scene, source: Size, frame: Size): (box: Box) => Box {
  const mapping = sceneMapping(scene, source, frame);
  const { across, down } = tablesOf(mapping, source);
  const [left, top] = mapping.seen;
  return ([x0, y0, x1, y1]) => {
    const [from, to] = pixelsWithTaps(across, x0, x1);
    const [above, below] = pixelsWithTaps(down, y0, y1);
    return inFrame([left + from, top + above, left + to, top + below], frame);
  };
}
