import type { Tree } from '../../base/tree.ts';
import { isCvat } from '../cvat/find.ts';
import { isDatumaro } from '../datumaro/find.ts';
import type { Folders } from '../folders.ts';

const others = /^(captions|person_keypoints|stuff|panoptic|image_info)_/;

/** Documents by their names: `annotations/instances_<split>.json`, `<split>/_annotations.coco.json`, `labels.json` beside `data/`. */
export function findCoco(tree: Tree): Folders[] {
  const { files } = tree;
  const found: Folders[] = [];
  // Where documents are called as COCO's are, others beside them are something else.
  const called = files.some((file) => /^annotations\/instances_[^/]+\.json$/.test(file));
  for (const file of files) {
    const named = (called ? /^annotations\/instances_([^/]+)\.json$/ : /^annotations\/([^/]+)\.json$/).exec(file)?.[1];
    if (named !== undefined && !others.test(named) && !isDatumaro(tree, file)) found.push({ split: named, images: '', masks: file });
    const around = /^([^/]+)\/_annotations\.coco\.json$/.exec(file)?.[1];
    if (around !== undefined) found.push({ split: around, images: around, masks: file });
    if (/^(labels|annotations|coco|instances|_annotations\.coco)\.json$/.test(file)) found.push({ split: '', images: '', masks: file });
  }
  return found;
}

/** Panoptic documents that have a folder of PNGs of their name. */
export function findPanoptic({ files, folders }: Tree): Folders[] {
  return files.flatMap((file) => {
    const [, stem, split] = /^((?:.*\/)?panoptic_([^/]+))\.json$/.exec(file) ?? [];
    if (stem === undefined || split === undefined) return [];
    const objects = [stem, `panoptic_${split}`].find((folder) => folders.has(folder));
    return objects === undefined ? [] : [{ split, images: '', masks: file, objects }];
  });
}

/** Whether a document may be one of COCO's, which have no name of their own. */
export function isCoco(tree: Tree, file: string): boolean {
  return !isCvat(file) && !isDatumaro(tree, file);
}
