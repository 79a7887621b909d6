/** Roboflow's export of masks for semantic segmentation: `a.jpg`, `a_mask.png` and `_classes.csv` in the folder of each split. */
import { posix } from 'node:path';
import { readText, type Tree } from '../base/tree.ts';
import { CopyPasteError } from '../errors.ts';
import type { ClassNames } from '../types.ts';
import type { Folders } from './folders.ts';
import type { ClassConfig } from './format.ts';
import { filesBesideImages } from './image-names.ts';

const fileName = '_classes.csv';

/** Lists of pixel values; exports for classification have files of the same name, which list images. */
function listsOf(tree: Tree): string[] {
  const all = filesBesideImages(tree).filter((file) => posix.basename(file) === fileName && file.split('/').length <= 2);
  return all.filter((file) => /^\ufeff?\s*Pixel Value\s*,/i.test(tree.start(file)));
}

/** Finds the folders of splits, or the root, with a list of pixel values and masks. */
export function findRoboflow(tree: Tree): Folders[] {
  const folders = listsOf(tree).map((file) => file.slice(0, -fileName.length));
  return folders
    .filter((folder) => tree.files.some((file) => file.startsWith(folder) && /^[^/]+_mask\.png$/i.test(file.slice(folder.length))))
    .map((folder) => folder.slice(0, -1))
    .map((folder) => ({ split: folder, images: folder, masks: folder }));
}

/**
 * Reads the classes from the lists of pixel values.
 *
 * @throws {CopyPasteError} `data` when a line is invalid, or two splits name different classes.
 */
export async function readRoboflowClasses(tree: Tree, encoding: string): Promise<ClassConfig | undefined> {
  const files = listsOf(tree);
  const texts = await Promise.all(files.map((file) => readText(tree.root, file, encoding)));
  const [first, ...others] = files.map((file, n) => ({ file, classNames: classesIn(texts[n] as string, file) }));
  if (!first) return undefined;
  const { file, classNames } = first;
  const listed = (names: ClassNames): string => JSON.stringify([...names].sort(([a], [b]) => a - b));
  const other = others.find((one) => listed(one.classNames) !== listed(classNames));
  if (other) throw new CopyPasteError('data', `names other classes than ${file}; give both the same`, { path: other.file });
  const background = [...classNames].flatMap(([id, name]) => (/^_*background_*$/i.test(name) ? [id] : []));
  return { file, also: others.map((one) => one.file), classNames, background };
}

/** Class names by pixel value. */
function classesIn(text: string, file: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of text.split(/\r?\n/).slice(1)) {
    if (line.trim() === '') continue;
    const [, value, name] = /^\s*(\d+)\s*,\s*(.*?)\s*$/.exec(line) ?? [];
    if (value === undefined || name === undefined || names.has(Number(value)))
      throw new CopyPasteError('data', `'${line}' is not a new pixel value with the name of its class; write lines as '1, cat'`, {
        path: file,
      });
    names.set(Number(value), name);
  }
  return names;
}
