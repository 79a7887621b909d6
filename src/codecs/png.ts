import { promisify } from 'node:util';
import { constants, crc32, deflate, deflateSync, inflateSync } from 'node:zlib';
import { giveBack, takeBytes } from '../base/buffers.ts';
import { CopyPasteError, codeOf, messageOf } from '../errors.ts';
import type { Mask } from '../types.ts';

const deflateAsync = promisify(deflate);
const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** Maximum number of pixels of an image or mask: 64 megapixels, as protection against decompression bombs. */
export const maxPixels = 64 * 2 ** 20;

/** Header of a PNG: its first 33 bytes. */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colour: 'grey' | 'rgb' | 'palette' | 'grey-alpha' | 'rgb-alpha';
  readonly interlaced: boolean;
}

/** Colour types and the depths that each allows (PNG specification, clause 11.2.2). */
const colourTypes: Readonly<Record<number, readonly [colour: PngHeader['colour'], depths: readonly number[]]>> = {
  0: ['grey', [1, 2, 4, 8, 16]],
  2: ['rgb', [8, 16]],
  3: ['palette', [1, 2, 4, 8]],
  4: ['grey-alpha', [8, 16]],
  6: ['rgb-alpha', [8, 16]],
};

/** Signature, and length and type of the IHDR chunk. */
const start = Uint8Array.of(...signature, 0, 0, 0, 13, ...Buffer.from('IHDR'));

/** Reads signature and IHDR; `undefined` if the bytes are not a PNG or the header is invalid. */
export function pngHeader(bytes: Uint8Array): PngHeader | undefined {
  if (bytes.length < 33 || start.some((byte, i) => bytes[i] !== byte)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const [depth, type, compression, filter, interlacing] = bytes.subarray(24, 29) as unknown as [number, number, number, number, number];
  const [colour, depths] = colourTypes[type] ?? [];
  if (colour === undefined || !depths?.includes(depth) || width === 0 || height === 0) return undefined;
  if (compression !== 0 || filter !== 0 || interlacing > 1) return undefined;
  return { width, height, depth, colour, interlaced: interlacing === 1 };
}

/** Palette of a PNG, if it is in the first bytes of the file. */
export function paletteAtStart(bytes: Uint8Array): Uint8Array | undefined {
  if (pngHeader(bytes)?.colour !== 'palette') return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 33; at + 8 <= bytes.length; at += 12 + view.getUint32(at)) {
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (type === 'PLTE') return bytes.subarray(at + 8, at + 8 + view.getUint32(at));
    if (type === 'IDAT') return undefined;
  }
  return undefined;
}

/** Decodes all channels of a mask PNG to their stored values. @throws {CopyPasteError} `data` if the file is damaged or too large. */
export function decodeValues(bytes: Uint8Array, file: string) {
  const damaged = (why: string, cause?: unknown): CopyPasteError =>
    new CopyPasteError('data', `damaged PNG: ${why}`, { path: file, cause });
  const header = pngHeader(bytes);
  if (!header) throw damaged('no header');
  const { width, height, depth, colour } = header;
  if (depth === 16 && colour !== 'grey')
    throw new CopyPasteError('data', 'mask stores colours, not ids; convert it to a grey or palette PNG', { path: file });
  const chunks = readChunks(bytes);
  if (typeof chunks === 'string') throw damaged(chunks);
  if (width * height > maxPixels)
    throw new CopyPasteError('data', `mask is ${width}×${height}; the limit is 64 megapixels`, { path: file });
  try {
    const values = decodePixels(Buffer.concat(chunks.get('IDAT') ?? []), header);
    return { ...header, values, chunks, damaged };
  } catch (cause) {
    if (codeOf(cause) === 'Z_MEM_ERROR' || /allocation failed/i.test(messageOf(cause))) {
      const what = 'cannot be decoded for lack of memory; raise its limit or lower --jobs, and run the same command again';
      throw new CopyPasteError('io', what, { path: file, cause });
    }
    throw damaged(messageOf(cause), cause);
  }
}

/**
 * Tests if all values of a PNG are 0, without unfiltering: if they are, all differences are, too.
 *
 * @returns false for a damaged file.
 */
export function isBlankPng(bytes: Uint8Array): boolean {
  const header = pngHeader(bytes);
  const chunks = readChunks(bytes);
  if (!header || typeof chunks === 'string') return false;
  try {
    const { filtered, passes } = inflatePasses(Buffer.concat(chunks.get('IDAT') ?? []), header);
    let at = 0;
    // A byte before each row names its filter.
    for (const { rows, stride } of passes)
      for (let y = 0; y < rows; y++) for (let end = ++at + stride; at < end; at++) if (filtered[at] !== 0) return false;
    return true;
  } catch {
    return false;
  }
}

/** Chunks by type, in their order; the reason if the file is damaged. */
function readChunks(bytes: Uint8Array): Map<string, Uint8Array[]> | string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks = new Map<string, Uint8Array[]>();
  let before = '';
  for (let at = signature.length; at + 12 <= bytes.length; ) {
    const end = at + 8 + view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    // A damaged type may hold any bytes, and must not reach a message.
    const chunk = /^[A-Za-z]{4}$/.test(type) ? `chunk ${type}` : `the chunk at byte ${at}`;
    if (end + 4 > bytes.length) return `${chunk} is cut short`;
    if (crc32(bytes.subarray(at + 4, end)) !== view.getUint32(end)) return `${chunk} has a wrong CRC`;
    const misplaced = misplacedChunk(type, before, chunks);
    if (misplaced !== undefined) return misplaced;
    before = type;
    const data = bytes.subarray(at + 8, end);
    const alike = chunks.get(type);
    if (alike) alike.push(data);
    else chunks.set(type, [data]);
    if (type === 'IEND') return chunks;
    at = end + 4;
  }
  return 'it is cut short';
}

/**
 * Why a chunk may not follow the others (PNG specification, clause 5.6): readers disagree about such files, so that a mask would have other
 * ids elsewhere.
 */
function misplacedChunk(type: string, before: string, chunks: ReadonlyMap<string, unknown>): string | undefined {
  const isCritical = /^[A-Z]/.test(type);
  if (isCritical && !['IHDR', 'PLTE', 'IDAT', 'IEND'].includes(type)) return `it needs chunk ${type}, which is unknown`;
  if ((type === 'IHDR' || type === 'PLTE') && chunks.has(type)) return `it has two chunks ${type}`;
  if (type === 'IDAT' && chunks.has(type) && before !== type) return 'other chunks are between its chunks IDAT';
  return type === 'PLTE' && chunks.has('IDAT') ? 'chunk PLTE follows its pixels' : undefined;
}

/** Number of channels of each colour type. */
export const channelsOf = { grey: 1, palette: 1, 'grey-alpha': 2, rgb: 3, 'rgb-alpha': 4 } as const satisfies Record<
  PngHeader['colour'],
  number
>;

/** Passes of an image as first column, first row, and the steps to the next ones: a single pass, or those of Adam7. */
const singlePass = [[0, 0, 1, 1]] as const;
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** Inflates the rows of all passes; at most as many bytes as the header implies. @throws {Error} if they are damaged. */
function inflatePasses(idat: Uint8Array, { width, height, depth, colour, interlaced }: PngHeader) {
  const passes = (interlaced ? adam7 : singlePass)
    .map(([x, y, across, down]) => ({ x, y, across, down, columns: Math.ceil((width - x) / across), rows: Math.ceil((height - y) / down) }))
    .filter(({ columns, rows }) => columns > 0 && rows > 0)
    .map((pass) => ({ ...pass, stride: strideOf(pass.columns, depth, channelsOf[colour]) }));
  const length = passes.reduce((sum, { stride, rows }) => sum + (stride + 1) * rows, 0);
  // zlib would allocate a second chunk if the first were filled exactly.
  const filtered = inflateSync(idat, { maxOutputLength: length, chunkSize: length + 64 });
  if (filtered.length < length) throw new Error('pixels are missing');
  return { filtered, passes };
}

/** Inflates and unfilters pixels. Pixels with several channels have 8 bits per channel. */
function decodePixels(idat: Uint8Array, header: PngHeader): Mask['ids'] {
  const { width, height, depth, colour, interlaced } = header;
  const channels = channelsOf[colour];
  const { filtered, passes } = inflatePasses(idat, header);
  if (!interlaced) return decodeRows(filtered, width, height, depth, channels);
  const values = new (depth === 16 ? Uint16Array : Uint8Array)(width * height * channels);
  let at = 0;
  for (const { x, y, across, down, columns, rows, stride } of passes) {
    const part = decodeRows(filtered.subarray(at, (at += (stride + 1) * rows)), columns, rows, depth, channels);
    for (let i = 0; i < columns * rows; i++) {
      const to = (y + Math.floor(i / columns) * down) * width + x + (i % columns) * across;
      for (let c = 0; c < channels; c++) values[to * channels + c] = part[i * channels + c] as number;
    }
  }
  return values;
}

/** Number of bytes of a row without its filter byte. */
function strideOf(width: number, depth: number, channels: number): number {
  return Math.ceil((width * depth * channels) / 8);
}

/** Unfilters rows (PNG specification, clause 9) into an array from the buffer pool. */
function decodeRows(rows: Uint8Array, width: number, height: number, depth: number, channels: number): Mask['ids'] {
  const stride = strideOf(width, depth, channels);
  const data = takeBytes(stride * height);
  const pixel = depth === 16 ? 2 : channels;
  const [source, result] = [viewOf(rows), viewOf(data)];
  for (let y = 0; y < height; y++) {
    const to = y * stride;
    const from = to + y + 1;
    const filter = rows[from - 1] as number;
    // Outside the image values count as 0, so the first row needs no addition for filter Up.
    if (filter === 2 && y > 0) addAbove(source, from, result, to, stride);
    else data.set(rows.subarray(from, from + stride), to);
    if (filter > 4) throw new Error(`unknown filter ${filter}`);
    if (filter === 1 || filter > 2) unfilter(filter, data, to, pixel, stride);
  }
  if (depth === 16)
    return Uint16Array.from({ length: width * height }, (_, i) => ((data[2 * i] as number) << 8) | (data[2 * i + 1] as number));
  return depth === 8 ? data : unpackBits(data, width, height, depth);
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Undoes filter Up for one row, four bytes at a time: highest bits are added separately, so that no carry reaches the next byte. */
function addAbove(source: DataView, from: number, result: DataView, to: number, stride: number): void {
  let i = 0;
  for (; i + 4 <= stride; i += 4) {
    const a = source.getInt32(from + i, true);
    const b = result.getInt32(to + i - stride, true);
    result.setInt32(to + i, ((a & 0x7f7f7f7f) + (b & 0x7f7f7f7f)) ^ ((a ^ b) & 0x80808080), true);
  }
  for (; i < stride; i++) result.setUint8(to + i, source.getUint8(from + i) + result.getUint8(to + i - stride));
}

/** Undoes filter Sub, Average or Paeth for one row in place; the row above is unfiltered already. */
// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: one loop per filter, as in the specification; a call per byte is slow.
function unfilter(filter: number, data: Uint8Array, to: number, pixel: number, stride: number): void {
  const above = to - stride;
  const first = above < 0;
  if (filter === 1 || (filter === 4 && first)) {
    for (let i = pixel; i < stride; i++) data[to + i] = (data[to + i] as number) + (data[to + i - pixel] as number);
  } else if (filter === 3) {
    for (let i = 0; i < stride; i++) {
      const left = i < pixel ? 0 : (data[to + i - pixel] as number);
      const up = first ? 0 : (data[above + i] as number);
      data[to + i] = (data[to + i] as number) + ((left + up) >> 1);
    }
  } else {
    for (let i = 0; i < pixel; i++) data[to + i] = (data[to + i] as number) + (data[above + i] as number);
    for (let i = pixel; i < stride; i++) {
      const left = data[to + i - pixel] as number;
      const up = data[above + i] as number;
      const corner = data[above + i - pixel] as number;
      const a = Math.abs(up - corner);
      const b = Math.abs(left - corner);
      const c = Math.abs(left + up - 2 * corner);
      data[to + i] = (data[to + i] as number) + (a <= b && a <= c ? left : b <= c ? up : corner);
    }
  }
}

/** Expands pixels of 1, 2 or 4 bits to bytes; each row starts at a byte. */
function unpackBits(data: Uint8Array, width: number, height: number, depth: number): Uint8Array {
  const ids = new Uint8Array(width * height);
  const perByte = 8 / depth;
  const stride = Math.ceil(width / perByte);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const byte = data[y * stride + Math.floor(x / perByte)] as number;
      ids[y * width + x] = (byte >> (8 - depth - (x % perByte) * depth)) & ((1 << depth) - 1);
    }
  }
  return ids;
}

/** Pixels to encode as a PNG. */
export interface PngPixels {
  readonly width: number;
  readonly height: number;
  readonly depth: 8 | 16;
  readonly channels: 1 | 2 | 3 | 4;
  /** Channel values, row by row; 16-bit values are big-endian. */
  readonly data: Uint8Array;
  readonly filter: 'none' | 'sub' | 'up';
  readonly indexed?: boolean;
  /** Additional chunks between IHDR and IDAT. */
  readonly chunks?: readonly (readonly [type: string, data: Uint8Array])[];
}

/** Largest number of bytes that are compressed without the thread pool, which takes half a millisecond of processor time more. */
const quickBytes = 2 ** 19;

/**
 * Compresses filtered rows and returns their array to the buffer pool. zlib looks for run lengths only: for filtered pixels this is faster
 * and smaller than a full search, whose result depends on the zlib build and the processor.
 *
 * @param chunkSize bytes of an output chunk. Each chunk is a separate call of zlib, so pixels, which hardly shrink, get one chunk.
 * @param quick true for rows that compress quickly, as those of masks do.
 */
export async function compressRows(
  rows: Uint8Array,
  level = 6,
  chunkSize = Math.max(2 ** 16, rows.length),
  quick = false,
): Promise<Uint8Array> {
  const options = { level, strategy: constants.Z_RLE, memLevel: 9, chunkSize };
  try {
    return quick && rows.length <= quickBytes ? deflateSync(rows, options) : await deflateAsync(rows, options);
  } finally {
    giveBack(rows);
  }
}

/** Encodes a PNG with one filter for all rows, into an array from the buffer pool. */
export async function encodePng(png: PngPixels): Promise<Uint8Array> {
  const { width, height, depth, channels } = png;
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = depth;
  header[9] = png.indexed ? 3 : ([0, 4, 2, 6][channels - 1] as number);
  const mask = png.filter === 'up';
  const idat = await compressRows(filterRows(png), png.filter === 'none' ? 0 : 6, mask ? 2 ** 16 : undefined, mask);
  return joinChunks([['IHDR', header], ...(png.chunks ?? []), ['IDAT', idat], ['IEND', new Uint8Array(0)]]);
}

/**
 * Filters rows (PNG specification, clause 9) into an array from the buffer pool: differences to the pixel to the left (Sub) or above (Up),
 * with a filter byte before each row.
 */
function filterRows({ width, height, depth, channels, data, filter }: PngPixels): Uint8Array {
  const pixel = channels * (depth / 8);
  const stride = width * pixel;
  const rows = takeBytes((stride + 1) * height);
  const [source, result] = [viewOf(data), viewOf(rows)];
  const type = { none: 0, sub: 1, up: 2 }[filter];
  for (let y = 0; y < height; y++) {
    const from = y * stride;
    const to = from + y + 1;
    rows[to - 1] = type;
    // Outside the image values count as 0, so these bytes are copied.
    const copied = type === 0 || (type === 2 && y === 0) ? stride : type === 1 ? pixel : 0;
    if (copied > 0) rows.set(data.subarray(from, from + copied), to);
    subtract(source, from, type === 1 ? pixel : stride, result, to, copied, stride);
  }
  return rows;
}

/** Subtracts from the bytes `begin` to `end` of a row those at a distance before them. */
function subtract(source: DataView, from: number, distance: number, result: DataView, to: number, begin: number, end: number): void {
  let i = begin;
  for (; i + 4 <= end; i += 4)
    result.setInt32(to + i, subtractBytes(source.getInt32(from + i, true), source.getInt32(from + i - distance, true)), true);
  for (; i < end; i++) result.setUint8(to + i, source.getUint8(from + i) - source.getUint8(from + i - distance));
}

/** Subtracts four bytes at a time: highest bits are handled separately, so that no borrow reaches the next byte. */
function subtractBytes(a: number, b: number): number {
  return ((a | 0x80808080) - (b & 0x7f7f7f7f)) ^ ((a ^ ~b) & 0x80808080);
}

/** The iCCP chunk of an ICC profile; readers ignore the name in it. */
export async function iccChunk(icc: Uint8Array): Promise<readonly [string, Uint8Array]> {
  return ['iCCP', Buffer.concat([Buffer.from('icc\0\0', 'latin1'), await deflateAsync(icc)])];
}

/** Joins the signature and chunks with their lengths and CRCs, in an array from the buffer pool. */
function joinChunks(chunks: readonly (readonly [type: string, data: Uint8Array])[]): Uint8Array {
  const bytes = takeBytes(chunks.reduce((sum, [, data]) => sum + 12 + data.length, signature.length));
  const view = new DataView(bytes.buffer);
  bytes.set(signature);
  let at = signature.length;
  for (const [type, data] of chunks) {
    const end = at + 8 + data.length;
    view.setUint32(at, data.length);
    for (let i = 0; i < 4; i++) bytes[at + 4 + i] = type.charCodeAt(i);
    bytes.set(data, at + 8);
    view.setUint32(end, crc32(bytes.subarray(at + 4, end)));
    at = end + 4;
  }
  return bytes;
}
