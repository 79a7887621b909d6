import type { Box, Instance, Mask } from '../types.ts';

export type InstanceMode = 'component' | 'class' | 'object';

/** Annotations often stop a pixel or two short of the border that cuts an object off. */
const borderSlack = 2;

/** The runs of equal ids in a mask, row by row; ids that are left out make no run. */
interface Runs {
  readonly count: number;
  /** Triples `(y, x0, x1)`. */
  readonly spans: Int32Array;
  readonly ids: Uint16Array;
}

function findRuns(mask: Mask, leftOut: ReadonlySet<number>): Runs {
  const { width, height, ids } = mask;
  const out = new Uint8Array(0x10000);
  for (const id of leftOut) out[id] = 1;
  let spans = new Int32Array(3 * 1024);
  let runIds = new Uint16Array(1024);
  let count = 0;
  for (let y = 0, row = 0; y < height; y++, row += width) {
    for (let x = 0; x < width; ) {
      const id = ids[row + x] as number;
      const x0 = x++;
      while (x < width && ids[row + x] === id) x++;
      if (out[id]) continue;
      if (count === runIds.length) {
        spans = grow(spans);
        runIds = grow(runIds);
      }
      spans[3 * count] = y;
      spans[3 * count + 1] = x0;
      spans[3 * count + 2] = x;
      runIds[count++] = id;
    }
  }
  return { count, spans, ids: runIds };
}

function grow<T extends Int32Array | Uint16Array>(array: T): T {
  const larger = new (array.constructor as new (length: number) => T)(array.length * 2);
  larger.set(array);
  return larger;
}

/**
 * Joins runs of one id that touch, diagonals included (8-neighbourhood): union-find over the runs of
 * each row and the row above.
 *
 * @returns the group of each run, a group being named by its first run.
 */
function componentsOf({ count, spans, ids }: Runs): Int32Array {
  const parent = Int32Array.from({ length: count }, (_, i) => i);
  const root = (run: number): number => {
    let r = run;
    while (parent[r] !== r) {
      parent[r] = parent[parent[r] as number] as number;
      r = parent[r] as number;
    }
    return r;
  };
  let above = 0;
  let rowStart = 0;
  for (let run = 0; run < count; run++) {
    const y = spans[3 * run] as number;
    if (y !== spans[3 * rowStart]) {
      above = rowStart;
      rowStart = run;
    }
    const x0 = spans[3 * run + 1] as number;
    const x1 = spans[3 * run + 2] as number;
    // Runs above that end before this one begins cannot touch the ones to its right either.
    while (above < rowStart && ((spans[3 * above] as number) < y - 1 || (spans[3 * above + 2] as number) < x0)) above++;
    for (let up = above; up < rowStart && (spans[3 * up + 1] as number) <= x1; up++) {
      if (ids[up] !== ids[run]) continue;
      const a = root(up);
      const b = root(run);
      if (a < b) parent[b] = a;
      else parent[a] = b;
    }
  }
  for (let run = 0; run < count; run++) parent[run] = root(run);
  return parent;
}

/**
 * Finds the instances of a sample, in raster order of their first pixels.
 *
 * `component`: each connected region of one class id (8-neighbourhood). `class`: all pixels of one class
 * id. `object`: all pixels of one id of `objects`, whose class is the one that most of them have.
 *
 * @param leftOut background and ignore ids: they never become instances.
 */
export function findInstances(mask: Mask, objects: Mask | undefined, mode: InstanceMode, leftOut: ReadonlySet<number>): Instance[] {
  const plane = mode === 'object' && objects ? objects : mask;
  const runs = findRuns(plane, leftOut);
  const { count, spans, ids } = runs;
  const groups = mode === 'component' ? componentsOf(runs) : ids.subarray(0, count);
  // Runs sorted by group, groups by their first run: sizes, then places, then copies.
  const numbers = new Int32Array(mode === 'component' ? count : 0x10000).fill(-1);
  const sizes: number[] = [];
  for (let run = 0; run < count; run++) {
    const group = groups[run] as number;
    if (numbers[group] === -1) numbers[group] = sizes.push(0) - 1;
    const number = numbers[group] as number;
    sizes[number] = (sizes[number] as number) + 1;
  }
  let end = 0;
  const starts = Int32Array.from(sizes, (size) => {
    end += size;
    return end - size;
  });
  const places = starts.slice();
  const sorted = new Int32Array(3 * count);
  for (let run = 0; run < count; run++) {
    const number = numbers[groups[run] as number] as number;
    const place = places[number] as number;
    places[number] = place + 1;
    for (let i = 0; i < 3; i++) sorted[3 * place + i] = spans[3 * run + i] as number;
  }
  const instances: Instance[] = [];
  sizes.forEach((size, number) => {
    const start = starts[number] as number;
    const own = sorted.subarray(3 * start, 3 * (start + size));
    const first = (own[0] as number) * mask.width + (own[1] as number);
    const classId = plane === mask ? (mask.ids[first] as number) : commonestClass(mask, own, leftOut);
    if (classId !== undefined) instances.push({ classId, ...measure(own, mask.width, mask.height), runs: own });
  });
  return instances;
}

function measure(runs: Int32Array, width: number, height: number): { box: Box; area: number; truncated: boolean } {
  let x0 = width;
  let x1 = 0;
  let area = 0;
  for (let i = 0; i < runs.length; i += 3) {
    const from = runs[i + 1] as number;
    const to = runs[i + 2] as number;
    if (from < x0) x0 = from;
    if (to > x1) x1 = to;
    area += to - from;
  }
  const y0 = runs[0] as number;
  const y1 = (runs[runs.length - 3] as number) + 1;
  const truncated = Math.min(x0, y0, width - x1, height - y1) <= borderSlack;
  return { box: [x0, y0, x1, y1], area, truncated };
}

function commonestClass(mask: Mask, runs: Int32Array, leftOut: ReadonlySet<number>): number | undefined {
  const counts = new Map<number, number>();
  for (let i = 0; i < runs.length; i += 3) {
    const row = (runs[i] as number) * mask.width;
    for (let x = runs[i + 1] as number; x < (runs[i + 2] as number); x++) {
      const id = mask.ids[row + x] as number;
      if (!leftOut.has(id)) counts.set(id, (counts.get(id) ?? 0) + 1);
    }
  }
  let best: number | undefined;
  for (const [id, pixels] of counts) {
    if (best === undefined || pixels > (counts.get(best) as number)) best = id;
  }
  return best;
}
