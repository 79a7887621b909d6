/** Places and scales of instances, drawn from a prior. */
import { ownedSpans } from '../masks/coverage.ts';
import { footOf } from '../masks/ground.ts';
import { eachRun } from '../masks/runs.ts';
import { shapeOfSpans } from '../masks/spans.ts';
import { tablesOf } from '../masks/tables.ts';
import type { Instance, Mask, Scene, Size } from '../types.ts';
import { type ClassPrior, type Counts, type Prior, priorParts, priorRows, rowOf, sizeBounds } from './prior.ts';
import type { Stream } from './rng.ts';
import { firstAbove } from './weights.ts';

/** Smallest number of instances that a class needs for a prior of its own. */
const fewestOfClass = 10;

/** Number of instances below which the rows of a class are smoothed. */
const fewestUnsmoothed = 100;

/** Number of instances from which the sizes in a row are taken; rows around it make up for a lack. */
const fewestOfRow = 20;

/** A prior that is ready to draw from. */
export interface Places {
  /** Classes under a foot. */
  readonly grounds: readonly number[];
  /** Index in `grounds` of each class id; `grounds.length` for other classes. */
  readonly index: Uint16Array;
  of(classId: number): ClassPlaces;
}

/** Places of one class. */
interface ClassPlaces {
  /** Weight of each ground `[grounds]` in targets that offer it. */
  readonly shares: readonly number[];
  /** Weight of one pixel of each ground in each row `[grounds, rows]`: feet per pixel. */
  readonly weights: Float64Array;
  /** Sizes in each row; `undefined` where no instance stands. */
  readonly sizes: readonly (Sizes | undefined)[];
}

/** Distribution of the sizes in one row, cut to the band: cumulative fractions at the bounds, linear between them. */
interface Sizes {
  readonly bounds: readonly number[];
  readonly below: readonly number[];
}

/** Makes a prior ready to draw from. @param band quantiles of the sizes of a row between which sizes are drawn. */
export function placesOf({ classes, ground }: Prior, band: readonly [low: number, high: number]): Places {
  const grounds = ground.map(({ id }) => id);
  const tables = new Map(classes.map((one) => [one.id, tableOf(one, grounds)]));
  const pooled = [...tables.values()].reduce(sumOfTables, tableOf({ id: 0, feet: [], sizes: [] }, grounds));
  const made = new Map<number, ClassPlaces>();
  const index = new Uint16Array(0x10000).fill(grounds.length);
  for (const [g, id] of grounds.entries()) index[id] = g;
  return {
    grounds,
    index,
    of(classId) {
      const known = made.get(classId);
      if (known) return known;
      const own = tables.get(classId);
      const places = makePlaces(own && own.instances >= fewestOfClass ? own : pooled, ground, band);
      made.set(classId, places);
      return places;
    },
  };
}

/** Counts of a class: feet `[grounds][rows]`, sizes `[rows][sizes]`. */
interface Table {
  readonly instances: number;
  readonly feet: readonly (readonly number[])[];
  readonly sizes: readonly (readonly number[])[];
}

function tableOf({ feet, sizes }: ClassPrior, grounds: readonly number[]): Table {
  const byGround = new Map(feet.map((one) => [one.under, one]));
  const byRow = new Map(sizes.map((one) => [one.row, one]));
  return {
    instances: feet.reduce((sum, { counts }) => sum + total(counts), 0),
    feet: grounds.map((id) => unpack(byGround.get(id), priorRows)),
    sizes: Array.from({ length: priorRows }, (_, row) => unpack(byRow.get(row), sizeBounds.length)),
  };
}

function sumOfTables(a: Table, b: Table): Table {
  return { instances: a.instances + b.instances, feet: sumOfRows(a.feet, b.feet), sizes: sumOfRows(a.sizes, b.sizes) };
}

type Rows = readonly (readonly number[])[];

function sumOfRows(a: Rows, b: Rows): number[][] {
  return a.map((row, i) => row.map((n, j) => n + ((b[i] as readonly number[])[j] as number)));
}

function unpack(part: Counts | undefined, length: number): number[] {
  return Array.from({ length }, (_, i) => part?.counts[i - part.from] ?? 0);
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, n) => sum + n, 0);
}

function makePlaces({ instances, feet, sizes }: Table, ground: Prior['ground'], band: readonly [low: number, high: number]): ClassPlaces {
  const smooth = instances < fewestUnsmoothed ? smoothed : (row: readonly number[]) => row;
  const weights = new Float64Array(feet.length * priorRows);
  for (const [g, pixels] of ground.entries()) {
    const own = smooth(feet[g] as readonly number[]);
    const all = smooth(unpack(pixels, priorRows));
    for (let row = 0; row < priorRows; row++) weights[g * priorRows + row] = (own[row] as number) / Math.max(1, all[row] as number);
  }
  return {
    shares: ground.map((one, g) => shareOf(feet[g] as readonly number[], one)),
    weights,
    sizes: sizes.map((_, row) => {
      const stands = weights.some((weight, cell) => weight > 0 && cell % priorRows === row);
      return stands ? sizesOf(sizesAround(sizes, row), band) : undefined;
    }),
  };
}

/**
 * Weight of a ground: its number of feet, divided by the number of samples that offer it, those that show it in the part of the frame in
 * which most do. So a class that few samples show keeps its share of the feet.
 */
function shareOf(feet: readonly number[], { samples }: Prior['ground'][number]): number {
  const partOf = (row: number): number => Math.floor((row * priorParts) / priorRows);
  const offering = feet.reduce((most, n, row) => (n > 0 ? Math.max(most, samples[partOf(row)] as number) : most), 1);
  return total(feet) / offering;
}

/** Counts smoothed over three rows. */
function smoothed(row: readonly number[]): number[] {
  return row.map((n, i) => (row[i - 1] ?? 0) + 2 * n + (row[i + 1] ?? 0));
}

/** Sizes of the rows around a row, as few as hold enough instances. */
function sizesAround(sizes: Rows, row: number): number[] {
  let sum = [...(sizes[row] as readonly number[])];
  for (let reach = 1; total(sum) < fewestOfRow && reach < priorRows; reach++) {
    for (const other of [sizes[row - reach], sizes[row + reach]]) if (other) sum = sum.map((n, i) => n + (other[i] as number));
  }
  return sum;
}

function sizesOf(counts: readonly number[], [low, high]: readonly [low: number, high: number]): Sizes {
  const all = total(counts);
  const bounds: number[] = [];
  const below: number[] = [];
  let sum = 0;
  for (const [i, n] of counts.entries()) {
    if (n > 0 || sum > 0) {
      bounds.push(sizeBounds[i] as number);
      below.push(Math.min(high, Math.max(low, sum / all)));
    }
    sum += n;
    if (sum === all) {
      bounds.push(sizeBounds[i + 1] ?? 2);
      below.push(high);
      break;
    }
  }
  return { bounds, below };
}

/** Fraction of the instances of a row whose size is below a size. */
function fractionBelow({ bounds, below }: Sizes, size: number): number {
  const at = firstAbove(bounds, size);
  if (at === 0) return below[0] ?? 0;
  if (at === bounds.length) return below[at - 1] as number;
  const from = bounds[at - 1] as number;
  const before = below[at - 1] as number;
  return before + (((below[at] as number) - before) * (size - from)) / ((bounds[at] as number) - from);
}

/** Size below which a fraction of the instances of a row lies. */
function sizeAt({ bounds, below }: Sizes, fraction: number): number {
  const at = Math.max(
    1,
    below.findIndex((one) => one >= fraction && one > (below[0] as number)),
  );
  const [from, to] = [bounds[at - 1] as number, bounds[at] as number];
  const [before, after] = [below[at - 1] as number, below[at] as number];
  return after > before ? from + ((to - from) * (fraction - before)) / (after - before) : from;
}

/** A sample that is pasted into, as the prior sees it. */
export interface Site {
  /** Places of one instance at scales in a range; `undefined` if the prior has none here. */
  placesFor(
    instance: Instance,
    source: Size,
    scale: readonly [low: number, high: number],
    flip: number,
  ): ((random: Stream) => Scene) | undefined;
}

/** Counts what a target offers to stand on. @param pasteOn classes that a paste may stand on; all by default. */
export function siteOf(target: Mask, places: Places, pasteOn?: ReadonlySet<number>): Site {
  const { width, height, ids } = target;
  const { grounds } = places;
  const { columns, offers } = countOffers(target, places);
  for (const [g, id] of grounds.entries()) if (pasteOn?.has(id) === false) offers.fill(0, g * priorRows, (g + 1) * priorRows);
  /** Finds the nth pixel of a ground in the pixels of a row. */
  const pixelAt = (ground: number, row: number, n: number): readonly [x: number, y: number] => {
    let y = Math.ceil((row * height) / priorRows);
    for (; n >= (columns[y * grounds.length + ground] as number); y++) n -= columns[y * grounds.length + ground] as number;
    for (let i = y * width; ; i++) if (ids[i] === grounds[ground] && n-- === 0) return [i - y * width, y];
  };
  return {
    placesFor(instance, source, [low, high], flip) {
      const { shares, weights, sizes } = places.of(instance.classId);
      const [, top, , bottom] = instance.box;
      const fraction = (bottom - top) / height;
      /** Fractions of the instances of each row between which a scale lies in its range. */
      const ranges = sizes.map((one) => one && ([fractionBelow(one, low * fraction), fractionBelow(one, high * fraction)] as const));
      const weightOf = (cell: number, range: readonly [from: number, to: number] | undefined): number =>
        range === undefined ? 0 : (weights[cell] as number) * (offers[cell] as number) * Math.max(0, range[1] - range[0]);
      /** Cumulative weights of the rows of each ground. */
      const rows = shares.map((share, g) => (share > 0 ? cumulative(ranges, (range, row) => weightOf(g * priorRows + row, range)) : []));
      const choices = cumulative(shares, (share, g) => ((rows[g]?.at(-1) ?? 0) > 0 ? share : 0));
      if ((choices.at(-1) ?? 0) === 0) return undefined;
      return (random) => {
        const flipped = random.uniform() < flip;
        const g = drawFrom(choices, random);
        const row = drawFrom(rows[g] as readonly number[], random);
        const [x, y] = pixelAt(g, row, random.below(offers[g * priorRows + row] as number));
        const size = sizeAt(sizes[row] as Sizes, random.between(...(ranges[row] as readonly [number, number])));
        return standing(instance, source, Math.min(high, Math.max(low, size / fraction)), flipped, [x, y]);
      };
    },
  };
}

function cumulative<T>(values: readonly T[], weight: (value: T, n: number) => number): number[] {
  let sum = 0;
  return values.map((value, n) => {
    sum += weight(value, n);
    return sum;
  });
}

/** Draws an index by cumulative weights, which do not all vanish. */
function drawFrom(weights: readonly number[], random: Stream): number {
  const drawn = random.uniform() * (weights.at(-1) as number);
  return firstAbove(weights, drawn);
}

/** Pixels of each ground by row of pixels `[height, grounds]`, and by row of the prior `[grounds, rows]`. */
function countOffers(target: Mask, { grounds, index }: Places): { columns: Uint32Array; offers: Float64Array } {
  const { height } = target;
  const columns = new Uint32Array(height * grounds.length);
  const offers = new Float64Array(grounds.length * priorRows);
  eachRun(target, (id, y, from, to) => {
    const g = index[id] as number;
    if (g === grounds.length) return;
    const column = y * grounds.length + g;
    const cell = g * priorRows + rowOf(y, height);
    columns[column] = (columns[column] as number) + to - from;
    offers[cell] = (offers[cell] as number) + to - from;
  });
  return { columns, offers };
}

/** Jitter of an instance that stands on a pixel: its foot lies above the pixel. */
function standing(instance: Instance, source: Size, scale: number, flip: boolean, [x, y]: readonly [x: number, y: number]): Scene {
  const [x0, y0, x1, y1] = instance.box;
  const width = Math.max(1, Math.round((x1 - x0) * scale));
  const height = Math.max(1, Math.round((y1 - y0) * scale));
  const [footX, footY] = footAt(instance, source, width, height, flip);
  const [left, top] = [x - footX, y - 1 - footY];
  return { targetBox: [left, top, left + width, top + height], scale, flip };
}

/** Foot of an instance that is scaled to a box: in most cases a few rows at the bottom contain it. */
function footAt(instance: Instance, source: Size, width: number, height: number, flip: boolean): readonly [x: number, y: number] {
  for (let rows = 4; ; rows *= 4) {
    const top = Math.max(0, height - rows);
    const seen = [0, top, width, height] as const;
    const tables = tablesOf({ from: instance.box, onto: [0, 0, width, height], seen, flip }, source);
    const owned = ownedSpans(instance, tables, seen);
    if (owned.length > 0) return footOf(shapeOfSpans(owned));
    // An instance that owns no pixel is refused for its area.
    if (top === 0) return [width >> 1, height - 1];
  }
}
