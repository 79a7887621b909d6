import { takeBytes } from '../base/buffers.ts';
import type { Depth } from '../types.ts';
import { compressRows } from './png.ts';

/** Pixels to encode as a TIFF. */
export interface TiffPixels {
  readonly width: number;
  readonly height: number;
  readonly depth: Depth;
  readonly channels: 1 | 2 | 3 | 4;
  /** Channel values, row by row. */
  readonly data: Uint8Array | Uint16Array;
  readonly icc?: Uint8Array;
  /** True if the last of an even number of channels is not alpha. */
  readonly extraBand?: boolean | undefined;
}

/** Tags of the fields that are read (TIFF 6.0, sections 8 and 18). */
const tiffFields = { photometric: 262, extraSamples: 338 } as const;

/** True if bytes begin like a TIFF or BigTIFF of either byte order. */
export function isTiff(bytes: Uint8Array): boolean {
  const [a, b, c, d] = bytes;
  return a === b && ((a === 0x49 && d === 0 && (c === 42 || c === 43)) || (a === 0x4d && c === 0 && (d === 42 || d === 43)));
}

/** First value of a field in the first page of a TIFF; `undefined` if there is no such field. */
export function tiffField(bytes: Uint8Array, field: keyof typeof tiffFields): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = bytes[0] === 0x49;
  try {
    if (!isTiff(bytes)) return undefined;
    // Version 43 is BigTIFF: its offsets and counts have 64 bits.
    const big = view.getUint16(2, little) === 43;
    const long = (at: number): number => Number(view.getBigUint64(at, little));
    const directory = big ? long(8) : view.getUint32(4, little);
    const count = big ? long(directory) : view.getUint16(directory, little);
    for (let n = 0, at = directory + (big ? 8 : 2); n < count; n++, at += big ? 20 : 12) {
      if (view.getUint16(at, little) !== tiffFields[field]) continue;
      const short = view.getUint16(at + 2, little) === 3;
      // Values of up to four bytes (eight in BigTIFF) are stored in place of an offset.
      const inline = short && (big ? long(at + 4) : view.getUint32(at + 4, little)) <= (big ? 4 : 2);
      const value = at + (big ? 12 : 8);
      return inline ? view.getUint16(value, little) : view.getUint32(value, little);
    }
  } catch {
    // An offset points beyond the end of the file.
  }
  return undefined;
}

/** Code and size in bytes of each type of value (TIFF 6.0, section 2). */
const types = { short: [3, 2], long: [4, 4], bytes: [7, 1] } as const;

type Field = [tag: number, type: keyof typeof types, values: ArrayLike<number>];

/**
 * Encodes a TIFF with one strip: horizontal differences (predictor 2), compressed like our PNGs. Every reader supports this, and the bytes
 * do not depend on the zlib build.
 */
export async function encodeTiff({ width, height, depth, channels, data, icc, extraBand }: TiffPixels): Promise<Uint8Array> {
  const strip = await compressRows(differences(data, width * channels, channels));
  const start = 8;
  const fields: Field[] = [
    [256, 'long', [width]],
    [257, 'long', [height]],
    [258, 'short', new Array<number>(channels).fill(depth)],
    // Deflate, by Adobe's number.
    [259, 'short', [8]],
    // BlackIsZero, or RGB.
    [tiffFields.photometric, 'short', [channels < 3 ? 1 : 2]],
    [273, 'long', [start]],
    [277, 'short', [channels]],
    [278, 'long', [height]],
    [279, 'long', [strip.length]],
    [284, 'short', [1]],
    [317, 'short', [2]],
  ];
  // 2 is straight alpha, 0 is unspecified data.
  if (channels % 2 === 0) fields.push([tiffFields.extraSamples, 'short', [extraBand ? 0 : 2]]);
  if (icc) fields.push([34675, 'bytes', icc]);
  const directory = even(start + strip.length);
  let end = directory + 2 + 12 * fields.length + 4;
  const long = fields.filter(([, type, values]) => types[type][1] * values.length > 4);
  const file = new Uint8Array(long.reduce((sum, [, type, values]) => sum + even(types[type][1] * values.length), end));
  const view = new DataView(file.buffer);
  file.set(Buffer.from('II*\0', 'latin1'));
  view.setUint32(4, directory, true);
  file.set(strip, start);
  view.setUint16(directory, fields.length, true);
  fields.forEach(([tag, type, values], n) => {
    const [code, bytes] = types[type];
    const at = directory + 2 + 12 * n;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, code, true);
    view.setUint32(at + 4, values.length, true);
    let to = at + 8;
    // Values longer than four bytes follow the directory.
    if (bytes * values.length > 4) {
      view.setUint32(to, end, true);
      to = end;
      end += even(bytes * values.length);
    }
    for (let i = 0; i < values.length; i++, to += bytes) {
      const value = values[i] as number;
      if (bytes === 4) view.setUint32(to, value, true);
      else if (bytes === 2) view.setUint16(to, value, true);
      else file[to] = value;
    }
  });
  return file;
}

/** Rounds up to an even number: TIFF offsets are even. */
function even(bytes: number): number {
  return bytes + (bytes % 2);
}

/** Differences between channel values and those of the pixel to the left, modulo 2^depth, in an array from the buffer pool. */
function differences(data: Uint8Array | Uint16Array, stride: number, channels: number): Uint8Array {
  const bytes = takeBytes(data.byteLength);
  const rows = data instanceof Uint16Array ? new Uint16Array(bytes.buffer, bytes.byteOffset, data.length) : bytes;
  for (let row = 0; row < data.length; row += stride) {
    for (let i = row; i < row + channels; i++) rows[i] = data[i] as number;
    for (let i = row + channels; i < row + stride; i++) rows[i] = (data[i] as number) - (data[i - channels] as number);
  }
  return bytes;
}
