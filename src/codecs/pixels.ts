/**
 * Conversions between three layouts of pixels: interleaved RGB or RGBA, for codecs and the cpu backend; the channels of a file; and the
 * 32-bit words of tensors. A pixel with 8 bits per channel is one word (RGBA8). A pixel with 16 bits is two words (RGBA16): red and green
 * in the first, with red in the lower half, blue and alpha in the second. Words are little-endian, as on every processor that Node runs on.
 */
import { takeBytes } from '../base/buffers.ts';
import type { Bands, Depth, Image, Raster } from '../types.ts';

/** Number of words per pixel. */
export function wordsPerPixel(depth: Depth): 1 | 2 {
  return depth === 16 ? 2 : 1;
}

/** Number of interleaved bands in memory for the channels of a file: 4 with alpha, 3 without. */
export function bandsOf({ channels }: Pick<Image, 'channels'>): Bands {
  return channels % 2 === 0 ? 4 : 3;
}

/** Takes an array of `length` values from the buffer pool; its content is undefined. */
export function takePixels(depth: Depth, length: number): Raster['pixels'] {
  const bytes = takeBytes((depth / 8) * length);
  return depth === 16 ? new Uint16Array(bytes.buffer, 0, length) : bytes;
}

/** Packs the pixels of a raster into words. */
function packWords({ pixels, bands }: Raster, words: Int32Array): void {
  const values = valuesOf(words, pixels instanceof Uint16Array ? 16 : 8);
  if (bands === 4) values.set(pixels);
  else if (pixels instanceof Uint8Array) packBytes(pixels, words);
  else addAlpha(pixels, values);
}

// One loop per array type: V8 compiles slower code for a loop that has seen both.
function packBytes(pixels: Uint8Array, words: Int32Array): void {
  for (let i = 0, j = 0; i < words.length; i++, j += 3) {
    words[i] = (pixels[j] as number) | ((pixels[j + 1] as number) << 8) | ((pixels[j + 2] as number) << 16) | (0xff << 24);
  }
}

function addAlpha(pixels: Uint16Array, values: Raster['pixels']): void {
  for (let i = 0, j = 0; i < values.length; i += 4, j += 3) {
    values[i] = pixels[j] as number;
    values[i + 1] = pixels[j + 1] as number;
    values[i + 2] = pixels[j + 2] as number;
    values[i + 3] = 0xffff;
  }
}

/** Unpacks words into interleaved pixels, in an array from the buffer pool. */
export function unpackWords(words: Int32Array, depth: Depth, bands: Bands): Raster['pixels'] {
  const values = valuesOf(words, depth);
  const pixels = takePixels(depth, (bands * values.length) / 4);
  if (bands === 3) return dropAlpha(values, pixels);
  pixels.set(values);
  return pixels;
}

function dropAlpha<T extends Raster['pixels']>(values: Raster['pixels'], pixels: T): T {
  for (let i = 0, j = 0; j < pixels.length; i += 4, j += 3) {
    pixels[j] = values[i] as number;
    pixels[j + 1] = values[i + 1] as number;
    pixels[j + 2] = values[i + 2] as number;
  }
  return pixels;
}

/** View of words as channel values, four per pixel. */
export function valuesOf(words: Int32Array, depth: Depth): Raster['pixels'] {
  return depth === 16 ? new Uint16Array(words.buffer, words.byteOffset, 2 * words.length) : bytesOf(words);
}

/**
 * Pixels of an image with a number of channels: the image's own array, or a new one from the buffer pool. Grey is Rec. 601 luma with
 * weights that sum to 256, so that grey pixels keep their value.
 */
export function withChannels({ pixels, bands, depth }: Raster & Pick<Image, 'depth'>, channels: Image['channels']): Raster['pixels'] {
  if (channels === bands) return pixels;
  const result = takePixels(depth, (pixels.length / bands) * channels);
  if (channels === 3) return dropAlpha(pixels, result);
  for (let i = 0, j = 0; i < pixels.length; i += bands, j += channels) {
    result[j] = (77 * (pixels[i] as number) + 150 * (pixels[i + 1] as number) + 29 * (pixels[i + 2] as number) + 128) >> 8;
    if (channels === 2) result[j + 1] = pixels[i + 3] as number;
  }
  return result;
}

/**
 * Pixels of an image in a depth: the image's own array, or a new one from the buffer pool. 8-bit values are multiplied by 257; 16-bit
 * values are divided by 257 and rounded to the nearest.
 */
export function inDepth({ pixels, depth }: Pick<Image, 'pixels' | 'depth'>, wanted: Depth): Raster['pixels'] {
  if (depth === wanted) return pixels;
  const result = takePixels(wanted, pixels.length);
  if (wanted === 16) for (let i = 0; i < pixels.length; i++) result[i] = 257 * (pixels[i] as number);
  else for (let i = 0; i < pixels.length; i++) result[i] = Math.floor(((pixels[i] as number) + 128) / 257);
  return result;
}

/** Packs rasters into words, one after another. */
export function packInto(words: Int32Array, rasters: readonly Raster[]): void {
  let at = 0;
  for (const raster of rasters) packWords(raster, words.subarray(at, (at += wordsOf(raster))));
}

/** Number of words of a raster. */
export function wordsOf({ pixels, bands }: Raster): number {
  return (pixels.length / bands) * (pixels instanceof Uint16Array ? 2 : 1);
}

/** View of words as bytes. */
export function bytesOf({ buffer, byteOffset, byteLength }: Int32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
