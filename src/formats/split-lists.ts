/** Divides the images of a folder into splits by text files that list them, such as `train.txt` and `val.txt`. */
import type { Tree } from '../base/tree.ts';
import { type Folders, isSplitName } from './folders.ts';
import { readColumns } from './image-lists.ts';
import { filesBesideImages } from './image-names.ts';

/** Largest number of folders above a list. */
const deepest = 2;

/**
 * Divides folders without splits by the lists of one folder, the highest one that lists images for training. A text file is such a list if
 * most of its lines name an image.
 */
export async function byLists(found: readonly Folders[], tree: Tree, encoding: string): Promise<readonly Folders[]> {
  const [only, ...more] = found;
  if (!only || more.length > 0 || only.split !== '') return found;
  const { images, masks } = only;
  const byFolder = new Map<string, Map<string, string>>();
  for (const file of filesBesideImages(tree)) {
    const [, folder = '', split] = /^(.*\/)?([^/]+?)(?:_list)?\.txt$/.exec(file) ?? [];
    if (split === undefined || !isSplitName(split) || folder.split('/').length > deepest + 1) continue;
    const lists = byFolder.get(folder) ?? new Map<string, string>();
    byFolder.set(folder, lists.set(split, lists.get(split) ?? file));
  }
  const depthOf = ([folder]: readonly [string, unknown]): number => folder.split('/').length;
  for (const [, lists] of [...byFolder].sort((one, other) => depthOf(one) - depthOf(other))) {
    const rows: Folders[] = [];
    for (const [split, list] of lists) {
      const lines = (await readColumns(tree, list, { images, masks }, encoding)).filter(({ line }) => line !== '' && !line.startsWith('#'));
      const named = lines.filter(({ image }) => image !== undefined).length;
      if (named > 0 && 2 * named >= lines.length) rows.push({ ...only, split, parts: [{ images, masks, list }] });
    }
    if (rows.some(({ split }) => split.startsWith('train'))) return rows;
  }
  return found;
}
