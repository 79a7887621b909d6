import type { Tree } from '../../base/tree.ts';
import { isCvat } from '../cvat/find.ts';
import { isDatumaro } from '../datumaro/find.ts';
import { type Folders, isSplitName } from '../folders.ts';
import { filesBesideImages } from '../image-names.ts';
import { isLabelStudio } from '../label-studio/find.ts';
import { beginsLikeLabelme } from '../labelme/find.ts';
import { isSegmentAnything } from '../segment-anything/find.ts';
import { isVia } from '../via/find.ts';

const others = /^(captions|person_keypoints|stuff|panoptic|image_info)_/;

/**
 * Finds documents by name: `annotations/instances_<split>.json`, `<split>/_annotations.coco.json`, `<split>/labels.json`, `<split>.json`,
 * `labels.json` beside `data/`, Label Studio's `result.json`.
 */
export function findCoco(tree: Tree): Folders[] {
  const { folders } = tree;
  const files = filesBesideImages(tree);
  const found: Folders[] = [];
  const common: Folders[] = [];
  // If documents have COCO's standard names, other documents beside them hold no instances.
  const standard = files.some((file) => /^annotations\/instances_[^/]+\.json$/.test(file));
  for (const file of files) {
    const named = (standard ? /^annotations\/instances_([^/]+)\.json$/ : /^annotations\/([^/]+)\.json$/).exec(file)?.[1];
    if (named !== undefined && !others.test(named) && !isOther(tree, file)) found.push({ split: named, images: '', masks: file });
    const around = /^([^/]+)\/_annotations\.coco\.json$/.exec(file)?.[1];
    if (around !== undefined) found.push({ split: around, images: around, masks: file });
    if (/^(labels|annotations|coco|instances|_annotations\.coco)\.json$/.test(file) && !isOther(tree, file))
      found.push({ split: '', images: '', masks: file });
    const [, folder, name = ''] = /^(?:([^/]+)\/(?:labels|annotations|coco|instances)|([^/]+))\.json$/.exec(file) ?? [];
    const split = folder ?? name;
    if (isSplitName(split) && folders.has(split) && beginsLikeCoco(tree, file)) common.push({ split, images: split, masks: file });
    if (file === 'result.json' && folders.has('images') && !isOther(tree, file)) found.push({ split: '', images: 'images', masks: file });
  }
  // A document of a common name may be a copy of one beside it.
  return found.length > 0 ? found : common;
}

/** Finds panoptic documents with a folder of PNGs of the same name. */
export function findPanoptic(tree: Tree): Folders[] {
  const { folders } = tree;
  return filesBesideImages(tree).flatMap((file) => {
    const [, stem, split] = /^((?:.*\/)?panoptic_([^/]+))\.json$/.exec(file) ?? [];
    if (stem === undefined || split === undefined) return [];
    const objects = [stem, `panoptic_${split}`].find((folder) => folders.has(folder));
    return objects === undefined ? [] : [{ split, images: '', masks: file, objects }];
  });
}

/** Tests if a document is none of the others: COCO documents have no marker of their own. */
export function isCoco(tree: Tree, file: string): boolean {
  return !isCvat(file) && !isOther(tree, file) && !isPanoptic(tree, file);
}

/** Tests if a document of a common name begins with a key of COCO's. */
function beginsLikeCoco(tree: Tree, file: string): boolean {
  return /^\ufeff?\s*\{\s*"(info|licenses|images|annotations|categories|type)"\s*:/.test(tree.start(file)) && !isOther(tree, file);
}

/** Tests if a document is in another format of JSON. */
function isOther(tree: Tree, file: string): boolean {
  return [isDatumaro, isLabelStudio, isVia, isSegmentAnything, beginsLikeLabelme].some((isIt) => isIt(tree, file));
}

/** Tests if a document is panoptic: its name says so and a folder of PNGs is beside it, or its first bytes have segments. */
export function isPanoptic(tree: Tree, file: string): boolean {
  return findPanoptic(tree).some(({ masks }) => masks === file) || (file.endsWith('.json') && tree.start(file).includes('"segments_info"'));
}
