import type { Tree } from '../base/tree.ts';
import { CopyPasteError } from '../errors.ts';
import { noCategory } from '../masks/instances.ts';
import type { ClassNames, Endings, LayoutName, ObjectIds, ShapeSet, Size, View } from '../types.ts';
import { ade20kNames, cityscapes, kittiObjects, kittiViews } from './cityscapes.ts';
import { coco, findCoco, findPanoptic } from './coco/read.ts';
import { cvat, findCvat } from './cvat/read.ts';
import { datumaro, findDatumaro } from './datumaro/read.ts';
import type { DocumentReader } from './documents.ts';
import { findLabelme, labelme } from './labelme/read.ts';
import { findYolo, yolo } from './yolo/read.ts';

/** Folders that hold the images and masks of one split, relative to the root. */
export interface Folders {
  /** `''` where the layout has no splits. */
  readonly split: string;
  readonly images: string;
  readonly masks: string;
  /** Instance-id masks. */
  readonly objects?: string;
}

/** One way to arrange a data set in folders. */
export interface Layout {
  readonly name: LayoutName;
  /** What a user has to have for it, for messages. */
  readonly shape: string;
  readonly background: readonly number[];
  readonly ignore: readonly number[];
  readonly classNames?: Readonly<Record<number, string>>;
  /** Folder of lists, one id a line, that say which samples a split has. */
  readonly lists?: string;
  /** Not every image has a mask: those without are no samples. */
  readonly partial?: boolean;
  readonly endings?: Endings;
  /** How ids of instance masks are made, where they say the class too. */
  readonly objectIds?: ObjectIds;
  /** Further files of a mask, which follow from it. */
  readonly views?: readonly View[];
  /** Files that name its classes, as Mapillary's: the first that there is. */
  readonly configs?: readonly string[];
  /** Annotations are in documents, which `masks` of folders names. */
  readonly documents?: DocumentReader;
  /** Annotations are files of shapes, one for an image. */
  readonly labels?: LabelReader;
  find(tree: Tree): Folders[];
}

/** A file that says what label files mean, and is carried over. */
export interface LabelConfig {
  readonly file: string;
  /** What it has to be for the output, where that is something else. */
  readonly text?: string;
  /** What a user has to know of it. */
  readonly note?: string;
}

/** How files of shapes are read. */
export interface LabelReader {
  readonly ending: string;
  /** An image without a file has nothing on it; else nobody has labelled it yet. */
  readonly background?: true;
  /**
   * What classes are called.
   *
   * @param among files of labels, and the folders that there are.
   * @param bad takes files that cannot be read.
   */
  names(
    root: string,
    tree: Tree,
    among: { readonly files: readonly string[]; readonly folders: readonly Folders[] },
    bad: Map<string, string>,
  ): Promise<{ readonly classNames: ClassNames; readonly config?: LabelConfig }>;
  /** @throws {CopyPasteError} `data` for what is wrong. */
  shapes(bytes: Uint8Array, size: Size, file: string, classNames: ClassNames): ShapeSet;
}

const names = (first: number, text: string): Record<number, string> =>
  Object.fromEntries(text.split(', ').map((name, i) => [first + i, name]));

const splitNames = ['train', 'training', 'val', 'valid', 'validation', 'test', 'testing', 'trainval'];
const imageFolders = ['images', 'image', 'imgs', 'img'];
const maskFolders = ['masks', 'mask', 'labels', 'label', 'annotations', 'annotation', 'gt'];

/** Splits of folders that have the same below each of two folders: `images/train` and `annotations/train`. */
function splitsBelow({ folders }: Tree, images: string, masks: string, objects?: string): Folders[] {
  return [...folders]
    .filter((folder) => folder.startsWith(`${images}/`) && !folder.slice(images.length + 1).includes('/'))
    .map((folder) => folder.slice(images.length + 1))
    .filter((split) => folders.has(`${masks}/${split}`))
    .map((split) => ({
      split,
      images: `${images}/${split}`,
      masks: `${masks}/${split}`,
      ...(objects && { objects: `${objects}/${split}` }),
    }));
}

/** Splits that hold the same folders each: `training/image_2` and `training/semantic`. */
function splitsAround({ folders }: Tree, images: string, masks: string, objects?: string): Folders[] {
  return [...folders]
    .filter((split) => !split.includes('/') && folders.has(`${split}/${images}`) && folders.has(`${split}/${masks}`))
    .map((split) => ({
      split,
      images: `${split}/${images}`,
      masks: `${split}/${masks}`,
      ...(objects && folders.has(`${split}/${objects}`) && { objects: `${split}/${objects}` }),
    }));
}

/** Every layout that is detected; a new one is a row. */
const layouts: readonly Layout[] = [
  {
    name: 'voc',
    shape: 'JPEGImages/ + SegmentationClass/',
    background: [0],
    ignore: [255],
    classNames: names(
      0,
      'background, aeroplane, bicycle, bird, boat, bottle, bus, car, cat, chair, cow, diningtable, dog, horse, motorbike, person, pottedplant, sheep, sofa, train, tvmonitor',
    ),
    lists: 'ImageSets/Segmentation',
    partial: true,
    find: ({ folders }) =>
      folders.has('JPEGImages') && folders.has('SegmentationClass')
        ? [
            {
              split: '',
              images: 'JPEGImages',
              masks: 'SegmentationClass',
              ...(folders.has('SegmentationObject') && { objects: 'SegmentationObject' }),
            },
          ]
        : [],
  },
  {
    name: 'camvid',
    shape: 'train/ + trainannot/',
    background: [],
    ignore: [11],
    classNames: names(0, 'sky, building, pole, road, pavement, tree, sign symbol, fence, car, pedestrian, bicyclist, unlabelled'),
    find: ({ folders }) =>
      [...folders]
        .filter((folder) => !folder.includes('/') && folders.has(`${folder}annot`))
        .map((split) => ({ split, images: split, masks: `${split}annot` })),
  },
  {
    name: 'cityscapes',
    shape: 'leftImg8bit/<split>/ + gtFine/<split>/ with …_gtFine_labelIds.png',
    ...cityscapes,
    endings: { image: '_leftImg8bit', mask: '_gtFine_labelIds', objects: '_gtFine_instanceIds' },
    find: (tree) => {
      const has = tree.files.some((file) => file.startsWith('gtFine/') && file.endsWith('_gtFine_labelIds.png'));
      return has ? splitsBelow(tree, 'leftImg8bit', 'gtFine', 'gtFine') : [];
    },
  },
  {
    name: 'cityscapes-train-ids',
    shape: 'leftImg8bit/<split>/ + gtFine/<split>/ with …_gtFine_labelTrainIds.png',
    background: [],
    ignore: [255],
    classNames: Object.fromEntries(
      Object.entries(cityscapes.trainIds).map(([id, train]) => [train, cityscapes.classNames[Number(id)] ?? '']),
    ),
    endings: { image: '_leftImg8bit', mask: '_gtFine_labelTrainIds', objects: '' },
    find: (tree) => {
      const ends = (end: string): boolean => tree.files.some((file) => file.startsWith('gtFine/') && file.endsWith(end));
      return ends('_gtFine_labelTrainIds.png') && !ends('_gtFine_labelIds.png') ? splitsBelow(tree, 'leftImg8bit', 'gtFine') : [];
    },
  },
  {
    name: 'kitti',
    shape: 'training/image_2/ + training/semantic/',
    background: cityscapes.background,
    ignore: cityscapes.ignore,
    classNames: cityscapes.classNames,
    objectIds: kittiObjects,
    views: kittiViews,
    partial: true,
    find: (tree) => splitsAround(tree, 'image_2', 'semantic', 'instance'),
  },
  {
    name: 'ade20k',
    shape: 'images/training/ + annotations/training/',
    background: [],
    ignore: [0],
    classNames: names(0, ade20kNames),
    find: (tree) => (tree.folders.has('annotations/training') ? splitsBelow(tree, 'images', 'annotations') : []),
  },
  {
    name: 'mmsegmentation',
    shape: 'img_dir/<split>/ + ann_dir/<split>/',
    background: [],
    ignore: [255],
    find: (tree) => splitsBelow(tree, 'img_dir', 'ann_dir'),
  },
  {
    name: 'mapillary',
    shape: 'training/images/ + training/v1.2/labels/ (or training/labels/)',
    background: [],
    ignore: [65],
    objectIds: { perClass: 256, bare: 'product' },
    configs: ['config_v1.2.json', 'config.json'],
    find: (tree) =>
      ['', 'v1.2/'].flatMap((version) =>
        splitsAround(tree, 'images', `${version}labels`, `${version}instances`).filter(({ objects }) => objects),
      ),
  },
  {
    name: 'mapillary-v2',
    shape: 'training/images/ + training/v2.0/labels/',
    background: [],
    ignore: [123],
    objectIds: { perClass: 256, bare: 'product' },
    configs: ['config_v2.0.json', 'config.json'],
    find: (tree) => splitsAround(tree, 'images', 'v2.0/labels', 'v2.0/instances').filter(({ objects }) => objects),
  },
  {
    name: 'coco',
    shape: 'annotations/instances_<split>.json, <split>/_annotations.coco.json or labels.json, beside images',
    background: [],
    // What no annotation holds.
    ignore: [noCategory],
    documents: coco,
    find: findCoco,
  },
  {
    name: 'panoptic',
    shape: 'annotations/panoptic_<split>.json + annotations/panoptic_<split>/ (or panoptic_<split>/) of PNGs, beside images',
    background: [],
    ignore: [noCategory],
    documents: coco,
    find: findPanoptic,
  },
  {
    name: 'cvat',
    shape: 'annotations.xml (CVAT for images 1.1) + images/',
    background: [],
    ignore: [noCategory],
    documents: cvat,
    find: (tree) => findCvat(tree, splitNames),
  },
  {
    name: 'datumaro',
    shape: 'annotations/<split>.json of Datumaro + images/<split>/',
    background: [],
    ignore: [noCategory],
    documents: datumaro,
    find: findDatumaro,
  },
  {
    name: 'yolo',
    shape: 'images/<split>/ + labels/<split>/ (or <split>/images/ + <split>/labels/) with .txt files',
    background: [],
    ignore: [noCategory],
    labels: yolo,
    find: findYolo,
  },
  {
    name: 'labelme',
    shape: 'a .json file beside each image, in train/, val/ … or anywhere',
    background: [],
    ignore: [noCategory],
    labels: labelme,
    find: (tree) => findLabelme(tree, splitNames),
  },
  {
    name: 'paired',
    shape: 'images/ + masks/',
    background: [0],
    ignore: [255],
    find: (tree) => {
      if (tree.folders.has('annotations/training')) return [];
      const around = [...tree.folders].filter((folder) => splitNames.includes(folder));
      return ['', ...around].flatMap((split) => {
        const prefix = split === '' ? '' : `${split}/`;
        const [images] = imageFolders.filter((name) => tree.folders.has(prefix + name));
        const [masks] = maskFolders.filter((name) =>
          tree.files.some((file) => file.startsWith(`${prefix}${name}/`) && /\.(png|tiff?)$/.test(file)),
        );
        const objects = tree.folders.has(`${prefix}instances`);
        if (images === undefined || masks === undefined || (objects && masks === 'labels')) return [];
        return bySplit({ split, images: prefix + images, masks: prefix + masks }, tree);
      });
    },
  },
];

/** @throws {CopyPasteError} `data` where there is none of that name. */
export function layoutNamed(name: string | undefined): Layout {
  const layout = layouts.find((one) => one.name === name);
  if (!layout) throw new CopyPasteError('data', `layout ${name}: there is none of that name in this version`);
  return layout;
}

/** Divides paired folders by the splits below them, where all that they hold is splits. */
export function bySplit(folders: Folders, tree: Tree): Folders[] {
  const below = (folder: string): string[] => [
    ...new Set(
      tree.files
        .filter((file) => file.startsWith(`${folder}/`))
        .map(
          (file) =>
            file
              .slice(folder.length + 1)
              .split('/')
              .slice(0, -1)[0] ?? '',
        ),
    ),
  ];
  const splits = below(folders.images);
  if (splits.length === 0 || !splits.every((split) => splitNames.includes(split))) return [folders];
  return splits.map((split) => ({ split, images: `${folders.images}/${split}`, masks: `${folders.masks}/${split}` }));
}

/**
 * Finds the one layout that fits.
 *
 * @throws {CopyPasteError} `usage` where none or several fit, with what was found and the flag that settles it.
 */
export function detectLayout(tree: Tree, wanted: string | undefined): { layout: Layout; folders: Folders[] } {
  const fitting = layouts
    .filter(({ name }) => wanted === undefined || name === wanted)
    .map((layout) => ({ layout, folders: layout.find(tree) }))
    .filter(({ folders }) => folders.length > 0);
  if (fitting.length === 1) return fitting[0] as (typeof fitting)[0];
  const top = [...tree.folders].filter((folder) => !folder.includes('/'));
  const found = top.length === 0 ? 'no folders' : top.map((folder) => `${folder}/`).join(', ');
  if (fitting.length > 1) {
    const which = fitting.map(({ layout }) => `${layout.name} (${layout.shape})`).join(' and ');
    const flags = fitting.map(({ layout }) => `--layout ${layout.name}`).join(' or ');
    throw new CopyPasteError('usage', `two layouts fit: ${which}; say ${flags}`);
  }
  const known = layouts.map(({ name, shape }) => `${name} (${shape})`).join(', ');
  const asked = wanted === undefined ? 'no known layout' : `not the ${wanted} layout`;
  throw new CopyPasteError('usage', `${asked}: found ${found}; known are ${known}; or name the folders with --images DIR --masks DIR`);
}
