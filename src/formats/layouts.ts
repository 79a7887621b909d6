/** The table of layouts; its rows load the code of formats only when they are asked to. */
import type { Tree } from '../base/tree.ts';
import { CopyPasteError } from '../errors.ts';
import { noCategory } from '../masks/ids.ts';
import type { Endings, ObjectIds, View } from '../types.ts';
import { ade20kNames, cityscapes, kittiObjects, kittiViews } from './cityscapes.ts';
import { findCoco, findPanoptic, isCoco } from './coco/find.ts';
import { findCvat, isCvat } from './cvat/find.ts';
import { findDatumaro, isDatumaro } from './datumaro/find.ts';
import { type Folders, splitNames } from './folders.ts';
import type { Format } from './format.ts';
import { findLabelme } from './labelme/find.ts';
import { findYolo } from './yolo/find.ts';

/** One way to arrange a data set in folders. */
export interface Layout {
  readonly name: string;
  /** Its folders, for messages. */
  readonly shape: string;
  /** Its row in README, in Markdown. */
  readonly readme: Readme;
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
  /** Loads the format of annotations that are shapes; absent where they are masks. */
  readonly format?: () => Promise<Format>;
  /** Whether it can read a document that is named to it. */
  reads?(tree: Tree, file: string): boolean;
  find(tree: Tree): Folders[];
}

/** A layout in README: its folders, and what becomes of its files in an output. */
interface Readme {
  readonly folders: string;
  readonly written: string;
  readonly carried: string;
  readonly lost: string;
}

const names = (first: number, text: string): Record<number, string> =>
  Object.fromEntries(text.split(', ').map((name, i) => [first + i, name]));

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

const paintedMasks = {
  written: 'masks, in their palettes or colours',
  carried: '`label_colors.txt` and its like',
  lost: '–',
};

const mapillaryFiles = {
  written: 'palettes, instances (class · 256 + number, where the configuration has any)',
  carried: 'the configuration, which names classes',
  lost: '`panoptic/`, `polygons/`, the other version',
};

const rows = [
  {
    name: 'voc',
    shape: 'JPEGImages/ + SegmentationClass/',
    readme: {
      folders: '`JPEGImages/` + `SegmentationClass/` (+ `SegmentationObject/`), lists in `ImageSets/Segmentation/`',
      written: 'class and object masks, in palettes or in colours; lists',
      carried: '`labelmap.txt`',
      lost: '`Annotations/` of boxes, other lists',
    },
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
    readme: { folders: '`train/` + `trainannot/`, `val/` + `valannot/`, …', ...paintedMasks },
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
    readme: {
      folders: '`leftImg8bit/<split>/<city>/` + `gtFine/…_labelIds.png`, with `_instanceIds`, `_labelTrainIds`, `_color`',
      written: 'ids, instances (class · 1000 + number), training ids, colours',
      carried: '–',
      lost: 'polygons',
    },
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
    readme: {
      folders: 'the same with `…_gtFine_labelTrainIds.png` alone',
      written: 'training ids',
      carried: '–',
      lost: 'polygons',
    },
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
    readme: {
      folders: '`training/image_2/` + `training/semantic/` (+ `training/instance/`, `training/semantic_rgb/`)',
      written: 'ids, instances (class · 256 + number), colours',
      carried: '`label_colors.txt`, of Datumaro',
      lost: 'what other benchmarks have in the folder',
    },
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
    readme: { folders: '`images/training/` + `annotations/training/`, of the scene parsing challenge', ...paintedMasks },
    background: [],
    ignore: [0],
    classNames: names(0, ade20kNames),
    find: (tree) => (tree.folders.has('annotations/training') ? splitsBelow(tree, 'images', 'annotations') : []),
  },
  {
    name: 'mmsegmentation',
    shape: 'img_dir/<split>/ + ann_dir/<split>/',
    readme: { folders: '`img_dir/<split>/` + `ann_dir/<split>/`', ...paintedMasks },
    background: [],
    ignore: [255],
    find: (tree) => splitsBelow(tree, 'img_dir', 'ann_dir'),
  },
  {
    name: 'mapillary',
    shape: 'training/images/ + training/v1.2/labels/ (or training/labels/)',
    readme: { folders: '`training/images/` + `training/v1.2/labels/` + `training/v1.2/instances/`, `config_v1.2.json`', ...mapillaryFiles },
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
    readme: { folders: 'the same with `v2.0`', ...mapillaryFiles },
    background: [],
    ignore: [123],
    objectIds: { perClass: 256, bare: 'product' },
    configs: ['config_v2.0.json', 'config.json'],
    find: (tree) => splitsAround(tree, 'images', 'v2.0/labels', 'v2.0/instances').filter(({ objects }) => objects),
  },
  {
    name: 'coco',
    shape: 'annotations/instances_<split>.json, <split>/_annotations.coco.json or labels.json, beside images',
    readme: {
      folders:
        '`annotations/instances_<split>.json`, `<split>/_annotations.coco.json` or `labels.json`, with the images; `--annotations FILE` names another',
      written: 'run lengths, areas, boxes; pastes have new ids and `copypaste`: where from',
      carried: 'categories, licences, all other keys',
      lost: 'keypoints of what changed; other documents',
    },
    background: [],
    // What no annotation holds.
    ignore: [noCategory],
    find: findCoco,
    reads: isCoco,
    format: async (): Promise<Format> => (await import('./coco/coco.ts')).coco,
  },
  {
    name: 'panoptic',
    shape: 'annotations/panoptic_<split>.json + annotations/panoptic_<split>/ (or panoptic_<split>/) of PNGs, beside images',
    readme: {
      folders: '`annotations/panoptic_<split>.json` + `annotations/panoptic_<split>/` or `panoptic_<split>/` of PNGs, with the images',
      written: 'PNGs, segments with areas and boxes; pastes as in COCO',
      carried: 'categories, licences, all other keys',
      lost: 'other documents',
    },
    background: [],
    ignore: [noCategory],
    find: findPanoptic,
    format: async (): Promise<Format> => (await import('./coco/panoptic.ts')).panoptic,
  },
  {
    name: 'cvat',
    shape: 'annotations.xml (CVAT for images 1.1) + images/',
    readme: {
      folders:
        '`annotations.xml` (CVAT for images 1.1) + `images/`, with subsets in `images/<subset>/`; `<split>/annotations.xml` or `<split>.xml`',
      written: 'masks; pastes have `source="copypaste"`, the top `z_order` and a `copypaste` attribute',
      carried: 'tags, lines, points, `<meta>` with its number of images',
      lost: 'comments between images',
    },
    background: [],
    ignore: [noCategory],
    find: findCvat,
    reads: (_tree, file) => isCvat(file),
    format: async (): Promise<Format> => (await import('./cvat/cvat.ts')).cvat,
  },
  {
    name: 'datumaro',
    shape: 'annotations/<split>.json of Datumaro + images/<split>/',
    readme: {
      folders: '`annotations/<split>.json` of Datumaro + `images/<split>/`',
      written: 'masks; pastes have new ids, the top `z_order` and a `copypaste` attribute',
      carried: 'all other keys, subsets',
      lost: '–',
    },
    background: [],
    ignore: [noCategory],
    find: findDatumaro,
    reads: isDatumaro,
    format: async (): Promise<Format> => (await import('./datumaro/datumaro.ts')).datumaro,
  },
  {
    name: 'yolo',
    shape: 'images/<split>/ + labels/<split>/ (or <split>/images/ + <split>/labels/) with .txt files',
    readme: {
      folders: '`images/<split>/` + `labels/<split>/`, or `<split>/images/` + `<split>/labels/`, with `data.yaml`',
      written: 'an outline that goes round parts and holes; a box in a file of boxes',
      carried: '`data.yaml`, but a `path:` to the old data',
      lost: 'lists of images, caches',
    },
    background: [],
    ignore: [noCategory],
    find: findYolo,
    format: async (): Promise<Format> => (await import('./yolo/yolo.ts')).yolo,
  },
  {
    name: 'labelme',
    shape: 'a .json file beside each image, in train/, val/ … or anywhere',
    readme: {
      folders: 'a `.json` file beside each image, in `train/`, `val/`, … or anywhere',
      written: 'a polygon for each part, in a group; a `mask` where there is a hole',
      carried: 'flags, descriptions, lines, points',
      lost: 'rectangles and circles that changed are polygons; `imageData`, which is `null` then',
    },
    background: [],
    ignore: [noCategory],
    find: findLabelme,
    format: async (): Promise<Format> => (await import('./labelme/labelme.ts')).labelme,
  },
  {
    name: 'paired',
    shape: 'images/ + masks/',
    readme: {
      folders: '`images/` + `masks/` (or `image`, `label`, `annotations`, …), nested as you like; also `images/train/` or `train/images/`',
      ...paintedMasks,
    },
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
] as const satisfies readonly Layout[];

/** Every layout that is detected; a new one is a row. */
export const layouts: readonly Layout[] = rows;

export type LayoutName = (typeof rows)[number]['name'];
export const layoutNames: readonly LayoutName[] = rows.map(({ name }) => name);

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
