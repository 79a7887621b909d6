/** Reads how a JPEG was encoded from its markers (ITU-T T.81, annex B), so that the pasted image can be encoded alike. */
import type { JpegCoding } from '../types.ts';

/** Example tables of T.81, annex K.1, in zigzag order as in a file: luma, chroma. */
const luma = [
  ...[16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51],
  ...[56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92],
  ...[101, 103, 99],
];
const chroma = [17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66, ...new Array<number>(50).fill(99)];

/** MozJPEG's default table, by N. Robidoux, for all components; in zigzag order, before the limit of 255. */
const robidoux = [
  ...[16, 16, 16, 16, 17, 16, 18, 20, 20, 18, 25, 27, 24, 27, 25, 37, 34, 31, 31, 34, 37, 56, 40, 43, 40, 43, 40, 56, 85, 53, 62, 53],
  ...[53, 62, 53, 85, 75, 91, 74, 69, 74, 91, 75, 135, 106, 94, 94, 106, 135, 156, 131, 124, 131, 156, 189, 169, 169, 189, 238, 226],
  ...[238, 311, 311, 418],
];

/** Base tables of each component: Y, Cb, Cr and the K of CMYK. */
const standard = [luma, chroma, chroma, luma];
const mozjpeg = [robidoux, robidoux, robidoux, robidoux];

/** Largest number of symbols of a Huffman table for DC and AC; the tables of annex K.3 have all of them. */
const allSymbols = [12, 162];

/** Component of a frame: sampling factors and index of the quantisation table. */
interface Component {
  readonly h: number;
  readonly v: number;
  readonly table: number;
}

/** What the markers before the first scan say. */
interface Markers {
  /** Quantisation tables by index, in zigzag order. */
  readonly tables: Map<number, readonly number[]>;
  components: readonly Component[];
  progressive: boolean;
  optimised: boolean;
}

/**
 * Reads the coding of a JPEG: the coarsest quality and sampling that the encoder writes and that are nowhere coarser than the file's own.
 *
 * @returns `undefined` if the bytes are no JPEG, or their tables are not there before the first scan.
 */
export function jpegCoding(bytes: Uint8Array): JpegCoding | undefined {
  const markers = markersOf(bytes);
  if (!markers || markers.components.length === 0) return undefined;
  const { components, tables, progressive, optimised } = markers;
  const used = components.map(({ table }) => tables.get(table));
  const own = used.filter((table) => table !== undefined).slice(0, standard.length);
  if (own.length < Math.min(used.length, standard.length)) return undefined;
  const quality = qualityOf(own, standard);
  const mozQuality = qualityOf(own, mozjpeg);
  const isStandard = areOf(own, standard, quality);
  const isMoz = !isStandard && areOf(own, mozjpeg, mozQuality);
  return {
    quality: isMoz ? mozQuality : quality,
    ...(components.length > 1 && { sampling: samplingOf(components) }),
    progressive,
    // A finer quality makes the file larger, and optimised tables make up for about half of that.
    optimised: optimised || !(isStandard || isMoz),
    ...(isMoz && { mozjpeg: true }),
  };
}

type Tables = readonly (readonly number[])[];

/** True if the components' own tables are base tables at a quality. */
function areOf(own: Tables, bases: Tables, quality: number): boolean {
  return own.every((table, n) => bases[n]?.every((value, i) => stepOf(value, quality) === table[i]));
}

/** Lowest quality of base tables whose steps are nowhere larger than those of the components' own tables. */
function qualityOf(own: Tables, bases: Tables): number {
  const fits = (quality: number): boolean =>
    own.every((table, n) => bases[n]?.every((value, i) => stepOf(value, quality) <= (table[i] as number)));
  let quality = 1;
  while (quality < 100 && !fits(quality)) quality++;
  return quality;
}

/** Quantisation step of a quality, from that of the base table: libjpeg's `jpeg_set_quality`, limited to 8 bits. */
function stepOf(base: number, quality: number): number {
  const percent = quality < 50 ? Math.floor(5000 / quality) : 200 - 2 * quality;
  return Math.min(255, Math.max(1, Math.floor((base * percent + 50) / 100)));
}

/** 4:2:0 if both chroma components have at most half the rows and half the columns. */
function samplingOf(components: readonly Component[]): '4:4:4' | '4:2:0' {
  const rows = Math.max(...components.map(({ v }) => v));
  const columns = Math.max(...components.map(({ h }) => h));
  return components.slice(1, 3).every(({ h, v }) => 2 * h <= columns && 2 * v <= rows) ? '4:2:0' : '4:4:4';
}

/** Reads the markers before the first scan; `undefined` if they are damaged. */
function markersOf(bytes: Uint8Array): Markers | undefined {
  const markers: Markers = { tables: new Map(), components: [], progressive: false, optimised: false };
  for (const [marker, segment] of segmentsOf(bytes)) {
    if (marker === startOfScan) return markers;
    readSegment(marker, segment, markers);
  }
  return undefined;
}

/** Marker of a scan. */
export const startOfScan = 0xda;

/** Segments of a JPEG up to the first scan, as far as they are whole. */
export function* segmentsOf(bytes: Uint8Array): Generator<[marker: number, segment: Uint8Array]> {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return;
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1] as number;
    // Fill bytes, and TEM, which has no length.
    if (marker === 0xff || marker === 0x01) {
      at += marker === 0xff ? 1 : 2;
      continue;
    }
    const end = at + 2 + (((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number));
    if (marker !== startOfScan && (end < at + 4 || end > bytes.length)) return;
    yield [marker, bytes.subarray(at + 4, end)];
    if (marker === startOfScan) return;
    at = end;
  }
}

/** True for the marker of a frame: the other values from C0 to CF are DHT, JPG and DAC. */
export function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
}

/** Frames that libjpeg-turbo does not read (T.81, table B.1; T.87 for JPEG-LS). */
const unreadFrames: ReadonlyMap<number, string> = new Map([
  ...[0xc5, 0xc6, 0xc7, 0xcd, 0xce, 0xcf].map((marker) => [marker, 'hierarchical JPEG'] as const),
  [0xcb, 'lossless JPEG with arithmetic coding'],
  [0xf7, 'JPEG-LS'],
]);

/**
 * Kind of a JPEG that libjpeg-turbo does not read, such as one of 12 bits per channel; `undefined` for other files.
 *
 * @param bytes the file, or its start up to the frame's header.
 */
export function unreadJpeg(bytes: Uint8Array): string | undefined {
  for (const [marker, [precision = 8]] of segmentsOf(bytes)) {
    if (!isFrame(marker) && marker !== 0xf7) continue;
    return unreadFrames.get(marker) ?? (precision === 8 ? undefined : `JPEG with ${precision} bits per channel`);
  }
  return undefined;
}

function readSegment(marker: number, segment: Uint8Array, markers: Markers): void {
  if (marker === 0xdb) readTables(segment, markers);
  else if (marker === 0xc4) markers.optimised ||= isOptimised(segment);
  else if (isFrame(marker)) {
    const count = segment[5] ?? 0;
    markers.components = Array.from({ length: count }, (_, i) => {
      const [factors = 0, table = 0] = segment.subarray(7 + 3 * i, 9 + 3 * i);
      return { h: factors >> 4, v: factors & 15, table };
    });
    markers.progressive = (marker & 3) === 2;
    // Arithmetic coding is nearer in size to optimised Huffman tables than to the standard ones.
    markers.optimised ||= marker > 0xc8;
  }
}

/** Reads the quantisation tables of a DQT segment, of 8 or 16 bits. */
function readTables(segment: Uint8Array, { tables }: Markers): void {
  for (let at = 0; at < segment.length; ) {
    const head = segment[at] as number;
    const wide = head >> 4 === 1;
    const values = segment.subarray(at + 1, at + 1 + (wide ? 128 : 64));
    if (values.length < (wide ? 128 : 64)) return;
    tables.set(
      head & 15,
      Array.from({ length: 64 }, (_, i) =>
        wide ? ((values[2 * i] as number) << 8) | (values[2 * i + 1] as number) : (values[i] as number),
      ),
    );
    at += 1 + values.length;
  }
}

/** True if a Huffman table of a DHT segment lacks symbols, since the encoder made it for this image. */
function isOptimised(segment: Uint8Array): boolean {
  for (let at = 0; at + 17 <= segment.length; ) {
    const symbols = segment.subarray(at + 1, at + 17).reduce((sum, count) => sum + count, 0);
    if (symbols < (allSymbols[(segment[at] as number) >> 4] ?? 0)) return true;
    at += 17 + symbols;
  }
  return false;
}
