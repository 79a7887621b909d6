/**
 * The op on arrays, which defines the bytes of every backend: plain loops over typed arrays, inside the boxes of placements only.
 *
 * A placement owns a pixel with coverage `c = Σy Σx wy·wx·[mask = instance] ≥ 32768`, and colours it
 * `floor((Σy Σx wy·wx·[mask = instance]·value + floor(c / 2)) / c)` (op.ts). Inside an instance, where `c` is 65536, that is
 * `(Σy wy·(Σx wx·value) + 32768) >> 16`: a source row is resampled along x once, and kept in a ring of `tapsY` rows, from which target
 * rows are summed along y. At the rim, the taps on the instance are summed for each pixel separately. A tone is applied to the pixels of a
 * run once they are coloured. With blended edges the rim has every pixel with `0 < c < 65536`, and is composed over the pixels so far.
 */

import { takeWords } from '../base/buffers.ts';
import { coverageOf, fullCoverage, halfCoverage, nextRow } from '../masks/coverage.ts';
import { rowStarts, type Shape } from '../masks/spans.ts';
import type { Tables } from '../masks/tables.ts';
import type { Bands, Depth, Raster } from '../types.ts';
import type { Placed, PlacedTarget } from './op.ts';

interface Arrays {
  /** All images; offsets count as if the images were concatenated. */
  images: readonly Raster[];
  depth: Depth;
  /** Masks of the placements; without one, the whole box is pasted. */
  shapes: readonly (Shape | undefined)[];
  tables: Int32Array;
  placements: readonly Placed[];
  /** Number of pixels of all targets together. */
  pixels: number;
  /** Pixels of each target, into which placements are pasted. */
  outputs: readonly Raster[];
}

/** Pastes all placements into the outputs. @returns owners from the buffer pool. */
export function pasteAll({ images, depth, shapes, tables, placements, pixels, outputs }: Arrays): Int32Array {
  const owner = takeWords(pixels).fill(0);
  // In pasting order, so that later placements overwrite earlier ones.
  for (const [m, row] of placements.entries()) {
    const { columns, rows, tapsX, tapsY, tableX, tableY } = row;
    if (columns === 0) continue;
    const shape = shapes[m];
    const across = { taps: tapsX, data: tables.subarray(tableX, tableX + columns * (1 + tapsX)) };
    const down = { taps: tapsY, data: tables.subarray(tableY, tableY + rows * (1 + tapsY)) };
    const { raster, at } = locate(images, row.source);
    const output = outputs[row.target] as Raster;
    const ring = depth === 8 ? ringOf(tapsY, output.bands * columns) : new Int32Array(tapsY * output.bands * columns);
    paste(
      {
        row,
        shape,
        starts: shape && rowStarts(shape),
        image: raster,
        at,
        stepX: row.transpose ? row.sourceWidth : 1,
        stepY: row.transpose ? 1 : row.sourceWidth,
        tables,
        output,
        ring,
        held: new Int32Array(tapsY).fill(-1),
      },
      { across, down },
      owner,
      m + 1,
    );
  }
  return owner;
}

/** State of a placement while it is pasted. */
interface Pasting {
  readonly row: Placed;
  readonly shape: Shape | undefined;
  /** Index of the first span of each row of the shape. */
  readonly starts: Int32Array | undefined;
  readonly image: Raster;
  /** Offset of the source in its raster, in pixels. */
  readonly at: number;
  /** Distances in the source, in pixels, between taps along x and along y of the target. */
  readonly stepX: number;
  readonly stepY: number;
  readonly tables: Int32Array;
  readonly output: Raster;
  /** Source rows resampled along x, each at its number modulo `tapsY`. */
  readonly ring: readonly Uint16Array[] | Int32Array;
  /** The source row at each place of the ring; −1 for none. A vertical flip needs them in descending order. */
  readonly held: Int32Array;
}

/** Pastes one placement: sets the owner and the colour of its pixels. */
function paste(pasting: Pasting, tables: Tables, owner: Int32Array, k: number): void {
  const { x, y, into } = pasting.row;
  const coverage = coverageOf(pasting.shape, tables);
  while (nextRow(coverage)) {
    const { row, from, to, full, rest, sums } = coverage;
    const at = into.output + (y + row) * into.width + x;
    pasteOutline(pasting, row, sums, from, full, owner, at, k);
    pasteRun(pasting, row, full, rest, owner, at, k);
    pasteOutline(pasting, row, sums, rest, to, owner, at, k);
  }
}

/** Pastes pixels of a row that may be covered in part. */
function pasteOutline(
  pasting: Pasting,
  row: number,
  sums: Int32Array,
  from: number,
  to: number,
  owner: Int32Array,
  at: number,
  k: number,
): void {
  const least = pasting.row.blend ? 1 : halfCoverage;
  for (let i = from; i < to; i++) {
    const c = sums[i]!;
    if (c < least) continue;
    if (c < fullCoverage) {
      if (c >= halfCoverage) owner[at + i] = k;
      else if (owner[at + i]! <= 0) owner[at + i] = -k;
      if (pasting.row.blend) blendRim(pasting, row, i, c);
      else colourRim(pasting, row, i, c);
      continue;
    }
    const begin = i;
    while (i + 1 < to && sums[i + 1] === fullCoverage) i++;
    pasteRun(pasting, row, begin, i + 1, owner, at, k);
  }
}

/** Pastes pixels of a row that are covered completely. */
function pasteRun(pasting: Pasting, row: number, from: number, to: number, owner: Int32Array, at: number, k: number): void {
  if (from >= to) return;
  owner.fill(k, at + from, at + to);
  if (pasting.output.pixels instanceof Uint16Array) colourDeep(pasting, row, from, to);
  else colour(pasting, row, from, to);
  if (pasting.row.tone >= 0) shade(pasting, row, from, to);
}

/** Applies the tone of a placement to pixels of a row: `clamp((v·gain + offset + 128) >> 8)`. */
function shade({ row, tables, output }: Pasting, j: number, from: number, to: number): void {
  const { into, x, y, tone } = row;
  const { pixels, bands } = output;
  const white = pixels instanceof Uint16Array ? 65535 : 255;
  const start = (y + j) * into.width + x;
  for (let c = 0; c < 3; c++) {
    const gain = tables[tone + c]!;
    const offset = tables[tone + 3 + c]! + 128;
    for (let n = bands * (start + from) + c, end = bands * (start + to); n < end; n += bands) {
      const value = (Math.imul(pixels[n]!, gain) + offset) >> 8;
      pixels[n] = Math.max(0, Math.min(value, white));
    }
  }
}

/** Fills the output of a target with its image, which has the same bands, or with padding. */
export function fillOutput(
  output: Raster['pixels'],
  bands: Bands,
  { image, width, height }: Pick<PlacedTarget, 'image' | 'width' | 'height'>,
  images: readonly Raster[],
  padding: ArrayLike<number>,
): void {
  if (image >= 0) output.set(pixelsAt(images, image, width * height));
  else for (let i = 0; i < output.length; i += bands) for (let c = 0; c < bands; c++) output[i + c] = padding[c]!;
}

/** The raster that holds a pixel of the concatenated images, and the pixel's offset in it. */
export function locate(images: readonly Raster[], at: number): { raster: Raster; at: number } {
  for (const raster of images) {
    const count = raster.pixels.length / raster.bands;
    if (at < count) return { raster, at };
    at -= count;
  }
  throw new RangeError('no image holds this pixel');
}

/** The values of `count` pixels of one image. */
export function pixelsAt(images: readonly Raster[], at: number, count: number): Raster['pixels'] {
  const { raster, at: begin } = locate(images, at);
  return raster.pixels.subarray(raster.bands * begin, raster.bands * (begin + count));
}

/** Values of a pixel before its rim is composed over it. */
const under = new Uint16Array(4);

/** Composes a pixel of the rim over the pixel so far: `(c·source + (65536 − c)·before + 32768) >> 16`. */
function blendRim(pasting: Pasting, j: number, i: number, c: number): void {
  const { row, output } = pasting;
  const { pixels, bands } = output;
  const at = bands * ((row.y + j) * row.into.width + row.x + i);
  for (let n = 0; n < bands; n++) under[n] = pixels[at + n]!;
  colourRim(pasting, j, i, c);
  // Sums are below 2^32.
  for (let n = 0; n < bands; n++) pixels[at + n] = (c * pixels[at + n]! + (fullCoverage - c) * under[n]! + halfCoverage) >>> 16;
}

/** Colours a pixel of the rim: the mean of its taps on the instance, by their weights, with the placement's tone. */
function colourRim(pasting: Pasting, j: number, i: number, c: number): void {
  const { row, shape, starts, image, at: source, stepX, stepY, tables, output } = pasting;
  const { into, x, y, tableX, tapsX, tableY, tapsY } = row;
  const { box, spans } = shape!;
  const { pixels: from, bands: stride } = image;
  const { pixels: to, bands } = output;
  const down = tableY + j * (1 + tapsY);
  const across = tableX + i * (1 + tapsX);
  const first = tables[across]!;
  let red = 0;
  let green = 0;
  let blue = 0;
  let alpha = 0;
  for (let v = 0, line = tables[down]!; v < tapsY; v++, line++) {
    const weight = tables[down + 1 + v]!;
    if (weight === 0 || line < box[1] || line >= box[3]) continue;
    const pixel = source + line * stepY;
    for (let s = starts![line - box[1]]!, end = starts![line - box[1] + 1]!; s < end; s += 3) {
      const begin = Math.max(spans[s + 1]!, first);
      const last = Math.min(spans[s + 2]!, first + tapsX);
      for (let u = begin, at = stride * (pixel + stepX * u); u < last; u++, at += stride * stepX) {
        const w = weight * tables[across + 1 + u - first]!;
        red += w * from[at]!;
        green += w * from[at + 1]!;
        blue += w * from[at + 2]!;
        if (stride === 4) alpha += w * from[at + 3]!;
      }
    }
  }
  const half = c >> 1;
  const at = bands * ((y + j) * into.width + x + i);
  to[at] = (red + half) / c;
  to[at + 1] = (green + half) / c;
  to[at + 2] = (blue + half) / c;
  // A missing alpha channel counts as opaque.
  if (bands === 4) to[at + 3] = stride === 4 ? (alpha + half) / c : from instanceof Uint16Array ? 65535 : 255;
  if (row.tone >= 0) shade(pasting, j, i, i + 1);
}

/**
 * Resamples the RGB of a row along x, `Σx wx·value`, without rounding: values of 8 bits become sums of 16 bits.
 *
 * @param at start of the row in `from`.
 * @param step distance between taps in `from`.
 */
function across(row: Placed, from: Uint8Array, at: number, step: number, tables: Int32Array, to: Uint16Array, bands: Bands): void {
  const { columns, tableX, tapsX } = row;
  for (let i = 0, o = 0, column = tableX; i < columns; i++, o += bands, column += 1 + tapsX) {
    let a = at + step * tables[column]!;
    let r = 0;
    let g = 0;
    let b = 0;
    for (let t = 1; t <= tapsX; t++, a += step) {
      const weight = tables[column + t]!;
      r = (r + Math.imul(weight, from[a]!)) | 0;
      g = (g + Math.imul(weight, from[a + 1]!)) | 0;
      b = (b + Math.imul(weight, from[a + 2]!)) | 0;
    }
    to[o] = r;
    to[o + 1] = g;
    to[o + 2] = b;
  }
}

/** Like `across` with two taps, as when enlarging: `256·a + w·(b − a)`, since the weights sum to 256. */
function acrossTwo(row: Placed, from: Uint8Array, at: number, step: number, tables: Int32Array, to: Uint16Array, bands: Bands): void {
  const { columns, tableX } = row;
  for (let i = 0, o = 0, column = tableX; i < columns; i++, o += bands, column += 3) {
    const a = at + step * tables[column]!;
    const weight = tables[column + 2]!;
    const r = from[a]!;
    const g = from[a + 1]!;
    const b = from[a + 2]!;
    to[o] = (r << 8) + Math.imul(weight, from[a + step]! - r);
    to[o + 1] = (g << 8) + Math.imul(weight, from[a + step + 1]! - g);
    to[o + 2] = (b << 8) + Math.imul(weight, from[a + step + 2]! - b);
  }
}

/** Like `across` for alpha. */
function acrossAlpha(row: Placed, from: Uint8Array, at: number, step: number, tables: Int32Array, to: Uint16Array): void {
  const { columns, tableX, tapsX } = row;
  for (let i = 0, column = tableX; i < columns; i++, column += 1 + tapsX) {
    let sum = 0;
    const a = at + step * tables[column]! + 3;
    for (let t = 0; t < tapsX; t++) sum += tables[column + 1 + t]! * from[a + step * t]!;
    to[4 * i + 3] = sum;
  }
}

/** Sets the alpha of a row of sums, as if its source were opaque. */
function opaque(to: Uint16Array, columns: number): void {
  for (let i = 0; i < columns; i++) to[4 * i + 3] = 256 * 255;
}

/** Sums two rows along y and rounds: `(256·a + w·(b − a) + 32768) >> 16`. */
function downTwo(one: Uint16Array, other: Uint16Array, weight: number, begin: number, end: number, to: Uint8Array, at: number): void {
  for (let n = begin; n < end; n++) {
    const value = one[n]!;
    to[at + n] = ((value << 8) + Math.imul(weight, other[n]! - value) + 32768) >> 16;
  }
}

/** Adds a weighted row to sums. */
function addRow(to: Int32Array, row: Uint16Array, weight: number, begin: number, end: number): void {
  for (let n = begin; n < end; n++) to[n] = (to[n]! + Math.imul(weight, row[n]!)) | 0;
}

/** Adds the last weighted row to sums that begin at 32768, and rounds. */
function addLastRow(sums: Int32Array, row: Uint16Array, weight: number, begin: number, end: number, to: Uint8Array, at: number): void {
  for (let n = begin; n < end; n++) to[at + n] = (sums[n]! + Math.imul(weight, row[n]!)) >> 16;
}

/** Colours pixels of a row that are covered completely. Each source row is resampled along x once, and kept while target rows need it. */
function colour(pasting: Pasting, j: number, from: number, to: number): void {
  const { row, image, at: source, stepX, stepY, tables, output, held } = pasting;
  const { into, x, y, columns, tapsX, tapsY, tableY } = row;
  const { bands: stride } = image;
  const { bands } = output;
  const pixels = output.pixels as Uint8Array;
  const ring = pasting.ring as readonly Uint16Array[];
  const entry = tableY + j * (1 + tapsY);
  const y0 = tables[entry]!;
  for (let next = y0; next < y0 + tapsY; next++) {
    if (held[next % tapsY] === next) continue;
    held[next % tapsY] = next;
    const at = stride * (source + next * stepY);
    const line = ring[next % tapsY]!;
    (tapsX === 2 ? acrossTwo : across)(row, image.pixels as Uint8Array, at, stride * stepX, tables, line, bands);
    if (bands === 4 && stride === 4) acrossAlpha(row, image.pixels as Uint8Array, at, stride * stepX, tables, line);
    else if (bands === 4) opaque(line, columns);
  }
  const begin = bands * from;
  const end = bands * to;
  const at = bands * ((y + j) * into.width + x);
  const last = ring[(y0 + tapsY - 1) % tapsY]!;
  const weight = tables[entry + tapsY]!;
  // Two rows need no buffer of sums.
  if (tapsY === 2) {
    downTwo(ring[y0 % 2]!, last, weight, begin, end, pixels, at);
    return;
  }
  if (sums.length < end) sums = new Int32Array(bands * columns);
  sums.fill(32768, begin, end);
  for (let t = 0; t < tapsY - 1; t++) addRow(sums, ring[(y0 + t) % tapsY]!, tables[entry + 1 + t]!, begin, end);
  addLastRow(sums, last, weight, begin, end, pixels, at);
}

/** Rows of rings, and sums of one row, reused for all placements of this thread. */
const rings: Uint16Array[] = [];
let sums = new Int32Array(0);

function ringOf(rows: number, length: number): readonly Uint16Array[] {
  for (let t = 0; t < rows; t++) if ((rings[t]?.length ?? 0) < length) rings[t] = new Uint16Array(length);
  return rings;
}

/** Like `colour`, with 16 bits per channel: sums along x are below 2^24, sums along both axes below 2^32. */
function colourDeep(pasting: Pasting, j: number, from: number, to: number): void {
  const { row, image, at: source, stepX, stepY, tables, output, held } = pasting;
  const { into, x, y, columns, tapsX, tapsY, tableX, tableY } = row;
  const { pixels: values, bands: stride } = image;
  const { pixels, bands } = output;
  const ring = pasting.ring as Int32Array;
  const entry = tableY + j * (1 + tapsY);
  const y0 = tables[entry]!;
  for (let next = y0; next < y0 + tapsY; next++) {
    if (held[next % tapsY] === next) continue;
    held[next % tapsY] = next;
    let at = bands * columns * (next % tapsY);
    for (let i = 0, column = tableX; i < columns; i++, column += 1 + tapsX) {
      const x0 = stride * (source + next * stepY + stepX * tables[column]!);
      for (let c = 0; c < bands; c++) {
        let sum = c < stride ? 0 : 256 * 65535;
        for (let t = 0; t < tapsX && c < stride; t++) sum += values[x0 + stride * stepX * t + c]! * tables[column + 1 + t]!;
        ring[at++] = sum;
      }
    }
  }
  const at = bands * ((y + j) * into.width + x);
  for (let n = bands * from; n < bands * to; n++) {
    let sum = 32768;
    for (let t = 0; t < tapsY; t++) sum += tables[entry + 1 + t]! * ring[bands * columns * ((y0 + t) % tapsY) + n]!;
    pixels[at + n] = sum >>> 16;
  }
}
