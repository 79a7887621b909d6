/** Splits that are lists of images, and images that several splits share. */
import { plural } from '../base/plural.ts';
import { utf8 } from '../base/text.ts';
import type { Tree } from '../base/tree.ts';
import { CopyPasteError, type Fault } from '../errors.ts';
import { type Folders, partsOf } from '../formats/folders.ts';
import { type ListedImage, readImageList } from '../formats/image-lists.ts';
import type { DatasetOptions } from './options.ts';
import type { Paired } from './paired.ts';

/** Lines of lists of images, by file. */
export type ImageLists = ReadonlyMap<string, readonly ListedImage[]>;

/** Data set whose lists are read. */
interface Listing {
  readonly tree: Tree;
  readonly found: readonly Folders[];
  readonly options: DatasetOptions;
  /** Collects lines without an image, by file and number. */
  readonly bad: Map<string, Fault>;
}

/** Reads the lists of the splits. Lists of other splits are left out with `onlySplit`. */
export async function openImageLists({ tree, found, options, bad }: Listing, split: string): Promise<ImageLists> {
  const { onlySplit, encoding = utf8 } = options;
  const wanted = found.filter((row) => !onlySplit || row.split === split);
  const files = new Set(wanted.flatMap(partsOf).flatMap(({ list }) => (list === undefined ? [] : [list])));
  const lists = new Map<string, readonly ListedImage[]>();
  for (const file of files) {
    const lines = await readImageList(tree, file, encoding);
    lists.set(file, lines);
    for (const [n, { line, image }] of lines.entries())
      if (image === undefined && line !== '' && !line.startsWith('#'))
        bad.set(`${file}:${n + 1}`, {
          path: file,
          what: `line ${n + 1} lists ${line}, but there is no such image; add it, or remove the line`,
        });
  }
  return lists;
}

/**
 * Leaves each image in one split, the augmented one if it is in it.
 *
 * @returns notes on splits that hold all of the augmented split.
 * @throws {CopyPasteError} `usage` when another split holds a part of the augmented split, which augmenting would change.
 */
export function withoutShared(
  samples: readonly Paired[],
  split: string,
  found: readonly Folders[],
  { onlySplit, lookOnly }: DatasetOptions,
): { paired: Paired[]; notes: string[] } {
  const augmented = new Set(samples.filter((sample) => sample.split === split).map(({ image }) => image));
  const notes: string[] = [];
  for (const row of onlySplit || lookOnly ? [] : found) {
    if (row.split === split) continue;
    const shared = samples.filter((sample) => sample.split === row.split && augmented.has(sample.image)).map(({ image }) => image);
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
