/** Documents: files with the annotations of many samples. Memory holds the annotations of one sample at a time. */
import { isBelow, joinPath } from '../base/paths.ts';
import { plural } from '../base/plural.ts';
import { openRegular, partsOfRegular } from '../base/regular.ts';
import { decodeText } from '../base/text.ts';
import { cannotRead, type Tree } from '../base/tree.ts';
import { CopyPasteError } from '../errors.ts';
import { noCategory } from '../masks/ids.ts';
import type { OpenFile } from '../storage/store.ts';
import type { Entry, Size } from '../types.ts';
import { type Folders, isSplitName } from './folders.ts';
import type { DocumentContents, DocumentFormat, DocumentImage } from './format.ts';
import { type ImageNames, imageNames, isForeign, joined } from './image-names.ts';
import type { Place as Range } from './json.ts';

/** A sample that a document lists; its files may be missing. */
export interface DocumentSample {
  readonly split: string;
  readonly image: string;
  readonly name: string;
  readonly mask?: string;
  /** Size, if the document states it. */
  readonly size?: Size;
  /** True if the document has a problem of the image or its annotations. */
  readonly isBad: boolean;
  readonly entry: Entry;
}

/** Result of opening a document. */
export interface OpenedDocument extends Omit<DocumentContents, 'faults'> {
  readonly notes: readonly string[];
  /** Problems of images and annotations that are left out, with the split if it is known. */
  readonly faults: readonly { readonly what: string; readonly split?: string }[];
  readonly folders: Folders[];
  readonly samples: DocumentSample[];
}

/**
 * Scans a document and finds its images.
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
  classAttribute?: string,
): Promise<OpenedDocument> {
  const [first] = found;
  const path = first.masks;
  const refuse = (what: string, cause?: unknown): CopyPasteError => new CopyPasteError('data', what, { path, cause });
  if (!tree.has(path)) throw refuse('is missing; restore the file, or pass the folder that contains it');
  const contents = await format.open(root, first, encoding, refuse, classAttribute);
  const { images, classNames } = contents;
  if (classNames.size >= noCategory) throw refuse(`the document has ${classNames.size} classes; the limit is ${noCategory - 1}`);
  // A document without images is an empty split.
  const listed = new Map<string, string[]>(images.length === 0 ? [[first.split, []]] : []);
  for (const { split = first.split, name } of images) {
    const own = listed.get(split);
    if (own) own.push(name);
    else listed.set(split, [name]);
  }
  const names = imageNames(tree);
  const rows = new Map([...found].reverse().map((row) => [row.split, row]));
  const places = new Map([...listed].map(([split, own]) => [split, placeOf(rows.get(split) ?? { ...first, split }, own, tree, names)]));
  const only = listed.size === 1 ? { split: [...listed.keys()][0] as string } : {};
  const faults = (contents.faults ?? []).map((what): OpenedDocument['faults'][0] => ({ what, ...only }));
  const matched: string[] = [];
  const samples = images.flatMap((listed): DocumentSample[] => {
    const { title, name, mask, split = first.split, problems = [], width, height, places: entry } = listed;
    for (const problem of problems) faults.push({ what: `${title}: ${problem}`, split });
    const { folder, find } = places.get(split) as Place;
    const file = find(name);
    if (file === undefined && !isBelow(name)) {
      const what = `${title}: file name '${name}' points outside the folder of images, and no image, or several, match its end`;
      faults.push({ what, split });
      return [];
    }
    const image = file ?? joined(folder.images, name);
    const plain = image === joined(folder.images, name);
    if (!plain) matched.push(`${name} (${image}${differsInForm(name, image) ? ', in another Unicode form' : ''})`);
    return [
      {
        split,
        image,
        name: plain ? name : image.slice(image.startsWith(joined(folder.images, '')) ? joined(folder.images, '').length : 0),
        ...(mask !== undefined && { mask: names.in('', mask) ?? mask }),
        ...(width && height && { size: { width, height } }),
        isBad: problems.length > 0,
        entry: { document: path, places: entry },
      },
    ];
  });
  const notes = [...(contents.notes ?? [])];
  if (matched.length > 0)
    notes.push(
      `${path}: ${matched.length} of ${plural(images.length, 'file name')} ${matched.length === 1 ? 'is' : 'are'} not the path of an image; matched with the one image that fits, such as ${matched[0]}`,
    );
  return { ...contents, faults, notes, folders: [...places.values()].map(({ folder }) => folder), samples };
}

/** Tests if a path ends with a name in another Unicode form. */
function differsInForm(name: string, path: string): boolean {
  return !path.endsWith(name) && path.normalize('NFC').endsWith(name.normalize('NFC'));
}

/** Place of the images of a split. */
interface Place {
  readonly folder: Folders;
  /** Finds an image by its name. */
  readonly find: (name: string) => string | undefined;
}

/** Finds the folder of the images of a split: all of them are where the first existing image is. */
function placeOf(known: Folders, listed: readonly string[], tree: Tree, names: ImageNames): Place {
  const isOther = (folder: string): boolean =>
    isSplitName(known.split) && folder.split('/').some((part) => part !== known.split && isSplitName(part));
  const able = imageFolders(known).filter(
    (folder) => folder === known.images || folder === '' || (tree.folders.has(folder) && !isOther(folder)),
  );
  const below = (folder: string, name: string): string | undefined =>
    names.below(folder, name, (file) => !isOther(file.slice(0, file.lastIndexOf('/') + 1)));
  for (const exact of [
    (folder: string, name: string) => tree.has(joined(folder, name)),
    (folder: string, name: string) => names.in(folder, name),
  ]) {
    for (const name of listed) {
      const images = able.find((folder) => exact(folder, name));
      if (images !== undefined)
        return {
          folder: { ...known, images },
          // A name with a folder of its own may be missing; it does not mean an image of another folder.
          find: (one) => names.in(images, one) ?? (isForeign(one) ? below(images, one) : undefined),
        };
    }
  }
  for (const name of listed) {
    const images = able.find((folder) => below(folder, name) !== undefined);
    if (images !== undefined) return { folder: { ...known, images }, find: (one) => below(images, one) };
  }
  return { folder: known, find: () => undefined };
}

/** Candidate folders for the images of a document. */
function imageFolders({ split, images, masks }: Folders): string[] {
  const beside = masks.includes('/') ? masks.slice(0, masks.lastIndexOf('/')) : '';
  const last = split.slice(split.lastIndexOf('/') + 1);
  const able = [
    images,
    joined(images, last),
    split,
    `images/${split}`,
    `${split}/images`,
    `${split}/data`,
    'images',
    'input_images',
    'data',
    'train',
  ];
  return [...able, beside, ''].filter((folder, i, all) => all.indexOf(folder) === i);
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
    (_, n): Range => ({ start: numbers[2 * n] as number, length: numbers[2 * n + 1] as number }),
  );
  let file: OpenFile | undefined;
  try {
    file = await openRegular(joinPath(root, document));
    const parts: string[] = [];
    for (let from = 0; from < places.length; ) {
      const { start } = places[from] as Range;
      let end = start;
      let to = from;
      for (let next = places[to]; next && next.start >= start && next.start <= end + gap; next = places[to]) {
        end = Math.max(end, next.start + next.length);
        to++;
      }
      const { buffer } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
      for (; from < to; from++) {
        const place = places[from] as Range;
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
 * Reads the text of a document around the parts of its images; without images, all of it is before them.
 *
 * @param space separator if the document has fewer than two images, or other text between the first two.
 */
export async function readSurroundings(
  root: string,
  path: string,
  images: readonly Pick<DocumentImage, 'places'>[],
  space: string,
  encoding: string,
): Promise<Surroundings> {
  const textOf = (start: number, end?: number): Promise<string> => readRange(root, path, encoding, start, end);
  const endOf = (n: number): number => (images.at(n)?.places[0] as number) + (images.at(n)?.places[1] as number);
  const between = images.length > 1 ? await textOf(endOf(0), images[1]?.places[0]) : space;
  return {
    head: await textOf(0, images[0]?.places[0]),
    between: ['', ','].includes(between.trim()) && between !== '' ? between : space,
    tail: images.length > 0 ? await textOf(endOf(-1)) : '',
  };
}

/** Text of a document from one byte to another, or to its end. */
export async function readRange(
  root: string,
  path: string,
  encoding: string,
  start: number,
  end = Number.POSITIVE_INFINITY,
): Promise<string> {
  const parts: Buffer[] = [];
  if (end > start) for await (const part of partsOfRegular(joinPath(root, path), { start, end })) parts.push(part);
  return decodeText(Buffer.concat(parts), path, encoding, start);
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
