/**
 * The reference kernel: plain loops over typed arrays, inside each placement's box only.
 *
 * Both sums are separable. A source row is resampled along x once and kept in a ring of `tapsY` rows, from
 * which target rows are summed along y.
 */

import type { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import type { KernelConfig, NamedTensorInfoMap, TypedArray } from '@tensorflow/tfjs-core';
import { type CopyPasteAttrs, opName, type PlacementRow, placementFields, placementRow } from './op.ts';

export const cpuKernel: KernelConfig = {
  kernelName: opName,
  backendName: 'cpu',
  kernelFunc: ({ inputs, backend, attrs }) => {
    const cpu = backend as MathBackendCPU;
    const values = (name: string): TypedArray => cpu.data.get((inputs as NamedTensorInfoMap)[name]?.dataId as object).values as TypedArray;
    const { padding } = attrs as unknown as CopyPasteAttrs;
    const result = copyPaste({
      images: values('images') as Int32Array,
      masks: values('masks') as Uint8Array,
      tables: values('tables') as Int32Array,
      targets: values('targets') as Int32Array,
      placements: values('placements') as Int32Array,
      padding,
    });
    return [result.images, result.owner, result.area].map((data) => cpu.makeTensorInfo([data.length], 'int32', data));
  },
};

interface Arrays {
  images: Int32Array;
  masks: Uint8Array;
  tables: Int32Array;
  targets: Int32Array;
  placements: Int32Array;
  padding: number;
}

/**
 * The op on plain arrays.
 *
 * @public Tests hold other backends to it.
 */
export function copyPaste(arrays: Arrays): { images: Int32Array; owner: Int32Array; area: Int32Array } {
  const { images, targets, placements } = arrays;
  let length = 0;
  for (let i = 0; i < targets.length; i += 3) length += (targets[i + 1] as number) * (targets[i + 2] as number);
  const output = new Int32Array(length);
  for (let i = 0, at = 0; i < targets.length; i += 3) {
    const from = targets[i] as number;
    const size = (targets[i + 1] as number) * (targets[i + 2] as number);
    if (from < 0) output.fill(arrays.padding, at, at + size);
    else output.set(images.subarray(from, from + size), at);
    at += size;
  }
  const owner = new Int32Array(length);
  const count = placements.length / placementFields.length;
  const area = new Int32Array(count);
  const rows = Array.from({ length: count }, (_, m) => placementRow(placements, m));
  rows.forEach((row, m) => {
    const covered = row.mask < 0 || row.columns === 0 ? undefined : coverage(row, arrays);
    area[m] = covered ? covered.reduce((sum, bit) => sum + bit, 0) : row.columns * row.rows;
    if ((area[m] as number) >= row.minArea) own(row, covered, owner, m + 1);
  });
  rows.forEach((row, m) => {
    if ((area[m] as number) < row.minArea) return;
    if (row.tapsX <= 2 && row.tapsY <= 2) colourBilinear(row, arrays, owner, m + 1, output);
    else colour(row, arrays, owner, m + 1, output);
  });
  return { images: output, owner, area };
}

/** 1 where at least half of a pixel's weight lies on the instance, `[rows, columns]`. */
function coverage(row: PlacementRow, { masks, tables }: Arrays): Uint8Array {
  const { columns, rows, tapsX, tapsY, tableX, tableY, mask, maskX, maskY, maskWidth, maskHeight } = row;
  const covered = new Uint8Array(columns * rows);
  const ring = new Int32Array(columns * tapsY);
  const sums = new Int32Array(columns);
  // Taps beside the instance's box fall on the zeros around this row.
  const first = tables[tableX] as number;
  const last = tables[tableX + (columns - 1) * (1 + tapsX)] as number;
  const low = Math.min(first, last, maskX);
  const line = new Uint8Array(Math.max(Math.max(first, last) + tapsX, maskX + maskWidth) - low);
  let next = 0;
  for (let j = 0; j < rows; j++) {
    const entry = tableY + j * (1 + tapsY);
    const y0 = tables[entry] as number;
    for (next = Math.max(next, y0); next < y0 + tapsY; next++) {
      const at = (next % tapsY) * columns;
      if (next < maskY || next >= maskY + maskHeight) {
        ring.fill(0, at, at + columns);
        continue;
      }
      const from = mask + (next - maskY) * maskWidth;
      line.set(masks.subarray(from, from + maskWidth), maskX - low);
      for (let i = 0, x = tableX; i < columns; i++, x += 1 + tapsX) {
        const x0 = (tables[x] as number) - low;
        let sum = 0;
        for (let t = 0; t < tapsX; t++) sum += (tables[x + 1 + t] as number) * (line[x0 + t] as number);
        ring[at + i] = sum;
      }
    }
    sums.fill(0);
    for (let t = 0; t < tapsY; t++) {
      const weight = tables[entry + 1 + t] as number;
      if (weight === 0) continue;
      const at = ((y0 + t) % tapsY) * columns;
      for (let i = 0; i < columns; i++) sums[i] = (sums[i] as number) + weight * (ring[at + i] as number);
    }
    for (let i = 0, at = j * columns; i < columns; i++) covered[at + i] = (sums[i] as number) >= 32768 ? 1 : 0;
  }
  return covered;
}

function own({ output, width, x, y, columns, rows }: PlacementRow, covered: Uint8Array | undefined, owner: Int32Array, k: number): void {
  for (let j = 0; j < rows; j++) {
    const to = output + (y + j) * width + x;
    if (!covered) owner.fill(k, to, to + columns);
    else for (let i = 0, from = j * columns; i < columns; i++) if (covered[from + i]) owner[to + i] = k;
  }
}

/**
 * At most two taps an axis: four source pixels, of which two channels at a time share a word. A lane's sum
 * along x is at most 256·255, which fits its 16 bits.
 */
function colourBilinear(row: PlacementRow, { images, tables }: Arrays, owner: Int32Array, k: number, output: Int32Array): void {
  const { width, x, y, columns, rows, source, sourceWidth, tapsX, tapsY, tableX, tableY } = row;
  const right = tapsX - 1;
  for (let j = 0; j < rows; j++) {
    const entry = tableY + j * (1 + tapsY);
    const top = source + (tables[entry] as number) * sourceWidth;
    const bottom = top + (tapsY - 1) * sourceWidth;
    const wy0 = tables[entry + 1] as number;
    const wy1 = 256 - wy0;
    const to = row.output + (y + j) * width + x;
    for (let i = 0; i < columns; i++) {
      if (owner[to + i] !== k) continue;
      const column = tableX + i * (1 + tapsX);
      const x0 = tables[column] as number;
      const wx0 = tables[column + 1] as number;
      const wx1 = 256 - wx0;
      const a = images[top + x0] as number;
      const b = images[top + x0 + right] as number;
      const c = images[bottom + x0] as number;
      const d = images[bottom + x0 + right] as number;
      const topRB = Math.imul(a & 0xff00ff, wx0) + Math.imul(b & 0xff00ff, wx1);
      const topGA = Math.imul((a >>> 8) & 0xff00ff, wx0) + Math.imul((b >>> 8) & 0xff00ff, wx1);
      const bottomRB = Math.imul(c & 0xff00ff, wx0) + Math.imul(d & 0xff00ff, wx1);
      const bottomGA = Math.imul((c >>> 8) & 0xff00ff, wx0) + Math.imul((d >>> 8) & 0xff00ff, wx1);
      const r = ((topRB & 0xffff) * wy0 + (bottomRB & 0xffff) * wy1 + 32768) >> 16;
      const g = ((topGA & 0xffff) * wy0 + (bottomGA & 0xffff) * wy1 + 32768) >> 16;
      const blue = ((topRB >>> 16) * wy0 + (bottomRB >>> 16) * wy1 + 32768) >> 16;
      const alpha = ((topGA >>> 16) * wy0 + (bottomGA >>> 16) * wy1 + 32768) >> 16;
      output[to + i] = r | (g << 8) | (blue << 16) | (alpha << 24);
    }
  }
}

/** Any number of taps: rows resampled along x go into a ring, two channels to a word. */
function colour(row: PlacementRow, { images, tables }: Arrays, owner: Int32Array, k: number, output: Int32Array): void {
  const { width, x, y, columns, rows, source, sourceWidth, tapsX, tapsY, tableX, tableY } = row;
  const ring = new Int32Array(2 * columns * tapsY);
  let next = 0;
  for (let j = 0; j < rows; j++) {
    const to = row.output + (y + j) * width + x;
    let begin = 0;
    while (begin < columns && owner[to + begin] !== k) begin++;
    if (begin === columns) continue;
    const entry = tableY + j * (1 + tapsY);
    const y0 = tables[entry] as number;
    for (next = Math.max(next, y0); next < y0 + tapsY; next++) {
      const from = source + next * sourceWidth;
      let at = 2 * columns * (next % tapsY);
      for (let i = 0, column = tableX; i < columns; i++, column += 1 + tapsX) {
        const x0 = from + (tables[column] as number);
        let rb = 0;
        let ga = 0;
        for (let t = 0; t < tapsX; t++) {
          const word = images[x0 + t] as number;
          const weight = tables[column + 1 + t] as number;
          rb = (rb + Math.imul(word & 0xff00ff, weight)) | 0;
          ga = (ga + Math.imul((word >>> 8) & 0xff00ff, weight)) | 0;
        }
        ring[at++] = rb;
        ring[at++] = ga;
      }
    }
    for (let i = begin; i < columns; i++) {
      if (owner[to + i] !== k) continue;
      let r = 32768;
      let g = 32768;
      let b = 32768;
      let a = 32768;
      for (let t = 0; t < tapsY; t++) {
        const weight = tables[entry + 1 + t] as number;
        const at = 2 * (columns * ((y0 + t) % tapsY) + i);
        const rb = ring[at] as number;
        const ga = ring[at + 1] as number;
        r += weight * (rb & 0xffff);
        g += weight * (ga & 0xffff);
        b += weight * (rb >>> 16);
        a += weight * (ga >>> 16);
      }
      output[to + i] = (r >> 16) | ((g >> 16) << 8) | ((b >> 16) << 16) | ((a >> 16) << 24);
    }
  }
}
