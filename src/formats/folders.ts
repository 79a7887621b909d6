import { filesBelow, type Tree } from '../base/tree.ts';

/** Folders that hold the images and masks of one split, relative to the root. */
export interface Folders {
  /** Name of the split; `''` if the layout has no splits. */
  readonly split: string;
  readonly images: string;
  /** Folder of masks or label files, or path of a document. */
  readonly masks: string;
  /** Folder of instance masks. */
  readonly objects?: string;
  /** Parts of the split, if it is not all of `images`; these are all below `images`. */
  readonly parts?: readonly Part[];
}

/** Images of a split with the folder of their annotations. */
export interface Part {
  readonly images: string;
  readonly masks: string;
  /** Text file that lists the images; absent if all images in the folder belong to the part. */
  readonly list?: string;
}

/** Parts of a split; a split without parts is one. */
export function partsOf({ parts, images, masks }: Folders): readonly Part[] {
  return parts ?? [{ images, masks }];
}

/** Known names of split folders. */
export const splitNames = ['train', 'training', 'val', 'valid', 'validation', 'test', 'testing', 'trainval'];

/** Known names of folders of images. */
export const imageFolders = ['images', 'image', 'imgs', 'img'];

/** Known names of folders of masks. */
export const maskFolders = ['masks', 'mask', 'labels', 'label', 'annotations', 'annotation', 'gt'];

const splitName = new RegExp(`^(${splitNames.join('|')})\\d*$`);

/** Tests if a name is one of a split, also with a number, such as `train2017`. */
export function isSplitName(name: string): boolean {
  return splitName.test(name);
}

/** Divides folders of images and masks into splits, if the folder of images contains only folders of splits. */
export function bySplit(folders: Folders, tree: Tree): Folders[] {
  const below = new Set<string>();
  for (const file of filesBelow(tree, folders.images)) {
    const path = file.slice(folders.images.length + 1);
    below.add(path.slice(0, Math.max(0, path.indexOf('/'))));
  }
  const splits = [...below];
  if (splits.length === 0 || !splits.every((split) => splitNames.includes(split))) return [folders];
  return splits.map((split) => ({ split, images: `${folders.images}/${split}`, masks: `${folders.masks}/${split}` }));
}
