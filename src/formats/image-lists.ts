/** Text files that list the images of a split, one path per line. */
import { posix } from 'node:path';
import { withoutExtension } from '../base/paths.ts';
import { filesBelow, readText, type Tree } from '../base/tree.ts';
import { formatOf, maskFormatOf } from '../codecs/image-names.ts';
import type { Folders, Part } from './folders.ts';
import { type Ends, endsOf, filesOfStem, isForeign, joined } from './image-names.ts';

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

/**
 * Reads a list of images whose lines have columns: the path or name of an image, with or without its extension, and perhaps that of its
 * mask. Other columns are kept.
 *
 * @throws {CopyPasteError} `io` or `data` if the list cannot be read.
 */
export async function readColumns(tree: Tree, file: string, { images, masks }: Part, encoding: string): Promise<ListedImage[]> {
  const lines = (await readText(tree.root, file, encoding)).split(/\r?\n/).map((line) => line.trim());
  while (lines.at(-1) === '') lines.pop();
  const [imageOf, maskOf] = [nameFinder(tree, images, formatOf), nameFinder(tree, masks, maskFormatOf)];
  const isName = (line: string): boolean => {
    const [first = '', second] = line.split(/\s+/);
    if (second === undefined || imageOf.exact(line) !== undefined) return true;
    return (imageOf.exact(first) === undefined || maskOf.exact(second) === undefined) && imageOf.has(line);
  };
  return lines.map((line) => {
    if (line === '' || line.startsWith('#')) return { line };
    const [first = '', second] = isName(line) ? [line] : line.split(/\s+/);
    const image = imageOf.find(first);
    const mask = image === undefined || second === undefined ? undefined : maskOf.find(second);
    // Paths of another machine may have spaces.
    const found = image ?? imageOf.find(line);
    return { line, ...(found !== undefined && { image: found, ...(mask !== undefined && { mask }) }) };
  });
}

/** Finds the files below a folder by their paths and names, with and without their extensions. */
interface NameFinder {
  /** The file whose path from the root or the folder is the name. */
  exact(name: string): string | undefined;
  /** Tests if the path of a file ends with a name. */
  has(name: string): boolean;
  find(name: string): string | undefined;
}

/** Creates a finder; it indexes the files at the first name that is not a path as it stands. */
function nameFinder(tree: Tree, folder: string, format: (file: string) => unknown): NameFinder {
  const keyOf = (path: string): string => posix.normalize(path.replaceAll('\\', '/')).normalize('NFC');
  const isOne = (file: string): boolean => format(file) !== undefined && tree.has(file);
  const exact = (name: string): string | undefined => {
    // Lists of DeepLab have paths from the root that begin with a slash.
    const path = posix.normalize(name.replace(/^\//, ''));
    for (const one of [joined(folder, path), path]) {
      if (one.startsWith(joined(folder, '')) && isOne(one)) return one;
      const known = one.startsWith(joined(folder, '')) ? filesOfStem(tree, one).filter((file) => format(file) !== undefined) : [];
      if (known.length === 1) return known[0];
    }
    return undefined;
  };
  let index: { readonly paths: Ends; readonly stems: Ends } | undefined;
  const indexed = () => {
    if (index) return index;
    const files = filesBelow(tree, folder).filter((file) => format(file) !== undefined);
    index = { paths: endsOf(files, keyOf), stems: endsOf(files, (path) => keyOf(withoutExtension(path))) };
    return index;
  };
  return {
    exact,
    has: (name) => indexed().paths.has(name) || indexed().stems.has(withExtension(name)),
    find: (name) => exact(name) ?? indexed().paths.find(name) ?? indexed().stems.find(withExtension(name)),
  };
}

/** A name with an extension, which is not counted. */
function withExtension(name: string): string {
  return `${name}.png`;
}

/** Line of columns for other files in the same folders: paths and names stay in their form, but those of another machine. */
export function columnsFor(line: string, { image, mask }: Omit<ListedImage, 'line'>, newImage: string, newMask: string): string {
  const stemOf = (path: string): string => posix.basename(withoutExtension(path.replaceAll('\\', '/'))).normalize('NFC');
  const columns = /^(\S+)(\s*)(\S*)(.*)$/.exec(line) ?? [];
  const isOne = (name = ''): boolean => [name, withExtension(name)].some((one) => stemOf(one) === stemOf(image as string));
  const [, first = '', space = '', second = '', rest = ''] = isOne(columns[1]) ? columns : [line, line];
  const own = (text: string, path: string): string => {
    if (isForeign(text)) return path;
    const name = posix.basename((maskFormatOf(text) ?? formatOf(text)) === undefined ? withoutExtension(path) : path);
    return text.slice(0, Math.max(text.lastIndexOf('/'), text.lastIndexOf('\\')) + 1) + name;
  };
  return own(first, newImage) + space + (mask === undefined ? second : own(second, newMask)) + rest;
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
