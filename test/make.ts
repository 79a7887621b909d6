import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import { sha256 } from '../src/base/digest.ts';
import { withChannels } from '../src/codecs/pixels.ts';
import { encodePng } from '../src/codecs/png.ts';
import { encodeMask } from '../src/codecs/png-masks.ts';
import { findInstances } from '../src/masks/instances.ts';
import { areaOfSpans, spansOfPixels } from '../src/masks/spans.ts';
import type { Bands, Box, CountedAnnotation, Image, Instance, Mask, Raster } from '../src/types.ts';

/** A new empty folder, removed after the file's tests. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'copypaste-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A mask from rows of digits; `.` is 0. */
export function maskOf(...rows: string[]): Mask {
  const ids = Uint8Array.from(rows.join(''), (c) => (c === '.' ? 0 : Number.parseInt(c, 36)));
  return { width: (rows[0] as string).length, height: rows.length, ids };
}

/** A mask as rows of digits. */
export function rowsOf({ width, height, ids }: { width: number; height: number; ids: ArrayLike<number> }): string[] {
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => {
      const id = ids[y * width + x] as number;
      return id === 0 ? '.' : id.toString(36);
    }).join(''),
  );
}

/** A mask filled with one id. */
export function filled(width: number, height: number, id: number): Mask {
  return { width, height, ids: new Uint8Array(width * height).fill(id) };
}

/** Writes an id into a box of a mask. */
export function drawBox(mask: Mask, [x0, y0, x1, y1]: Box, id: number): Mask {
  for (let y = y0; y < y1; y++) mask.ids.fill(id, y * mask.width + x0, y * mask.width + x1);
  return mask;
}

/** An RGBA8 word. */
export function rgba(r: number, g: number, b: number, a = 255): number {
  return r | (g << 8) | (b << 16) | (a << 24);
}

/** The bands of RGBA8 words. */
function bandsOfWords(words: Int32Array, bands: Bands): Uint8Array {
  return Uint8Array.from({ length: bands * words.length }, (_, i) => (words[Math.floor(i / bands)] as number) >> (8 * (i % bands)));
}

/** RGBA8 words of an image. */
export function wordsOf({ pixels, bands }: Raster): Int32Array {
  const of = (i: number, c: number): number => pixels[bands * i + c] as number;
  return Int32Array.from({ length: pixels.length / bands }, (_, i) => rgba(of(i, 0), of(i, 1), of(i, 2), bands === 4 ? of(i, 3) : 255));
}

/** An image from a function of its pixels, RGBA8 words. */
export function imageOf(width: number, height: number, word: (x: number, y: number) => number, channels: Image['channels'] = 3): Image {
  const words = Int32Array.from({ length: width * height }, (_, i) => word(i % width, Math.floor(i / width)));
  const bands = channels % 2 === 0 ? 4 : 3;
  return { width, height, pixels: bandsOfWords(words, bands), bands, depth: 8, channels };
}

/** The instance that a predicate draws in a box. */
export function instanceOf(classId: number, box: Box, holds: (x: number, y: number) => boolean = () => true): Instance {
  const spans = spansOfPixels(box, holds);
  return { classId, box, area: areaOfSpans(spans), truncated: false, spans, start: 0, end: spans.length };
}

/** An image with 16 bits per channel, from a function of its channel values. */
export function deepImageOf(
  width: number,
  height: number,
  channels: Image['channels'],
  sample: (x: number, y: number, channel: number) => number,
): Image {
  const bands = channels % 2 === 0 ? 4 : 3;
  const pixels = Uint16Array.from({ length: bands * width * height }, (_, i) => {
    const at = Math.floor(i / bands);
    const c = i % bands;
    return sample(at % width, Math.floor(at / width), channels < 3 && c < 3 ? 0 : c);
  });
  return { width, height, pixels, bands, depth: 16, channels };
}

/** A TIFF with any fields, valid or not; all their values are stored as 32-bit numbers. */
export function tiffOf(fields: Record<number, readonly number[]>, strip: Uint8Array, pages = 1): Buffer {
  const entries = Object.entries(fields).map(([tag, values]) => [Number(tag), values] as const);
  const directory = 8 + 2 * Math.ceil(strip.length / 2);
  const size = 2 + 12 * entries.length + 4;
  const longest = entries.reduce((sum, [, values]) => sum + (values.length > 1 ? 4 * values.length : 0), 0);
  const file = Buffer.alloc(directory + pages * (size + longest));
  file.write('II*\0', 'latin1');
  file.writeUInt32LE(directory, 4);
  file.set(strip, 8);
  for (let page = 0; page < pages; page++) {
    const start = directory + page * (size + longest);
    let end = start + size;
    file.writeUInt16LE(entries.length, start);
    entries.forEach(([tag, values], n) => {
      const at = start + 2 + 12 * n;
      file.writeUInt16LE(tag, at);
      // Type 4: 32-bit numbers.
      file.writeUInt16LE(4, at + 2);
      file.writeUInt32LE(values.length, at + 4);
      if (values.length > 1) file.writeUInt32LE(end, at + 8);
      values.forEach((value, i) => {
        file.writeUInt32LE(tag === 273 ? 8 : value, values.length > 1 ? end + 4 * i : at + 8);
      });
      if (values.length > 1) end += 4 * values.length;
    });
    file.writeUInt32LE(page + 1 < pages ? start + size + longest : 0, start + size - 4);
  }
  return file;
}

/** The fields of an uncompressed TIFF. */
export function tiffFields(width: number, height: number, bits: readonly number[], photometric: number): Record<number, readonly number[]> {
  const bytes = Math.min(2 ** 32 - 1, Math.ceil((width * height * bits.reduce((sum, n) => sum + n, 0)) / 8));
  return {
    256: [width],
    257: [height],
    258: bits,
    259: [1],
    262: [photometric],
    273: [0],
    277: [bits.length],
    278: [height],
    279: [bytes],
  };
}

/** A PNG of an image, RGB. */
export async function pngOf(image: Image): Promise<Uint8Array> {
  const { width, height, depth } = image;
  const values = withChannels(image, 3);
  if (values instanceof Uint8Array) return encodePng({ width, height, depth, channels: 3, data: values, filter: 'sub' });
  const data = Buffer.from(values.slice().buffer).swap16();
  return encodePng({ width, height, depth, channels: 3, data, filter: 'up' });
}

/** Writes files below a folder; masks and images are encoded as PNG. */
export async function writeTree(root: string, files: Record<string, Mask | Image | string | Uint8Array>): Promise<string> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    const bytes =
      typeof content === 'string' || content instanceof Uint8Array
        ? content
        : 'ids' in content
          ? await encodeMask(content)
          : await pngOf(content);
    await writeFile(join(root, path), bytes);
  }
  return root;
}

/** SHA-256 of every file below a folder, by path. */
export async function treeDigests(root: string): Promise<Record<string, string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const digests = await Promise.all(files.map(async (file) => [file.slice(root.length + 1), sha256(await readFile(file))] as const));
  return Object.fromEntries(digests.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Streams that keep what is written to them. */
export function captureStreams() {
  const text = { stdout: '', stderr: '' };
  return {
    text,
    stdout: { write: (part: string) => (text.stdout += part) },
    stderr: { write: (part: string) => (text.stderr += part) },
  };
}

/** An annotation with the pixels of its ids. */
export function annotationOf(mask: Mask, objects?: Mask): CountedAnnotation {
  const { pixels, objectPixels } = findInstances(mask, objects, 'component', new Set());
  return { mask, pixels, ...(objects && objectPixels && { objects, objectPixels }) };
}
