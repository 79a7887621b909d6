import type { Tree } from '../../base/tree.ts';
import type { Folders } from '../folders.ts';

/** Finds folders of images with a folder of label files: `images/<split>`, `<split>/images` or `images`. */
export function findYolo(tree: Tree): Folders[] {
  const hasLabels = (folder: string): boolean => tree.files.some((file) => file.startsWith(`${folder}/`) && file.endsWith('.txt'));
  return [...tree.folders].flatMap((images) => {
    const parts = images.split('/');
    const at = parts.lastIndexOf('images');
    const masks = parts.map((part, i) => (i === at ? 'labels' : part)).join('/');
    const split = parts.filter((_, i) => i !== at).join('/');
    const leaf = tree.files.some((file) => file.startsWith(`${images}/`) && !file.slice(images.length + 1).includes('/'));
    return at >= 0 && parts.length <= 2 && leaf && hasLabels(masks) ? [{ split, images, masks }] : [];
  });
}
