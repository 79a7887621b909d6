/** Documents: files with the annotations of many samples. Memory holds the annotations of one sample at a time. */
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { isBelow } from '../base/paths.ts';
import { decodeText } from '../base/text.ts';
import { cannotRead, type Tree } from '../base/tree.ts';
import { CopyPasteError } from '../errors.ts';
import { noCategory } from '../masks/ids.ts';
import type { Entry, Size } from '../types.ts';
import type { Folders } from './folders.ts';
import type { DocumentContents, DocumentFormat, DocumentImage } from './format.ts';
import type { Place } from './json.ts';

/** A sample that a document lists; its files may be missing. */
export interface DocumentSample {
  readonly split: string;
  readonly image: string;
  readonly name: string;
  readonly mask?: string;
  readonly size: Size;
  readonly entry: Entry;
}

/**
 * Scans a document and finds the folders of its images.
 *
 * @param found folders from the layout; several if the document names splits itself and they are known.
 * @throws {CopyPasteError} `data` when the document is not in the format.
 */
export async function openDocument(
  root: string,
  found: readonly [Folders, ...Folders[]],
  tree: Tree,
  format: DocumentFormat,
  encoding: string,
): Promise<DocumentContents & { folders: Folders[]; samples: DocumentSample[] }> {
  const [first] = found;
  const path = first.masks;
  const refuse = (what: string, cause?: unknown): CopyPasteError => new CopyPasteError('data', what, { path, cause });
  if (!tree.has(path)) throw refuse('is missing; restore the file, or pass the folder that contains it');
  const contents = await format.open(root, first, encoding, refuse);
  const { images, classNames } = contents;
  if (classNames.size >= noCategory) throw refuse(`the document has ${classNames.size} classes; the limit is ${noCategory - 1}`);
  const names = [...new Set(images.map(({ split = first.split }) => split))];
  const folders = names.map((split): Folders => {
    const known = found.find((one) => one.split === split) ?? { ...first, split };
    const able = imageFolders(known);
    // All images of a split are where its first existing image is.
    for (const { name, split: own = first.split } of images) {
      const folder = own === split ? able.find((one) => tree.has(inside(one, name))) : undefined;
      if (folder !== undefined) return { ...known, images: folder };
    }
    return known;
  });
  const samples = images.map(({ title, name, mask, split = first.split, width, height, places }): DocumentSample => {
    if (!isBelow(name)) throw refuse(`${title}: file name '${name}' points outside the folder of images; use a path inside it`);
    const folder = (folders.find((one) => one.split === split) as Folders).images;
    return {
      split,
      image: inside(folder, name),
      name,
      ...(mask !== undefined && { mask }),
      size: { width, height },
      entry: { document: path, places },
    };
  });
  return { ...contents, folders, samples };
}

function inside(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}

/** Candidate folders for the images of a document. */
function imageFolders({ split, images, masks }: Folders): string[] {
  const beside = masks.includes('/') ? masks.slice(0, masks.lastIndexOf('/')) : '';
  return [images, split, `images/${split}`, `${split}/images`, 'images', 'data', 'train', beside, ''].filter(
    (folder, i, all) => all.indexOf(folder) === i,
  );
}

/** Largest gap between two parts that are read together, in bytes. */
const gap = 4096;

/**
 * Reads the parts of one image from its document; adjacent parts share one read.
 *
 * @throws {CopyPasteError} `io` when the document cannot be read, `data` when it is not in the encoding.
 */
export async function readEntry(root: string, { document, places: numbers }: Entry, encoding: string): Promise<string[]> {
  const places = Array.from(
    { length: numbers.length / 2 },
    (_, n): Place => ({ start: numbers[2 * n] as number, length: numbers[2 * n + 1] as number }),
  );
  let file: FileHandle | undefined;
  try {
    file = await open(join(root, document));
    const parts: string[] = [];
    for (let from = 0; from < places.length; ) {
      const { start } = places[from] as Place;
      let end = start;
      let to = from;
      for (let next = places[to]; next && next.start >= start && next.start <= end + gap; next = places[to]) {
        end = Math.max(end, next.start + next.length);
        to++;
      }
      const { buffer } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
      for (; from < to; from++) {
        const place = places[from] as Place;
        const at = place.start - start;
        parts.push(decodeText(buffer.subarray(at, at + place.length), document, encoding, place.start));
      }
    }
    return parts;
  } catch (cause) {
    if (cause instanceof CopyPasteError) throw cause;
    throw cannotRead(document, cause);
  } finally {
    await file?.close();
  }
}

/** Text of a document around the parts of its images: before the first, between two, after the last. */
export interface Surroundings {
  readonly head: string;
  readonly between: string;
  readonly tail: string;
}

/**
 * Reads the text of a document around the parts of its images.
 *
 * @param space separator if the document has fewer than two images, or other text between the first two.
 */
export async function readSurroundings(
  root: string,
  path: string,
  images: readonly DocumentImage[],
  space: string,
  encoding: string,
): Promise<Surroundings> {
  const textOf = async (start: number, end = Number.POSITIVE_INFINITY): Promise<string> => {
    const parts: Buffer[] = [];
    if (end > start) for await (const part of createReadStream(join(root, path), { start, end: end - 1 })) parts.push(part);
    return decodeText(Buffer.concat(parts), path, encoding, start);
  };
  const endOf = (n: number): number => (images.at(n)?.places[0] as number) + (images.at(n)?.places[1] as number);
  const between = images.length > 1 ? await textOf(endOf(0), images[1]?.places[0]) : space;
  return {
    head: await textOf(0, images[0]?.places[0]),
    between: /^\s*,?\s*$/.test(between) && between !== '' ? between : space,
    tail: await textOf(endOf(-1)),
  };
}

/** Writes a document whose images follow one another, within its surroundings. */
export async function* withSurroundings({ head, between, tail }: Surroundings, parts: AsyncIterable<string>): AsyncGenerator<string> {
  yield head;
  let separator = '';
  for await (const part of parts) {
    yield separator + part;
    separator = between;
  }
  yield tail;
}

/** Makes a function that keeps the first use of each id and replaces missing or repeated ids by new ones above `largest`. */
export function idsAfter(largest: number): (id?: number) => number {
  const used = new Set<number>();
  let next = largest;
  return (id) => {
    const own = id === undefined || used.has(id) ? ++next : id;
    used.add(own);
    return own;
  };
}
