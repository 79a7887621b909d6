/**
 * Headers of usual PNG and JPEG files: 8 bits per channel, grey or RGB, without profile, EXIF data or transparency by colour. sharp takes ten
 * times as long for each, and reads all others, so whatever is unusual or damaged here is left to it.
 */
import { crc32 } from 'node:zlib';
import type { Size } from '../types.ts';
import { isFrame, segmentsOf, startOfScan } from './jpeg.ts';
import { pngHeader } from './png.ts';

/** Size and channels of an image with 8 bits per channel. */
export interface PlainHeader extends Size {
  readonly channels: 1 | 2 | 3 | 4;
}

/** Bytes of a PNG in which the pixels of a usual file have begun. */
export const pngStart = 2048;

/** Reads the header of a usual image from the start of its file; `undefined` if sharp must read it. */
export function plainHeader(start: Uint8Array): PlainHeader | undefined {
  return plainPng(start) ?? plainJpeg(start);
}

/** Chunks between IHDR and the pixels that change neither size nor channels, and hold no profile or orientation. */
const plainChunks: ReadonlySet<string> = new Set(['gAMA', 'cHRM', 'sRGB', 'pHYs', 'tIME', 'bKGD', 'sBIT']);

const pngChannels: Readonly<Record<string, PlainHeader['channels']>> = { grey: 1, 'grey-alpha': 2, rgb: 3, 'rgb-alpha': 4 };

function plainPng(start: Uint8Array): PlainHeader | undefined {
  const header = pngHeader(start);
  const channels = pngChannels[header?.colour ?? ''];
  if (header?.depth !== 8 || channels === undefined) return undefined;
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  for (let at = 8; at + 12 <= start.length; ) {
    const end = at + 8 + view.getUint32(at);
    const type = String.fromCharCode(...start.subarray(at + 4, at + 8));
    if (type === 'IDAT') return { width: header.width, height: header.height, channels };
    const isPlain = plainChunks.has(type) || at === 8;
    if (!isPlain || end + 4 > start.length || crc32(start.subarray(at + 4, end)) !== view.getUint32(end)) return undefined;
    at = end + 4;
  }
  return undefined;
}

/** Largest side of an image that libjpeg reads. */
const longestSide = 65_500;

/** A frame with the ids of its components. */
interface Frame extends PlainHeader {
  readonly ids: readonly number[];
}

function plainJpeg(start: Uint8Array): PlainHeader | undefined {
  let found: Frame | undefined;
  let at = 2;
  for (const [marker, segment] of segmentsOf(start)) {
    // Fill bytes lie between segments.
    if (start[at + 1] !== marker) return undefined;
    at += 4 + segment.length;
    if (marker === startOfScan) return found && isPlainScan(segment, found) ? sizeOf(found) : undefined;
    if (isFrame(marker)) {
      if (found) return undefined;
      found = plainFrame(marker, segment);
      if (!found) return undefined;
    } else if (!isPlainSegment(marker, segment)) return undefined;
  }
  return undefined;
}

/** True for whole tables, restart intervals, JFIF's APP0 and comments. */
function isPlainSegment(marker: number, segment: Uint8Array): boolean {
  if (marker === 0xc4) return isWhole(segment, huffmanLength);
  if (marker === 0xdb) return isWhole(segment, quantisationLength);
  return marker === 0xdd ? segment.length === 2 : marker === 0xe0 || marker === 0xfe;
}

function sizeOf({ width, height, channels }: PlainHeader): PlainHeader {
  return { width, height, channels };
}

/** Reads a baseline or progressive frame (T.81, B.2.2) of one or three components. */
function plainFrame(marker: number, segment: Uint8Array): Frame | undefined {
  const [precision, high = 0, low = 0, wide = 0, narrow = 0, components] = segment;
  const [height, width] = [(high << 8) | low, (wide << 8) | narrow];
  if (![0xc0, 0xc1, 0xc2].includes(marker) || precision !== 8 || (components !== 1 && components !== 3)) return undefined;
  if (segment.length !== 6 + 3 * components || width === 0 || height === 0 || Math.max(width, height) > longestSide) return undefined;
  const ids: number[] = [];
  for (let i = 6; i < segment.length; i += 3) {
    const [id = 0, factors = 0, table = 0] = segment.subarray(i, i + 3);
    const [across, down] = [factors >> 4, factors & 15];
    if (across < 1 || across > 4 || down < 1 || down > 4 || table > 3 || ids.includes(id)) return undefined;
    ids.push(id);
  }
  return { width, height, channels: components, ids };
}

/** True if the header of the first scan (T.81, B.2.3) is whole, and names each of some components of the frame once. */
function isPlainScan(segment: Uint8Array, { ids }: Frame): boolean {
  const count = segment[0] ?? 0;
  if (count < 1 || count > ids.length || segment.length !== 4 + 2 * count) return false;
  const named = Array.from({ length: count }, (_, i) => segment[1 + 2 * i] as number);
  return new Set(named).size === count && named.every((id) => ids.includes(id));
}

/** True if a segment is made of whole tables. @param lengthAt length of the table that begins at a byte; 0 if it is damaged. */
function isWhole(segment: Uint8Array, lengthAt: (segment: Uint8Array, at: number) => number): boolean {
  let at = 0;
  while (at < segment.length) {
    const length = lengthAt(segment, at);
    if (length === 0) return false;
    at += length;
  }
  return at === segment.length;
}

function quantisationLength(segment: Uint8Array, at: number): number {
  const head = segment[at] as number;
  return (head & 15) > 3 || head >> 4 > 1 ? 0 : head >> 4 === 1 ? 129 : 65;
}

function huffmanLength(segment: Uint8Array, at: number): number {
  const head = segment[at] as number;
  if ((head & 15) > 3 || head >> 4 > 1 || at + 17 > segment.length) return 0;
  const symbols = segment.subarray(at + 1, at + 17).reduce((sum, count) => sum + count, 0);
  return symbols > 256 ? 0 : 17 + symbols;
}
