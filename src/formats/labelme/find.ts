import { type Tree, withoutExtension } from '../../base/tree.ts';
import { formatOf } from '../../codecs/image-names.ts';
import { type Folders, splitNames } from '../folders.ts';

/** Folders of splits, or the root, that hold a JSON file and an image of one name. */
export function findLabelme(tree: Tree): Folders[] {
  const images = new Set(tree.files.filter((file) => formatOf(file) !== undefined).map(withoutExtension));
  const pairs = tree.files.filter((file) => file.endsWith('.json') && images.has(withoutExtension(file)));
  const found = splitNames.filter((split) => pairs.some((file) => file.startsWith(`${split}/`)));
  if (found.length > 0) return found.map((split) => ({ split, images: split, masks: split }));
  return pairs.length > 0 ? [{ split: '', images: '', masks: '' }] : [];
}
