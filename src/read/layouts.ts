import { CopyPasteError } from '../errors.ts';
import type { Tree } from './files.ts';

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
  readonly name: 'voc' | 'camvid' | 'paired';
  /** What a user has to have for it, for messages. */
  readonly shape: string;
  readonly background: readonly number[];
  readonly ignore: readonly number[];
  readonly classNames?: Readonly<Record<number, string>>;
  /** Folder of lists, one id a line, that say which samples a split has. */
  readonly lists?: string;
  /** Not every image has a mask: those without are no samples. */
  readonly partial?: boolean;
  find(tree: Tree): Folders[];
}

const names = (first: number, text: string): Record<number, string> =>
  Object.fromEntries(text.split(', ').map((name, i) => [first + i, name]));

const splitNames = ['train', 'training', 'val', 'valid', 'validation', 'test', 'testing', 'trainval'];

/** Every layout that is detected; a new one is a row. */
export const layouts: readonly Layout[] = [
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
    name: 'paired',
    shape: 'images/ + masks/',
    background: [0],
    ignore: [255],
    find: (tree) => {
      const around = [...tree.folders].filter((folder) => splitNames.includes(folder));
      return ['', ...around].flatMap((split) => {
        const prefix = split === '' ? '' : `${split}/`;
        const has = tree.folders.has(`${prefix}images`) && tree.folders.has(`${prefix}masks`);
        return has ? bySplit({ split, images: `${prefix}images`, masks: `${prefix}masks` }, tree) : [];
      });
    },
  },
];

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
