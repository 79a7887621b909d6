/** Finds the splits of a YOLO data set: those that `data.yaml` names, else folders of images beside folders of labels. */
import { posix } from 'node:path';
import { withoutExtension } from '../../base/paths.ts';
import { filesBelow, type Tree } from '../../base/tree.ts';
import { formatOf, maskFormatOf } from '../../codecs/image-names.ts';
import { type Folders, type Part, partsOf } from '../folders.ts';
import { readImageList } from '../image-lists.ts';
import { findConfig, hasFolder, placeOf, type YoloConfig } from './config.ts';
import { hasOrientedBoxes } from './lines.ts';

/** Options for finding a layout. */
interface Finding {
  readonly encoding: string;
  /** True if the user has named the layout. */
  readonly asked: boolean;
}

/** Finds folders of outlines. */
export async function findYolo(tree: Tree, { encoding, asked }: Finding): Promise<Folders[]> {
  const found = await findLabels(tree, encoding);
  return asked || !(await isOriented(tree, found, encoding)) ? found : [];
}

/** Finds folders of oriented boxes. */
export async function findOriented(tree: Tree, { encoding, asked }: Finding): Promise<Folders[]> {
  const found = await findLabels(tree, encoding);
  return asked || (await isOriented(tree, found, encoding)) ? found : [];
}

/** Tests if labels are oriented boxes: `data.yaml` may name the task, else the lines decide. */
async function isOriented(tree: Tree, found: readonly Folders[], encoding: string): Promise<boolean> {
  if (found.length === 0) return false;
  const { task } = (await findConfig(tree, encoding)) ?? {};
  return task === undefined ? hasOrientedBoxes(tree, found, encoding) : task === 'obb';
}

/** Finds folders of class masks, for semantic segmentation. */
export async function findSemantic(tree: Tree, { encoding }: Finding): Promise<Folders[]> {
  const config = await findConfig(tree, encoding);
  const masks = masksFolder(config, tree);
  if (!config || masks === undefined) return [];
  const found = await splitsOf(tree, config, masks, encoding);
  const hasMasks = ({ masks }: Folders): boolean => filesBelow(tree, masks).some((file) => formatOf(file) !== undefined);
  return found.some(hasMasks) ? found : [];
}

/** Name of the folder of masks, if it exists: `masks` if `data.yaml` names none, and there are no labels. */
function masksFolder(config: YoloConfig | undefined, tree: Tree): string | undefined {
  if (!config) return undefined;
  const isDefault = config.splits.length > 0 && tree.folders.has('masks') && !tree.folders.has('labels');
  const name = config.masks ?? (isDefault ? 'masks' : undefined);
  return name !== undefined && hasFolder(tree, name) ? name : undefined;
}

async function findLabels(tree: Tree, encoding: string): Promise<Folders[]> {
  const config = await findConfig(tree, encoding);
  if (masksFolder(config, tree) !== undefined) return [];
  const found = await splitsOf(tree, config, 'labels', encoding);
  return found.some((row) => hasLabels(row, tree)) ? found : [];
}

/** Tests if a split has label files. Beside its images, a label file has the name of an image. */
function hasLabels(row: Folders, tree: Tree): boolean {
  return partsOf(row).some(({ images, masks }) =>
    filesBelow(tree, masks).some((file) =>
      images === masks ? formatOf(file) !== undefined && tree.has(`${withoutExtension(file)}.txt`) : file.endsWith('.txt'),
    ),
  );
}

/** Says which image has a label beside it, where only the paths in `data.yaml` lead to labels; looks at the first image with a text file. */
export function labelBesideImage(tree: Tree): { what: string; remedy: string } | undefined {
  const labelOf = (image: string): string => `${withoutExtension(image)}.txt`;
  const image = tree.files.find((file) => formatOf(file) !== undefined && tree.has(labelOf(file)));
  if (image === undefined || !/^\ufeff?\s*\d+(\s+-?[\d.e-]+){4,}\s*$/m.test(tree.start(labelOf(image)))) return undefined;
  const folder = posix.dirname(image);
  return {
    what: `${labelOf(image)} looks like a YOLO label beside its image`,
    remedy: `add a data.yaml with the line 'train: ${folder}' and the names of the classes`,
  };
}

/** A folder and the folders that contain it; `''` is the root. */
function lineage(folder: string): string[] {
  const parts = folder === '' ? [] : folder.split('/');
  return Array.from({ length: parts.length + 1 }, (_, n) => parts.slice(0, n).join('/'));
}

/** Splits of a data set. @param annotations name of the folder that stands for `images` in the paths of annotations. */
async function splitsOf(tree: Tree, config: YoloConfig | undefined, annotations: string, encoding: string): Promise<Folders[]> {
  const beside = splitsOfFolders(tree, annotations);
  const found: Folders[] = [];
  for (const [key, values] of config?.splits ?? []) {
    const places = values.flatMap((value) => placeOf(value, config as YoloConfig, tree)?.place ?? []);
    const parts: Part[] = [];
    for (const place of places) for (const part of await partsAt(place, tree, annotations, encoding)) parts.push(part);
    const row = rowOf(parts);
    if (row && !found.some((other) => isSame(other, row))) found.push({ split: nameOf(key, row, beside), ...row });
  }
  // A data set with one folder of images has no splits.
  const [only, ...more] = found;
  if (only && more.length === 0 && beside.length === 1 && beside[0]?.split === '' && isSame(only, beside[0])) return beside;
  const places = found.flatMap(partsOf).map(({ images }) => images);
  const [known, around] = [new Set(places), new Set(places.flatMap(lineage))];
  const isOutside = ({ images }: Folders): boolean => !around.has(images) && !lineage(images).some((folder) => known.has(folder));
  const others = beside
    .filter(isOutside)
    .map((row) => (found.some(({ split }) => split === row.split) ? { ...row, split: row.images } : row));
  return [...found, ...others];
}

/** Parts of a split at a folder or a list of images. */
async function partsAt(place: string, tree: Tree, annotations: string, encoding: string): Promise<Part[]> {
  if (/\.txt$/i.test(place)) return partsOfList(tree, place, annotations, encoding);
  const hasImages = filesBelow(tree, place).some((file) => formatOf(file) !== undefined);
  return hasImages ? [{ images: place, masks: counterpart(place, annotations) }] : [];
}

/** Name of a split: that of its folder, such as `valid` or `train2017`, if it begins like its key in `data.yaml`; else the key. */
function nameOf(key: string, { images, parts }: Omit<Folders, 'split'>, beside: readonly Folders[]): string {
  const known = parts ? undefined : beside.find((row) => row.images === images)?.split;
  if (known !== undefined && known !== '' && key.startsWith(known.slice(0, 3))) return known;
  return key === 'validation' ? 'val' : key;
}

function isSame(one: Folders | Omit<Folders, 'split'>, other: Omit<Folders, 'split'>): boolean {
  return one.images === other.images && JSON.stringify(one.parts) === JSON.stringify(other.parts);
}

/** A split of parts; undefined if there are none. */
function rowOf(parts: readonly Part[]): Omit<Folders, 'split'> | undefined {
  const [first] = parts;
  if (!first) return undefined;
  if (parts.length === 1 && first.list === undefined) return first;
  return { images: common(parts.map(({ images }) => images)), masks: common(parts.map(({ masks }) => masks)), parts };
}

/** Parts of a split that a list of images defines, one for each folder named `images`, or for each folder. */
async function partsOfList(tree: Tree, list: string, annotations: string, encoding: string): Promise<Part[]> {
  const roots = new Map<string, Set<string>>();
  for (const { image } of await readImageList(tree, list, encoding)) {
    if (image === undefined) continue;
    const folder = posix.dirname(image) === '.' ? '' : posix.dirname(image);
    const names = folder.split('/');
    const root = names.slice(0, names.lastIndexOf('images') + 1).join('/') || folder;
    roots.set(root, (roots.get(root) ?? new Set()).add(folder));
  }
  return [...roots.values()].map((folders) => {
    const images = common([...folders]);
    return { images, masks: counterpart(images, annotations), list };
  });
}

/** Longest folder that contains all folders. */
function common(folders: readonly string[]): string {
  return folders.reduce((shared, folder) => {
    const [own, other] = [shared.split('/'), folder.split('/')];
    const differing = own.findIndex((part, n) => part !== other[n]);
    return own.slice(0, differing < 0 ? own.length : differing).join('/');
  });
}

/** Folder of annotations of a folder of images: its last part `images` becomes another; without such a part they are the same. */
function counterpart(images: string, annotations: string): string {
  const parts = images.split('/');
  const at = parts.lastIndexOf('images');
  return parts.map((part, i) => (i === at ? annotations : part)).join('/');
}

/** Finds folders of images with a folder of annotations: `images/<split>`, `<split>/images` or `images`. */
function splitsOfFolders(tree: Tree, annotations: string): Folders[] {
  const isAnnotation = (file: string): boolean => (annotations === 'labels' ? file.endsWith('.txt') : maskFormatOf(file) !== undefined);
  return [...tree.folders].flatMap((images) => {
    const parts = images.split('/');
    if (parts.length > 2 || !parts.includes('images')) return [];
    const masks = counterpart(images, annotations);
    const split = parts.filter((_, i) => i !== parts.lastIndexOf('images')).join('/');
    const isImage = (file: string): boolean => (split === '' ? !file.slice(images.length + 1).includes('/') : formatOf(file) !== undefined);
    const isLabelled = filesBelow(tree, masks).some((file) => isAnnotation(file));
    return isLabelled && filesBelow(tree, images).some(isImage) ? [{ split, images, masks }] : [];
  });
}
