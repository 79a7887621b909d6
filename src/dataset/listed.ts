/** Samples that a list names (`--list`). They are the whole data set: all other samples are left out. */
import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { List } from '../base/list.ts';
import { nearest } from '../base/nearest.ts';
import { absolutePath, pathFrom } from '../base/paths.ts';
import { CopyPasteError, type Fault } from '../errors.ts';
import type { Document } from '../formats/format.ts';
import { isRemote } from '../storage/store.ts';
import type { Counts } from '../types.ts';
import type { DatasetOptions } from './options.ts';
import type { Paired } from './paired.ts';

/** Number of unknown names that are listed, and of those for which a name like it is sought. */
const most = { listed: 20, sought: 5 };

/** Number of listed samples, and SHA-256 of the lines of their sorted ids. */
export interface Listing {
  readonly samples: number;
  readonly sha256: string;
}

/** Digests the ids of the samples of a data set, if a list names them. */
export function listingOf(samples: List<Pick<Paired, 'id'>>, { list }: DatasetOptions): { list?: Listing } {
  if (!list) return {};
  const hash = createHash('sha256');
  for (const id of samples.map((one) => one.id).sort()) hash.update(`${id}\n`);
  return { list: { samples: samples.length, sha256: hash.digest('hex') } };
}

/** An image that is no sample, with the reason. */
export interface Unused {
  readonly image: string;
  readonly why: string;
}

/**
 * Keeps the samples that a list names, by id or by the path of their image: relative to the data set or to the working folder, or absolute.
 *
 * @param unused images that are no samples, by sample id.
 * @param bad loses the faults of files that the list does not name.
 * @throws {CopyPasteError} `usage` with the names that are no samples, unless the list is that of a manifest.
 */
export async function keepListed(
  samples: List<Paired>,
  unused: ReadonlyMap<string, Unused>,
  bad: Map<string, Fault>,
  { list, folders, ...options }: DatasetOptions,
): Promise<List<Paired>> {
  if (!list) return samples;
  const ids = new Map<string, string>();
  for (const [key, { path }] of bad) for (const name of [path, key]) ids.set(name.normalize('NFC'), key);
  for (const [id, { image }] of unused) ids.set(image.normalize('NFC'), id);
  for (const { id, image } of samples) ids.set(image.normalize('NFC'), id);
  for (const { id } of samples) ids.set(id, id);
  const pathsOf = await pathsIn(options.in);
  const named = new Set<string>();
  const unknown: string[] = [];
  const known = new Set([...samples.map(({ id }) => id), ...bad.keys()]);
  for (const name of list) {
    const key = [name, ...pathsOf(name)].map((one) => ids.get(one.normalize('NFC')) ?? one).find((one) => known.has(one));
    if (key !== undefined) named.add(key);
    else unknown.push(name);
  }
  // The names of a manifest may have left the data set, which then differs from that of the manifest.
  if (unknown.length > 0 && !folders) {
    const idOf = (name: string): string => [name, ...pathsOf(name)].map((one) => ids.get(one) ?? one).find((one) => unused.has(one)) ?? '';
    refuseUnknown(unknown, list.length, options.in, ids.keys(), (name) => unused.get(idOf(name))?.why);
  }
  // A fault of annotations may belong to any sample of its document.
  for (const [key, { part }] of bad) if (part === undefined && !named.has(key)) bad.delete(key);
  return samples.filter(({ id }) => named.has(id));
}

/** Paths in the data set that a name may mean. */
async function pathsIn(folder: string): Promise<(name: string) => string[]> {
  const root = absolutePath(folder);
  if (isRemote(root)) return (name) => [pathFrom(root, name)];
  const real = await realpath(root).catch(() => root);
  return (name) => [pathFrom(root, name), ...[...new Set([root, real])].map((one) => pathFrom(one, resolve(name)))];
}

function refuseUnknown(
  unknown: readonly string[],
  total: number,
  folder: string,
  names: Iterable<string>,
  whyOf: (name: string) => string | undefined,
): never {
  const candidates = [...names];
  const lines = unknown.slice(0, most.listed).map((name, n) => {
    const why = whyOf(name);
    if (why !== undefined) return `${name} ${why}`;
    const meant = n < most.sought ? nearest(name, candidates) : undefined;
    return `${name} is no sample${meant === undefined ? '' : `; did you mean ${meant}?`}`;
  });
  if (unknown.length === 1) throw new CopyPasteError('usage', `--list: ${lines[0]}`);
  const more = unknown.length - lines.length;
  throw new CopyPasteError(
    'usage',
    `--list: ${unknown.length} of ${total} names are no samples of ${folder}; name samples by id or image`,
    {
      offenders: [...lines, ...(more > 0 ? [`and ${more} more`] : [])],
    },
  );
}

/** Parts of a data set that describe several samples. */
interface Whole {
  readonly splits: readonly string[];
  /** The augmented split. */
  readonly split: string;
  readonly lists: ReadonlyMap<string, readonly string[]>;
  readonly documents: ReadonlyMap<string, Document>;
  /** Counts of the annotations of all samples of the split. */
  readonly counts?: Counts | undefined;
}

/**
 * Keeps the splits, lists and documents that a list names a sample of.
 *
 * @param all samples of the data set.
 * @param named those that the list names; all if there is no list.
 * @throws {CopyPasteError} `usage` when a list names some samples of a document that is copied, and others not.
 */
export function ofListed(
  { splits, split, lists, documents, counts }: Whole,
  all: List<Paired>,
  named: List<Paired>,
  { list, onlySplit, lookOnly }: DatasetOptions,
): Omit<Whole, 'split'> {
  if (!list) return { splits, lists, documents, counts };
  const ids = new Set(named.map(({ id }) => id));
  const used = new Set([split, ...named.map((sample) => sample.split)]);
  return {
    splits: splits.filter((name) => used.has(name)),
    lists: new Map([...lists].filter(([, own]) => own.some((id) => ids.has(id.normalize('NFC'))))),
    documents: onlySplit || lookOnly ? documents : documentsOfListed(documents, split, all, named),
  };
}

/** Documents of the augmented split, and of other splits that are named as a whole, since these documents are copied. */
function documentsOfListed(
  documents: ReadonlyMap<string, Document>,
  split: string,
  all: List<Paired>,
  named: List<Paired>,
): Map<string, Document> {
  const count = (samples: List<Paired>, path: string): number => samples.filter(({ entry }) => entry?.document === path).length;
  const own = documents.get(split)?.path;
  return new Map(
    [...documents].filter(([name, { path }]) => {
      if (path === own) return true;
      const [some, whole] = [count(named, path), count(all, path)];
      if (some > 0 && some < whole)
        throw new CopyPasteError(
          'usage',
          `--list: names ${some} of ${whole} samples of split ${name}, whose ${path} is copied as it is; name all or none, or pass --only-split`,
        );
      return some > 0;
    }),
  );
}

/** Refuses a list for a bank of objects. @throws {CopyPasteError} `usage` if there is one. */
export function refuseListOfBank(list: readonly string[] | undefined): void {
  if (list) throw new CopyPasteError('usage', '--list: does not apply to a bank of objects; leave it out');
}
