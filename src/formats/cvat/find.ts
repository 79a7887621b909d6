import type { Tree } from '../../base/tree.ts';
import { type Folders, isSplitName } from '../folders.ts';
import { filesBesideImages } from '../image-names.ts';

/**
 * Finds `annotations.xml` in the root or in folders, and `<split>.xml` beside `images/`, as Datumaro names it, in the root or in folders. Each
 * folder holds an export of its own.
 */
export function findCvat(tree: Tree): Folders[] {
  const found = filesBesideImages(tree).flatMap((file) => {
    const [, around = '', name = ''] = /^(?:([^/]+)\/)?([^/]+)\.xml$/.exec(file) ?? [];
    if (name === 'annotations') return [{ around, split: around, images: imagesIn(tree, around), masks: file }];
    const images = around === '' ? 'images' : `${around}/images`;
    const isNamed = name !== '' && tree.folders.has(images) && (isSplit(name) || startsLikeCvat(tree, file));
    return isNamed ? [{ around, split: name, images, masks: file }] : [];
  });
  return found.map(({ around, split, images, masks }) => {
    const isOnly = found.filter((one) => one.split === split).length === 1;
    return { split: isOnly || around === '' ? split : `${around}/${split}`, images, masks };
  });
}

/** Folder of the images of an export: `images/`, or its only folder. */
function imagesIn({ folders, files }: Tree, around: string): string {
  const images = `${around}/images`;
  if (around === '' || !folders.has(images)) return around;
  const below = [...folders].filter((folder) => folder.startsWith(`${images}/`));
  const direct = files.some((file) => file.startsWith(`${images}/`) && !file.slice(images.length + 1).includes('/'));
  return below.length === 1 && !direct ? (below[0] as string) : images;
}

function isSplit(name: string): boolean {
  return isSplitName(name.toLowerCase()) || name === 'default';
}

function startsLikeCvat(tree: Tree, file: string): boolean {
  return /^\s*(?:<\?[^>]*>\s*)?<annotations[\s>]/.test(tree.start(file).replace(/^\ufeff/, ''));
}

/** Tests if a file is named like a CVAT document. */
export function isCvat(file: string): boolean {
  return file.endsWith('.xml');
}
