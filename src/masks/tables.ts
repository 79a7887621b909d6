import type { Box, Placement, Scene, Size, Turn } from '../types.ts';

/**
 * Geometry of a placement: the box `from` of the source is resampled onto the box `onto`; `seen` is the part of that inside the frame, or
 * more if edges are blended.
 */
export interface Mapping extends Turn {
  readonly from: Box;
  readonly onto: Box;
  readonly seen: Box;
}

/** Mapping of a placement. @param scene jitter of the whole source, if any: its instances share the scene's tables. */
export function mappingOf(
  { sourceBox, targetBox, flip, flipY, transpose }: Omit<Placement, 'area'>,
  scene: Scene | undefined,
  source: Size,
  frame: Size,
): Mapping {
  const seen = inFrame(targetBox, frame);
  return scene ? { ...sceneMapping(scene, source, frame), seen } : { from: sourceBox, onto: targetBox, seen, flip, flipY, transpose };
}

/** Largest enlargement at which a pixel beside the box has less than half coverage, in the integers of weight tables. */
const mostEnlarged = 256;

/**
 * Lets a mapping see the pixels around its box that its instance covers in part: `ceil(max(1, dw / sw))` columns on each side, and rows
 * likewise. A side on the border of the source does not grow, since taps beyond it would repeat the border. No pixel outside the box has
 * half coverage.
 */
export function withEdges(mapping: Mapping, source: Size, frame: Size): Mapping {
  const [columns, rows] = axesOf(mapping, source).map(({ start, length, limit, target, flip }) => {
    const reach = target > mostEnlarged * length ? 0 : Math.ceil(Math.max(1, target / length));
    const ends = [start > 0 ? reach : 0, start + length < limit ? reach : 0];
    return flip ? ends.reverse() : ends;
  }) as [[number, number], [number, number]];
  const [x0, y0, x1, y1] = mapping.onto;
  return { ...mapping, seen: inFrame([x0 - columns[0], y0 - rows[0], x1 + columns[1], y1 + rows[1]], frame) };
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

export function tablesOf(mapping: Mapping, source: Size): Tables {
  const { onto, seen } = mapping;
  const [across, down] = axesOf(mapping, source);
  return {
    across: weightTable({ ...across, visible: [seen[0] - onto[0], seen[2] - onto[0]] }),
    down: weightTable({ ...down, visible: [seen[1] - onto[1], seen[3] - onto[1]] }),
  };
}

/** Axes of the target: that of its columns, and that of its rows. Transposed, each takes the other axis of the source. */
function axesOf({ from, onto, flip, flipY = false, transpose }: Mapping, { width, height }: Size): [Whole, Whole] {
  const [x0, y0, x1, y1] = from;
  const x = { start: x0, length: x1 - x0, limit: width };
  const y = { start: y0, length: y1 - y0, limit: height };
  const [across, down] = transpose ? [y, x] : [x, y];
  return [
    { ...across, target: onto[2] - onto[0], flip },
    { ...down, target: onto[3] - onto[1], flip: flipY },
  ];
}

/** An axis without its visible part. */
type Whole = Omit<Axis, 'visible'>;

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
