import type { Box, Placement, Scene, Size } from '../types.ts';

/** Geometry of a placement: the box `from` of the source is resampled onto the box `onto`; `seen` is the part of that inside the frame. */
export interface Mapping {
  readonly from: Box;
  readonly onto: Box;
  readonly seen: Box;
  readonly flip: boolean;
}

/** Mapping of a placement. @param scene jitter of the whole source, if any: its instances share the scene's tables. */
export function mappingOf(
  { sourceBox, targetBox, flip }: Omit<Placement, 'area'>,
  scene: Scene | undefined,
  source: Size,
  frame: Size,
): Mapping {
  const seen = inFrame(targetBox, frame);
  return scene ? { ...sceneMapping(scene, source, frame), seen } : { from: sourceBox, onto: targetBox, seen, flip };
}

/** Mapping of a whole scene. */
export function sceneMapping({ targetBox, flip }: Scene, { width, height }: Size, frame: Size): Mapping {
  return { from: [0, 0, width, height], onto: targetBox, seen: inFrame(targetBox, frame), flip };
}

/**
 * Weights along one axis of a placement: for each target pixel `taps` integers, which sum to 256, on consecutive source pixels that
 * all lie inside the source image.
 */
export interface WeightTable {
  readonly taps: number;
  /** For each target pixel, its first source pixel and then `taps` weights. */
  readonly data: Int32Array;
}

/** Geometry of a placement along one axis, in pixels. */
export interface Axis {
  /** Start of the source box. */
  readonly start: number;
  /** Length of the source box. */
  readonly length: number;
  /** Size of the source image. */
  readonly limit: number;
  /** Length of the target box. */
  readonly target: number;
  readonly flip: boolean;
  /** Half-open part of the target box inside the frame, counted from the start of the box. */
  readonly visible: readonly [number, number];
}

/**
 * Weights of a triangle filter whose radius is `max(1, length / target)` source pixels: bilinear when enlarging, an average over
 * all covered pixels when shrinking, so that nothing aliases.
 *
 * With `u = (i + ½) · length / target − ½` the centre of target pixel `i`, tap `j` weighs
 * `1 − |j − u| / radius`; the running sum is scaled to 256 and rounded (half up), and its differences are
 * the integer weights. Taps outside the image count for the pixel at its edge.
 */
export function weightTable({ start, length, limit, target, flip, visible }: Axis): WeightTable {
  const ratio = length / target;
  const radius = Math.max(1, ratio);
  const [from, to] = visible;
  let taps = 1;
  for (let i = from; i < to; i++) {
    const u = centre(i, target, flip, ratio);
    taps = Math.max(taps, clamp(start + lastTap(u, radius), limit) - clamp(start + firstTap(u, radius), limit) + 1);
  }
  const data = new Int32Array((to - from) * (1 + taps));
  for (let i = from, at = 0; i < to; i++, at += 1 + taps) {
    const u = centre(i, target, flip, ratio);
    const low = firstTap(u, radius);
    const high = lastTap(u, radius);
    let total = 0;
    for (let j = low; j <= high; j++) total += 1 - Math.abs(j - u) / radius;
    // An entry with fewer taps than the widest may begin earlier, so that no tap leaves the image.
    const first = Math.min(clamp(start + low, limit), limit - taps);
    data[at] = first;
    let sum = 0;
    let rounded = 0;
    for (let j = low; j <= high; j++) {
      sum += 1 - Math.abs(j - u) / radius;
      const next = j === high ? 256 : Math.round((256 * sum) / total);
      const tap = at + 1 + clamp(start + j, limit) - first;
      data[tap]! += next - rounded;
      rounded = next;
    }
  }
  return { taps, data };
}

/** Weight tables of a mapping along x and along y, for the target pixels that are seen. */
export interface Tables {
  readonly across: WeightTable;
  readonly down: WeightTable;
}

export function tablesOf({ from, onto, seen, flip }: Mapping, source: Size): Tables {
  const axis = (low: 0 | 1, high: 2 | 3, limit: number, flipped: boolean): WeightTable =>
    weightTable({
      start: from[low],
      length: from[high] - from[low],
      limit,
      target: onto[high] - onto[low],
      flip: flipped,
      visible: [seen[low] - onto[low], seen[high] - onto[low]],
    });
  return { across: axis(0, 2, source.width, flip), down: axis(1, 3, source.height, false) };
}

/** The part of a box inside a frame; an empty box if there is none. */
export function inFrame([x0, y0, x1, y1]: Box, { width, height }: Size): Box {
  const [left, top] = [Math.min(width, Math.max(0, x0)), Math.min(height, Math.max(0, y0))];
  const [right, bottom] = [Math.max(left, Math.min(width, x1)), Math.max(top, Math.min(height, y1))];
  return right === left || bottom === top ? [left, top, left, top] : [left, top, right, bottom];
}

/** Range of the target pixels that have a tap of non-zero weight on source pixels `[low, high)`. */
export function pixelsWithTaps({ taps, data }: WeightTable, low: number, high: number): [from: number, to: number] {
  let [from, to] = [0, 0];
  for (let at = 0, i = 0; at < data.length; at += 1 + taps, i++) {
    const first = data[at]!;
    let met = false;
    for (let t = Math.max(0, low - first); t < Math.min(taps, high - first); t++) met ||= data[at + 1 + t] !== 0;
    if (!met) continue;
    if (to === 0) from = i;
    to = i + 1;
  }
  return [from, to];
}

/** The centre of a target pixel, in source pixels. */
function centre(i: number, target: number, flip: boolean, ratio: number): number {
  return ((flip ? target - 1 - i : i) + 0.5) * ratio - 0.5;
}

function firstTap(u: number, radius: number): number {
  return Math.floor(u - radius) + 1;
}

function lastTap(u: number, radius: number): number {
  return Math.ceil(u + radius) - 1;
}

function clamp(position: number, limit: number): number {
  return Math.min(Math.max(position, 0), limit - 1);
}

/** For each target pixel, the source pixel in which its centre lies: for masks of many ids, which cannot be averaged. */
export function nearestTable({ start, length, target, flip, visible }: Omit<Axis, 'limit'>): Int32Array {
  const [from, to] = visible;
  return Int32Array.from({ length: Math.max(0, to - from) }, (_, n) => {
    const i = flip ? target - 1 - from - n : from + n;
    return start + Math.floor(((i + 0.5) * length) / target);
  });
}
