/**
 * Prior of places: for each class, the class and the row of the pixel under an instance's foot, and the height of instances in each row,
 * counted in the masks of the data set.
 */
import { footOf } from '../masks/ground.ts';
import { eachRun } from '../masks/runs.ts';
import type { Instance, Mask } from '../types.ts';

/** Number of rows that a frame is divided into. */
export const priorRows = 64;

/** Number of parts of a frame, one above the other, in which samples offer a class. */
export const priorParts = 8;

/** Counts of consecutive rows or sizes, the first at index `from`. */
export interface Counts {
  readonly from: number;
  readonly counts: readonly number[];
}

/** Prior of one class. */
export interface ClassPrior {
  readonly id: number;
  /** Number of instances by row, for each class under the foot. */
  readonly feet: readonly (Counts & { readonly under: number })[];
  /** Number of instances by size, in each row. */
  readonly sizes: readonly (Counts & { readonly row: number })[];
}

/** Prior of places of a data set, as plain data. */
export interface Prior {
  /** Number of instances that it was measured from. */
  readonly instances: number;
  /** Information in bits per instance that it has over places drawn uniformly, by leave-one-out. */
  readonly gain: number;
  /** True if the gain is large enough for places to follow it. */
  readonly used: boolean;
  /** Classes, by ascending id. */
  readonly classes: readonly ClassPrior[];
  /** Number of pixels by row of each class that lies under a foot, and of samples that show it, by part of the frame. */
  readonly ground: readonly (Counts & { readonly id: number; readonly samples: readonly number[] })[];
}

/** Smallest gain, in bits per instance, with which places follow the prior. */
export const smallestGain = 0.25;

/** Smallest number of feet on a class, as a fraction of the number that chance would put there. */
const smallestShare = 0.25;

/** Row of a frame that a pixel lies in. */
export function rowOf(y: number, height: number): number {
  return Math.floor((y * priorRows) / height);
}

/** Number of sizes per octave of the height of an instance in its frame. */
const sizesPerOctave = 8;

/** Lower bounds of sizes, as fractions of the frame's height: 2^(−11 + n/8), and an upper bound for the last one. */
export const sizeBounds: readonly number[] = boundsOfSizes();

function boundsOfSizes(): number[] {
  const step = Math.sqrt(Math.sqrt(Math.sqrt(2)));
  const bounds = [];
  for (let octave = 1 / 2048; octave <= 1; octave *= 2) {
    for (let n = 0, bound = octave; n < sizesPerOctave; n++, bound *= step) bounds.push(bound);
  }
  return bounds;
}

/** Size of an instance: the last one whose lower bound does not exceed its height as a fraction of the frame's. */
function sizeOf(fraction: number): number {
  let [low, high] = [0, sizeBounds.length - 1];
  while (low + 1 < high) {
    const middle = (low + high) >> 1;
    if ((sizeBounds[middle] as number) <= fraction) low = middle;
    else high = middle;
  }
  return low;
}

/** A sample that is measured. */
type Measured = Mask & { readonly instances: readonly Instance[] };

/** Measurements of one sample. */
interface PriorPart {
  /** Class, class under the foot, row and size of each instance, one after another. */
  readonly feet: readonly number[];
  /** Number of pixels by row of each class. */
  readonly ground: ReadonlyMap<number, Uint32Array>;
}

/** Counts of a class: feet by row for each class under them, and instances by size for each row. */
interface ClassCounts {
  readonly feet: Map<number, number[]>;
  readonly sizes: Map<number, number[]>;
}

/**
 * Creates the gauge that measures the prior. A separate source set does not count.
 *
 * @param pastable indices of the instances of a sample that could be pasted.
 */
export function priorGauge<S extends Measured>(pastable: (sample: S) => readonly number[]) {
  const classes = new Map<number, ClassCounts>();
  const ground = new Map<number, number[]>();
  const samples = new Map<number, number[]>();
  let instances = 0;
  return {
    read(sample: S, role: 'target' | 'source' | 'both'): PriorPart {
      if (role === 'source') return { feet: [], ground: new Map() };
      return {
        feet: pastable(sample).flatMap((index) => footprint(sample.instances[index] as Instance, sample)),
        ground: countGround(sample),
      };
    },
    add(part: PriorPart): void {
      for (const [id, rows] of part.ground) {
        for (const [row, n] of rows.entries()) {
          increase(ground, id, priorRows, row, n);
        }
        for (let n = 0; n < priorParts; n++) {
          const [from, to] = [n, n + 1].map((end) => (end * priorRows) / priorParts);
          if (rows.subarray(from, to).some((pixels) => pixels > 0)) increase(samples, id, priorParts, n, 1);
        }
      }
      for (let i = 0; i < part.feet.length; i += 4) {
        const [classId, under, row, size] = part.feet.slice(i, i + 4) as [number, number, number, number];
        const counts = classes.get(classId) ?? { feet: new Map(), sizes: new Map() };
        classes.set(classId, counts);
        increase(counts.feet, under, priorRows, row, 1);
        increase(counts.sizes, row, sizeBounds.length, size, 1);
        instances++;
      }
    },
    result(): { prior: Prior } {
      const sorted = [...classes].sort(([a], [b]) => a - b).map(([id, counts]) => ({ id, ...counts }));
      const gain = Math.round(1000 * gainOf(sorted, ground)) / 1000;
      const kept = sorted.map(({ id, feet, sizes }) => ({ id, feet: withoutErrors(feet, ground), sizes }));
      const under = new Set(kept.flatMap(({ feet }) => [...feet.keys()]));
      return {
        prior: {
          instances,
          gain,
          used: gain >= smallestGain,
          classes: kept.map(({ id, feet, sizes }) => ({
            id,
            feet: listOf(feet, (under, part) => ({ under, ...part })),
            sizes: listOf(sizes, (row, part) => ({ row, ...part })),
          })),
          ground: listOf(new Map([...ground].filter(([id]) => under.has(id))), (id, { from, counts }) => ({
            id,
            from,
            counts,
            samples: samples.get(id) as number[],
          })),
        },
      };
    },
  };
}

/** Class, class under the foot, row and size of an instance; nothing if its foot is in the last row, under which nothing lies. */
function footprint({ classId, box, ...shape }: Instance, { width, height, ids }: Mask): number[] {
  const [x, y] = footOf(shape);
  if (y + 1 >= height) return [];
  return [classId, ids[(y + 1) * width + x] as number, rowOf(y + 1, height), sizeOf((box[3] - box[1]) / height)];
}

function increase(table: Map<number, number[]>, key: number, length: number, n: number, by: number): void {
  let row = table.get(key);
  if (!row) {
    row = Array.from({ length }, () => 0);
    table.set(key, row);
  }
  row[n] = (row[n] as number) + by;
}

/** Counts the pixels of each class by row. */
function countGround(mask: Mask): Map<number, Uint32Array> {
  const ground = new Map<number, Uint32Array>();
  eachRun(mask, (id, y, from, to) => {
    let rows = ground.get(id);
    if (!rows) {
      rows = new Uint32Array(priorRows);
      ground.set(id, rows);
    }
    rows[rowOf(y, mask.height)] = (rows[rowOf(y, mask.height)] as number) + to - from;
  });
  return ground;
}

/**
 * Feet without those on classes that instances keep away from: on which there are far fewer feet than chance would put there, so that
 * they are errors of the annotation.
 */
function withoutErrors(feet: ReadonlyMap<number, number[]>, ground: ReadonlyMap<number, number[]>): Map<number, number[]> {
  const all = sumOf([...feet.values()].flat());
  const pixels = sumOf([...ground.values()].flat());
  return new Map([...feet].filter(([under, rows]) => sumOf(rows) / all >= (smallestShare * sumOf(ground.get(under) as number[])) / pixels));
}

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, n) => sum + n, 0);
}

/** Rows of a table by ascending key, without zeros at their ends. */
function listOf<T>(table: ReadonlyMap<number, readonly number[]>, entry: (key: number, part: Counts) => T): T[] {
  return [...table]
    .sort(([a], [b]) => a - b)
    .map(([key, row]) => {
      const from = row.findIndex((n) => n > 0);
      let to = row.length;
      while (row[to - 1] === 0) to--;
      return entry(key, { from, counts: row.slice(from, to) });
    });
}

/** Weight of the uniform distribution, in instances, beside the others of a class. */
const uniformWeight = 16;

/**
 * Information that the places of feet have over uniform ones, in bits per instance: the mean of log2(p / q), where q is the fraction of
 * pixels in the cell (class and row) of a foot, and p is estimated from the other instances of its class. Chance gives no gain, since no
 * instance counts for itself. The class of an instance itself is left out, since an instance seldom stands on its own class, wherever it
 * is.
 */
function gainOf(
  classes: readonly { readonly id: number; readonly feet: ReadonlyMap<number, readonly number[]> }[],
  ground: ReadonlyMap<number, readonly number[]>,
): number {
  let gain = 0;
  let counted = 0;
  for (const { id, feet } of classes) {
    const others = [...feet].filter(([under]) => under !== id);
    const total = others.reduce((sum, [, rows]) => sum + sumOf(rows), 0);
    const pixels = [...ground].reduce((sum, [other, rows]) => sum + (other === id ? 0 : sumOf(rows)), 0);
    for (const [under, rows] of others) {
      for (const [row, n] of rows.entries()) {
        if (n === 0) continue;
        const q = (ground.get(under)?.[row] as number) / pixels;
        gain += n * log2((n - 1 + uniformWeight * q) / ((total - 1 + uniformWeight) * q));
      }
    }
    counted += total;
  }
  return counted === 0 ? 0 : gain / counted;
}

/** Binary logarithm to 40 bits, by squaring: the same on every machine, which `Math.log2` does not promise. */
function log2(x: number): number {
  let result = 0;
  for (; x >= 2; x /= 2) result++;
  for (; x < 1; x *= 2) result--;
  for (let bit = 0.5; bit > 2 ** -40; bit /= 2) {
    x *= x;
    if (x < 2) continue;
    x /= 2;
    result += bit;
  }
  return result;
}
