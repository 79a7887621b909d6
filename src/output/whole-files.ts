/** Files of several samples: lists of ids, documents of annotations, and files that are carried over. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type Dataset, listName } from '../dataset/open.ts';
import { documentWriters } from '../formats/document-writers.ts';
import { classNamesFile, classNamesText } from '../formats/drawn-masks.ts';
import type { AugmentOptions } from '../options.ts';

/** A file of several samples, and what it will hold. */
export interface WholeFile {
  readonly path: string;
  readonly text: () => AsyncIterable<string | Uint8Array>;
}

/**
 * The files of several samples that an output has: lists of ids, and documents of annotations.
 *
 * @param variants the ids that stand for a sample's in lists.
 * @param entries what the document of the split that is augmented has of its samples, always the same.
 */
export function documentsOf(
  dataset: Dataset,
  { onlySplit, maskFiles }: AugmentOptions,
  variants: ReadonlyMap<string, readonly string[]>,
  entries: () => AsyncIterable<unknown>,
): WholeFile[] {
  const { lists, documents, carried, split, root, classNames, rewritten } = dataset;
  const wanted = [...lists].filter(([file]) => !onlySplit || listName(file) === split);
  return [
    ...wanted.map(([path, ids]) => ({
      path,
      text: async function* () {
        for (const id of ids) for (const variant of variants.get(id.normalize('NFC')) ?? []) yield `${variant}\n`;
      },
    })),
    // Splits that are not augmented have theirs as it was.
    ...[...new Set(documents.values())].map((document) => ({
      path: document.path,
      text: () =>
        document === documents.get(split)
          ? documentWriters[document.format].text(document, entries)
          : createReadStream(join(root, document.path)),
    })),
    ...carried.map((path) => {
      const text = rewritten.get(path);
      return { path, text: () => (text === undefined ? createReadStream(join(root, path)) : Readable.from([text])) };
    }),
    ...(maskFiles ? [{ path: classNamesFile, text: () => Readable.from([classNamesText(classNames)]) }] : []),
  ];
}

/** A document has its samples in its own order, each before its variants. */
export function inDocument(a: { place: number; copy?: number | undefined }, b: { place: number; copy?: number | undefined }): number {
  return a.place - b.place || (a.copy ?? -1) - (b.copy ?? -1);
}

/** Where the document that is written had its samples. */
export function documentPlaces({ documents, split, samples, others }: Dataset): Map<string, number> {
  const path = documents.get(split)?.path;
  const own = [...samples, ...others].filter(({ entry }) => entry?.document === path && path !== undefined);
  return new Map(own.map(({ id, entry }) => [id, entry?.places[0] as number]));
}
