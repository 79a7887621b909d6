import type { Tree } from '../../base/tree.ts';
import type { Folders } from '../folders.ts';
import { filesBesideImages } from '../image-names.ts';

/** Tests if a document starts like Datumaro's, whose categories are an object; COCO's are a list. */
export function isDatumaro(tree: Tree, file: string): boolean {
  return /"dm_format_version"|"categories"\s*:\s*\{/.test(tree.start(file));
}

/** Finds `annotations/<split>.json` beside `images/<split>/` or `images/`. */
export function findDatumaro(tree: Tree): Folders[] {
  return filesBesideImages(tree).flatMap((file) => {
    const [, split] = /^annotations\/([^/]+)\.json$/.exec(file) ?? [];
    if (split === undefined || !tree.folders.has('images') || !isDatumaro(tree, file)) return [];
    const own = `images/${split}`;
    return [{ split, images: tree.folders.has(own) ? own : 'images', masks: file }];
  });
}
