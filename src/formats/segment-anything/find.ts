import type { Tree } from '../../base/tree.ts';
import { type Folders, splitNames } from '../folders.ts';
import { filesBesideImages, hasImageOf, joined } from '../image-names.ts';

/** Tests if a file begins like an annotation file of Segment Anything: an image, and annotations with run lengths. */
export function isSegmentAnything(tree: Tree, file: string): boolean {
  const start = tree.start(file).replace(/^\ufeff/, '');
  if (/^\s*\{\s*"image"\s*:\s*\{[^{}]*"(image_id|file_name)"\s*:/.test(start)) return true;
  return /^\s*\{\s*"annotations"\s*:\s*\[\s*\{/.test(start) && /"(counts|predicted_iou|stability_score)"\s*:/.test(start);
}

/** Finds files beside their images, or in `annotations/` beside `images/`, in folders of splits or in the root. */
export function findSegmentAnything(tree: Tree): Folders[] {
  const files = filesBesideImages(tree).filter((file) => file.endsWith('.json'));
  const rowsOf = (split: string): Folders[] => {
    const within = (folder: string): string => (folder === '' ? '' : `${folder}/`);
    const candidates: Folders[] = [
      { split, images: split, masks: split },
      { split, images: joined(split, 'images'), masks: joined(split, 'annotations') },
    ];
    const row = candidates.find(({ images, masks }) => {
      const [prefix, own] = [within(images), within(masks)];
      const first = files.find((file) => file.startsWith(own) && hasImageOf(tree, prefix + file.slice(own.length)));
      // One file stands for all: tools that write a file for each image write them alike.
      return first !== undefined && isSegmentAnything(tree, first);
    });
    return row ? [row] : [];
  };
  const found = splitNames.flatMap((split) => (tree.folders.has(split) ? rowsOf(split) : []));
  return found.length > 0 ? found : rowsOf('');
}
