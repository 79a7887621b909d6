/**
 * One axis of a placement as integers: `taps` weights, which sum to 256, for each target pixel, on
 * consecutive source pixels that all lie inside the source image.
 */
export interface WeightTable {
  readonly taps: number;
  /** For each target pixel its first source pixel, then `taps` weights. */
  readonly data: Int32Array;
}

/** One axis of a placement, in pixels. */
export interface Axis {
  /** Where the source box begins, and its length. */
  readonly start: number;
  readonly length: number;
  /** Size of the source image. */
  readonly limit: number;
  /** Length of the target box. */
  readonly target: number;
  readonly flip: boolean;
  /** Half-open part of the target box that lies inside the frame. */
  readonly visible: readonly [number, number];
}

/**
 * Weights of a triangle filter whose radius is `max(1, length / target)` source pixels: bilinear
 * when enlarging, an average over all that is covered when shrinking.
 *
 * With `u = (i + ½) · length / target − ½` the centre of target pixel `i`, tap `j` weighs
 * `1 − |j − u| / radius`; the running sum is scaled to 256 and rounded (half up), and its differences are
 * the integer weights. Taps outside the image count for the pixel at its edge.
 */
export function weightTable({ start, length, limit, target, flip, visible }: Axis): WeightTable {
  const radius = Math.max(1, length / target);
  const [from, to] = visible;
  const rows: { first: number; weights: number[] }[] = [];
  let taps = 1;
  for (let i = from; i < to; i++) {
    const u = ((flip ? target - 1 - i : i) + 0.5) * (length / target) - 0.5;
    const low = Math.floor(u - radius) + 1;
    const high = Math.ceil(u + radius) - 1;
    let total = 0;
    for (let j = low; j <= high; j++) total += 1 - Math.abs(j - u) / radius;
    const first = clamp(start + low, limit);
    const weights: number[] = new Array(clamp(start + high, limit) - first + 1).fill(0);
    let sum = 0;
    let rounded = 0;
    for (let j = low; j <= high; j++) {
      sum += 1 - Math.abs(j - u) / radius;
      const next = j === high ? 256 : Math.round((256 * sum) / total);
      const tap = clamp(start + j, limit) - first;
      weights[tap] = (weights[tap] as number) + next - rounded;
      rounded = next;
    }
    rows.push({ first, weights });
    taps = Math.max(taps, weights.length);
  }
  const data = new Int32Array(rows.length * (1 + taps));
  rows.forEach(({ first, weights }, i) => {
    // A row with fewer taps than the widest is shifted, so that no tap leaves the image.
    const moved = Math.min(first, limit - taps);
    data[i * (1 + taps)] = moved;
    data.set(weights, i * (1 + taps) + 1 + first - moved);
  });
  return { taps, data };
}

function clamp(position: number, limit: number): number {
  return Math.min(Math.max(position, 0), limit - 1);
}

/** For each target pixel the source pixel that its centre falls in: for masks that are annotation as a whole. */
export function nearestTable({ start, length, target, flip, visible }: Omit<Axis, 'limit'>): Int32Array {
  const [from, to] = visible;
  return Int32Array.from({ length: Math.max(0, to - from) }, (_, n) => {
    const i = flip ? target - 1 - from - n : from + n;
    return start + Math.floor(((i + 0.5) * length) / target);
  });
}
