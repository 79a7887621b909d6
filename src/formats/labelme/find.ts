import type { Tree } from '../../base/tree.ts';
import { type Folders, splitNames } from '../folders.ts';
import { filesBesideImages, hasImageOf } from '../image-names.ts';

/** Tests if a document begins like labelme's; other tools also write a JSON file beside each image. */
function isLabelme(tree: Tree, file: string): boolean {
  const start = tree.start(file).replaceAll('\0', '');
  // A file that cannot be read is reported when it is opened.
  return start === '' || /"(shapes|imagePath|imageData)"\s*:/.test(start);
}

/** Finds the folders of splits, or the root, with labelme files named like their images. */
export function findLabelme(tree: Tree): Folders[] {
  const pairs = filesBesideImages(tree).filter((file) => file.endsWith('.json') && hasImageOf(tree, file) && isLabelme(tree, file));
  const found = splitNames.filter((split) => pairs.some((file) => file.startsWith(`${split}/`)));
  if (found.length > 0) return found.map((split) => ({ split, images: split, masks: split }));
  return pairs.length > 0 ? [{ split: '', images: '', masks: '' }] : [];
}
