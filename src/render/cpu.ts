/**
 * The reference kernels: plain loops over typed arrays, inside each placement's box only.
 *
 * Both sums are separable. A source row is resampled along x once and kept in a ring of `tapsY` rows, from
 * which target rows are summed along y.
 */

import type { DataType, KernelBackend, TensorInfo, TypedArray } from '@tensorflow/tfjs-core';
import { takeWords } from '../base/buffers.ts';
import { bytesOf, valuesOf, wordsPerPixel } from '../codecs/pixels.ts';
import type { Bands, Depth, Raster } from '../types.ts';
import { halfCoverage, imageShape, type Kernels, type Placed, type PlacedTarget, readRows, shown } from './op.ts';

/** They need no more of a backend than that it gives out its values, and so run on any that has no kernels of its own. */
export const cpuKernels: Kernels<KernelBackend> = {
  copyPaste(backend, inputs, attrs) {
    const { depth, padding } = attrs;
    const each = wordsPerPixel(depth);
    const images: Raster[] = [{ pixels: valuesOf(read(backend, inputs.images) as Int32Array, depth), bands: 4 }];
    const blank = valuesOf(Int32Array.from(padding), depth);
    const targets = read(backend, inputs.targets) as Int32Array;
    const placements = read(backend, inputs.placements) as Int32Array;
    const rows = readRows(targets, placements);
    const words = new Int32Array(each * rows.pixels);
    const outputs = rows.targets.map((target): Raster => {
      const { output, width, height } = target;
      const pixels = valuesOf(words.subarray(each * output, each * (output + width * height)), depth);
      fillOutput(pixels, 4, target, images, blank);
      return { pixels, bands: 4 };
    });
    const masks = bytesOf(read(backend, inputs.masks) as Int32Array);
    const { owner, area } = copyPaste({ images, masks, tables: read(backend, inputs.tables) as Int32Array, ...rows, depth, outputs });
    return [make(backend, words, 'int32'), make(backend, owner, 'int32'), make(backend, area, 'int32')];
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

interface Arrays {
  /** As if one after another. */
  images: readonly Raster[];
  depth: Depth;
  masks: Uint8Array;
  tables: Int32Array;
  placements: readonly Placed[];
  /** Of all targets together. */
  pixels: number;
  /** What each target is pasted into, as it is before. */
  outputs: readonly Raster[];
}

/** The op on arrays: pastes into the outputs. */
export function copyPaste(arrays: Arrays): { owner: Int32Array; area: Int32Array } {
  const { images, depth, tables, placements, pixels, outputs } = arrays;
  const owner = takeWords(pixels).fill(0);
  const area = new Int32Array(placements.length);
  const shown = placements.map((row, m) => {
    const spans = row.mask < 0 ? wholeBox(row) : coverage(row, arrays);
    area[m] = own(row, spans, owner, m + 1);
    return spans;
  });
  // In pasting order, so that what a later one covers need not be left out.
  placements.forEach((row, m) => {
    const spans = shown[m] as number[];
    if (spans.length === 0 || (area[m] as number) < row.minArea) return;
    const { raster, at } = locate(images, row.source);
    (depth === 16 ? colourDeep : colour)(row, spans, raster, at, tables, outputs[row.target] as Raster);
  });
  return { owner, area };
}

/** Fills what a target is pasted into: with its image, which has as many bands, or a canvas with padding. */
export function fillOutput(
  output: Raster['pixels'],
  bands: Bands,
  { image, width, height }: Pick<PlacedTarget, 'image' | 'width' | 'height'>,
  images: readonly Raster[],
  padding: ArrayLike<number>,
): void {
  if (image >= 0) output.set(pixelsAt(images, image, width * height));
  else for (let i = 0; i < output.length; i += bands) for (let c = 0; c < bands; c++) output[i + c] = padding[c] as number;
}

/** The raster that holds a pixel of all images, and where it is there. */
export function locate(images: readonly Raster[], at: number): { raster: Raster; at: number } {
  for (const raster of images) {
    const count = raster.pixels.length / raster.bands;
    if (at < count) return { raster, at };
    at -= count;
  }
  throw new RangeError('no image has this pixel');
}

/** The values of so many pixels of one image. */
export function pixelsAt(images: readonly Raster[], at: number, count: number): Raster['pixels'] {
  const { raster, at: begin } = locate(images, at);
  return raster.pixels.subarray(raster.bands * begin, raster.bands * (begin + count));
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
    let low = 0;
    let high = columns;
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
    let from = maskWidth;
    let to = 0;
    let within = 0;
    let until = maskWidth;
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
    const begin = columnAt(ascending ? from - tapsX + 1 : to);
    const end = columnAt(ascending ? to : from - tapsX + 1);
    let full = columnAt(ascending ? within : until - tapsX + 1);
    let rest = columnAt(ascending ? until - tapsX + 1 : within);
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
 * Resamples RGB of a row along x and rounds nothing: values of 8 bits become sums of 16.
 *
 * @param at where the row begins in `from`.
 */
function across(row: Placed, from: Uint8Array, at: number, stride: Bands, tables: Int32Array, to: Uint16Array, bands: Bands): void {
  const { columns, tableX, tapsX } = row;
  for (let i = 0, o = 0, column = tableX; i < columns; i++, o += bands, column += 1 + tapsX) {
    let a = at + stride * (tables[column] as number);
    let r = 0;
    let g = 0;
    let b = 0;
    for (let t = 1; t <= tapsX; t++, a += stride) {
      const weight = tables[column + t] as number;
      r = (r + Math.imul(weight, from[a] as number)) | 0;
      g = (g + Math.imul(weight, from[a + 1] as number)) | 0;
      b = (b + Math.imul(weight, from[a + 2] as number)) | 0;
    }
    to[o] = r;
    to[o + 1] = g;
    to[o + 2] = b;
  }
}

/** The same with two taps, which is enlarging: the weights sum to 256, so that one is enough. */
function acrossTwo(row: Placed, from: Uint8Array, at: number, stride: Bands, tables: Int32Array, to: Uint16Array, bands: Bands): void {
  const { columns, tableX } = row;
  for (let i = 0, o = 0, column = tableX; i < columns; i++, o += bands, column += 3) {
    const a = at + stride * (tables[column] as number);
    const weight = tables[column + 2] as number;
    const r = from[a] as number;
    const g = from[a + 1] as number;
    const b = from[a + 2] as number;
    to[o] = (r << 8) + Math.imul(weight, (from[a + stride] as number) - r);
    to[o + 1] = (g << 8) + Math.imul(weight, (from[a + stride + 1] as number) - g);
    to[o + 2] = (b << 8) + Math.imul(weight, (from[a + stride + 2] as number) - b);
  }
}

/** The same of alpha; a source without it is opaque. */
function acrossAlpha(row: Placed, from: Uint8Array, at: number, stride: Bands, tables: Int32Array, to: Uint16Array): void {
  const { columns, tableX, tapsX } = row;
  for (let i = 0, column = tableX; i < columns; i++, column += 1 + tapsX) {
    let sum = stride === 4 ? 0 : 256 * 255;
    const a = at + 4 * (tables[column] as number) + 3;
    for (let t = 0; stride === 4 && t < tapsX; t++) sum += (tables[column + 1 + t] as number) * (from[a + 4 * t] as number);
    to[4 * i + 3] = sum;
  }
}

/** Sums two rows along y, rounded. */
function downTwo(one: Uint16Array, other: Uint16Array, weight: number, begin: number, end: number, to: Uint8Array, at: number): void {
  for (let n = begin; n < end; n++) {
    const value = one[n] as number;
    to[at + n] = ((value << 8) + Math.imul(weight, (other[n] as number) - value) + 32768) >> 16;
  }
}

function addRow(to: Int32Array, row: Uint16Array, weight: number, begin: number, end: number): void {
  for (let n = begin; n < end; n++) to[n] = ((to[n] as number) + Math.imul(weight, row[n] as number)) | 0;
}

function addLastRow(sums: Int32Array, row: Uint16Array, weight: number, begin: number, end: number, to: Uint8Array, at: number): void {
  for (let n = begin; n < end; n++) to[at + n] = ((sums[n] as number) + Math.imul(weight, row[n] as number)) >> 16;
}

/**
 * Colours the spans of a placement. Each row of the source is resampled along x once, and kept while rows of the target need it.
 *
 * @param source the pixel that its image begins at.
 */
function colour(row: Placed, spans: readonly number[], image: Raster, source: number, tables: Int32Array, output: Raster): void {
  const { into, x, y, columns, sourceWidth, tapsX, tapsY, tableY } = row;
  const { bands: stride } = image;
  const { bands } = output;
  const [from, to] = [image.pixels as Uint8Array, output.pixels as Uint8Array];
  const length = bands * columns;
  // Two rows need no sums.
  if (tapsY !== 2 && sums.length < length) sums = new Int32Array(length);
  const ring = ringOf(tapsY, length);
  let next = 0;
  for (let s = 0; s < spans.length; s += 3) {
    const j = spans[s] as number;
    const entry = tableY + j * (1 + tapsY);
    const y0 = tables[entry] as number;
    for (next = Math.max(next, y0); next < y0 + tapsY; next++) {
      const at = stride * (source + next * sourceWidth);
      const line = ring[next % tapsY] as Uint16Array;
      (tapsX === 2 ? acrossTwo : across)(row, from, at, stride, tables, line, bands);
      if (bands === 4) acrossAlpha(row, from, at, stride, tables, line);
    }
    const begin = bands * (spans[s + 1] as number);
    const end = bands * (spans[s + 2] as number);
    const at = bands * ((y + j) * into.width + x);
    const last = ring[(y0 + tapsY - 1) % tapsY] as Uint16Array;
    const weight = tables[entry + tapsY] as number;
    if (tapsY === 2) {
      downTwo(ring[y0 % 2] as Uint16Array, last, weight, begin, end, to, at);
      continue;
    }
    sums.fill(32768, begin, end);
    for (let t = 0; t < tapsY - 1; t++) addRow(sums, ring[(y0 + t) % tapsY] as Uint16Array, tables[entry + 1 + t] as number, begin, end);
    addLastRow(sums, last, weight, begin, end, to, at);
  }
}

/** Rows of this thread's rings, and the sums of one, which are used for all placements. */
const rings: Uint16Array[] = [];
let sums = new Int32Array(0);

function ringOf(rows: number, length: number): readonly Uint16Array[] {
  for (let t = 0; t < rows; t++) if ((rings[t]?.length ?? 0) < length) rings[t] = new Uint16Array(length);
  return rings;
}

/** The same of 16 bits a channel, where a sum along x is under 2^24, and one along both axes under 2^32. */
function colourDeep(row: Placed, spans: readonly number[], image: Raster, source: number, tables: Int32Array, output: Raster): void {
  const { into, x, y, columns, sourceWidth, tapsX, tapsY, tableX, tableY } = row;
  const { pixels: from, bands: stride } = image;
  const { pixels: to, bands } = output;
  const ring = new Int32Array(bands * columns * tapsY);
  let next = 0;
  for (let s = 0; s < spans.length; s += 3) {
    const j = spans[s] as number;
    const entry = tableY + j * (1 + tapsY);
    const y0 = tables[entry] as number;
    for (next = Math.max(next, y0); next < y0 + tapsY; next++) {
      let at = bands * columns * (next % tapsY);
      for (let i = 0, column = tableX; i < columns; i++, column += 1 + tapsX) {
        const x0 = stride * (source + next * sourceWidth + (tables[column] as number));
        for (let c = 0; c < bands; c++) {
          let sum = c < stride ? 0 : 256 * 65535;
          for (let t = 0; t < tapsX && c < stride; t++) sum += (from[x0 + stride * t + c] as number) * (tables[column + 1 + t] as number);
          ring[at++] = sum;
        }
      }
    }
    const at = bands * ((y + j) * into.width + x);
    for (let n = bands * (spans[s + 1] as number); n < bands * (spans[s + 2] as number); n++) {
      let sum = 32768;
      for (let t = 0; t < tapsY; t++) sum += (tables[entry + 1 + t] as number) * (ring[bands * columns * ((y0 + t) % tapsY) + n] as number);
      to[at + n] = sum >>> 16;
    }
  }
}
