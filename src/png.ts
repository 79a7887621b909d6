import { promisify } from 'node:util';
import { constants, deflate } from 'node:zlib';
import { decode } from 'fast-png';
import { CopyPasteError } from './errors.ts';
import type { Mask } from './types.ts';

const deflateAsync = promisify(deflate);
const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** What a PNG's first 33 bytes say. */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colour: 'grey' | 'rgb' | 'palette' | 'grey-alpha' | 'rgb-alpha';
}

const colourTypes: Record<number, PngHeader['colour']> = { 0: 'grey', 2: 'rgb', 3: 'palette', 4: 'grey-alpha', 6: 'rgb-alpha' };

/** Reads signature and IHDR; `undefined` where the bytes are not a PNG. */
export function pngHeader(bytes: Uint8Array): PngHeader | undefined {
  if (bytes.length < 33 || signature.some((byte, i) => bytes[i] !== byte)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const colour = colourTypes[view.getUint8(25)];
  if (colour === undefined) return undefined;
  return { width: view.getUint32(16), height: view.getUint32(20), depth: view.getUint8(24), colour };
}

/**
 * Decodes a grey or palette PNG into ids: the stored values, never scaled, never looked up.
 * Every chunk's CRC is checked, since a flipped bit would otherwise give wrong ids unnoticed.
 *
 * @throws {CopyPasteError} `data` where the file is damaged or holds colours.
 */
export function decodeMask(bytes: Uint8Array, file: string): Mask {
  let png: ReturnType<typeof decode>;
  try {
    png = decode(bytes, { checkCrc: true });
  } catch (cause) {
    throw new CopyPasteError('data', `${file}: damaged PNG: ${(cause as Error).message}`, { cause });
  }
  const { width, height, depth, channels, palette } = png;
  if (channels !== 1) throw new CopyPasteError('data', `${file}: mask stores colours, not ids`);
  if (png.data.length < Math.ceil((width * depth) / 8) * height * (depth === 16 ? 0.5 : 1)) {
    throw new CopyPasteError('data', `${file}: damaged PNG: pixels are missing`);
  }
  const ids = depth < 8 ? unpackBits(png.data as Uint8Array, width, height, depth) : (png.data as Uint8Array | Uint16Array);
  if (!palette) return { width, height, ids };
  const alpha = palette.map((entry) => entry[3] ?? 255);
  while (alpha.at(-1) === 255) alpha.pop();
  return {
    width,
    height,
    ids,
    palette: Uint8Array.from(palette.flatMap((entry) => entry.slice(0, 3))),
    ...(alpha.length > 0 && { alpha: Uint8Array.from(alpha) }),
  };
}

/** One byte a pixel from 1, 2 or 4 bits a pixel; rows begin on a byte. */
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

/** Encodes ids as 8- or 16-bit grey, or as 8-bit indices under the mask's own palette. */
export function encodeMask(mask: Mask): Promise<Uint8Array> {
  const { width, height, ids, palette, alpha } = mask;
  if (ids instanceof Uint16Array) {
    const bytes = new Uint8Array(ids.length * 2);
    for (let i = 0; i < ids.length; i++) {
      bytes[2 * i] = (ids[i] as number) >> 8;
      bytes[2 * i + 1] = (ids[i] as number) & 255;
    }
    return encodePng({ width, height, depth: 16, channels: 1, data: bytes, filter: 'up' });
  }
  const chunks: [string, Uint8Array][] = [];
  if (palette) {
    // A reader may refuse an index past the palette's end, so an id that was pasted in extends it.
    const entries = Math.max(palette.length / 3, ids.reduce((largest, id) => Math.max(largest, id), 0) + 1);
    const plte = new Uint8Array(entries * 3);
    plte.set(palette);
    chunks.push(['PLTE', plte]);
    if (alpha) chunks.push(['tRNS', alpha]);
  }
  return encodePng({ width, height, depth: 8, channels: 1, data: ids, filter: 'up', chunks, indexed: palette !== undefined });
}

export interface PngPixels {
  readonly width: number;
  readonly height: number;
  readonly depth: 8 | 16;
  readonly channels: 1 | 2 | 3 | 4;
  /** Samples, row by row; 16-bit ones big-endian. */
  readonly data: Uint8Array;
  readonly filter: 'none' | 'sub' | 'up';
  readonly indexed?: boolean;
  /** Chunks between IHDR and IDAT. */
  readonly chunks?: readonly (readonly [type: string, data: Uint8Array])[];
}

/**
 * Writes a PNG: one filter for all rows, then zlib with run-length matches only, which on filtered
 * pixels is faster than a search for matches and smaller too, and leaves no choice to the zlib build
 * (its search differs between processors, runs do not).
 */
export async function encodePng(png: PngPixels): Promise<Uint8Array> {
  const { width, height, depth, channels } = png;
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = depth;
  header[9] = png.indexed ? 3 : ([0, 4, 2, 6][channels - 1] as number);
  const level = png.filter === 'none' ? 0 : 6;
  const idat = await deflateAsync(filterRows(png), { level, strategy: constants.Z_RLE });
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    ...(png.chunks ?? []).map(([type, data]) => chunk(type, data)),
    chunk('IDAT', idat),
    chunk('IEND', new Uint8Array(0)),
  ]);
}

function filterRows({ width, height, depth, channels, data, filter }: PngPixels): Uint8Array {
  const pixel = channels * (depth / 8);
  const stride = width * pixel;
  const rows = new Uint8Array((stride + 1) * height);
  const distance = filter === 'sub' ? pixel : stride;
  for (let y = 0; y < height; y++) {
    const from = y * stride;
    const to = y * (stride + 1) + 1;
    // The first row has none above it, the first pixel none before it: they are stored as they are.
    const plain = filter === 'sub' ? pixel : filter === 'up' && y > 0 ? 0 : stride;
    rows[to - 1] = plain === stride ? 0 : filter === 'sub' ? 1 : 2;
    for (let i = 0; i < plain; i++) rows[to + i] = data[from + i] as number;
    for (let i = plain; i < stride; i++) rows[to + i] = (data[from + i] as number) - (data[from + i - distance] as number);
  }
  return rows;
}

/** An iCCP chunk's content; its name says nothing that a reader uses. */
export async function iccChunk(icc: Uint8Array): Promise<readonly [string, Uint8Array]> {
  return ['iCCP', Buffer.concat([Buffer.from('icc\0\0', 'latin1'), await deflateAsync(icc)])];
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

/** CRC-32 of PNG's specification, annex D. (`zlib.crc32` is missing from the oldest Node that is supported.) */
function crc32(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) c = (crcTable[(c ^ (bytes[i] as number)) & 255] as number) ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}
