/** The layout of a data set: detected, or as options name it. */
import { isAbsolute, relative, resolve, sep } from 'node:path';
import type { Tree } from '../base/tree.ts';
import { CopyPasteError } from '../errors.ts';
import type { Folders } from '../formats/folders.ts';
import type { Format } from '../formats/format.ts';
import { bySplit, detectLayout, type Layout, layoutNamed, layouts } from '../formats/layouts.ts';
import type { DatasetOptions } from './options.ts';

/** @throws {CopyPasteError} `usage` where none fits, or an option names a folder outside the data set. */
export function chooseLayout(root: string, tree: Tree, options: DatasetOptions): { layout: Layout; folders: readonly Folders[] } {
  if (options.folders) {
    return { layout: layoutNamed(options.layout), folders: options.folders };
  }
  const inside = (flag: string, path: string): string => {
    const folder = relative(root, resolve(root, path)).split(sep).join('/');
    if (folder.startsWith('..') || isAbsolute(folder)) throw new CopyPasteError('usage', `${flag} ${path}: not inside --in ${options.in}`);
    if (folder !== '' && !tree.folders.has(folder))
      throw new CopyPasteError('noInput', `${flag} ${path}: no such folder in --in ${options.in}`);
    return folder;
  };
  if (options.annotations !== undefined) {
    const masks = relative(root, resolve(root, options.annotations)).split(sep).join('/');
    if (!tree.has(masks)) throw new CopyPasteError('noInput', `--annotations ${options.annotations}: no such file in --in ${options.in}`);
    return {
      layout: layouts.find(({ reads }) => reads?.(tree, masks)) as Layout,
      folders: [{ split: '', images: options.images === undefined ? '' : inside('--images', options.images), masks }],
    };
  }
  if (options.images === undefined && options.masks === undefined) return detectLayout(tree, options.layout);
  if (options.images === undefined || options.masks === undefined) {
    throw new CopyPasteError('usage', '--images and --masks go together: say both');
  }
  const folders = { split: '', images: inside('--images', options.images), masks: inside('--masks', options.masks) };
  return { layout: layoutNamed(options.layout ?? 'paired'), folders: bySplit(folders, tree) };
}

/** @throws {CopyPasteError} `io` for a folder of the layout that may not be listed. */
export function refuseClosed({ unreadable }: Tree, found: readonly Folders[]): void {
  for (const { images, masks, objects } of found) {
    // What may not be listed elsewhere is none of ours.
    const closed = unreadable.find(
      (folder) => folder.endsWith('/') && !folder.includes('\ufffd') && [images, masks, objects].includes(folder.slice(0, -1)),
    );
    if (closed !== undefined) throw new CopyPasteError('io', `${closed}: cannot be listed: permission denied`);
  }
}

/** @throws {CopyPasteError} `usage` for options of masks where annotations are shapes, or of documents where there are none. */
export function refuseIdle({ name }: Layout, format: Format | undefined, options: DatasetOptions): void {
  const { folders, background, ignore, maskSuffix, requireMasks, polygons } = options;
  if (folders) return;
  const refuse = (flag: string, why: string): CopyPasteError => new CopyPasteError('usage', `${flag}: ${why}`);
  if (polygons && !(format?.kind === 'documents' && format.polygons))
    throw refuse('--polygons', `the ${name} layout has no choice between polygons and run lengths; leave it out`);
  if (!format) return;
  if (background ?? ignore)
    throw refuse(background ? '--background' : '--ignore', `the ${name} layout has no such ids; say --exclude-classes`);
  if (maskSuffix !== '') throw refuse('--mask-suffix', `the ${name} layout has no such names`);
  if (requireMasks && format.kind === 'labels') throw refuse('--require-masks', 'is for documents');
}
