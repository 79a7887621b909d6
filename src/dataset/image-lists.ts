/** Splits that are lists of images, and images that several splits share. */
import type { List } from '../base/list.ts';
import { plural } from '../base/plural.ts';
import { utf8 } from '../base/text.ts';
import type { Tree } from '../base/tree.ts';
import { CopyPasteError, type Fault } from '../errors.ts';
import { type Folders, type Part, partsOf } from '../formats/folders.ts';
import { type ListedImage, leadsTo, readColumns, readImageList, readPairList } from '../formats/image-lists.ts';
import { isForeign } from '../formats/image-names.ts';
import type { Layout } from '../formats/layouts.ts';
import type { DatasetOptions } from './options.ts';
import type { Paired } from './paired.ts';

/** Lines of lists of images, by file. */
export type ImageLists = ReadonlyMap<string, readonly ListedImage[]>;

/** Lists of a data set, and notes on lines that do not lead to an image as they are written. */
interface OpenedLists {
  readonly lists: ImageLists;
  readonly notes: readonly string[];
}

/** Data set whose lists are read. */
interface Listing {
  readonly tree: Tree;
  readonly layout: Pick<Layout, 'columnLists'>;
  readonly found: readonly Folders[];
  readonly options: DatasetOptions;
  /** Collects lines without an image, by file and number. */
  readonly bad: Map<string, Fault>;
}

/** Reads the lists of the splits, but not those of other splits with `onlySplit`. Lines of other splits are never bad. */
export async function openImageLists({ tree, layout, found, options, bad }: Listing, split: string): Promise<OpenedLists> {
  const { onlySplit, encoding = utf8 } = options;
  const filesOf = (rows: readonly Folders[]): Map<string, Part> =>
    new Map(rows.flatMap(partsOf).flatMap((part) => (part.list === undefined ? [] : [[part.list, part] as const])));
  const own = filesOf(found.filter((row) => row.split === split));
  const notes: string[] = [];
  const lists = new Map<string, readonly ListedImage[]>();
  for (const [file, part] of onlySplit ? own : filesOf(found)) {
    const lines = await (layout.columnLists ? readColumns(tree, file, part, encoding) : readImageList(tree, file, encoding));
    lists.set(file, lines);
    const named = lines.map((one, n) => ({ ...one, n: n + 1 })).filter(({ line }) => line !== '' && !line.startsWith('#'));
    const missing = named.filter(({ image }) => image === undefined);
    if (own.has(file) || options.lookOnly)
      for (const { line, n } of missing)
        bad.set(`${file}:${n}`, { path: file, what: `line ${n} lists ${line}, but there is no such image; add it, or remove the line` });
    else if (missing[0]) notes.push(`${file}: ${plural(missing.length, 'line')} without an image kept, such as ${missing[0].line}`);
    const leads = (line: string, image: string): boolean => (layout.columnLists ? !isForeign(line) : leadsTo(line, file, image));
    const foreign = named.filter(({ line, image }) => image !== undefined && !leads(line, image));
    if (foreign[0])
      notes.push(
        `${file}: ${plural(foreign.length, 'path')} of another machine matched by their last parts, such as ${foreign[0].line}; in the output they are relative to the ${layout.columnLists ? 'data set' : 'list'}`,
      );
  }
  return { lists, notes };
}

/** Reads the lists of pairs of the splits, by name; a list of other files is none. */
export async function openPairLists({ tree, found, options }: Listing, split: string): Promise<OpenedLists> {
  const lists = new Map<string, readonly ListedImage[]>();
  for (const row of found.filter((one) => !options.onlySplit || one.split === split)) {
    const file = `${row.split}.txt`;
    const lines = tree.has(file) ? await readPairList(tree, file, row, options.encoding ?? utf8) : undefined;
    if (lines) lists.set(file, lines);
  }
  return { lists, notes: [] };
}

/** Tests if no image can belong to two parts: each has a folder of its own, and none lies in another. */
function areApart(found: readonly Folders[]): boolean {
  const parts = found.flatMap(partsOf);
  const folders = parts.map(({ images }) => (images === '' ? '' : `${images}/`)).sort();
  return (
    parts.every(({ list }) => list === undefined) && folders.every((folder, n) => n === 0 || !folder.startsWith(folders[n - 1] as string))
  );
}

/**
 * Leaves each image in one split, the augmented one if it is in it.
 *
 * @returns notes on splits that hold all of the augmented split.
 * @throws {CopyPasteError} `usage` when another split holds a part of the augmented split, which augmenting would change.
 */
export function withoutShared(
  samples: List<Paired>,
  split: string,
  found: readonly Folders[],
  { onlySplit, lookOnly }: DatasetOptions,
): { paired: List<Paired>; notes: string[] } {
  if (areApart(found)) return { paired: samples, notes: [] };
  const bySplit = new Map<string, string[]>();
  for (const sample of samples) {
    const images = bySplit.get(sample.split);
    if (images) images.push(sample.image);
    else bySplit.set(sample.split, [sample.image]);
  }
  const augmented = new Set(bySplit.get(split));
  const notes: string[] = [];
  for (const row of onlySplit || lookOnly ? [] : found) {
    if (row.split === split) continue;
    const shared = (bySplit.get(row.split) ?? []).filter((image) => augmented.has(image));
    if (shared.length === 0) continue;
    const name = (one: Folders): string => [...new Set(partsOf(one).map(({ images, list }) => list ?? `${images}/`))].join(', ');
    const own = found
      .filter((one) => one.split === split)
      .map(name)
      .join(', ');
    if (shared.length < augmented.size)
      throw new CopyPasteError(
        'usage',
        `split ${row.split} (${name(row)}) and split ${split} (${own}) share ${plural(shared.length, 'image')}, such as ${shared[0]}, so augmenting ${split} would change ${row.split}; pass --only-split to leave the other splits out`,
      );
    notes.push(`split ${row.split} (${name(row)}) holds all images of split ${split} (${own}), so it is augmented with it`);
  }
  const placed = new Map<string, Paired>();
  for (const sample of samples) {
    const twin = placed.get(sample.image);
    if (twin === undefined || (twin.split !== split && sample.split === split)) placed.set(sample.image, sample);
  }
  return { paired: [...placed.values()], notes };
}
