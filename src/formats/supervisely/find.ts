import type { Tree } from '../../base/tree.ts';
import { type Folders, type Part, splitNames } from '../folders.ts';

/** File of the classes and tags of a project. */
export const metaFile = 'meta.json';

/**
 * Finds the data sets of a project: folders with `img/` and `ann/`. They are its splits if one is named like a split, else parts of one set.
 */
export function findSupervisely(tree: Tree): Folders[] {
  const around = [...tree.folders].filter((folder) => /^(.*\/)?ann$/.test(folder)).map((folder) => folder.slice(0, -'ann'.length));
  const parts = around
    .filter((prefix) => tree.folders.has(`${prefix}img`))
    .map((prefix): Part => ({ images: `${prefix}img`, masks: `${prefix}ann` }));
  const inside = new Set(parts.map(({ masks }) => masks));
  const isUsed = tree.files.some((file) => file.endsWith('.json') && inside.has(file.slice(0, file.lastIndexOf('/'))));
  const [first, ...more] = parts;
  if (!first || !isUsed) return [];
  const named = parts.map((part) => ({ ...part, split: nameOf(part) }));
  if (named.some(({ split }) => splitNames.includes(split))) return named;
  return more.length === 0 ? [{ split: '', ...first }] : [{ split: '', images: '', masks: '', parts }];
}

/** Name of a data set; those of the data sets in which it is come before. */
function nameOf({ images }: Part): string {
  return images
    .split('/')
    .slice(0, -1)
    .filter((part) => part !== 'datasets')
    .join('/');
}
