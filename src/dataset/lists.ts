/** Splits, and the lists of sample ids that define them. */

import type { List } from '../base/list.ts';
import { withoutExtension } from '../base/paths.ts';
import { plural } from '../base/plural.ts';
import { readText, type Tree } from '../base/tree.ts';
import { CopyPasteError, type Fault } from '../errors.ts';
import type { Layout } from '../formats/layouts.ts';
import type { Paired } from './paired.ts';

/**
 * Reads lists of sample ids, one per line; a second column, as in VOC's lists of classes, is ignored.
 *
 * @throws {CopyPasteError} `io` when a list cannot be read.
 */
export async function readLists(root: string, tree: Tree, { lists }: Layout, encoding?: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  if (lists === undefined) return found;
  for (const file of tree.files.filter((name) => name.startsWith(`${lists}/`) && name.endsWith('.txt'))) {
    const ids = (await readText(root, file, encoding))
      .split(/\r?\n/)
      .map((line) => line.trim().split(/\s/)[0] as string)
      .filter((id) => id !== '');
    found.set(file, ids);
  }
  return found;
}

/** Name of the split that a list file defines. */
export function listName(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1, -'.txt'.length);
}

/**
 * Refuses other splits that share samples with the augmented split, because augmenting would change them.
 *
 * @throws {CopyPasteError} `usage` when a list contains some of the augmented samples, but not all.
 */
export function refuseSharedLists(lists: ReadonlyMap<string, readonly string[]>, split: string, samples: List<Pick<Paired, 'id'>>): void {
  if (lists.size === 0) return;
  const augmented = new Set(samples.map(({ id }) => id));
  for (const [file, ids] of lists) {
    const shared = new Set(ids.map((id) => id.normalize('NFC')).filter((id) => augmented.has(id)));
    if (shared.size === 0 || shared.size === augmented.size) continue;
    const which = `${file}: shares ${plural(shared.size, 'sample')} with split ${split}, such as ${[...shared][0]}`;
    throw new CopyPasteError(
      'usage',
      `${which}, so augmenting that split would change this one; pass --only-split to leave the other splits out`,
    );
  }
}

/**
 * Keeps listed samples and sets their split: the augmented split if it lists them, otherwise the first list.
 *
 * @param unmasked images without a mask, by sample id.
 */
export function assignSplits(
  samples: List<Paired>,
  unmasked: ReadonlyMap<string, string>,
  lists: ReadonlyMap<string, readonly string[]>,
  split: string,
  bad: Map<string, Fault>,
): Paired[] {
  const splitOf = new Map<string, { split: string; file: string }>();
  const files = [...lists.keys()].sort((a, b) => Number(listName(b) === split) - Number(listName(a) === split) || (a < b ? -1 : 1));
  for (const file of files) {
    for (const id of lists.get(file) as readonly string[]) if (!splitOf.has(id)) splitOf.set(id, { split: listName(file), file });
  }
  const byId = new Map(samples.map((sample) => [sample.id, sample]));
  const isKnown = (id: string): boolean => byId.has(id) || unmasked.has(id);
  const placed: Paired[] = [];
  for (const [id, { split, file }] of splitOf) {
    const sample = byId.get(id.normalize('NFC'));
    const image = unmasked.get(id.normalize('NFC'));
    if (sample) placed.push({ ...sample, split });
    else if (image === undefined && isKnown(withoutExtension(id).normalize('NFC')))
      bad.set(id, { path: file, what: `lists ${id}, but lines must be names without extensions; write ${withoutExtension(id)}`, split });
    else if (image === undefined)
      bad.set(id, { path: file, what: `lists ${id}, but there is no such image; add it, or remove the line`, split });
    else bad.set(id, { path: image, what: `has no mask, but ${file} lists it; add a mask, or remove the line`, split });
  }
  return placed;
}

/**
 * Chooses the split to augment: the requested one, otherwise the training split, otherwise the only one.
 *
 * @throws {CopyPasteError} `usage` when the split does not exist, or the choice is ambiguous.
 */
export function chooseSplit(splits: readonly string[], wanted: string | undefined): string {
  const found = [...splits].sort().join(', ');
  if (wanted !== undefined) {
    if (splits.includes(wanted)) return wanted;
    throw new CopyPasteError(
      'usage',
      `--split ${wanted}: ${splits.length === 0 ? 'the data set has no splits; leave it out' : `no such split; splits are ${found}`}`,
    );
  }
  if (splits.includes('train')) return 'train';
  const [train, ...more] = splits.filter((split) => /^train\d*$/i.test(split));
  if (train !== undefined && more.length === 0) return train;
  if (splits.length <= 1) return splits[0] ?? '';
  throw new CopyPasteError('usage', `the data set has no split named train; splits are ${found}; pass --split NAME`);
}
