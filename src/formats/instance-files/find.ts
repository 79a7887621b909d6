/** Finds data sets with one mask file for each shape, and the files of each image. */
import { basename } from 'node:path';
import { extensionOf, joinPath, parentOf, withoutExtension } from '../../base/paths.ts';
import { filesBelow, readStart, type Tree } from '../../base/tree.ts';
import { formatOf, maskFormatOf } from '../../codecs/image-names.ts';
import { pngHeader } from '../../codecs/png.ts';
import { bySplit, type Folders, imageFolders, maskFolders, splitNames } from '../folders.ts';
import { type FoundFiles, type ImageWithFiles, pathsOfShapes, unnamedClass } from '../format.ts';
import { hasStem, joined } from '../image-names.ts';
import { readName } from './names.ts';

/** Number of mask files beside their images whose headers are read. */
const firstFiles = 8;

/** Number of masks whose names are compared with those of images before all are. */
const firstNames = 64;

/** Finds the folders of each split. */
export async function findInstanceFiles(tree: Tree): Promise<Folders[]> {
  const alone = foldersOfImages(tree);
  if (alone.length > 0) return alone.map((folder) => ({ split: folder, images: folder, masks: folder }));
  const splits = ['', ...[...tree.folders].filter((folder) => splitNames.includes(folder))];
  const apart = splits.flatMap((split) => foldersApart(tree, split));
  if (apart.length > 0) return apart;
  if ([...tree.folders].some((folder) => [...maskFolders, ...instanceFolders].includes(basename(folder)))) return [];
  const isBeside = async (split: string): Promise<boolean> =>
    areInstanceFiles(tree, { images: split, masks: split }) && (await areMasks(tree, { images: split, masks: split }));
  const beside: Folders[] = [];
  for (const split of splits.slice(1)) if (await isBeside(split)) beside.push({ split, images: split, masks: split });
  if (beside.length > 0) return beside;
  return (await isBeside('')) ? [{ split: '', images: '', masks: '' }] : [];
}

/** Folders of splits in which each image has a folder of its own; most of them hold one image, and one has masks named otherwise. */
function foldersOfImages(tree: Tree): string[] {
  const parents = new Map<string, number>();
  for (const folder of tree.folders) {
    const parent = parentOf(folder);
    if (isOfImage(tree, folder) && !parent.includes('/')) parents.set(parent, (parents.get(parent) ?? 0) + 1);
  }
  return [...parents.keys()].filter((parent) => {
    const { images } = inFolders(tree, parent);
    const isOther = ({ image, shapeFiles }: ImageWithFiles): boolean =>
      shapeFiles?.names.some((name) => withoutExtension(name) !== basename(withoutExtension(image))) ?? false;
    return 2 * images.length > (parents.get(parent) ?? 0) && images.some(isOther);
  });
}

/** Tests if a folder may be that of one image. */
function isOfImage({ folders }: Tree, folder: string): boolean {
  return folders.has(`${folder}/images`) && folders.has(`${folder}/masks`) && !splitNames.includes(basename(folder));
}

/** Folders of images and of their masks. */
function foldersApart(tree: Tree, split: string): Folders[] {
  const prefix = split === '' ? '' : `${split}/`;
  const holding = new Set<string>();
  for (const file of tree.files) if (formatOf(file) !== undefined) holding.add(parentOf(file));
  const children = [...holding].filter((folder) => parentOf(folder) === split && folder !== '');
  const has = (name: string): boolean => tree.folders.has(prefix + name);
  const known = imageFolders.filter(has).map((name) => prefix + name);
  for (const masks of [...maskFolders, ...instanceFolders].filter(has).map((name) => prefix + name)) {
    const images = [...new Set([...known, ...children])].find(
      (folder) => folder !== masks && areInstanceFiles(tree, { images: folder, masks }),
    );
    if (images !== undefined) return bySplit({ split, images, masks }, tree);
  }
  return [];
}

/** Further names of folders of masks. */
const instanceFolders = ['masks_instances', 'masks_instance', 'instance_masks', 'instances', 'ann'];

/** Tests if most masks belong to an image and none is named like one, and if their names count the shapes of an image. */
export function areInstanceFiles(tree: Tree, row: Pick<Folders, 'images' | 'masks'>): boolean {
  if (row.images !== row.masks && isNamedLikeImage(tree, row)) return false;
  const { images, faults } = imagesWithFiles(tree, row);
  const all = images.flatMap(({ shapeFiles }) => shapeFiles ?? []);
  const files = all.flatMap(({ names }) => names);
  const stems = new Set(images.map(({ name }) => name));
  const isPaired = [...faults.keys()].some((file) => stems.has(withoutExtension(below(row.masks, file))));
  if (isPaired || files.length === 0 || files.length < faults.size) return false;
  return all.every(({ infix }) => infix !== '_') || areNumbered(files);
}

/** Tests if one of the first masks is named like an image, and begins with the name of no other: a quick answer for class masks. */
function isNamedLikeImage(tree: Tree, { images, masks }: Pick<Folders, 'images' | 'masks'>): boolean {
  const isImage = (stem: string): boolean => hasStem(tree, joined(images, stem), isPicture);
  return filesBelow(tree, masks)
    .slice(0, firstNames)
    .some((file) => {
      const stem = withoutExtension(below(masks, file));
      const starts = [...stem.matchAll(/[_/]/g)].map(({ index }) => stem.slice(0, index));
      return isPicture(file) && isImage(stem) && !starts.some(isImage);
    });
}

/** Tests if names are numbered; those without a number need a numbered twin. */
function areNumbered(names: readonly string[]): boolean {
  const read = names.map(readName);
  const known = new Set(read.filter(({ form }) => form === 'numbered').map(({ className }) => className));
  return known.size > 0 && read.every(({ form, className }) => form === 'numbered' || (form === 'bare' && known.has(className)));
}

/** Tests if the masks beside images are no images themselves: the first ones are not in colour. */
async function areMasks(tree: Tree, row: Pick<Folders, 'images' | 'masks'>): Promise<boolean> {
  const files = imagesWithFiles(tree, row).images.flatMap(({ shapeFiles }) => (shapeFiles ? pathsOfShapes(shapeFiles) : []));
  const headers = await Promise.all(
    files.slice(0, firstFiles).map(async (file) => pngHeader(await readStart(joinPath(tree.root, file), file, 33))),
  );
  return headers.every((header) => header?.colour === 'grey' || header?.colour === 'palette');
}

/** Finds the images of a split and their mask files. */
export function imagesWithFiles(tree: Tree, { images, masks }: Pick<Folders, 'images' | 'masks'>): FoundFiles {
  const own = images === masks && [...tree.folders].some((folder) => parentOf(folder) === images && isOfImage(tree, folder));
  return own ? inFolders(tree, images) : byNames(tree, images, masks);
}

/** Images in folders of their own: `7/images/7.png` with the masks `7/masks/*.png`. */
function inFolders(tree: Tree, parent: string): FoundFiles {
  const faults = new Map<string, string>();
  const files = new Map<string, { images: string[]; names: string[] }>();
  for (const file of tree.files) {
    const [, folder, kind, name] = /^(.+)\/(images|masks)\/([^/]+)$/.exec(file) ?? [];
    if (folder === undefined || parentOf(folder) !== parent || !isPicture(file) || splitNames.includes(basename(folder))) continue;
    const entry = files.get(folder) ?? { images: [], names: [] };
    files.set(folder, entry);
    if (kind === 'images') entry.images.push(file);
    else entry.names.push(name as string);
  }
  const images = [...files].flatMap(([folder, { images, names }]): ImageWithFiles[] => {
    const [image] = images;
    if (image === undefined || images.length > 1) {
      faults.set(
        folder,
        image === undefined ? 'has masks, but no image in images/; add it' : `has ${images.length} images in images/; keep one`,
      );
      return [];
    }
    const ending = `/images/${basename(withoutExtension(image))}`;
    const shapeFiles = tree.folders.has(`${folder}/masks`) && { shapeFiles: { stem: folder, infix: '/masks/', names } };
    return [{ image, name: below(parent, folder), ending, ...shapeFiles }];
  });
  return { images, faults };
}

/** Tests if a file is an image or a mask. */
function isPicture(file: string): boolean {
  return (formatOf(file) ?? maskFormatOf(file)) !== undefined;
}

function below(folder: string, file: string): string {
  return folder === '' ? file : file.slice(folder.length + 1);
}

/** Images whose mask files begin with their name: `masks/7_cat_1.png`, or `masks/7/cat_1.png`. */
function byNames(tree: Tree, imageFolder: string, maskFolder: string): FoundFiles {
  const inside = (folder: string): string[] =>
    tree.files.filter((file) => (folder === '' || file.startsWith(`${folder}/`)) && isPicture(file));
  const stemOf = (folder: string) => (file: string) => withoutExtension(below(folder, file));
  const apart = imageFolder !== maskFolder;
  const faults = new Map<string, string>();
  const images = new Map<string, string>();
  const found = new Map<string, { infix: string; names: string[] }>();
  const add = (file: string): boolean => {
    const stem = stemOf(maskFolder)(file);
    for (let end = stem.length - 1; end > 0; end--) {
      const infix = stem[end] as string;
      if ((infix !== '_' && infix !== '/') || !images.has(stem.slice(0, end))) continue;
      const name = stem.slice(end + 1) + extensionOf(file);
      const own = found.get(stem.slice(0, end)) ?? { infix, names: [] };
      if (own.infix !== infix || name.includes('/') || (!apart && readName(name).form === 'other')) return false;
      own.names.push(name);
      found.set(stem.slice(0, end), own);
      return true;
    }
    return false;
  };
  // Beside images, a file is a mask if its name begins with that of an image; shorter names come first.
  const all = apart ? inside(imageFolder) : inside(imageFolder).sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  for (const file of all) if (apart || !add(file)) images.set(stemOf(imageFolder)(file), file);
  if (apart)
    for (const file of inside(maskFolder)) if (!add(file)) faults.set(file, 'begins with the name of no image; rename it, or remove it');
  for (const [image, twin] of namedLikeMasks(images, found)) faults.set(image, `is named like a mask of ${twin}; rename one of them`);
  return {
    images: [...images].flatMap(([name, image]) => {
      if (faults.has(image)) return [];
      const stem = maskFolder === '' ? name : `${maskFolder}/${name}`;
      const files = found.get(name) ?? (tree.folders.has(stem) && apart ? { infix: '/', names: [] } : undefined);
      return { image, name, ending: '', ...(files && { shapeFiles: { stem, ...files, names: files.names.sort() } }) };
    }),
    faults,
  };
}

/** Images whose names a new mask file of another image could have, with that other image. */
function namedLikeMasks(
  images: ReadonlyMap<string, string>,
  found: ReadonlyMap<string, { readonly names: readonly string[] }>,
): Map<string, string> {
  const classes = new Set([...found.values()].flatMap(({ names }) => names.map((name) => readName(name).className)));
  const twins = new Map<string, string>();
  for (const [stem, image] of images) {
    for (let end = stem.lastIndexOf('_'); end > 0; end = stem.lastIndexOf('_', end - 1)) {
      const [twin, rest] = [images.get(stem.slice(0, end)), stem.slice(end + 1)];
      const isName = classes.has(rest) || (classes.has(unnamedClass) && /^\d+$/.test(rest));
      if (twin !== undefined && isName) twins.set(image, twin);
    }
  }
  return twins;
}
