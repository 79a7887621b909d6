/** Text files that list the images of a split, one path per line. */
import { posix } from 'node:path';
import { readText, type Tree } from '../base/tree.ts';
import { formatOf } from '../codecs/image-names.ts';
import type { Folders } from './folders.ts';
import { endsOf } from './image-names.ts';

/** A line of a list, and the image that it names; an image that does not exist is undefined. */
export interface ListedImage {
  readonly line: string;
  readonly image?: string;
  /** Mask that the line names after the image. */
  readonly mask?: string;
}

/**
 * Reads a list of pairs, such as `train/1.png trainannot/1.png`, also with the folders of another machine before both.
 *
 * @returns its lines; `undefined` if a line is not a pair of files of the split.
 * @throws {CopyPasteError} `io` or `data` if the list cannot be read.
 */
export async function readPairList(
  tree: Tree,
  file: string,
  { images, masks }: Folders,
  encoding: string,
): Promise<ListedImage[] | undefined> {
  const lines = (await readText(tree.root, file, encoding)).split(/\r?\n/).map((line) => line.trim());
  while (lines.at(-1) === '') lines.pop();
  const within = (folder: string, path = ''): string | undefined => {
    const found = `${folder}/${posix.basename(path)}`;
    return (path === found || path.endsWith(`/${found}`)) && tree.has(found) ? found : undefined;
  };
  const pairs = lines.map((line) => {
    const [first, second, ...more] = line.split(/\s+/);
    return { line, image: within(images, first), mask: within(masks, second), more };
  });
  if (!pairs.every(({ image, mask, more }) => image !== undefined && mask !== undefined && more.length === 0)) return undefined;
  return pairs.map(({ line, image, mask }) => ({ line, image: image as string, mask: mask as string }));
}

/** Line of a list of pairs for other files in the same folders. */
export function pairLineFor(line: string, image: string, mask: string): string {
  const [first = '', second = ''] = line.split(/\s+/);
  const beside = (path: string, name: string): string => path.slice(0, path.lastIndexOf('/') + 1) + posix.basename(name);
  return `${beside(first, image)} ${beside(second, mask)}`;
}

/**
 * Reads a list of images. Of a path from another machine, the longest end that fits exactly one image counts; names may differ in
 * Unicode form and in the case of letters.
 *
 * @throws {CopyPasteError} `io` or `data` if the list cannot be read.
 */
export async function readImageList(tree: Tree, file: string, encoding: string): Promise<ListedImage[]> {
  const lines = (await readText(tree.root, file, encoding)).split(/\r?\n/);
  while (lines.at(-1)?.trim() === '') lines.pop();
  const find = finderOf(tree, posix.dirname(file));
  return lines.map((text) => {
    const line = text.trim();
    const image = line === '' || line.startsWith('#') ? undefined : find(line);
    return { line, ...(image !== undefined && { image }) };
  });
}

/** Creates a function that finds the image of a line. @param folder of the list. */
function finderOf(tree: Tree, folder: string): (line: string) => string | undefined {
  const ends = endsOf(
    tree.files.filter((file) => formatOf(file) !== undefined),
    (name) => name.normalize('NFC').toLowerCase(),
  );
  return (line) => {
    const path = posix.normalize(line.replaceAll('\\', '/'));
    for (const exact of [posix.join(folder, path), path]) if (formatOf(exact) !== undefined && tree.has(exact)) return exact;
    return ends.find(path);
  };
}

/** Tests if a line leads to its image as it is written: from the folder of its list if it begins with `./`, else from the data set. */
export function leadsTo(line: string, list: string, image: string): boolean {
  const path = line.startsWith('./') ? posix.join(posix.dirname(list), line) : posix.normalize(line);
  return posix.dirname(path) === posix.dirname(image);
}

/** Line of a list for an image that lies beside the one of another line: in the form of that line, or relative to the list if it leads elsewhere. */
export function lineFor(line: string, list: string, image: string): string {
  if (leadsTo(line, list, image)) return line.slice(0, line.lastIndexOf('/') + 1) + posix.basename(image);
  const relative = posix.relative(posix.dirname(list), image);
  return relative.startsWith('../') ? image : `./${relative}`;
}
