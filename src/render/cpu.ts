/**
 * The reference kernels: plain loops over typed arrays, inside each placement's box only.
 *
 * Both sums are separable. A source row is resampled along x once and kept in a ring of `tapsY` rows, from
 * which target rows are summed along y.
 */

import type { DataType, KernelBackend, TensorInfo, TypedArray } from '@tensorflow/tfjs-core';
import { takeWords } from '../buffers.ts';
import { bytesOf, channelsOf, wordsPerPixel } from '../pixels.ts';
import { type CopyPasteAttrs, halfCoverage, imageShape, type Kernels, type Placed, readRows, shown } from './op.ts';

/** They need no more of a backend than that it gives out its values, and so run on any that has no kernels of its own. */
export const cpuKernels: Kernels<KernelBackend> = {
  copyPaste(backend, inputs, attrs) {
    const result = copyPaste({
      images: [read(backend, inputs.images) as Int32Array],
      masks: bytesOf(read(backend, inputs.masks) as Int32Array),
      tables: read(backend, inputs.tables) as Int32Array,
      targets: read(backend, inputs.targets) as Int32Array,
      placements: read(backend, inputs.placements) as Int32Array,
      ...attrs,
    });
    return [make(backend, result.images, 'int32'), make(backend, result.owner, 'int32'), make(backend, result.area, 'int32')];
  },

  pack(backend, { images }, { channelsFirst, low, scale }) {
    const { count, size, channels } = imageShape(images, { channelsFirst });
    const values = read(backend, images);
    const words = new Int32Array(count * size);
    const [pixel, plane] = channelsFirst ? [1, size] : [channels, 1];
    const byte =
      images.dtype === 'int32'
        ? (value: number): number => value
        : (value: number): number => roundHalfEven(Math.fround(Math.fround(value - low) * scale));
    for (let n = 0, at = 0; n < count; n++) {
      for (let i = 0, from = n * size * channels; i < size; i++, from += pixel) {
        let word = channels === 4 ? 0 : -0x1000000;
        for (let c = 0; c < Math.max(3, channels); c++) {
          const value = byte(values[from + (channels === 1 ? 0 : c * plane)] as number);
          word |= Math.min(255, Math.max(0, value)) << (8 * c);
        }
        words[at++] = word;
      }
    }
    return make(backend, words, 'int32');
  },

  unpack(backend, inputs, { channelsFirst }) {
    const { count, size, channels } = imageShape(inputs.images, { channelsFirst });
    const words = read(backend, inputs.words);
    const owner = read(backend, inputs.owner);
    const values = read(backend, inputs.values);
    const images = read(backend, inputs.images).slice();
    const modes = read(backend, inputs.shown);
    const [pixel, plane] = channelsFirst ? [1, size] : [channels, 1];
    for (let n = 0, at = 0; n < count; n++) {
      for (let i = 0, to = n * size * channels; i < size; i++, at++, to += pixel) {
        if (modes[n] === shown.none || (modes[n] === shown.owned && owner[at] === 0)) continue;
        for (let c = 0; c < channels; c++) images[to + c * plane] = values[((words[at] as number) >> (8 * c)) & 255] as number;
      }
    }
    return make(backend, images, inputs.images.dtype, inputs.images.shape);
  },
};

function read(backend: KernelBackend, { dataId }: TensorInfo): TypedArray {
  return backend.readSync(dataId) as TypedArray;
}

function make(backend: KernelBackend, values: TypedArray, dtype: DataType, shape = [values.length]): TensorInfo {
  return { dataId: backend.write(values, shape, dtype), shape, dtype };
}

function roundHalfEven(value: number): number {
  const low = Math.floor(value);
  return value - low < 0.5 || (value - low === 0.5 && low % 2 === 0) ? low : low + 1;
}

interface Arrays extends CopyPasteAttrs {
  /** As if one after another. */
  images: readonly Int32Array[];
  masks: Uint8Array;
  tables: Int32Array;
  targets: Int32Array;
  placements: Int32Array;
}

/** The op on arrays. */
export function copyPaste(arrays: Arrays): { images: Int32Array; owner: Int32Array; area: Int32Array } {
  const { images, tables, depth, padding } = arrays;
  const { targets, placements, pixels } = readRows(arrays.targets, arrays.placements);
  const each = wordsPerPixel(depth);
  const output = takeWords(each * pixels);
  for (const { image, width, height, output: at } of targets) {
    const [from, to] = [each * at, each * (at + width * height)];
    if (image >= 0) {
      const { words, at: begin } = locate(images, each * image);
      output.set(words.subarray(begin, begin + to - from), from);
    } else if (each === 1) output.fill(padding[0] as number, from, to);
    else for (let i = from; i < to; i++) output[i] = padding[i % 2] as number;
  }
  const owner = takeWords(pixels).fill(0);
  const area = new Int32Array(placements.length);
  const shown = placements.map((row, m) => {
    const spans = row.mask < 0 ? wholeBox(row) : coverage(row, arrays);
    area[m] = own(row, spans, owner, m + 1);
    return spans;
  });
  placements.forEach((row, m) => {
    const spans = shown[m] as number[];
    if (spans.length === 0 || (area[m] as number) < row.minArea) return;
    const paint = depth === 16 ? colourDeep : row.tapsX <= 2 && row.tapsY <= 2 ? colourBilinear : colour;
    const { words, at } = locate(images, each * row.source);
    paint(row, spans, words, at / each, tables, owner, m + 1, output);
  });
  return { images: output, owner, area };
}

/** The array that holds a word of all images, and where it is there. */
function locate(images: readonly Int32Array[], at: number): { words: Int32Array; at: number } {
  let n = 0;
  for (let { length } = images[0] as Int32Array; at >= length; { length } = images[n] as Int32Array) {
    at -= length;
    n++;
  }
  return { words: images[n] as Int32Array, at };
}

/** A box without an instance shows everywhere. */
function wholeBox({ columns, rows }: Placed): number[] {
  return columns === 0 ? [] : Array.from({ length: rows }, (_, j) => [j, 0, columns]).flat();
}

/**
 * Where at least half of a pixel's weight lies on the instance: spans `row, from, to` in the part of the box that is seen, in order.
 *
 * The weights of an axis sum to 256, so that a pixel is covered whose taps all lie on the instance, and one is not where none does: only
 * those at its edge are summed.
 */
function coverage(row: Placed, { masks, tables }: Arrays): number[] {
  const { columns, rows, tapsX, tapsY, tableX, tableY, mask, maskX, maskY, maskWidth, maskHeight } = row;
  const spans: number[] = [];
  if (columns === 0) return spans;
  const first = (i: number): number => (tables[tableX + i * (1 + tapsX)] as number) - maskX;
  const ascending = first(0) <= first(columns - 1);
  /** The column from which on taps begin at a limit or beyond; under it, where they go down. */
  const columnAt = (limit: number): number => {
    let [low, high] = [0, columns];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (first(middle) < limit === ascending) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const top = (tables[tableY] as number) - maskY;
  const bottom = (tables[tableY + (rows - 1) * (1 + tapsY)] as number) - maskY + tapsY;
  const extents = extentsOf(masks, mask, maskWidth, Math.max(0, top), Math.min(maskHeight, bottom));
  for (let j = 0; j < rows; j++) {
    const entry = tableY + j * (1 + tapsY);
    const y0 = (tables[entry] as number) - maskY;
    // What any tap's row has of the instance, and what each has without a gap.
    let [from, to, within, until] = [maskWidth, 0, 0, maskWidth];
    for (let t = 0; t < tapsY; t++) {
      if (tables[entry + 1 + t] === 0) continue;
      const y = y0 + t;
      const inside = y >= 0 && y < maskHeight;
      const begin = inside ? (extents[3 * y] as number) : maskWidth;
      const end = inside ? (extents[3 * y + 1] as number) : 0;
      from = Math.min(from, begin);
      to = Math.max(to, end);
      within = Math.max(within, begin);
      until = inside && extents[3 * y + 2] === end - begin ? Math.min(until, end) : 0;
    }
    if (from >= to) continue;
    const ends = [columnAt(from - tapsX + 1), columnAt(to)];
    const solid = [columnAt(within), columnAt(until - tapsX + 1)];
    const [begin, end] = (ascending ? ends : ends.reverse()) as [number, number];
    let [full, rest] = (ascending ? solid : solid.reverse()) as [number, number];
    if (within + tapsX > until || full >= rest) full = rest = end;
    let open = -1;
    for (let i = begin; i < end; i++) {
      if (i === full) {
        if (open < 0) open = i;
        i = rest - 1;
        continue;
      }
      if (
        weightOn(masks, mask, maskWidth, maskHeight, tables, tableX + i * (1 + tapsX), tapsX, first(i), entry, tapsY, y0) >= halfCoverage
      ) {
        if (open < 0) open = i;
      } else if (open >= 0) {
        spans.push(j, open, i);
        open = -1;
      }
    }
    if (open >= 0) spans.push(j, open, end);
  }
  return spans;
}

/** For each row of an instance's plane where it begins, where it ends, and how many pixels it has; of rows from one to another. */
function extentsOf(masks: Uint8Array, mask: number, width: number, from: number, to: number): Int32Array {
  const extents = new Int32Array(3 * Math.max(0, to));
  for (let y = from; y < to; y++) {
    const at = mask + y * width;
    let begin = width;
    let end = 0;
    let count = 0;
    for (let x = 0; x < width; x++) {
      if (masks[at + x] === 0) continue;
      if (count === 0) begin = x;
      end = x + 1;
      count++;
    }
    extents[3 * y] = begin;
    extents[3 * y + 1] = end;
    extents[3 * y + 2] = count;
  }
  return extents;
}

/** The weight of a pixel's taps that lie on the instance, of 65536. */
function weightOn(
  masks: Uint8Array,
  mask: number,
  width: number,
  height: number,
  tables: Int32Array,
  column: number,
  tapsX: number,
  x0: number,
  entry: number,
  tapsY: number,
  y0: number,
): number {
  const begin = Math.max(0, -x0);
  const end = Math.min(tapsX, width - x0);
  let sum = 0;
  for (let t = Math.max(0, -y0); t < Math.min(tapsY, height - y0); t++) {
    const at = mask + (y0 + t) * width + x0;
    let across = 0;
    for (let u = begin; u < end; u++) across += (tables[column + 1 + u] as number) * (masks[at + u] as number);
    sum += (tables[entry + 1 + t] as number) * across;
  }
  return sum;
}

/** Makes a placement the owner of its pixels, unless they are too few. @returns how many they are. */
function own({ into, x, y, minArea }: Placed, spans: readonly number[], owner: Int32Array, k: number): number {
  let area = 0;
  for (let s = 0; s < spans.length; s += 3) area += (spans[s + 2] as number) - (spans[s + 1] as number);
  for (let s = 0; area >= minArea && s < spans.length; s += 3) {
    const at = into.output + (y + (spans[s] as number)) * into.width + x;
    owner.fill(k, at + (spans[s + 1] as number), at + (spans[s + 2] as number));
  }
  return area;
}

/**
 * At most two taps an axis: four source pixels, of which two channels at a time share a word. A lane's sum
 * along x is at most 256·255, which fits its 16 bits.
 */
function colourBilinear(
  row: Placed,
  spans: readonly number[],
  images: Int32Array,
  source: number,
  tables: Int32Array,
  owner: Int32Array,
  k: number,
  output: Int32Array,
): void {
  const { into, x, y, sourceWidth, tapsX, tapsY, tableX, tableY } = row;
  const right = tapsX - 1;
  for (let s = 0; s < spans.length; s += 3) {
    const j = spans[s] as number;
    const entry = tableY + j * (1 + tapsY);
    const top = source + (tables[entry] as number) * sourceWidth;
    const bottom = top + (tapsY - 1) * sourceWidth;
    const wy0 = tables[entry + 1] as number;
    const wy1 = 256 - wy0;
    const to = into.output + (y + j) * into.width + x;
    const end = spans[s + 2] as number;
    for (let i = spans[s + 1] as number; i < end; i++) {
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
function colour(
  row: Placed,
  spans: readonly number[],
  images: Int32Array,
  source: number,
  tables: Int32Array,
  owner: Int32Array,
  k: number,
  output: Int32Array,
): void {
  const { into, x, y, columns, sourceWidth, tapsX, tapsY, tableX, tableY } = row;
  const ring = new Int32Array(2 * columns * tapsY);
  let next = 0;
  for (let s = 0; s < spans.length; s += 3) {
    const j = spans[s] as number;
    const to = into.output + (y + j) * into.width + x;
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
    const end = spans[s + 2] as number;
    for (let i = spans[s + 1] as number; i < end; i++) {
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

/** The same for RGBA16, where a sum along x is under 2^24, and one along both axes under 2^32. */
function colourDeep(
  row: Placed,
  spans: readonly number[],
  images: Int32Array,
  source: number,
  tables: Int32Array,
  owner: Int32Array,
  k: number,
  output: Int32Array,
): void {
  const { into, x, y, columns, sourceWidth, tapsX, tapsY, tableX, tableY } = row;
  const [from, result] = [channelsOf(images), channelsOf(output)];
  const ring = new Int32Array(4 * columns * tapsY);
  let next = 0;
  for (let s = 0; s < spans.length; s += 3) {
    const j = spans[s] as number;
    const to = into.output + (y + j) * into.width + x;
    const entry = tableY + j * (1 + tapsY);
    const y0 = tables[entry] as number;
    for (next = Math.max(next, y0); next < y0 + tapsY; next++) {
      let at = 4 * columns * (next % tapsY);
      for (let i = 0, column = tableX; i < columns; i++, column += 1 + tapsX) {
        const x0 = 4 * (source + next * sourceWidth + (tables[column] as number));
        for (let c = 0; c < 4; c++) {
          let sum = 0;
          for (let t = 0; t < tapsX; t++) sum += (from[x0 + 4 * t + c] as number) * (tables[column + 1 + t] as number);
          ring[at++] = sum;
        }
      }
    }
    const end = spans[s + 2] as number;
    for (let i = spans[s + 1] as number; i < end; i++) {
      if (owner[to + i] !== k) continue;
      for (let c = 0; c < 4; c++) {
        let sum = 32768;
        for (let t = 0; t < tapsY; t++) {
          sum += (tables[entry + 1 + t] as number) * (ring[4 * (columns * ((y0 + t) % tapsY) + i) + c] as number);
        }
        result[4 * (to + i) + c] = sum >>> 16;
      }
    }
  }
}
