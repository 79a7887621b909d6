/** Splits, and the lists of ids that say which samples each has. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cannotRead, type Tree } from '../base/tree.ts';
import { CopyPasteError } from '../errors.ts';
import type { Layout } from '../formats/layouts.ts';
import type { Paired } from './paired.ts';

/**
 * Lists of ids, one a line; a second column, as in VOC's lists of classes, is not part of the id.
 *
 * @throws {CopyPasteError} `io` with the cause.
 */
export async function readLists(root: string, tree: Tree, { lists }: Layout): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  if (lists === undefined) return found;
  for (const file of tree.files.filter((name) => name.startsWith(`${lists}/`) && name.endsWith('.txt'))) {
    const text = await readFile(join(root, file), 'utf8').catch((cause: unknown) => {
      throw cannotRead(file, cause);
    });
    const ids = text
      .split(/\r?\n/)
      .map((line) => line.trim().split(/\s/)[0] as string)
      .filter((id) => id !== '');
    found.set(file, ids);
  }
  return found;
}

/** The split that a list file stands for. */
export function listName(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1, -'.txt'.length);
}

/**
 * A list that holds only a part of the split that is augmented is another split, and augmenting would change it.
 *
 * @throws {CopyPasteError} `usage` with the flag that leaves it out.
 */
export function refuseSharedLists(lists: ReadonlyMap<string, readonly string[]>, split: string, augmented: ReadonlySet<string>): void {
  for (const [file, ids] of lists) {
    const shared = new Set(ids.map((id) => id.normalize('NFC')).filter((id) => augmented.has(id)));
    if (shared.size === 0 || shared.size === augmented.size) continue;
    const which = `${file} has ${shared.size} sample${shared.size === 1 ? '' : 's'} of split ${split}, as ${[...shared][0]}`;
    throw new CopyPasteError('usage', `${which}, which augmenting would change; say --only-split to leave the other splits out`);
  }
}

/** Keeps the samples that a list names: in the split that is augmented, else in the first that has them. */
export function placeInLists(
  samples: readonly Paired[],
  lists: ReadonlyMap<string, readonly string[]>,
  split: string,
  bad: Map<string, string>,
): Paired[] {
  const splitOf = new Map<string, { split: string; file: string }>();
  const files = [...lists.keys()].sort((a, b) => Number(listName(b) === split) - Number(listName(a) === split) || (a < b ? -1 : 1));
  for (const file of files) {
    for (const id of lists.get(file) as readonly string[]) if (!splitOf.has(id)) splitOf.set(id, { split: listName(file), file });
  }
  const byId = new Map(samples.map((sample) => [sample.id, sample]));
  const placed: Paired[] = [];
  for (const [id, { split, file }] of splitOf) {
    const sample = byId.get(id.normalize('NFC'));
    if (sample === undefined) bad.set(id, `${file}: no image is called ${id}`);
    else if (sample.mask === '') bad.set(id, `${sample.image}: no mask, though ${file} lists it`);
    else placed.push({ ...sample, split });
  }
  return placed;
}

/**
 * Chooses the split that is augmented: the one that is wanted, else the training split, else the only one.
 *
 * @throws {CopyPasteError} `usage` where there is no such split, or it is not clear which.
 */
export function chooseSplit(splits: readonly string[], wanted: string | undefined): string {
  const found = [...splits].sort().join(', ');
  if (wanted !== undefined) {
    if (splits.includes(wanted)) return wanted;
    throw new CopyPasteError('usage', `--split ${wanted}: ${splits.length === 0 ? 'this data set has no splits' : `splits are ${found}`}`);
  }
  if (splits.includes('train')) return 'train';
  const [train, ...more] = splits.filter((split) => /^train\d*$/i.test(split));
  if (train !== undefined && more.length === 0) return train;
  if (splits.length <= 1) return splits[0] ?? '';
  throw new CopyPasteError('usage', `no split is called train: splits are ${found}; say --split NAME`);
}
