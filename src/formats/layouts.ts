/** The table of layouts. A row loads the code of its format on demand. */
import { filesBelow, type Tree } from '../base/tree.ts';
import { arrayFormatOf, formatOf, maskFormatOf } from '../codecs/image-names.ts';
import { CopyPasteError } from '../errors.ts';
import { noCategory } from '../masks/ids.ts';
import type { Endings, ObjectIds, View } from '../types.ts';
import { ade20kNames, ade20kStuff } from './ade20k.ts';
import {
  type ArchiveRoles,
  findArchivedObjects,
  findArchives,
  readArchiveClasses,
  readArchivedObjectClasses,
  rolesIn,
} from './archives.ts';
import { cityscapes } from './cityscapes.ts';
import { findCoco, findPanoptic, isCoco, isPanoptic } from './coco/find.ts';
import { findCvat, isCvat } from './cvat/find.ts';
import { findDatumaro, isDatumaro } from './datumaro/find.ts';
import { bySplit, type Folders, imageFolders, maskFolders, splitNames } from './folders.ts';
import type { ClassConfig, Format } from './format.ts';
import { areInstanceFiles, findInstanceFiles } from './instance-files/find.ts';
import { kittiObjects, kittiViews } from './kitti.ts';
import { findLabelStudio, isLabelStudio } from './label-studio/find.ts';
import { findLabelme, labelmeWithoutImage } from './labelme/find.ts';
import { findRoboflow, readRoboflowClasses } from './roboflow.ts';
import { findSegmentAnything } from './segment-anything/find.ts';
import { byLists } from './split-lists.ts';
import { findSupervisely } from './supervisely/find.ts';
import { findVia, isVia } from './via/find.ts';
import { hasVocClasses, vocNames } from './voc.ts';
import { findOriented, findSemantic, findYolo, labelBesideImage } from './yolo/find.ts';

/** An arrangement of a data set in folders. */
export interface Layout {
  readonly name: string;
  /** Description of its folders in messages. */
  readonly summary: string;
  readonly docs: Docs;
  readonly background: readonly number[];
  readonly ignore: readonly number[];
  readonly classNames?: Readonly<Record<number, string>>;
  /** Ids of classes that are stuff, such as sky, and not countable things; absent if the layout does not define its classes. */
  readonly stuff?: readonly number[];
  /** True if a colour map in the data set lists the classes in the order of their ids, even if masks store ids. */
  readonly mapNamesIds?: true;
  /** Tests if a data set has the classes of the layout; absent if every data set has them. */
  hasClasses?(tree: Tree, encoding: string): Promise<boolean>;
  /** Folder of text files that list the sample ids of each split, one per line. */
  readonly lists?: string;
  /** True if the text file of a split, such as `train.txt`, lists its images with their masks. */
  readonly pairLists?: true;
  /** True if the lines of lists of images have columns: the path or name of an image, perhaps its mask, and others. */
  readonly columnLists?: true;
  /** True if images without a mask are allowed; they are ignored. */
  readonly partial?: boolean;
  readonly endings?: Endings;
  /** Finds the endings in the names of files, if each data set has its own. */
  roles?(tree: Tree): ArchiveRoles;
  /** Encoding of the class in instance ids, if they have one. */
  readonly objectIds?: ObjectIds;
  /** Further mask files, derived from the class mask. */
  readonly views?: readonly View[];
  /** The layout of folders that `--images` and `--masks` name. */
  readonly anyFolders?: true;
  /** Reads the configuration file that names the classes, if there is one. */
  config?(tree: Tree, encoding: string): Promise<ClassConfig | undefined>;
  /** Loads the annotation format; absent if annotations are masks. */
  readonly format?: () => Promise<Format>;
  /** Set if a folder of PNGs with segments belongs to each document. */
  readonly segments?: true;
  /** Tests if a document is in the layout's format. */
  reads?(tree: Tree, file: string): boolean;
  /** True if annotations may lie apart from their images; these are found if no other layout matches, whose originals they may be. */
  readonly apart?: true;
  /** Says what keeps files of the layout from being found, and what to do; `undefined` if there are none. */
  nearMiss?(tree: Tree): NearMiss | undefined;
  /** Tests if folders of images and masks that the user names are in the layout, although it is not the usual one. */
  fits?(tree: Tree, folders: Pick<Folders, 'images' | 'masks'>): boolean;
  find(tree: Tree, how: Finding): readonly Folders[] | Promise<readonly Folders[]>;
}

/** What keeps files of a layout from being found. */
export interface NearMiss {
  readonly what: string;
  readonly remedy: string;
}

/** Options for finding a layout. */
interface Finding {
  /** Encoding of texts. */
  readonly encoding: string;
  /** True if the user has named the layout. */
  readonly asked: boolean;
}

/** What README and docs/formats.md say of a layout, in Markdown. */
interface Docs {
  /** Name of the data set or tool that the layout is known by. */
  readonly title: string;
  readonly folders: string;
  readonly written: string;
  readonly carried: string;
  readonly lost: string;
}

const names = (first: number, text: string): Record<number, string> =>
  Object.fromEntries(text.split(', ').map((name, i) => [first + i, name]));

/** Finds splits below two folders: `images/train` and `annotations/train`. */
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

/** Finds splits that contain two folders: `training/image_2` and `training/semantic`. */
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

/** Folder of Pascal VOC's lists. */
const vocLists = 'ImageSets/Segmentation';

/** Folder of BDD100K's masks for semantic segmentation. */
const bddMasks = 'labels/sem_seg/masks';

const paintedMasks = {
  written: 'masks, with their palettes or colours',
  carried: '`label_colors.txt`, `labelmap.txt` or `class_dict.csv`',
  lost: '–',
};

const yoloFiles = { carried: '`data.yaml`, with paths to the output; `classes.txt`', lost: 'cache files' };

const mapillaryFiles = {
  written: 'masks with their palettes, instance masks (class · 256 + number, for classes with instances)',
  carried: 'the configuration with the class names',
  lost: '`panoptic/`, `polygons/`, the other version of the labels',
};

/** Reads the first of Mapillary's configuration files that exists. */
const mapillaryConfig =
  (...files: readonly string[]) =>
  async (tree: Tree, encoding: string): Promise<ClassConfig | undefined> => {
    const file = files.find((one) => tree.has(one));
    return file === undefined ? undefined : (await import('./mapillary.ts')).readMapillaryConfig(tree.root, file, encoding);
  };

/** Classes of Cityscapes' training ids. */
const cityscapesTrainIds = {
  background: [],
  ignore: [255],
  classNames: Object.fromEntries(
    Object.entries(cityscapes.trainIds).map(([id, train]) => [train, cityscapes.classNames[Number(id)] ?? '']),
  ),
  stuff: cityscapes.stuff.flatMap((id) => cityscapes.trainIds[id] ?? []),
};

/** Finds a folder of images and one of masks, in the root or in folders of splits. */
async function findPaired(tree: Tree, { encoding, asked }: Finding): Promise<readonly Folders[]> {
  if (tree.folders.has('annotations/training') || tree.folders.has(bddMasks)) return [];
  // PNGs of panoptic segments may lie in a folder that is named like one of masks.
  const others = asked
    ? []
    : [...findPanoptic(tree), ...(await findSemantic(tree, { encoding, asked })), ...(await findInstanceFiles(tree))];
  if (others.length > 0) return [];
  const around = [...tree.folders].filter((folder) => splitNames.includes(folder));
  const found = ['', ...around].flatMap((split) => {
    const prefix = split === '' ? '' : `${split}/`;
    const [images] = imageFolders.filter((name) => tree.folders.has(prefix + name));
    const holding = (is: (file: string) => boolean): string[] =>
      maskFolders.filter((name) => filesBelow(tree, `${prefix}${name}`).some(is));
    // Arrays may hold anything, so images go first.
    const [masks] = [
      ...holding((file) => formatOf(file) !== undefined && maskFormatOf(file) !== undefined),
      ...holding((file) => arrayFormatOf(file) !== undefined),
    ];
    const objects = tree.folders.has(`${prefix}instances`);
    if (images === undefined || masks === undefined || (objects && masks === 'labels')) return [];
    return bySplit({ split, images: prefix + images, masks: prefix + masks }, tree);
  });
  return byLists(found, tree, encoding);
}

const rows = [
  {
    name: 'voc',
    mapNamesIds: true,
    summary: 'JPEGImages/ + SegmentationClass/',
    docs: {
      title: 'Pascal VOC',
      folders: '`JPEGImages/`, `SegmentationClass/` and, if there, `SegmentationObject/`; lists of samples in `ImageSets/Segmentation/`',
      written: 'class and object masks, with their palettes or colours; lists of samples',
      carried: '`labelmap.txt`',
      lost: '`Annotations/` (boxes), other lists',
    },
    background: [0],
    ignore: [255],
    classNames: { ...vocNames },
    stuff: [],
    hasClasses: hasVocClasses,
    lists: vocLists,
    columnLists: true,
    partial: true,
    find: (tree, { encoding }) => {
      const { folders } = tree;
      if (!folders.has('JPEGImages') || !folders.has('SegmentationClass')) return [];
      const objects = folders.has('SegmentationObject') && { objects: 'SegmentationObject' };
      const found = [{ split: '', images: 'JPEGImages', masks: 'SegmentationClass', ...objects }];
      return filesBelow(tree, vocLists).length > 0 ? found : byLists(found, tree, encoding);
    },
  },
  {
    name: 'camvid',
    pairLists: true,
    summary: 'train/ + trainannot/',
    docs: {
      title: 'CamVid',
      folders: '`train/` and `trainannot/`, `val/` and `valannot/`, …',
      ...paintedMasks,
      written: 'masks, with their palettes or colours; lists of pairs such as `train.txt`',
    },
    background: [],
    ignore: [11],
    classNames: names(0, 'sky, building, pole, road, pavement, tree, sign symbol, fence, car, pedestrian, bicyclist, unlabelled'),
    stuff: [0, 1, 3, 4, 5, 7],
    find: ({ folders }) =>
      [...folders]
        .filter((folder) => !folder.includes('/') && folders.has(`${folder}annot`))
        .map((split) => ({ split, images: split, masks: `${split}annot` })),
  },
  {
    name: 'cityscapes',
    mapNamesIds: true,
    summary: 'leftImg8bit/<split>/ + gtFine/<split>/ with …_gtFine_labelIds.png',
    docs: {
      title: 'Cityscapes',
      folders:
        '`leftImg8bit/<split>/<city>/`, and `gtFine/<split>/<city>/` with masks `…_labelIds.png`; `_instanceIds`, `_labelTrainIds` and `_color` if there',
      written: 'masks of ids, instances (class · 1000 + number), training ids and colours',
      carried: '`label_colors.txt` (from Datumaro)',
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
    mapNamesIds: true,
    summary: 'leftImg8bit/<split>/ + gtFine/<split>/ with …_gtFine_labelTrainIds.png',
    docs: {
      title: 'Cityscapes, training ids only',
      folders: 'as in [`cityscapes`](#cityscapes), but only with `…_labelTrainIds.png` masks',
      written: 'masks of training ids',
      carried: '–',
      lost: 'polygons',
    },
    ...cityscapesTrainIds,
    endings: { image: '_leftImg8bit', mask: '_gtFine_labelTrainIds', objects: '' },
    find: (tree) => {
      const ends = (end: string): boolean => tree.files.some((file) => file.startsWith('gtFine/') && file.endsWith(end));
      return ends('_gtFine_labelTrainIds.png') && !ends('_gtFine_labelIds.png') ? splitsBelow(tree, 'leftImg8bit', 'gtFine') : [];
    },
  },
  {
    name: 'kitti',
    mapNamesIds: true,
    summary: 'training/image_2/ + training/semantic/',
    docs: {
      title: 'KITTI, semantic segmentation',
      folders: '`training/image_2/`, `training/semantic/` and, if there, `training/instance/` and `training/semantic_rgb/`',
      written: 'masks of ids, instances (class · 256 + number) and colours',
      carried: '`label_colors.txt` (from Datumaro)',
      lost: 'files of other KITTI benchmarks',
    },
    background: cityscapes.background,
    ignore: cityscapes.ignore,
    classNames: cityscapes.classNames,
    stuff: cityscapes.stuff,
    objectIds: kittiObjects,
    views: kittiViews,
    partial: true,
    find: (tree) => splitsAround(tree, 'image_2', 'semantic', 'instance'),
  },
  {
    name: 'ade20k',
    summary: 'images/training/ + annotations/training/',
    docs: {
      title: 'ADE20K, scene parsing challenge',
      folders: '`images/training/` and `annotations/training/`; so for `validation`',
      ...paintedMasks,
    },
    background: [],
    ignore: [0],
    classNames: names(0, ade20kNames),
    stuff: ade20kStuff,
    find: (tree) => (tree.folders.has('annotations/training') ? splitsBelow(tree, 'images', 'annotations') : []),
  },
  {
    name: 'mmsegmentation',
    summary: 'img_dir/<split>/ + ann_dir/<split>/',
    docs: {
      title: 'folders of MMSegmentation',
      folders: '`img_dir/<split>/` and `ann_dir/<split>/`',
      ...paintedMasks,
    },
    background: [],
    ignore: [255],
    find: (tree) => splitsBelow(tree, 'img_dir', 'ann_dir'),
  },
  {
    name: 'bdd100k',
    summary: 'images/10k/<split>/ + labels/sem_seg/masks/<split>/',
    docs: {
      title: 'BDD100K, semantic segmentation',
      folders: '`images/10k/<split>/`, and `labels/sem_seg/masks/<split>/` with the training ids of Cityscapes',
      written: 'masks',
      carried: '–',
      lost: '`colormaps/`, `polygons/`, `rles/`',
    },
    ...cityscapesTrainIds,
    find: (tree) => splitsBelow(tree, 'images/10k', bddMasks),
  },
  {
    name: 'mapillary',
    summary: 'training/images/ + training/v1.2/labels/ (or training/labels/)',
    docs: {
      title: 'Mapillary Vistas 1.2',
      folders: '`training/images/`, `training/v1.2/labels/`, `training/v1.2/instances/`, and `config_v1.2.json`',
      ...mapillaryFiles,
    },
    background: [],
    ignore: [65],
    objectIds: { perClass: 256, bare: 'product' },
    config: mapillaryConfig('config_v1.2.json', 'config.json'),
    find: (tree) =>
      ['', 'v1.2/'].flatMap((version) =>
        splitsAround(tree, 'images', `${version}labels`, `${version}instances`).filter(({ objects }) => objects),
      ),
  },
  {
    name: 'mapillary-v2',
    summary: 'training/images/ + training/v2.0/labels/',
    docs: {
      title: 'Mapillary Vistas 2.0',
      folders: 'as in [`mapillary`](#mapillary), with `v2.0` for `v1.2`',
      ...mapillaryFiles,
    },
    background: [],
    ignore: [123],
    objectIds: { perClass: 256, bare: 'product' },
    config: mapillaryConfig('config_v2.0.json', 'config.json'),
    find: (tree) => splitsAround(tree, 'images', 'v2.0/labels', 'v2.0/instances').filter(({ objects }) => objects),
  },
  {
    name: 'coco',
    summary:
      'annotations/instances_<split>.json, <split>/_annotations.coco.json, <split>/labels.json, <split>.json, labels.json or result.json, beside images',
    docs: {
      title: 'COCO instances',
      folders:
        '`annotations/instances_<split>.json`, `<split>/_annotations.coco.json`, `<split>/labels.json` (FiftyOne), `<split>/annotations.json`, `<split>.json`, `labels.json`, `result.json` (Label Studio), or the file that `--annotations` names; with the images',
      written: 'run lengths, areas, boxes; pastes get new ids, and a `copypaste` key with their source and its licence',
      carried: 'categories, licences, all other keys',
      lost: 'keypoints of covered objects; other documents',
    },
    background: [],
    ignore: [noCategory],
    find: findCoco,
    reads: isCoco,
    format: async (): Promise<Format> => (await import('./coco/coco.ts')).coco,
  },
  {
    name: 'panoptic',
    summary: 'annotations/panoptic_<split>.json + annotations/panoptic_<split>/ (or panoptic_<split>/) with PNGs, beside images',
    docs: {
      title: 'COCO panoptic',
      folders: '`annotations/panoptic_<split>.json`, with PNGs in `annotations/panoptic_<split>/` or `panoptic_<split>/`; with the images',
      written: 'PNGs, segments with areas and boxes; pastes as in [`coco`](#coco)',
      carried: 'categories, licences, all other keys',
      lost: 'other documents',
    },
    background: [],
    ignore: [noCategory],
    find: findPanoptic,
    reads: isPanoptic,
    segments: true,
    format: async (): Promise<Format> => (await import('./coco/panoptic.ts')).panoptic,
  },
  {
    name: 'cvat',
    summary: 'annotations.xml (CVAT for images 1.1) + images/',
    docs: {
      title: 'CVAT for images 1.1',
      folders:
        '`annotations.xml` and `images/`, with subsets in `images/<subset>/`; or several documents, `<split>/annotations.xml` or `<split>.xml`, each folder with `images/` of its own',
      written:
        'masks, and boxes that follow them; pastes get `source="copypaste"`, the highest `z_order` and a `copypaste` attribute as in [`coco`](#coco)',
      carried: 'tags, lines, points, `<meta>` (the number of images in it stays the old one)',
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
    summary: 'annotations/<split>.json (Datumaro) + images/<split>/',
    docs: {
      title: 'Datumaro',
      folders: '`annotations/<split>.json` and `images/<split>/`',
      written:
        'masks, and boxes that follow them; pastes get new ids, the highest `z_order` and a `copypaste` attribute as in [`coco`](#coco)',
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
    name: 'supervisely',
    summary: '<dataset>/img/ + <dataset>/ann/ with .json files, beside meta.json',
    docs: {
      title: 'Supervisely',
      folders:
        '`meta.json`, and for each data set of the project `<dataset>/img/`, and `<dataset>/ann/` with `a.jpg.json` or `a.json` for `a.jpg`; a data set with the name of a split is one',
      written:
        'polygons, one for each part, with a common `instance` key; or a bitmap, where the class demands it; pastes get no `id`, and a `copypaste` key as in [`coco`](#coco)',
      carried: '`meta.json`, tags, boxes, lines, points, all other keys',
      lost: '`seg/`, `meta/`, pictures of masks',
    },
    background: [],
    ignore: [noCategory],
    find: findSupervisely,
    format: async (): Promise<Format> => (await import('./supervisely/supervisely.ts')).supervisely,
  },
  {
    name: 'via',
    summary: 'via_region_data.json or another export or project of VIA 1 or 2, in JSON, beside images, in the root or in <split>/',
    docs: {
      title: 'VGG Image Annotator 1 and 2',
      folders:
        'an export or project in JSON, such as `via_region_data.json` or `via_project.json`, with the images, in the root or in `<split>/`',
      written:
        'one polygon for each part of an object, joined with its holes; pastes get a `copypaste` attribute as in [`coco`](#coco); `size` becomes -1',
      carried: 'rectangles, polylines, points, attributes, settings, the list of images',
      lost: 'covered circles and ellipses (they become polygons)',
    },
    background: [],
    ignore: [noCategory],
    find: findVia,
    reads: isVia,
    format: async (): Promise<Format> => (await import('./via/via.ts')).via,
  },
  {
    name: 'label-studio',
    summary: 'a .json file with the list of tasks that Label Studio exports (JSON) + images',
    docs: {
      title: 'Label Studio',
      folders:
        'the JSON export, a `.json` file of any name with a list of tasks, and the images anywhere below; also `train.json` and `val.json`, or a folder for each split',
      written: 'polygons, joined across parts and holes, and brushes; pastes get new ids and a `meta.copypaste` key as in [`coco`](#coco)',
      carried: 'all other keys, predictions, cancelled annotations',
      lost: 'covered ellipses and turned rectangles (they become polygons), relations of removed regions',
    },
    background: [],
    ignore: [noCategory],
    find: findLabelStudio,
    reads: isLabelStudio,
    format: async (): Promise<Format> => (await import('./label-studio/label-studio.ts')).labelStudio,
  },
  {
    name: 'yolo',
    summary: 'images/<split>/ + labels/<split>/ (or <split>/images/ + <split>/labels/) with .txt files, or the paths in data.yaml',
    docs: {
      title: 'YOLO segmentation',
      folders:
        '`images/<split>/` and `labels/<split>/`, or `<split>/images/` and `<split>/labels/`, or the folders and lists of images that `data.yaml` names',
      written: 'one outline per object, joined across parts and holes; boxes in files of boxes; lists of images',
      ...yoloFiles,
    },
    background: [],
    ignore: [noCategory],
    find: findYolo,
    nearMiss: labelBesideImage,
    format: async (): Promise<Format> => (await import('./yolo/yolo.ts')).yolo,
  },
  {
    name: 'yolo-obb',
    summary: 'as yolo, with four corners in every line (oriented boxes)',
    docs: {
      title: 'YOLO oriented boxes',
      folders: 'as in [`yolo`](#yolo), with four corners in every line',
      written: 'the smallest rectangle around each object; lists of images',
      ...yoloFiles,
    },
    background: [],
    ignore: [noCategory],
    find: findOriented,
    format: async (): Promise<Format> => (await import('./yolo/yolo.ts')).yoloOriented,
  },
  {
    name: 'yolo-semantic',
    summary: 'images/<split>/ + masks/<split>/ with a data.yaml that names the classes',
    docs: {
      title: 'YOLO semantic segmentation',
      folders: 'as in [`yolo`](#yolo), with class masks in the folder that `masks_dir` in `data.yaml` names',
      written: 'masks, with their palettes; lists of images',
      carried: '`data.yaml`, with paths to the output',
      lost: 'cache files',
    },
    background: [],
    ignore: [255],
    config: async (tree, encoding) => (await import('./yolo/semantic.ts')).readSemanticConfig(tree, encoding),
    find: findSemantic,
  },
  {
    name: 'labelme',
    summary: 'a .json file beside each image, in train/, val/ … or anywhere',
    docs: {
      title: 'labelme, X-AnyLabeling',
      folders:
        'a `.json` file beside each image, in `train/`, `val/`, … or anywhere; or in a folder apart from that of the images, such as `annotations/`, if no other layout matches',
      written: 'polygons, one for each part, in one group; a `mask` if there is a hole; pastes get a `copypaste` key as in [`coco`](#coco)',
      carried: 'flags, descriptions, lines, points',
      lost: 'covered rectangles and circles (they become polygons), `imageData` (it becomes `null`)',
    },
    background: [],
    ignore: [noCategory],
    apart: true,
    find: (tree, { asked }) => findLabelme(tree, asked),
    nearMiss: labelmeWithoutImage,
    format: async (): Promise<Format> => (await import('./labelme/labelme.ts')).labelme,
  },
  {
    name: 'instance-files',
    summary: '<image>/images/ + <image>/masks/, or images/ + masks/ with <image>_<class>_<number>.png (one mask file per object)',
    docs: {
      title: 'one mask file for each object',
      folders:
        '`<image>/images/` and `<image>/masks/` for each image, as in Data Science Bowl 2018; or `images/`, and `masks/` with `<image>_<class>_<number>.png` or `<image>/<class>_<number>.png`; or masks beside their images',
      written: 'mask files; the mask of a paste is coded like the others and has the next free number',
      carried: 'names, which may state the class and `crowd`',
      lost: 'other files, such as lists of run lengths',
    },
    background: [],
    ignore: [noCategory],
    find: findInstanceFiles,
    fits: areInstanceFiles,
    format: async (): Promise<Format> => (await import('./instance-files/instance-files.ts')).instanceFiles,
  },
  {
    name: 'instance-ids',
    summary: 'images/ + masks/ that number the objects of their image (StarDist, Cellpose); never detected, pass --layout instance-ids',
    docs: {
      title: 'masks of numbered objects (StarDist, Cellpose)',
      folders:
        'as in [`paired`](#paired) or [`mmsegmentation`](#mmsegmentation); 0 is background, and any other value is an object. Pass `--layout instance-ids`',
      written: 'masks; objects keep their ids, and pastes get the next free ones; lists of images',
      carried: '–',
      lost: '–',
    },
    columnLists: true,
    background: [],
    ignore: [noCategory],
    find: async (tree, how) => {
      if (!how.asked) return [];
      const found = await findPaired(tree, how);
      return found.length > 0 ? found : splitsBelow(tree, 'img_dir', 'ann_dir');
    },
    format: async (): Promise<Format> => (await import('./instance-ids.ts')).instanceIds,
  },
  {
    name: 'roboflow',
    summary: '<split>/ with <image>.jpg, <image>_mask.png and _classes.csv (Roboflow, semantic segmentation)',
    docs: {
      title: 'Roboflow, semantic segmentation',
      folders: '`train/`, `valid/`, … with `<image>.jpg`, `<image>_mask.png` and `_classes.csv`',
      written: 'masks',
      carried: '`_classes.csv`',
      lost: '`README` files',
    },
    background: [0],
    ignore: [255],
    endings: { image: '', mask: '_mask', objects: '' },
    config: readRoboflowClasses,
    find: findRoboflow,
  },
  {
    name: 'segment-anything',
    summary: 'a .json file of Segment Anything (SA-1B) beside each image, or in annotations/ beside images/',
    docs: {
      title: 'Segment Anything (SA-1B)',
      folders: 'a `.json` file beside each image, or in `annotations/` beside `images/`; also in `train/`, `val/`, …',
      written:
        'run lengths, areas, boxes, covered points; pastes get ids that are new in their file, and a `copypaste` key as in [`coco`](#coco)',
      carried: 'scores of the model, all other keys',
      lost: '–',
    },
    background: [],
    ignore: [noCategory],
    find: findSegmentAnything,
    format: async (): Promise<Format> => (await import('./segment-anything/segment-anything.ts')).segmentAnything,
  },
  {
    name: 'archives',
    summary: 'WebDataset tars or Hugging Face Parquet files: <key>.jpg with <key>.mask.png, or columns image and mask',
    docs: {
      title: 'WebDataset, Hugging Face Parquet',
      folders: '`.tar` or `.parquet` files with an image and a mask for each sample',
      written: 'masks, with their palettes, in folders that are named like the archives; `pack` makes archives of them',
      carried: '`id2label.json`; `label_colors.txt`, `labelmap.txt` or `class_dict.csv`',
      lost: 'other members and columns',
    },
    background: [0],
    ignore: [255],
    roles: rolesIn,
    config: readArchiveClasses,
    find: findArchives,
  },
  {
    name: 'archives-objects',
    summary: 'WebDataset tars with <key>.jpg and <key>.json (run lengths of objects, as in SA-1B), or Parquet files with a column objects',
    docs: {
      title: 'the same, with objects',
      folders:
        '`.tar` files with an image and a `.json` file of run lengths for each sample, as `pack` writes them, or SA-1B; `.parquet` files with a column `objects`',
      written: 'as in [`segment-anything`](#segment-anything), in folders that are named like the archives; `pack` makes archives of them',
      carried: '`id2label.json`',
      lost: 'other members and columns',
    },
    background: [],
    ignore: [noCategory],
    config: readArchivedObjectClasses,
    find: findArchivedObjects,
    format: async (): Promise<Format> => (await import('./segment-anything/segment-anything.ts')).segmentAnything,
  },
  {
    name: 'paired',
    anyFolders: true,
    columnLists: true,
    summary: 'images/ + masks/',
    docs: {
      title: 'a folder of images, a folder of masks',
      folders:
        '`images/` and `masks/`, or other usual names (`image`, `label`, `annotations`, …), with or without subfolders; also `images/train/` or `train/images/`, or lists of images such as `train.txt` and `val.txt`',
      ...paintedMasks,
      written: 'masks, with their palettes or colours; lists of images',
    },
    background: [0],
    ignore: [255],
    find: findPaired,
  },
] as const satisfies readonly Layout[];

/** All layouts. */
export const layouts: readonly Layout[] = rows;

export type LayoutName = (typeof rows)[number]['name'];
export const layoutNames: readonly LayoutName[] = rows.map(({ name }) => name);

/** Looks up a layout. @throws {CopyPasteError} `data` when the name is unknown. */
export function layoutNamed(name: string | undefined): Layout {
  const layout = layouts.find((one) => one.name === name);
  if (!layout) throw new CopyPasteError('data', `layout ${name}: unknown to this version; install a newer version of copypaste`);
  return layout;
}
