/**
 * Coverage of target pixels by an instance: `c = Σy Σx wy·wx·[mask = instance]`, an integer from 0 to 65536. The weights are those of
 * `tables.ts`; a placement owns a pixel if `c ≥ 32768`.
 *
 * Each row of the instance is summed along x once, from its spans: the sum is 256 if all taps lie on one span. A pixel with 256 in all of
 * its rows is covered completely; only the other pixels, the outline, are summed along y. (State passes between plain functions, since V8
 * would compile closures again for each instance.)
 */
import { rowStarts, type Shape } from './spans.ts';
import type { Tables, WeightTable } from './tables.ts';

/** Coverage of a pixel whose taps all lie on the instance. */
export const fullCoverage = 65536;

/** Minimum coverage with which a placement owns a pixel. */
export const halfCoverage = 32768;

/** Coverage of target pixels, one row at a time. */
export interface Coverage {
  /** Number of the current row; −1 before the first. */
  row: number;
  /** Columns `[from, to)` may be covered; the coverage of all others is 0. */
  from: number;
  to: number;
  /** Columns `[full, rest)` are covered completely. */
  full: number;
  rest: number;
  /** Coverage of columns `[from, full)` and `[rest, to)`. */
  readonly sums: Int32Array;
  readonly columns: number;
  readonly down: WeightTable;
  /** Rows of the instance; without them every pixel is covered completely. */
  readonly lines: Lines | undefined;
}

/** Rows of an instance, summed along x when they are first needed. */
interface Lines {
  readonly shape: Shape;
  readonly starts: Int32Array;
  readonly across: WeightTable;
  /** `before[n]`: number of columns whose first tap lies before source pixel `base + n`. */
  readonly before: Int32Array;
  readonly base: number;
  /** True if first taps descend, as in a flipped table. */
  readonly descending: boolean;
  /** The most recent rows, each at its number modulo the length of the ring. */
  readonly ring: Line[];
}

/** One row of an instance, summed along x: 256 in columns `[full, rest)`, 0 outside `[from, to)`. */
interface Line {
  y: number;
  from: number;
  to: number;
  full: number;
  rest: number;
  readonly sums: Uint16Array;
}

/**
 * Starts to compute the coverage of target pixels; `nextRow` gives the first row. @param shape without it, every pixel is covered
 * completely.
 */
export function coverageOf(shape: Shape | undefined, { across, down }: Tables): Coverage {
  const columns = across.data.length / (1 + across.taps);
  const lines = shape && columns > 0 ? linesOf(shape, across, columns, down.taps) : undefined;
  return { row: -1, from: 0, to: 0, full: 0, rest: 0, sums: new Int32Array(lines ? columns : 0), columns, down, lines };
}

/** Advances to the next row that may have covered pixels. @returns `false` after the last one. */
export function nextRow(coverage: Coverage): boolean {
  const { columns, down, lines } = coverage;
  if (columns === 0) return false;
  const rows = down.data.length / (1 + down.taps);
  while (++coverage.row < rows) {
    if (!lines) {
      coverage.to = coverage.rest = columns;
      return true;
    }
    findColumns(coverage, lines);
    if (coverage.from >= coverage.to) continue;
    sumDown(coverage, lines);
    return true;
  }
  return false;
}

/** Number of pixels that an instance owns: those with at least half coverage. */
export function ownedPixels(shape: Shape, tables: Tables): number {
  const coverage = coverageOf(shape, tables);
  const { sums } = coverage;
  let pixels = 0;
  while (nextRow(coverage)) {
    const { from, to, full, rest } = coverage;
    pixels += rest - full;
    for (let i = from; i < full; i++) if (sums[i]! >= halfCoverage) pixels++;
    for (let i = rest; i < to; i++) if (sums[i]! >= halfCoverage) pixels++;
  }
  return pixels;
}

/** Spans `(y, x0, x1)` of the pixels that an instance owns. @param corner of the tables' part of the frame. */
export function ownedSpans(shape: Shape, tables: Tables, [left, top]: readonly [left: number, top: number, ...rest: number[]]): Int32Array {
  const coverage = coverageOf(shape, tables);
  const { sums } = coverage;
  const spans: number[] = [];
  while (nextRow(coverage)) {
    const { row, from, to, full, rest } = coverage;
    for (let i = from; i < to; i++) {
      const start = i;
      while (i < to) {
        if (i === full && full < rest) i = rest;
        else if (sums[i]! >= halfCoverage) i++;
        else break;
      }
      if (i > start) spans.push(top + row, left + start, left + i);
    }
  }
  return Int32Array.from(spans);
}

/** Finds the columns that the current row may cover, and those that it covers completely. */
function findColumns(coverage: Coverage, lines: Lines): void {
  const { data, taps } = coverage.down;
  const entry = coverage.row * (1 + taps);
  let from = coverage.columns;
  let to = 0;
  let full = 0;
  let rest = from;
  for (let t = 0; t < taps; t++) {
    if (data[entry + 1 + t] === 0) continue;
    const line = lineAt(lines, data[entry]! + t);
    if (!line) {
      rest = 0;
      continue;
    }
    if (line.from < from) from = line.from;
    if (line.to > to) to = line.to;
    if (line.full > full) full = line.full;
    if (line.rest < rest) rest = line.rest;
  }
  coverage.from = from;
  coverage.to = to;
  coverage.full = full < rest ? full : to;
  coverage.rest = full < rest ? rest : to;
}

/** Sums the current row along y, except where it is covered completely. */
function sumDown({ row, from, to, full, rest, sums, down }: Coverage, lines: Lines): void {
  const { data, taps } = down;
  const entry = row * (1 + taps);
  sums.fill(0, from, full);
  sums.fill(0, rest, to);
  for (let t = 0; t < taps; t++) {
    const weight = data[entry + 1 + t]!;
    const line = weight === 0 ? undefined : lineAt(lines, data[entry]! + t);
    if (!line) continue;
    const begin = line.from > from ? line.from : from;
    const end = line.to < to ? line.to : to;
    addLine(sums, line.sums, weight, begin, end < full ? end : full);
    addLine(sums, line.sums, weight, begin > rest ? begin : rest, end);
  }
}

function addLine(to: Int32Array, line: Uint16Array, weight: number, begin: number, end: number): void {
  for (let i = begin; i < end; i++) to[i] = to[i]! + weight * line[i]!;
}

function linesOf(shape: Shape, across: WeightTable, columns: number, kept: number): Lines {
  const { taps, data } = across;
  const last = data[(columns - 1) * (1 + taps)]!;
  const descending = data[0]! > last;
  const base = descending ? last : data[0]!;
  // First taps only ascend or only descend, so a running count gives the number before each pixel.
  const before = new Int32Array((descending ? data[0]! : last) - base + 2);
  for (let at = 0; at < data.length; at += 1 + taps) before[data[at]! - base + 1]!++;
  for (let n = 1; n < before.length; n++) before[n]! += before[n - 1]!;
  const ring = Array.from({ length: kept }, (): Line => {
    return { y: -1, from: 0, to: 0, full: 0, rest: 0, sums: new Uint16Array(columns) };
  });
  return { shape, starts: rowStarts(shape), across, before, base, descending, ring };
}

/** Number of columns whose first tap lies before a source pixel. */
function countBefore({ before, base }: Lines, x: number): number {
  const n = x - base;
  return n <= 0 ? 0 : before[n < before.length ? n : before.length - 1]!;
}

/** A row of the instance, summed along x; `undefined` outside its box. */
function lineAt(lines: Lines, y: number): Line | undefined {
  const { shape, ring } = lines;
  if (y < shape.box[1] || y >= shape.box[3]) return undefined;
  const line = ring[y % ring.length]!;
  if (line.y !== y) sumAlong(lines, line, y);
  return line;
}

function sumAlong(lines: Lines, line: Line, y: number): void {
  const { shape, starts, across, descending, before } = lines;
  const { spans, box } = shape;
  const { sums } = line;
  const { taps } = across;
  const columns = before[before.length - 1]!;
  sums.fill(0, line.from, line.to);
  line.y = y;
  line.from = columns;
  line.to = line.full = line.rest = 0;
  for (let s = starts[y - box[1]]!, end = starts[y - box[1] + 1]!; s < end; s += 3) {
    const x0 = spans[s + 1]!;
    const x1 = spans[s + 2]!;
    // Columns with a tap on the span, and columns with all taps on it.
    let from = countBefore(lines, x0 - taps + 1);
    let to = countBefore(lines, x1);
    let full = countBefore(lines, x0);
    let rest = countBefore(lines, x1 - taps + 1);
    if (descending) {
      const low = columns - to;
      to = columns - from;
      from = low;
      const left = columns - rest;
      rest = columns - full;
      full = left;
    }
    if (full >= rest) full = rest = to;
    addEdge(sums, across, from, full, x0, x1);
    sums.fill(256, full, rest);
    addEdge(sums, across, rest, to, x0, x1);
    if (from < line.from) line.from = from;
    if (to > line.to) line.to = to;
    if (rest - full > line.rest - line.full) {
      line.full = full;
      line.rest = rest;
    }
  }
}

/** Adds the weights of taps on the span `[x0, x1)` to the sums of columns `[from, to)`. */
function addEdge(sums: Uint16Array, { taps, data }: WeightTable, from: number, to: number, x0: number, x1: number): void {
  for (let i = from, at = from * (1 + taps); i < to; i++, at += 1 + taps) {
    const first = data[at]!;
    const begin = x0 > first ? x0 - first : 0;
    const end = x1 - first < taps ? x1 - first : taps;
    let sum = sums[i]!;
    for (let t = begin; t < end; t++) sum += data[at + 1 + t]!;
    sums[i] = sum;
  }
}
