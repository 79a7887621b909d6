/** Chooses the layout of a data set: detected, or from options. */
import { isBelow, pathFrom, withoutExtension } from '../base/paths.ts';
import { utf8 } from '../base/text.ts';
import { type Tree, withStarts } from '../base/tree.ts';
import { CopyPasteError } from '../errors.ts';
import { holdsCutouts, isBank } from '../formats/bank.ts';
import { detectLayout, matchesLayout } from '../formats/detect.ts';
import { bySplit, type Folders } from '../formats/folders.ts';
import type { Format } from '../formats/format.ts';
import { type Layout, layoutNamed, layouts } from '../formats/layouts.ts';
import { byLists } from '../formats/split-lists.ts';
import type { ObjectIds } from '../types.ts';
import type { ColourMap } from './colours.ts';
import type { DatasetOptions } from './options.ts';

/** Chooses the layout. @throws {CopyPasteError} `usage` when none matches or a folder is outside the data set, `noInput` when one is missing. */
export async function chooseLayout(
  root: string,
  tree: Tree,
  options: DatasetOptions,
): Promise<{ layout: Layout; folders: readonly Folders[] }> {
  if (options.folders) {
    return { layout: layoutNamed(options.layout), folders: options.folders };
  }
  const inside = (flag: string, path: string): string => {
    const folder = pathFrom(root, path);
    if (folder !== '' && !isBelow(folder))
      throw new CopyPasteError('usage', `${flag} ${path}: is outside --in ${options.in}; name a folder inside it`);
    if (folder !== '' && !tree.folders.has(folder))
      throw new CopyPasteError('noInput', `${flag} ${path}: no such folder in --in ${options.in}; use a path relative to it`);
    return folder;
  };
  if (options.annotations !== undefined) {
    const masks = pathFrom(root, options.annotations);
    const layout = await layoutOfDocument(masks, tree, options);
    const images = options.images === undefined ? '' : inside('--images', options.images);
    const objects = options.masks === undefined ? withoutExtension(masks) : inside('--masks', options.masks);
    return { layout, folders: [{ split: '', images, masks, ...(layout.segments && { objects }) }] };
  }
  if (options.images === undefined && options.masks === undefined) {
    if (options.layout === undefined) await refuseCutouts(root, tree, options);
    return detectLayout(tree, options.layout, options.encoding);
  }
  if (options.layout !== undefined && layoutNamed(options.layout).reads) {
    const found = await detectLayout(tree, options.layout, options.encoding);
    const images = options.images === undefined ? undefined : inside('--images', options.images);
    const objects = found.layout.segments && options.masks !== undefined ? inside('--masks', options.masks) : undefined;
    const folders = found.folders.map((one) => ({
      ...one,
      ...(images !== undefined && { images }),
      ...(objects !== undefined && { objects }),
    }));
    return { ...found, folders };
  }
  if (options.images === undefined || options.masks === undefined) {
    throw new CopyPasteError('usage', '--images and --masks belong together; pass both');
  }
  const folders = { split: '', images: inside('--images', options.images), masks: inside('--masks', options.masks) };
  return withSplits(layoutOf(folders, tree, options), folders, tree, options);
}

/** Layout of the document that an option names. @throws {CopyPasteError} `noInput` when it is missing, `usage` when it is of one image. */
async function layoutOfDocument(document: string, tree: Tree, options: DatasetOptions): Promise<Layout> {
  const refuse = (code: 'noInput' | 'usage', what: string) => new CopyPasteError(code, `--annotations ${options.annotations}: ${what}`);
  if (!tree.has(document)) throw refuse('noInput', `no such file in --in ${options.in}; use a path relative to it`);
  if (options.layout !== undefined) return layoutNamed(options.layout);
  const found = await withStarts(tree, () => layouts.find(({ reads }) => reads?.(tree, document)));
  if (!found) throw refuse('usage', 'is a file of one image, not of many; leave the option out, so that all such files are found');
  return found;
}

/** Divides folders that options name into splits. */
async function withSplits(layout: Layout, folders: Folders, tree: Tree, { encoding = utf8 }: DatasetOptions) {
  const splits = bySplit(folders, tree);
  return { layout, folders: layout.columnLists ? await byLists(splits, tree, encoding) : splits };
}

/** Layout of folders of images and masks that options name. */
function layoutOf(folders: Folders, tree: Tree, { layout, maskSuffix }: DatasetOptions): Layout {
  if (layout !== undefined) return layoutNamed(layout);
  const other = maskSuffix === '' ? layouts.find(({ fits }) => fits?.(tree, folders)) : undefined;
  return other ?? (layouts.find(({ anyFolders }) => anyFolders) as Layout);
}

/** Refuses cut-outs, which are no data set. @throws {CopyPasteError} `usage` with what the folder is. */
async function refuseCutouts(root: string, tree: Tree, { in: folder, encoding }: DatasetOptions): Promise<void> {
  const bank = await isBank(root);
  if (!bank && ((await matchesLayout(tree, encoding)) || !(await holdsCutouts(root, tree)))) return;
  const what = bank ? 'a bank of objects' : 'a folder of cut-outs';
  throw new CopyPasteError('usage', `${folder}: is ${what}, not a data set; augment and preview take it with --sources`);
}

/** Refuses unreadable folders. @throws {CopyPasteError} `io` when a folder of the layout cannot be listed. */
export function refuseUnlistable({ unreadable }: Tree, found: readonly Folders[]): void {
  for (const { images, masks, objects } of found) {
    // Other folders may be unreadable, such as lost+found.
    const closed = unreadable.find(
      (folder) => folder.endsWith('/') && !folder.includes('\ufffd') && [images, masks, objects].includes(folder.slice(0, -1)),
    );
    if (closed !== undefined) throw new CopyPasteError('io', `${closed}: cannot list the folder: permission denied`);
  }
}

/** Refuses options without effect. @throws {CopyPasteError} `usage` when an option does not apply to the layout. */
export function refuseUnusedOptions({ name, views, objectIds }: Layout, format: Format | undefined, options: DatasetOptions): void {
  const { folders, background, ignore, maskSuffix, imageSuffix, threshold, requireMasks, polygons, classAttribute } = options;
  if (folders) return;
  const refuse = (flag: string, why: string): CopyPasteError => new CopyPasteError('usage', `${flag}: ${why}`);
  if (polygons && !(format?.kind === 'documents' && format.polygons))
    throw refuse('--polygons', `does not apply to the ${name} layout; leave it out`);
  if (classAttribute !== undefined && !(format?.kind === 'documents' && format.attributes))
    throw refuse('--class-attribute', `does not apply to the ${name} layout; leave it out`);
  if (threshold !== undefined && format?.kind !== 'files' && (format ?? views ?? objectIds)) {
    const why = !format ? 'defines its ids' : format.kind === 'masks' ? 'numbers objects' : 'has no mask files';
    throw refuse('--threshold', `does not apply to the ${name} layout, which ${why}; leave it out`);
  }
  if (!format) return;
  if (background ?? ignore)
    throw refuse(
      background ? '--background' : '--ignore',
      `does not apply to the ${name} layout, which has no such ids; use --exclude-classes`,
    );
  if (requireMasks && format.kind !== 'documents')
    throw refuse('--require-masks', `does not apply to the ${name} layout, which has no documents; leave it out`);
  if (format.kind === 'masks') return;
  if (maskSuffix !== '') throw refuse('--mask-suffix', `does not apply to the ${name} layout; leave it out`);
  if (imageSuffix) throw refuse('--image-suffix', `does not apply to the ${name} layout; leave it out`);
}

/**
 * Replaces the classes of a layout where the data set has its own: those of its colour map, else none if the layout's are not found in it.
 *
 * @param map colour map of the data set.
 */
export async function withOwnClasses(layout: Layout, tree: Tree, map: ColourMap | undefined, encoding = utf8): Promise<Layout> {
  const { classNames = {}, stuff: _, ...rest } = layout;
  const isSame =
    map?.classNames.size === Object.keys(classNames).length && [...map.classNames].every(([id, name]) => classNames[id] === name);
  if (map && layout.mapNamesIds && !isSame) {
    const { things: _things, ...objectIds } = layout.objectIds ?? {};
    const colours = { values: { ...map.colours }, other: [0, 0, 0] as const };
    return {
      ...rest,
      classNames: Object.fromEntries(map.classNames),
      background: map.background,
      ignore: map.ignore.length > 0 ? map.ignore : [255],
      ...(layout.objectIds && { objectIds: objectIds as ObjectIds }),
      // Training ids of other classes are unknown.
      ...(layout.views && { views: layout.views.flatMap((view) => (typeof view.other === 'number' ? [] : [{ ...view, ...colours }])) }),
    };
  }
  return (await layout.hasClasses?.(tree, encoding)) === false ? rest : layout;
}
