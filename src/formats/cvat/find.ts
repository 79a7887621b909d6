import type { Tree } from '../../base/tree.ts';
import { type Folders, splitNames } from '../folders.ts';

/** Finds `annotations.xml` in the root or in folders of splits, and `<split>.xml`, as Datumaro names it. */
export function findCvat({ files, folders }: Tree): Folders[] {
  return files.flatMap((file) => {
    const [, around, name] = /^(?:([^/]+)\/)?([^/]+)\.xml$/.exec(file) ?? [];
    if (name === 'annotations') return [{ split: around ?? '', images: around ?? '', masks: file }];
    const named = around === undefined && name !== undefined && (splitNames.includes(name) || name === 'default') && folders.has('images');
    return named ? [{ split: name, images: 'images', masks: file }] : [];
  });
}

/** Tests if a file is named like a CVAT document. */
export function isCvat(file: string): boolean {
  return file.endsWith('.xml');
}
