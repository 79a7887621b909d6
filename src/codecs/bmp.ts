/**
 * Reads and writes uncompressed BMP files, with bitmap headers of Windows or OS/2 and 1, 4, 8, 24 or 32 bits per pixel. libvips reads none, and
 * of the packages for Node none reads palettes and rows from top to bottom and checks sizes.
 */
import { takeBytes } from '../base/buffers.ts';
import { CopyPasteError } from '../errors.ts';
import type { Size } from '../types.ts';
import { maxPixels } from './png.ts';

/** Number of bytes that hold the file header, the longest bitmap header and the longest palette. */
export const bmpStart = 14 + 124 + 4 * 256;

/** Header of a BMP. */
export interface BmpHeader extends Size {
  /** 1 if all colours of its palette are grey, 4 with alpha. */
  readonly channels: 1 | 3 | 4;
  /** Colours by value, as RGB triples; absent with 24 and 32 bits. */
  readonly palette?: Uint8Array;
  readonly bits: number;
  /** True if the first row is the top one. */
  readonly topDown: boolean;
  /** Position of the first row. */
  readonly start: number;
  /** Position of red, green, blue and alpha in a pixel of 24 or 32 bits. */
  readonly order: readonly number[];
  /** Start and end of its ICC profile. */
  readonly profile?: readonly [start: number, end: number];
}

/** True if bytes begin like a BMP. */
export function isBmp(bytes: Uint8Array): boolean {
  return bytes[0] === 0x42 && bytes[1] === 0x4d;
}

/** Sizes of bitmap headers: OS/2's (12, 64) and Windows' versions 3, 3 with Adobe's bit masks (52, 56), 4 and 5. */
const headerSizes = [12, 40, 52, 56, 64, 108, 124];

/** Compressions that are not read. */
const compressed: Readonly<Record<number, string>> = { 1: 'run lengths', 2: 'run lengths', 4: 'a JPEG inside', 5: 'a PNG inside' };

/** Compressions that stand for none: the usual order of channels, and bit masks without and with one for alpha. */
const [usualOrder, bitMasks, alphaMasks] = [0, 3, 6];

/**
 * Reads the header of a BMP.
 *
 * @param bytes at least the first `bmpStart` bytes of the file, or all of a shorter one.
 * @param what `image` or `mask`, in messages.
 * @throws {CopyPasteError} `data` if the file is damaged, too large or of an unsupported kind.
 */
export function bmpHeader(bytes: Uint8Array, file: string, what: 'image' | 'mask'): BmpHeader {
  const { view, size, width, rows, bits, compression, colours } = fieldsOf(bytes, file, what);
  const hasAlpha = compression === alphaMasks || size >= 56;
  const order = compression === usualOrder ? [2, 1, 0] : orderOf(view, hasAlpha);
  if (!order) throw unread('channels of other than 8 bits', file, what);
  // Bit masks follow a header of 40 bytes, and are part of longer ones.
  const end = 14 + (compression === usualOrder || size > 40 ? size : hasAlpha ? 56 : 52);
  const start = view.getUint32(10, true);
  if (start < end) throw damaged('its pixels begin inside its header', file, what);
  const palette = bits > 8 ? undefined : paletteOf(bytes.subarray(end, start), size === 12 ? 3 : 4, Math.min(colours || 256, 2 ** bits));
  if (palette?.length === 0) throw damaged('it has no palette', file, what);
  const channels = palette?.every((value, i) => value === palette[i - (i % 3)]) ? 1 : order.length === 4 ? 4 : 3;
  const profile = size === 124 ? profileOf(view) : undefined;
  const pixels = { bits, topDown: rows < 0, start, order, channels } as const;
  return { width, height: Math.abs(rows), ...pixels, ...(palette && { palette }), ...(profile && { profile }) };
}

function damaged(why: string, file: string, what: string): CopyPasteError {
  return new CopyPasteError('data', `cannot decode this ${what}: damaged BMP, ${why}`, { path: file });
}

function unread(kind: string, file: string, what: string): CopyPasteError {
  const remedy = 'save it with 24 bits per pixel and without compression, or convert it to PNG';
  return new CopyPasteError('data', `${what} is a BMP with ${kind}; ${remedy}`, { path: file });
}

/** Fields of a bitmap header. */
interface Fields {
  readonly width: number;
  /** Height; negative if the first row is the top one. */
  readonly rows: number;
  readonly bits: number;
  readonly compression: number;
  /** Number of colours in the palette; 0 for all. */
  readonly colours: number;
}

/** Reads the fields of a header that can be read. @throws {CopyPasteError} as `bmpHeader` does. */
function fieldsOf(bytes: Uint8Array, file: string, what: string): Fields & { view: DataView; size: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytes.length < 26 ? 0 : view.getUint32(14, true);
  if (size === 0 || bytes.length < 14 + size) throw damaged('its header is cut short', file, what);
  if (!headerSizes.includes(size)) throw damaged(`its header has ${size} bytes`, file, what);
  const short = (at: number): number => view.getUint16(at, true);
  const long = (at: number): number => view.getInt32(at, true);
  const fields: Fields =
    size === 12
      ? { width: short(18), rows: short(20), bits: short(24), compression: usualOrder, colours: 0 }
      : { width: long(18), rows: long(22), bits: short(28), compression: view.getUint32(30, true), colours: view.getUint32(46, true) };
  const { width, rows, bits, compression } = fields;
  const kind =
    size === 64 && compression !== usualOrder ? 'OS/2 compression' : (compressed[compression] ?? (bits === 16 && '16 bits per pixel'));
  if (kind) throw unread(kind, file, what);
  if (width <= 0 || rows === 0) throw damaged(`its size is ${width}×${rows}`, file, what);
  if (![1, 4, 8, 24, 32].includes(bits)) throw damaged(`it has ${bits} bits per pixel`, file, what);
  if (compression !== usualOrder && (compression > alphaMasks || bits !== 32 || bytes.length < 70))
    throw damaged(`its compression is ${compression}`, file, what);
  if (width * Math.abs(rows) > maxPixels)
    throw new CopyPasteError('data', `${what} is ${width}×${Math.abs(rows)}; the limit is 64 megapixels`, { path: file });
  return { ...fields, view, size };
}

/** Colours of a palette as RGB triples: as many as there are before the pixels. @param size of an entry: blue, green, red, and maybe a byte that is not used. */
function paletteOf(bytes: Uint8Array, size: 3 | 4, colours: number): Uint8Array {
  const entries = Math.min(colours, Math.floor(bytes.length / size));
  return Uint8Array.from({ length: 3 * entries }, (_, i) => bytes[size * Math.floor(i / 3) + 2 - (i % 3)] as number);
}

/** Position of each channel in a pixel of 32 bits, from the bit masks; `undefined` if a channel is no byte. */
function orderOf(view: DataView, hasAlpha: boolean): number[] | undefined {
  const masks = [54, 58, 62].map((at) => view.getUint32(at, true));
  const alpha = hasAlpha ? view.getUint32(66, true) : 0;
  const order = [...masks, ...(alpha === 0 ? [] : [alpha])].map((mask) => [0, 1, 2, 3].find((byte) => (0xff << (8 * byte)) >>> 0 === mask));
  return order.every((byte) => byte !== undefined) && new Set(order).size === order.length ? order : undefined;
}

/** `MBED`, the colour space of an embedded profile. */
const embedded = 0x4d424544;

function profileOf(view: DataView): [start: number, end: number] | undefined {
  if (view.getUint32(70, true) !== embedded) return undefined;
  const start = 14 + view.getUint32(126, true);
  return [start, start + view.getUint32(130, true)];
}

/** Values of a BMP, row by row from the top: indices of its palette, RGB or RGBA. */
export interface BmpValues extends Size {
  readonly channels: 1 | 3 | 4;
  readonly values: Uint8Array;
  /** Colours by index, as RGB triples. */
  readonly palette?: Uint8Array;
}

/**
 * Decodes a BMP into an array from the buffer pool.
 *
 * @throws {CopyPasteError} `data` as `bmpHeader` does, or if pixels are missing.
 */
export function decodeBmp(bytes: Uint8Array, file: string, what: 'image' | 'mask'): BmpValues {
  const { width, height, bits, topDown, start, order, palette } = bmpHeader(bytes, file, what);
  const stride = strideOf(width, bits);
  // The last row may lack the bytes that fill it up.
  if (bytes.length < start + stride * (height - 1) + Math.ceil((width * bits) / 8)) throw damaged('its pixels are cut short', file, what);
  const channels = palette ? 1 : order.length === 4 ? 4 : 3;
  const values = takeBytes(width * height * channels);
  for (let y = 0; y < height; y++) {
    const from = start + stride * (topDown ? y : height - 1 - y);
    const row = values.subarray(y * width * channels, (y + 1) * width * channels);
    if (bits === 8) row.set(bytes.subarray(from, from + width));
    else if (bits < 8) unpackRow(bytes, from, bits, row);
    else orderRow(bytes, from, bits / 8, order, row);
  }
  return { width, height, channels, values, ...(palette && { palette }) };
}

/** Bytes of a row: a multiple of four. */
function strideOf(width: number, bits: number): number {
  return 4 * Math.ceil((width * bits) / 32);
}

function unpackRow(bytes: Uint8Array, from: number, bits: number, row: Uint8Array): void {
  const perByte = 8 / bits;
  for (let x = 0; x < row.length; x++) {
    const byte = bytes[from + Math.floor(x / perByte)] as number;
    row[x] = (byte >> (8 - bits * (1 + (x % perByte)))) & (2 ** bits - 1);
  }
}

function orderRow(bytes: Uint8Array, from: number, perPixel: number, order: readonly number[], row: Uint8Array): void {
  const [red = 0, green = 0, blue = 0, alpha] = order;
  for (let i = from, o = 0; o < row.length; i += perPixel) {
    row[o++] = bytes[i + red] as number;
    row[o++] = bytes[i + green] as number;
    row[o++] = bytes[i + blue] as number;
    if (alpha !== undefined) row[o++] = bytes[i + alpha] as number;
  }
}

/** Pixels to encode as a BMP. */
export interface BmpPixels extends BmpValues {
  readonly icc?: Uint8Array | undefined;
}

/** Greys by value, as a palette. */
const greys = Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3));

/**
 * Encodes a BMP from bottom to top: with one channel, 8 bits and a palette, by default of greys, or 1 bit if the palette has two colours;
 * else 24 bits, or 32 with alpha. A header of version 5 has room for alpha and an ICC profile.
 */
export function encodeBmp({ width, height, channels, values, palette = greys, icc }: BmpPixels): Uint8Array {
  const colours = channels === 1 ? palette.length / 3 : 0;
  const bits = channels === 1 ? (colours === 2 ? 1 : 8) : 8 * channels;
  const size = channels === 4 || icc ? 124 : 40;
  const start = 14 + size + 4 * colours;
  const stride = strideOf(width, bits);
  const pixelsEnd = start + stride * height;
  const length = pixelsEnd + (icc?.length ?? 0);
  const bytes = takeBytes(length).fill(0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const set = (at: number, value: number): void => view.setUint32(at, value, true);
  view.setUint16(0, 0x4d42, true);
  set(2, length);
  set(10, start);
  set(14, size);
  set(18, width);
  set(22, height);
  view.setUint16(26, 1, true);
  view.setUint16(28, bits, true);
  set(30, channels === 4 ? bitMasks : usualOrder);
  set(34, stride * height);
  set(46, colours);
  if (size === 124) {
    if (channels === 4) for (const [n, mask] of [0xff0000, 0xff00, 0xff, 0xff000000].entries()) set(54 + 4 * n, mask);
    // sRGB, unless there is a profile; the intent is that of photographs.
    set(70, icc ? embedded : 0x73524742);
    set(122, 4);
    set(126, icc ? pixelsEnd - 14 : 0);
    set(130, icc?.length ?? 0);
    if (icc) bytes.set(icc, pixelsEnd);
  }
  for (let i = 0; i < 3 * colours; i++) bytes[14 + size + 4 * Math.floor(i / 3) + 2 - (i % 3)] = palette[i] as number;
  for (let y = 0; y < height; y++) {
    const row = values.subarray(y * width * channels, (y + 1) * width * channels);
    writeRow(row, channels, bits, bytes, start + stride * (height - 1 - y));
  }
  return bytes;
}

function writeRow(row: Uint8Array, channels: number, bits: number, bytes: Uint8Array, to: number): void {
  if (bits === 8) bytes.set(row, to);
  else if (bits === 1)
    for (let x = 0; x < row.length; x++) bytes[to + (x >> 3)] = (bytes[to + (x >> 3)] as number) | ((row[x] as number) << (7 - (x & 7)));
  else {
    for (let i = 0; i < row.length; i += channels) {
      bytes[to + i] = row[i + 2] as number;
      bytes[to + i + 1] = row[i + 1] as number;
      bytes[to + i + 2] = row[i] as number;
      if (channels === 4) bytes[to + i + 3] = row[i + 3] as number;
    }
  }
}
