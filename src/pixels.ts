/**
 * Pixels as words, and the interleaved samples of files. A pixel of 8 bits a channel is one word, RGBA8; one of 16 bits is two, RGBA16:
 * red in the lower half of the first, green above it, blue and alpha in the second. Runs of RGB8 go a word at a time, four pixels
 * being three words; words are little-endian, as on every processor that Node runs on.
 */
import { takeBytes, takeWords } from './buffers.ts';
import type { Depth, Image } from './types.ts';

const opaque = 0xff << 24;

/** Words that a pixel takes. */
export function wordsPerPixel(depth: Depth): 1 | 2 {
  return depth === 16 ? 2 : 1;
}

/**
 * RGBA8 words from interleaved bytes.
 *
 * @param channels 3 (RGB) or 4 (RGBA).
 * @param pixels takes the words.
 */
export function packPixels(data: Uint8Array, channels: number, pixels: Int32Array): void {
  if (channels === 4) {
    bytesOf(pixels).set(data);
    return;
  }
  const words = wordsOf(data);
  const fours = words.length - (words.length % 3);
  packFours(words, fours, pixels);
  // Loops of their own: one that is left for code that has never run is compiled again and again.
  if (4 * fours < data.length) packRest(data, 4 * fours, pixels);
}

function packFours(words: Int32Array, count: number, pixels: Int32Array): void {
  for (let i = 0, j = 0; j < count; i += 4, j += 3) {
    const a = words[j] as number;
    const b = words[j + 1] as number;
    const c = words[j + 2] as number;
    pixels[i] = a | opaque;
    pixels[i + 1] = (a >>> 24) | (b << 8) | opaque;
    pixels[i + 2] = (b >>> 16) | (c << 16) | opaque;
    pixels[i + 3] = (c >>> 8) | opaque;
  }
}

function packRest(data: Uint8Array, from: number, pixels: Int32Array): void {
  for (let i = from / 3, j = from; j < data.length; i++, j += 3) {
    pixels[i] = (data[j] as number) | ((data[j + 1] as number) << 8) | ((data[j + 2] as number) << 16) | opaque;
  }
}

/**
 * Interleaved bytes from RGBA8 words, to be given back. Grey is Rec. 601 luma with weights that sum to 256, so that
 * grey pixels keep their value.
 */
export function unpackPixels(pixels: Int32Array, channels: Image['channels']): Uint8Array {
  const data = takeBytes(pixels.length * channels);
  if (channels === 4) {
    data.set(bytesOf(pixels));
    return data;
  }
  let done = 0;
  if (channels === 3) {
    done = pixels.length - (pixels.length % 4);
    unpackFours(pixels, done, wordsOf(data));
  }
  if (done < pixels.length) unpackRest(pixels, done, channels, data);
  return data;
}

function unpackFours(pixels: Int32Array, count: number, words: Int32Array): void {
  for (let i = 0, j = 0; i < count; i += 4, j += 3) {
    const b = pixels[i + 1] as number;
    const c = pixels[i + 2] as number;
    words[j] = ((pixels[i] as number) & 0xffffff) | (b << 24);
    words[j + 1] = ((b >>> 8) & 0xffff) | (c << 16);
    words[j + 2] = ((c >>> 16) & 0xff) | ((pixels[i + 3] as number) << 8);
  }
}

function unpackRest(pixels: Int32Array, from: number, channels: number, data: Uint8Array): void {
  for (let i = from, j = from * channels; i < pixels.length; i++, j += channels) {
    const word = pixels[i] as number;
    const r = word & 255;
    const g = (word >> 8) & 255;
    const b = (word >> 16) & 255;
    if (channels === 3) {
      data[j] = r;
      data[j + 1] = g;
      data[j + 2] = b;
    } else {
      data[j] = luma(r, g, b);
      if (channels === 2) data[j + 1] = word >>> 24;
    }
  }
}

/** Rec. 601 luma, with weights that sum to 256. */
function luma(r: number, g: number, b: number): number {
  return (77 * r + 150 * g + 29 * b + 128) >> 8;
}

/** The channels of RGBA16 words, four a pixel. */
export function channelsOf({ buffer, byteOffset, length }: Int32Array): Uint16Array {
  return new Uint16Array(buffer, byteOffset, 2 * length);
}

/** RGBA16 words from interleaved samples of 3 (RGB) or 4 (RGBA) channels. */
export function packDeepPixels(data: Uint16Array, channels: number, pixels: Int32Array): void {
  const to = channelsOf(pixels);
  if (channels === 4) {
    to.set(data);
    return;
  }
  for (let i = 0, j = 0; i < to.length; i += 4, j += 3) {
    to[i] = data[j] as number;
    to[i + 1] = data[j + 1] as number;
    to[i + 2] = data[j + 2] as number;
    to[i + 3] = 0xffff;
  }
}

/** Interleaved samples from RGBA16 words; grey as `unpackPixels` makes it. */
export function unpackDeepPixels(pixels: Int32Array, channels: Image['channels']): Uint16Array {
  const from = channelsOf(pixels);
  if (channels === 4) return from.slice();
  const data = new Uint16Array((from.length / 4) * channels);
  for (let i = 0, j = 0; i < from.length; i += 4, j += channels) {
    const r = from[i] as number;
    const g = from[i + 1] as number;
    const b = from[i + 2] as number;
    if (channels === 3) {
      data[j] = r;
      data[j + 1] = g;
      data[j + 2] = b;
    } else {
      data[j] = luma(r, g, b);
      if (channels === 2) data[j + 1] = from[i + 3] as number;
    }
  }
  return data;
}

/** The words of an image in a depth: its own, or new ones, to be given back. */
export function inDepth({ pixels, depth }: Pick<Image, 'pixels' | 'depth'>, wanted: Depth): Int32Array {
  if (depth === wanted) return pixels;
  return wanted === 16 ? deepen(pixels) : flatten(pixels);
}

/** RGBA16 words from RGBA8 words: 255 becomes 65535, exactly. */
export function deepen(pixels: Int32Array): Int32Array {
  const deep = takeWords(2 * pixels.length);
  const to = channelsOf(deep);
  for (let i = 0; i < pixels.length; i++) {
    for (let c = 0; c < 4; c++) to[4 * i + c] = 257 * (((pixels[i] as number) >> (8 * c)) & 255);
  }
  return deep;
}

/** RGBA8 words from RGBA16 words, rounded to the nearest. */
function flatten(pixels: Int32Array): Int32Array {
  const flat = takeWords(pixels.length / 2);
  const from = channelsOf(pixels);
  const byte = (at: number): number => Math.floor(((from[at] as number) + 128) / 257);
  for (let i = 0, at = 0; i < flat.length; i++, at += 4)
    flat[i] = byte(at) | (byte(at + 1) << 8) | (byte(at + 2) << 16) | (byte(at + 3) << 24);
  return flat;
}

/** Copies arrays one after another. */
export function copyInto(words: Int32Array, arrays: readonly Int32Array[]): void {
  let at = 0;
  for (const array of arrays) {
    words.set(array, at);
    at += array.length;
  }
}

/** The bytes of words. */
export function bytesOf({ buffer, byteOffset, byteLength }: Int32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Whole words of bytes; none where they do not begin on a word. */
function wordsOf({ buffer, byteOffset, byteLength }: Uint8Array): Int32Array {
  return byteOffset % 4 === 0 ? new Int32Array(buffer, byteOffset, byteLength >> 2) : new Int32Array(0);
}
