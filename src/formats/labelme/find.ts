import { withoutExtension } from '../../base/paths.ts';
import type { Tree } from '../../base/tree.ts';
import { formatOf } from '../../codecs/image-names.ts';
import { type Folders, splitNames } from '../folders.ts';

/** Tests if a document begins like labelme's; other tools also write a JSON file beside each image. */
function isLabelme(tree: Tree, file: string): boolean {
  const start = tree.start(file).replaceAll('\0', '');
  // A file that cannot be read is reported when it is opened.
  return start === '' || /"(shapes|imagePath|imageData)"\s*:/.test(start);
}

/** Finds the folders of splits, or the root, with labelme files named like their images. */
export function findLabelme(tree: Tree): Folders[] {
  const images = new Set(tree.files.filter((file) => formatOf(file) !== undefined).map(withoutExtension));
  const pairs = tree.files.filter((file) => file.endsWith('.json') && images.has(withoutExtension(file)) && isLabelme(tree, file));
  const found = splitNames.filter((split) => pairs.some((file) => file.startsWith(`${split}/`)));
  if (found.length > 0) return found.map((split) => ({ split, images: split, masks: split }));
  return pairs.length > 0 ? [{ split: '', images: '', masks: '' }] : [];
}
