import { giveBack, takeWords } from '../base/buffers.ts';
import { CopyPasteError } from '../errors.ts';
import type { Box, Instance, Mask, PixelsById, ShapeSet, Size } from '../types.ts';
import { countIds, noCategory, presentIds } from './ids.ts';
import { eachRun } from './runs.ts';
import { boxOfSpans, fillSpans } from './spans.ts';

export type InstanceMode = 'component' | 'class' | 'object';

/** Distance from the border, in pixels, within which an instance counts as cut off: annotations often stop a pixel or two short of it. */
const borderSlack = 2;

/** Maximum number of instances in a mask; only noise has more, and would take gigabytes of memory. */
const mostInstances = 2 ** 20;

/** Runs of equal ids in a mask, row by row, without ids that are left out. The arrays may be longer, and return to the buffer pool. */
interface Runs {
  readonly count: number;
  /** Spans `(y, x0, x1)`. */
  readonly spans: Int32Array;
  readonly ids: Int32Array;
  /** Pixels of each id, including ids that are left out. */
  readonly pixels: PixelsById;
}

function findRuns(mask: Mask, leftOut: ReadonlySet<number>): Runs {
  const idCount = mask.ids instanceof Uint16Array ? 0x10000 : 0x100;
  const out = new Uint8Array(idCount);
  for (const id of leftOut) if (id < idCount) out[id] = 1;
  const pixels = new Uint32Array(idCount);
  let spans = takeWords(3 * 4096);
  let runIds = takeWords(4096);
  let count = 0;
  eachRun(mask, (id, y, from, to) => {
    pixels[id]! += to - from;
    if (out[id]) return;
    if (count === runIds.length || 3 * count === spans.length) {
      spans = grow(spans);
      runIds = grow(runIds);
    }
    spans[3 * count] = y;
    spans[3 * count + 1] = from;
    spans[3 * count + 2] = to;
    runIds[count++] = id;
  });
  return { count, spans, ids: runIds, pixels: presentIds(pixels) };
}

function grow(array: Int32Array): Int32Array {
  const larger = takeWords(array.length * 2);
  larger.set(array);
  giveBack(array);
  return larger;
}

/**
 * Connected components of runs (8-neighbourhood), by union-find over the runs of each row and of the row above.
 *
 * @returns for each run the first run of its component; the caller gives the array back to the buffer pool.
 */
function componentsOf({ count, spans, ids }: Runs): Int32Array {
  const parent = takeWords(count);
  let above = 0;
  let rowStart = 0;
  for (let run = 0; run < count; run++) {
    parent[run] = run;
    const y = spans[3 * run]!;
    if (y !== spans[3 * rowStart]) {
      above = rowStart;
      rowStart = run;
    }
    const x0 = spans[3 * run + 1]!;
    const x1 = spans[3 * run + 2]!;
    // Runs above that end before this one begins cannot touch the ones to its right either.
    while (above < rowStart && (spans[3 * above]! < y - 1 || spans[3 * above + 2]! < x0)) above++;
    for (let up = above; up < rowStart && spans[3 * up + 1]! <= x1; up++) {
      if (ids[up] !== ids[run]) continue;
      unite(parent, up, run);
    }
  }
  flatten(parent, count);
  return parent;
}

/** The root of a run in a forest in which a parent precedes its children. */
function rootOf(parent: Int32Array, run: number): number {
  let r = run;
  while (parent[r] !== r) {
    parent[r] = parent[parent[r]!]!;
    r = parent[r]!;
  }
  return r;
}

function unite(parent: Int32Array, run: number, other: number): void {
  const a = rootOf(parent, run);
  const b = rootOf(parent, other);
  if (a < b) parent[b] = a;
  else parent[a] = b;
}

/** Makes each root the parent of all runs of its tree. */
function flatten(parent: Int32Array, count: number): void {
  // A parent precedes its children, so one step finds the root.
  for (let run = 0; run < count; run++) parent[run] = parent[parent[run]!]!;
}

/**
 * Unites the components of one id that have at most `gap` pixels between them, which is a Chebyshev distance of `gap + 1`. For each id
 * by itself, the runs of a row are compared with those in reach in the same row and in the rows above.
 *
 * @param parent for each run the first run of its component.
 */
function joinComponents(runs: Runs, parent: Int32Array, gap: number): void {
  const { count } = runs;
  const joining = { ...sortById(runs), parent, reach: gap + 1 };
  const { order, spans, ids, reach } = joining;
  /** For each number of rows upwards, the first run of that row or of the next that has runs. */
  const rows = new Int32Array(reach + 1);
  /** Runs of a row that no run above covers so far: what lies in reach of a covered run further up is in reach of the run that covers it. */
  const open = takeWords(count);
  for (let start = 0, end = 0; start < count; start = end) {
    const y = spans[3 * start]!;
    if (start === 0 || ids[start] !== ids[start - 1]) rows.fill(start);
    while (end < count && ids[end] === ids[start] && spans[3 * end] === y) end++;
    for (let at = start; at < end; at++) {
      uniteInReach(joining, at, at + 1, end);
      open[at - start] = at;
    }
    for (let up = 1, opened = end - start, last = start; up <= reach && opened > 0; up++) {
      let above = rows[up]!;
      while (spans[3 * above]! < y - up) above++;
      opened = uniteRows(joining, open, opened, above, last);
      rows[up] = last = above;
    }
  }
  for (const used of [open, order, spans, ids]) giveBack(used);
  flatten(parent, count);
}

/** Runs whose components are joined. */
interface Joining extends SortedRuns {
  readonly parent: Int32Array;
  readonly reach: number;
}

/** Unites open runs of a row with those of a row above, from `above` to `last`. @returns the number of runs that remain open. */
function uniteRows(joining: Joining, open: Int32Array, opened: number, above: number, last: number): number {
  const { spans, reach } = joining;
  let kept = 0;
  for (let n = 0; n < opened; n++) {
    const at = open[n]!;
    // Runs above that end before this one begins cannot reach the ones to its right either.
    while (above < last && spans[3 * above + 2]! <= spans[3 * at + 1]! - reach) above++;
    if (!uniteInReach(joining, at, above, last)) open[kept++] = at;
  }
  return kept;
}

/** Unites a run with those of a row from `other` to `end` in reach. @returns true if one of them covers all its columns. */
function uniteInReach({ order, spans, parent, reach }: Joining, at: number, other: number, end: number): boolean {
  const from = spans[3 * at + 1]!;
  const to = spans[3 * at + 2]!;
  let covered = false;
  for (; other < end && spans[3 * other + 1]! < to + reach; other++) {
    if (parent[order[other]!] !== parent[order[at]!]) unite(parent, order[other]!, order[at]!);
    covered ||= spans[3 * other + 1]! <= from && spans[3 * other + 2]! >= to;
  }
  return covered;
}

/** Runs sorted by id, in raster order within an id; the arrays return to the buffer pool. */
interface SortedRuns extends Pick<Runs, 'spans' | 'ids'> {
  /** Numbers of the runs in raster order. */
  readonly order: Int32Array;
}

function sortById({ count, spans, ids, pixels }: Runs): SortedRuns {
  const idCount = Math.max(0, ...pixels.keys()) + 1;
  const ends = takeWords(idCount + 1).fill(0);
  for (let run = 0; run < count; run++) ends[ids[run]! + 1]!++;
  for (let id = 0; id < idCount; id++) ends[id + 1]! += ends[id]!;
  const sorted = { order: takeWords(count), spans: takeWords(3 * count), ids: takeWords(count) };
  for (let run = 0; run < count; run++) {
    const at = ends[ids[run]!]!++;
    sorted.order[at] = run;
    sorted.ids[at] = ids[run]!;
    for (let n = 0; n < 3; n++) sorted.spans[3 * at + n] = spans[3 * run + n]!;
  }
  giveBack(ends);
  return sorted;
}

/** Instances of a sample, and pixel counts of its masks. */
export interface Found {
  /** Instances in raster order of their first pixels. */
  readonly instances: readonly Instance[];
  /** Pixels of each id of the class mask. */
  readonly pixels: PixelsById;
  /** Pixels of each id of the instance mask, if there is one. */
  readonly objectPixels?: PixelsById;
}

/**
 * Finds the instances of a sample.
 *
 * `component`: each connected region of one class id (8-neighbourhood), joined with regions that have at most `gap` pixels between them.
 * `class`: all pixels of one class id. `object`: all pixels of one id of `objects`; the class is the one that most of them have.
 *
 * @param leftOut background and ignore ids, which never become instances.
 * @param leftOutObjects ids of `objects` that stand for no object.
 * @param name of the mask in messages.
 * @param gap largest number of pixels between two regions that belong to one component; 0 joins none.
 * @throws {CopyPasteError} `data` if there are more than `mostInstances`, as in noise.
 */
export function findInstances(
  mask: Mask,
  objects: Mask | undefined,
  mode: InstanceMode,
  leftOut: ReadonlySet<number>,
  leftOutObjects = leftOut,
  name = 'mask',
  gap = 0,
): Found {
  const runs = findRuns(mask, leftOut);
  const objectRuns = objects && findRuns(objects, leftOutObjects);
  const plane = mode === 'object' && objectRuns ? objectRuns : runs;
  const groups = mode === 'component' ? componentsOf(plane) : plane.ids;
  if (mode === 'component' && gap > 0) joinComponents(plane, groups, Math.min(gap, Math.max(mask.width, mask.height)));
  const { spans, starts } = groupRuns(plane, groups, mode === 'component' ? plane.count : 0x10000, name);
  for (const used of [groups, runs.spans, runs.ids, objectRuns?.spans, objectRuns?.ids]) if (used) giveBack(used);
  const instances: Instance[] = [];
  for (let n = 0; n + 1 < starts.length; n++) {
    const start = starts[n]!;
    const end = starts[n + 1]!;
    const first = spans[start]! * mask.width + spans[start + 1]!;
    const classId = plane === runs ? mask.ids[first]! : commonestClass(mask, spans, start, end, leftOut);
    if (classId !== undefined) instances.push({ classId, ...measure(spans, start, end, mask), spans, start, end });
  }
  return { instances, pixels: runs.pixels, ...(objectRuns && { objectPixels: objectRuns.pixels }) };
}

/**
 * Sorts spans by group, groups in the order of their first runs, by counting. The spans come from the buffer pool.
 *
 * @param most exclusive limit of the numbers of groups.
 * @returns spans, with the start of each group and the end of the last.
 * @throws {CopyPasteError} `data` if there are more than `mostInstances` groups.
 */
function groupRuns({ count, spans }: Runs, groups: Int32Array, most: number, name: string): { spans: Int32Array; starts: Int32Array } {
  const sizes = takeWords(most).fill(0);
  let found = 0;
  for (let run = 0; run < count; run++) {
    const group = groups[run]!;
    if (sizes[group] === 0) found++;
    sizes[group]! += 3;
  }
  if (found > mostInstances)
    throw new CopyPasteError(
      'data',
      `contains more than ${mostInstances} instances, so it looks like noise; check that it is a mask of ids`,
      {
        path: name,
      },
    );
  const starts = new Int32Array(found + 1);
  const places = sizes;
  const sorted = takeWords(3 * count);
  let end = 0;
  for (let run = 0, n = 0; run < count; run++) {
    const group = groups[run]!;
    let at = places[group]!;
    if (at > 0) {
      // The first run of a group: from now on `places` holds the group's next position, as a negative number, instead of its size.
      starts[n++] = end;
      [at, end] = [end, end + at];
    } else at = -1 - at;
    places[group] = -1 - (at + 3);
    sorted[at] = spans[3 * run]!;
    sorted[at + 1] = spans[3 * run + 1]!;
    sorted[at + 2] = spans[3 * run + 2]!;
  }
  starts[found] = end;
  giveBack(sizes);
  return { spans: sorted, starts };
}

/** Box, area and truncation of an instance. */
function measure(spans: Int32Array, start: number, end: number, { width, height }: Size): { box: Box; area: number; truncated: boolean } {
  let x0 = width;
  let x1 = 0;
  let area = 0;
  for (let i = start; i < end; i += 3) {
    const from = spans[i + 1]!;
    const to = spans[i + 2]!;
    if (from < x0) x0 = from;
    if (to > x1) x1 = to;
    area += to - from;
  }
  const y0 = spans[start]!;
  const y1 = spans[end - 3]! + 1;
  return { box: [x0, y0, x1, y1], area, truncated: touchesBorder([x0, y0, x1, y1], { width, height }) };
}

/** An instance of spans that belong to it alone. */
export function instanceOfSpans(classId: number, spans: Int32Array, size: Size): Instance {
  return { classId, ...measure(spans, 0, spans.length, size), spans, start: 0, end: spans.length };
}

/** Spans of each connected component of spans (8-neighbourhood). */
export function componentsOfSpans(spans: Int32Array): Int32Array[] {
  const box = boxOfSpans(spans);
  const [left, top, right, bottom] = box;
  const ids = new Uint8Array((right - left) * (bottom - top));
  fillSpans(spans, box, ids, 1);
  const { instances } = findInstances({ width: right - left, height: bottom - top, ids }, undefined, 'component', new Set([0]));
  // The spans `(y, x0, x1)` are relative to the box.
  return instances.map((one) => one.spans.slice(one.start, one.end).map((value, i) => value + (i % 3 === 0 ? top : left)));
}

/** Instances of shapes, and the class mask into which they are painted, later ones over earlier ones. */
export function paintShapes(shapes: ShapeSet): { mask: Mask; instances: Instance[]; pixels: PixelsById } {
  const { width, height } = shapes.size;
  const ids = new Uint16Array(width * height).fill(noCategory);
  const instances = shapes.shapes.flatMap(({ instance }) => (instance ? [instance] : []));
  for (const { spans, classId } of instances) fillSpans(spans, [0, 0, width], ids, classId);
  const mask = { width, height, ids };
  return { mask, instances, pixels: countIds(mask) };
}

/** Tests if the border of the image may have cut off the content of a box. */
function touchesBorder([x0, y0, x1, y1]: Box, { width, height }: Size): boolean {
  return Math.min(x0, y0, width - x1, height - y1) <= borderSlack;
}

/** The class id that most pixels of an object have; `undefined` if all are left out. */
function commonestClass(mask: Mask, spans: Int32Array, start: number, end: number, leftOut: ReadonlySet<number>): number | undefined {
  const counts = new Map<number, number>();
  for (let i = start; i < end; i += 3) {
    const row = spans[i]! * mask.width;
    for (let x = spans[i + 1]!; x < spans[i + 2]!; x++) {
      const id = mask.ids[row + x]!;
      if (!leftOut.has(id)) counts.set(id, (counts.get(id) ?? 0) + 1);
    }
  }
  let best: number | undefined;
  for (const [id, pixels] of counts) {
    if (best === undefined || pixels > (counts.get(best) as number)) best = id;
  }
  return best;
}
