/** Files that describe several samples: lists of ids, annotation documents, and files that are carried over. */
import { Readable } from 'node:stream';
import { joinPath, withoutExtension } from '../base/paths.ts';
import { partsOfRegular } from '../base/regular.ts';
import { listName } from '../dataset/lists.ts';
import type { Dataset } from '../dataset/open.ts';
import type { Document } from '../formats/format.ts';
import { columnsFor, type ListedImage, lineFor, pairLineFor } from '../formats/image-lists.ts';
import { layoutNamed } from '../formats/layouts.ts';
import type { AugmentOptions } from '../options.ts';
import { classNamesFile, classNamesText } from './drawn-masks.ts';
import type { Variants } from './variants.ts';

/** A file that describes several samples, and its content. */
export interface WholeFile {
  readonly path: string;
  readonly text: () => AsyncIterable<string | Uint8Array>;
}

/**
 * Files of an output that describe several samples: lists of ids, annotation documents, files that are carried over.
 *
 * @param variants of each sample, for lists.
 * @param entries entries of the document of the augmented split; it is called once per write, and yields the same entries each time.
 */
export function wholeFilesOf(
  dataset: Dataset,
  { onlySplit, maskFiles }: AugmentOptions,
  variants: Variants,
  entries: () => AsyncIterable<unknown>,
): WholeFile[] {
  const { lists, imageLists, documents, carried, split, root, classNames, rewritten } = dataset;
  const wanted = [...lists].filter(([file]) => !onlySplit || listName(file) === split);
  return [
    ...wanted.map(([path, ids]) => ({
      path,
      text: async function* () {
        for (const id of ids) for (const variant of variants.get(id.normalize('NFC')) ?? []) yield `${variant.id}\n`;
      },
    })),
    ...[...imageLists].map(([path, lines]) => ({ path, text: () => Readable.from(linesInOutput(dataset, path, lines, variants)) })),
    // Documents of other splits are copied.
    ...[...new Set(documents.values())].map((document) => ({
      path: document.path,
      text: () =>
        document === documents.get(split) ? documentParts(dataset, document, entries) : partsOfRegular(joinPath(root, document.path)),
    })),
    ...carried.map((path) => {
      const text = rewritten.get(path);
      return { path, text: () => (text === undefined ? partsOfRegular(joinPath(root, path)) : Readable.from([text])) };
    }),
    ...(maskFiles ? [{ path: classNamesFile, text: () => Readable.from([classNamesText(classNames)]) }] : []),
  ];
}

/** Lines of a list of images, with each image replaced by its variants. Bad lines are left out, but those of other splits are kept. */
function* linesInOutput(
  { layout, samples, others, folders, split }: Dataset,
  path: string,
  lines: readonly ListedImage[],
  variants: Variants,
): Generator<string> {
  const ids = new Map([...samples, ...others].map(({ id, image }) => [image, id]));
  const isOwn = folders.some((row) => row.split === split && row.parts?.some(({ list }) => list === path));
  const hasColumns = layoutNamed(layout).columnLists === true;
  for (const { line, image, mask } of lines) {
    if (image === undefined) {
      if (line === '' || line.startsWith('#') || !isOwn) yield `${line}\n`;
      continue;
    }
    const id = ids.get(image) ?? '';
    for (const { id: newId, image: newImage } of variants.get(id) ?? []) {
      const newMask = maskOf(mask ?? '', newId.slice(id.length));
      if (hasColumns) yield `${columnsFor(line, { image, ...(mask !== undefined && { mask }) }, newImage, newMask)}\n`;
      else yield `${mask === undefined ? lineFor(line, path, newImage) : pairLineFor(line, newImage, newMask)}\n`;
    }
  }
}

/** Path of the mask of a variant. @param suffix of its name. */
function maskOf(mask: string, suffix: string): string {
  const stem = withoutExtension(mask);
  return stem + suffix + mask.slice(stem.length);
}

async function* documentParts({ layout }: Dataset, document: Document, entries: () => AsyncIterable<unknown>): AsyncGenerator<string> {
  const format = await layoutNamed(layout).format?.();
  if (format?.kind === 'documents') yield* format.text(document, entries);
}

/** Compares two entries of a document: by the place of their sample in the input, an original before its variants. */
export function inDocument(a: { place: number; copy?: number | undefined }, b: { place: number; copy?: number | undefined }): number {
  return a.place - b.place || (a.copy ?? -1) - (b.copy ?? -1);
}

/** Byte offsets of samples in the document of the augmented split, by sample id. */
export function documentPlaces({ documents, split, samples, others }: Dataset): Map<string, number> {
  const path = documents.get(split)?.path;
  const places = new Map<string, number>();
  if (path === undefined) return places;
  for (const own of [samples, others])
    for (const { id, entry } of own) if (entry?.document === path) places.set(id, entry.places[0] as number);
  return places;
}
