import type { Tree } from '../../base/tree.ts';
import { type Folders, splitNames } from '../folders.ts';

/** `annotations.xml` at the top or in a folder for each split; Datumaro calls it after its split. */
export function findCvat({ files, folders }: Tree): Folders[] {
  return files.flatMap((file) => {
    const [, around, name] = /^(?:([^/]+)\/)?([^/]+)\.xml$/.exec(file) ?? [];
    if (name === 'annotations') return [{ split: around ?? '', images: around ?? '', masks: file }];
    const named = around === undefined && name !== undefined && (splitNames.includes(name) || name === 'default') && folders.has('images');
    return named ? [{ split: name, images: 'images', masks: file }] : [];
  });
}

/** Whether a file is called as CVAT's documents are. */
export function isCvat(file: string): boolean {
  return file.endsWith('.xml');
}
