import { relative, resolve } from 'node:path';
import { listTree, type Tree } from '../base/tree.ts';
import { CopyPasteError } from '../errors.ts';
import type { Folders } from '../formats/folders.ts';
import type { Document } from '../formats/format.ts';
import type { Layout } from '../formats/layouts.ts';
import { readMapillaryConfig } from '../formats/mapillary.ts';
import { noObjects } from '../masks/ids.ts';
import type { ClassNames, Colours, ObjectIds, Sample } from '../types.ts';
import { readClassNames } from './classes.ts';
import { type ColourMap, findColourMap, readColourMap } from './colours.ts';
import { checkSamples } from './headers.ts';
import { chooseLayout, refuseClosed, refuseIdle } from './layout.ts';
import { chooseSplit, placeInLists, readLists, refuseSharedLists } from './lists.ts';
import type { DatasetOptions } from './options.ts';
import { unique } from './paired.ts';
import { openAnnotations } from './pairing.ts';
import { filesOfSample } from './sample-files.ts';

/** A sample that cannot be used, and why. */
export interface Skipped {
  readonly id: string;
  readonly reason: string;
}

/** A data set as found on disk; no pixel has been decoded. */
export interface Dataset {
  readonly root: string;
  /** SHA-256 by path of files that may not have changed. */
  readonly digests?: ReadonlyMap<string, string>;
  readonly layout: Layout['name'];
  /** Folders of each split, for messages. */
  readonly folders: readonly Folders[];
  /** All splits, sorted; empty where the layout has none. */
  readonly splits: readonly string[];
  /** The split that is augmented; `''` where there are none. */
  readonly split: string;
  /** Samples of the split that is augmented, by id. */
  readonly samples: readonly Sample[];
  /** Samples of the other splits, which pass through. */
  readonly others: readonly Sample[];
  /** Lists of ids by file, where the layout has them. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
  /** Documents that hold annotations, by split, where the layout has them. */
  readonly documents: ReadonlyMap<string, Document>;
  /** Files that say what annotations mean, and are carried over as they are. */
  readonly carried: readonly string[];
  /** What those of them hold that lead elsewhere as they are. */
  readonly rewritten: ReadonlyMap<string, string>;
  /** What a user has to know of it, in a line each. */
  readonly notes: readonly string[];
  readonly background: ReadonlySet<number>;
  readonly ignore: ReadonlySet<number>;
  /** Background and ignore ids: they never become instances. */
  readonly leftOut: ReadonlySet<number>;
  /** How ids of instance masks are made, where they say the class too. */
  readonly objectIds?: ObjectIds;
  /** Ids of instance masks that are no objects. */
  readonly leftOutObjects: ReadonlySet<number>;
  readonly classNames: ClassNames;
  /** What colours of masks stand for, where masks hold colours. */
  readonly colours?: Colours;
  readonly skipped: readonly Skipped[];
  /** Files that belong to no sample, or that nothing keeps true, and are not carried over. */
  readonly leftBehind: readonly string[];
}

/**
 * Opens a data set: detects its layout, pairs images with masks, and reads every file's header.
 *
 * @throws {CopyPasteError} `data` with all offenders at once, unless `skipBad` leaves them out.
 */
export async function openDataset(options: DatasetOptions): Promise<Dataset> {
  const root = resolve(options.in);
  const tree = await listTree(options.in);
  if (tree.files.length === 0) throw new CopyPasteError('noInput', `${options.in}: holds no files`);
  const { layout, folders: found } = chooseLayout(root, tree, options);
  refuseClosed(tree, found);
  const format = await layout.format?.();
  refuseIdle(layout, format, options);
  const colourFile = await openColours(root, tree, options);
  const bad = new Map<string, string>();
  const lists = await readLists(root, tree, layout);
  const choose = (splits: readonly string[]): string => chooseSplit(splits, options.split ?? splitToLookAt(splits, options));
  const opening = { root, tree, layout, found, lists, choose, options, bad };
  const { paired, folders, splits, split, documents, categories, labelConfig } = await openAnnotations(opening, format);
  const config = await openConfig(root, tree, layout);
  const objectIds = layout.objectIds && { ...layout.objectIds, ...(config && { things: config.things }) };

  const listed = lists.size > 0 ? placeInLists(paired, lists, split, bad) : paired.filter(({ mask }) => mask !== '');
  const wanted = options.onlySplit ? listed.filter((sample) => sample.split === split) : listed;
  const known = options.colours ?? colourFile.map?.colours;
  const allowed = { masks: (known ?? colourFile.error) !== undefined, objects: objectIds === undefined };
  const { samples, coded } = await checkSamples(root, unique(wanted, bad), allowed, bad);
  if (coded && colourFile.error !== undefined) throw colourFile.error;
  const skipped = skippedOf(bad, options);
  const chosen = samples.filter((sample) => sample.split === split);
  refuseEmpty(chosen, split, skipped, options);
  if (!options.onlySplit && !options.lookOnly) refuseSharedLists(lists, split, new Set(chosen.map(({ id }) => id)));

  // Masks of ids do not follow a colour map.
  const map = coded ? colourFile.map : undefined;
  const colours = coded ? known : undefined;
  const background = new Set(options.background ?? map?.background ?? layout.background);
  const ignore = new Set(options.ignore ?? map?.ignore ?? (config?.ignore.length ? config.ignore : layout.ignore));
  const leftOut = new Set([...background, ...ignore]);
  // It names classes of masks of ids too.
  const colourMap = colourFile.path !== undefined && options.colorMap === undefined ? relative(root, colourFile.path) : undefined;
  const carried = [labelConfig?.file, config?.file, colourMap].filter((file) => file !== undefined);
  const used = new Set([...wholeFiles({ lists, documents, carried }), ...listed.flatMap(filesOfSample).map(({ path }) => path)]);
  return {
    root,
    layout: layout.name,
    folders,
    splits: [...splits].sort(),
    split,
    samples: chosen,
    others: samples.filter((sample) => sample.split !== split),
    lists,
    documents,
    carried,
    rewritten: new Map(labelConfig?.text === undefined ? [] : [[labelConfig.file, labelConfig.text]]),
    notes: labelConfig?.note === undefined ? [] : [labelConfig.note],
    background,
    ignore,
    leftOut,
    ...(objectIds && { objectIds }),
    // Where colours stand for classes, those of instance masks do not follow their ids.
    leftOutObjects: colours ? new Set([0, 255]) : noObjects(objectIds, leftOut),
    ...(colours && { colours }),
    classNames:
      options.classNames === undefined
        ? (categories ?? map?.classNames ?? config?.classNames ?? namesOf(layout))
        : await readClassNames(options.classNames),
    skipped,
    leftBehind: [...tree.files.filter((file) => !used.has(file)), ...tree.unreadable],
  };
}

/** The first split where any will do, and none is called train. */
function splitToLookAt(splits: readonly string[], { lookOnly }: DatasetOptions): string | undefined {
  return lookOnly && !splits.some((one) => /^train\d*$/i.test(one)) ? splits[0] : undefined;
}

/** A colour map that options name or the data set brings along; where it cannot be read, why, unless options name it. */
async function openColours(
  root: string,
  { files }: Tree,
  { colorMap, colours }: DatasetOptions,
): Promise<{ path?: string | undefined; map?: ColourMap; error?: unknown }> {
  const path = colorMap ?? findColourMap(root, files);
  if (colours || path === undefined) return { path };
  try {
    return { path, map: await readColourMap(path) };
  } catch (error) {
    // One that was not asked for matters where masks hold colours.
    if (colorMap !== undefined) throw error;
    return { path, error };
  }
}

/** The file of a layout that names its classes. */
async function openConfig(root: string, tree: Tree, { configs }: Layout) {
  const file = configs?.find((one) => tree.has(one));
  return file === undefined ? undefined : { file, ...(await readMapillaryConfig(root, file)) };
}

function namesOf({ classNames = {} }: Layout): ClassNames {
  return new Map(Object.entries(classNames).map(([id, name]) => [Number(id), name]));
}

/** Samples that cannot be used. @throws {CopyPasteError} `data` with all of them, unless they may be left out. */
function skippedOf(bad: ReadonlyMap<string, string>, { skipBad }: DatasetOptions): Skipped[] {
  const skipped = [...bad].map(([id, reason]) => ({ id, reason })).sort((a, b) => (a.id < b.id ? -1 : 1));
  if (skipped.length > 0 && !skipBad) {
    throw new CopyPasteError('data', `${count(skipped.length, 'bad sample')}; mend them, or leave them out with --skip-bad`, {
      offenders: skipped.map(({ reason }) => reason),
    });
  }
  return skipped;
}

/** @throws {CopyPasteError} `noInput` where the split that is augmented has no samples. */
function refuseEmpty(chosen: readonly Sample[], split: string, skipped: readonly Skipped[], options: DatasetOptions): void {
  if (chosen.length > 0) return;
  const why = skipped.length > 0 ? `all of its ${count(skipped.length, 'sample')} are bad` : 'no images with masks were found';
  throw new CopyPasteError('noInput', `${options.in}: nothing to augment${split === '' ? '' : ` in split ${split}`}: ${why}`);
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

/** The files that hold something of several samples. */
export function wholeFiles({ lists, documents, carried }: Pick<Dataset, 'lists' | 'documents' | 'carried'>): string[] {
  return [...lists.keys(), ...new Set([...documents.values()].map(({ path }) => path)), ...carried];
}
