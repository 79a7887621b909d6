import { finderIn, type List } from '../base/list.ts';
import type { Meter } from '../base/meter.ts';
import { absolutePath, pathFrom } from '../base/paths.ts';
import { plural } from '../base/plural.ts';
import { utf8 } from '../base/text.ts';
import type { Tree } from '../base/tree.ts';
import { CopyPasteError, type Fault, inLine } from '../errors.ts';
import { listDataset, notesOnArchives } from '../formats/archives.ts';
import { largestClassId } from '../formats/class-ids.ts';
import type { Folders } from '../formats/folders.ts';
import type { ClassConfig, Document } from '../formats/format.ts';
import type { Layout } from '../formats/layouts.ts';
import { recordsOfMaker } from '../formats/made.ts';
import { noObjects } from '../masks/ids.ts';
import { type ClassNames, type Colours, type Counts, configName, type FileRole, type ObjectIds, type Sample } from '../types.ts';
import { readClassNames } from './classes.ts';
import { type ColourMap, findColourMap, haveColours, readColourMap } from './colours.ts';
import { checkSamples } from './headers.ts';
import type { ImageLists } from './image-lists.ts';
import { chooseLayout, refuseUnlistable, refuseUnusedOptions, withOwnClasses } from './layout.ts';
import { keepListed, type Listing, listingOf, ofListed, type Unused } from './listed.ts';
import { assignSplits, chooseSplit, readLists, refuseSharedLists } from './lists.ts';
import type { DatasetOptions } from './options.ts';
import type { Paired } from './paired.ts';
import { openAnnotations } from './pairing.ts';
import { filesOfSample } from './sample-files.ts';
import { divided, samplesOf, unique } from './sample-list.ts';

/** A sample that cannot be used, and the problem with its file. */
export interface Skipped extends Fault {
  readonly id: string;
  /** Path and problem in one line. */
  readonly reason: string;
}

/** A data set on disk; pixels are decoded later. */
export interface Dataset {
  readonly root: string;
  /** SHA-256 by path of files that must be unchanged. */
  readonly digests?: ReadonlyMap<string, string>;
  /** Encoding of its texts, a label of `TextDecoder`. */
  readonly encoding: string;
  /** Set if crowds of run lengths are objects. */
  readonly crowds?: 'objects';
  readonly layout: Layout['name'];
  /** Folders of each split, for messages. */
  readonly folders: readonly Folders[];
  /** All splits, sorted; empty if there are none. */
  readonly splits: readonly string[];
  /** The augmented split; `''` if there are none. */
  readonly split: string;
  /** Samples of the augmented split, sorted by id. */
  readonly samples: List<Sample>;
  /** Samples of the other splits, which are copied. */
  readonly others: List<Sample>;
  /** Set if a list names the samples, and all others are left out. */
  readonly list?: Listing;
  /** Lists of sample ids by file, if the layout has lists. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
  /** Lists of images by file, if splits are lists of images. */
  readonly imageLists: ImageLists;
  /** Documents of annotations by split, if the layout has documents. */
  readonly documents: ReadonlyMap<string, Document>;
  /** Counts of the annotations of the augmented split, if they are shapes. */
  readonly counts?: Counts;
  /** Data of a format of label files itself. */
  readonly ofLabels?: unknown;
  /** Configuration files that the output keeps. */
  readonly carried: readonly string[];
  /** New text of those configuration files that would point outside the output. */
  readonly rewritten: ReadonlyMap<string, string>;
  /** One-line notes for the user. */
  readonly notes: readonly string[];
  readonly background: ReadonlySet<number>;
  readonly ignore: ReadonlySet<number>;
  /** Set if the user has named the ignore ids. */
  readonly ignoreGiven?: true;
  /** Background and ignore ids, which never become instances. */
  readonly leftOut: ReadonlySet<number>;
  /** Encoding of the class in instance ids, if they have one. */
  readonly objectIds?: ObjectIds;
  /** Ids in instance masks that are not objects. */
  readonly leftOutObjects: ReadonlySet<number>;
  readonly classNames: ClassNames;
  /** Class ids of stuff, such as sky or road; absent if nothing says which classes are things. */
  readonly stuff?: ReadonlySet<number>;
  /** Classes with one region per image, the stuff of a panoptic document; they are never pasted. */
  readonly regions?: ReadonlySet<number>;
  /** Colours by class id, if masks store colours. */
  readonly colours?: Colours;
  /** Smallest value of class 1, if masks hold two classes. */
  readonly threshold?: number;
  readonly skipped: readonly Skipped[];
  /** Files that are not copied: they belong to no sample, or could contradict the output. */
  readonly leftBehind: readonly string[];
}

/**
 * Opens a data set: detects its layout, pairs images with masks, and reads every file's header.
 *
 * @throws {CopyPasteError} `data` with all bad samples, unless `skipBad` leaves them out; `noInput` or `usage` when there is nothing to
 * augment, or the choice is ambiguous.
 */
export async function openDataset(options: DatasetOptions, meter?: Meter): Promise<Dataset> {
  meter?.begin('listing files');
  const root = absolutePath(options.in);
  const tree = await listDataset(options.in);
  if (tree.files.length === 0) throw new CopyPasteError('noInput', `${options.in}: contains no files; pass the folder of a data set`);
  const { layout: detected, folders: found } = await chooseLayout(root, tree, options);
  refuseUnlistable(tree, found);
  const format = await detected.format?.();
  refuseUnusedOptions(detected, format, options);
  const colourFile = await openColours(root, tree, options);
  const layout = await withOwnClasses(detected, tree, colourFile.map, options.encoding);
  const bad = new Map<string, Fault>();
  const allLists = await readLists(root, tree, layout, options.encoding);
  const choose = (splits: readonly string[]): string => chooseSplit(splits, options.split ?? splitToInspect(splits, options));
  const pairing = await openAnnotations({ root, tree, layout, found, lists: allLists, choose, options, bad }, format);
  const { paired, unmasked = new Map(), folders, split, imageLists = new Map() } = pairing;
  const config = await openConfig(tree, layout, options.encoding);
  const objectIds = objectIdsOf(layout, config);
  const threshold = options.threshold ?? config?.threshold;

  const listed = allLists.size > 0 ? assignSplits(paired, unmasked, allLists, split, bad) : paired;
  const named = await keepListed(listed, unusedOf(paired, listed, unmasked, options), bad, options);
  const wanted = options.onlySplit ? samplesOf(named, (sample) => sample.split === split) : named;
  const coloured = { masks: (colourFile.colours ?? colourFile.error) !== undefined, objects: objectIds === undefined };
  const { samples, coded } = await checkSamples(root, unique(wanted, bad), coloured, bad, meter);
  if (coded && colourFile.error !== undefined) throw colourFile.error;
  const { skipped, notes } = skippedOf(bad, split, options);
  const [chosen, others] = divided(samples, (sample) => sample.split === split);
  const listedSplit = otherSplit(chosen, others, options);
  if (listedSplit !== undefined) return openDataset({ ...options, split: listedSplit }, meter);
  refuseEmpty(chosen, others, split, skipped, options);
  const { splits, lists, documents, counts } = ofListed({ ...pairing, lists: allLists }, listed, named, options);
  if (!options.onlySplit && !options.lookOnly) refuseSharedLists(lists, split, chosen);

  const masks = () => (format ? [] : samples.flatMap(({ mask }) => (mask === undefined ? [] : [mask])));
  const map = await classesOfMap(colourFile, {
    root,
    layout,
    coded,
    masks,
    named: (options.classNames ?? config?.classNames) !== undefined,
  });
  const colours = coded ? colourFile.colours : undefined;
  const regions = stuffOf(documents.get(split)?.things, pairing.categories);
  const ofFiles = [{ file: pairing.config?.file, classNames: pairing.categories, stuff: regions }, map.classes];
  const stated = config?.recorded ? [config, ...ofFiles] : [...ofFiles, config ?? {}];
  const classes = await classesOf(options, stated, layout);
  // Copied even for masks of ids, since it also names the classes.
  const colourMap = colourFile.path !== undefined && options.colorMap === undefined ? pathFrom(root, colourFile.path) : undefined;
  const configs = [pairing.config, config].filter((one) => one !== undefined);
  const carried = [...configs.flatMap(({ file, also = [] }) => [file, ...also]), colourMap].filter((file) => file !== undefined);
  const whole = new Set([...wholeFiles({ lists, imageLists, documents, carried }), configName, ...(await recordsOfMaker(tree))]);
  return {
    root,
    encoding: options.encoding ?? utf8,
    ...(options.crowd === 'objects' && { crowds: options.crowd }),
    layout: layout.name,
    folders,
    splits: [...splits].sort(),
    split,
    samples: chosen,
    others,
    ...listingOf(samples, options),
    lists,
    imageLists,
    documents,
    ...(counts && { counts }),
    ofLabels: pairing.ofLabels,
    carried,
    rewritten: new Map(configs.flatMap(({ file, text }) => (file === undefined || text === undefined ? [] : [[file, text]]))),
    notes: [...notesOnArchives(tree), ...(pairing.notes ?? []), ...notes, ...map.notes, ...configs.flatMap(({ notes = [] }) => notes)].map(
      inLine,
    ),
    ...classes,
    ...(regions && { regions: new Set(regions) }),
    ...(objectIds && { objectIds }),
    // In masks of colours, class ids are no ids of the instance masks.
    leftOutObjects: colours ? new Set([0, 255]) : noObjects(objectIds, classes.leftOut),
    ...(colours && { colours }),
    ...(threshold !== undefined && { threshold }),
    skipped,
    leftBehind: [...unusedFiles(tree, listed).filter((file) => !whole.has(file)), ...tree.unreadable],
  };
}

/** Classes, as a file states them. */
interface StatedClasses {
  /** The file that states them. */
  readonly file?: string | undefined;
  readonly classNames?: ClassNames | undefined;
  /** Class ids of stuff, if the file says which classes are things. */
  readonly stuff?: readonly number[] | undefined;
  readonly background?: readonly number[];
  readonly ignore?: readonly number[];
}

/**
 * Chooses the classes of a data set: those of the options, else of its files, else of its layout.
 *
 * @param stated classes of the files, in the order in which they are asked.
 * @throws {CopyPasteError} `data` when a class id of a file is larger than masks can hold.
 */
async function classesOf(
  options: DatasetOptions,
  stated: readonly StatedClasses[],
  layout: Layout,
): Promise<Pick<Dataset, 'background' | 'ignore' | 'ignoreGiven' | 'leftOut' | 'classNames' | 'stuff'>> {
  for (const { file, classNames, background = [], ignore = [] } of stated) {
    const large = [...(classNames?.keys() ?? []), ...background, ...ignore].find((id) => id > largestClassId);
    if (large === undefined) continue;
    const what = `the class id ${large} is larger than ${largestClassId}, the largest of masks; correct it`;
    throw new CopyPasteError('data', what, { ...(file !== undefined && { path: file }) });
  }
  // A threshold leaves ids 0 and 1 only, unless masks hold no ids.
  const isBinary = options.threshold !== undefined && !layout.format;
  const background = new Set(options.background ?? (isBinary ? [0] : (firstOf(stated, 'background') ?? layout.background)));
  const ignore = new Set(options.ignore ?? (isBinary ? [] : (firstOf(stated, 'ignore') ?? layout.ignore)));
  const ofLayout = { classNames: namesOfLayout(layout), stuff: layout.stuff };
  const classNames =
    options.classNames === undefined
      ? (firstOf(stated, 'classNames') ?? ofLayout.classNames)
      : await readClassNames(options.classNames, options.encoding);
  // Other names may give the ids another meaning.
  const { stuff } = [...stated, ofLayout].find((one) => one.stuff && (!one.classNames || haveEqualNames(one.classNames, classNames))) ?? {};
  const leftOut = new Set([...background, ...ignore]);
  const given = options.ignore && ({ ignoreGiven: true } as const);
  return { background, ignore, ...given, leftOut, classNames, ...(stuff && { stuff: new Set(stuff) }) };
}

/** Tests if two sets of class names are equal, up to case. */
function haveEqualNames(some: ClassNames, others: ClassNames): boolean {
  return some.size === others.size && [...some].every(([id, name]) => name.toLowerCase() === others.get(id)?.toLowerCase());
}

/** The classes that are not among the things; `undefined` if the things are unknown. */
function stuffOf(things: readonly number[] | undefined, classNames: ClassNames | undefined): number[] | undefined {
  const countable = new Set(things);
  return things && classNames && [...classNames.keys()].filter((id) => !countable.has(id));
}

function firstOf<K extends keyof StatedClasses>(stated: readonly StatedClasses[], key: K): StatedClasses[K] | undefined {
  return stated.find((one) => one[key] !== undefined)?.[key];
}

/** The first split, if the data set is only inspected and no split is named train. */
function splitToInspect(splits: readonly string[], { lookOnly }: DatasetOptions): string | undefined {
  return lookOnly && !splits.some((one) => /^train\d*$/i.test(one)) ? splits[0] : undefined;
}

/** Reads the colour map from the options or the data set. Keeps the error of the data set's own map, which may be unused. */
async function openColours(
  root: string,
  tree: Tree,
  { colorMap, colours, encoding }: DatasetOptions,
): Promise<{ path?: string | undefined; map?: ColourMap; colours?: Colours | undefined; error?: unknown }> {
  const path = colorMap ?? findColourMap(root, tree);
  if (path === undefined) return { path, colours };
  try {
    const map = await readColourMap(path, encoding);
    return { path, map, colours: map.colours };
  } catch (error) {
    // An error in the data set's own map matters only if masks store colours.
    if (colorMap !== undefined) throw error;
    return { path, error };
  }
}

/**
 * Classes of a colour map: if masks store its colours, or ids with palettes of its colours. For other masks of ids a note says why their
 * classes have no names, unless they are named otherwise.
 */
async function classesOfMap(
  { map, path = '' }: { readonly map?: ColourMap; readonly path?: string | undefined },
  {
    root,
    layout,
    coded,
    masks,
    named,
  }: {
    readonly root: string;
    readonly layout: Layout;
    readonly coded: boolean;
    readonly masks: () => readonly string[];
    readonly named: boolean;
  },
): Promise<{ classes: StatedClasses; notes: string[] }> {
  if (!map || (!coded && (layout.mapNamesIds || masks().length === 0))) return { classes: {}, notes: [] };
  if (coded) return { classes: map, notes: [] };
  const { ignore, ...classes } = map;
  if (await haveColours(root, masks(), map)) return { classes: { ...classes, ...(ignore.length > 0 && { ignore }) }, notes: [] };
  if (named || layout.classNames) return { classes: {}, notes: [] };
  const file = pathFrom(root, path);
  return {
    classes: {},
    notes: [`${file} does not name the classes: masks hold ids, without palettes of its colours; pass --class-names FILE`],
  };
}

/** Reads the layout's configuration file, if there is one. */
async function openConfig(tree: Tree, layout: Layout, encoding = utf8) {
  const config = await layout.config?.(tree, encoding);
  if (!config) return undefined;
  return { ...config, stuff: config.stuff ?? stuffOf(config.things, config.classNames) };
}

/** Encoding of the class in instance ids: that of the configuration, else that of the layout. */
function objectIdsOf(layout: Layout, config: Pick<ClassConfig, 'objectIds' | 'things'> | undefined): ObjectIds | undefined {
  const ids = config?.objectIds ?? layout.objectIds;
  return ids && { ...ids, ...(config?.things && { things: config.things }) };
}

function namesOfLayout({ classNames = {} }: Layout): ClassNames {
  return new Map(Object.entries(classNames).map(([id, name]) => [Number(id), name]));
}

/**
 * Lists the bad samples and annotations, sorted by id. Faults of other splits, which are copied as they are, become notes.
 *
 * @throws {CopyPasteError} `data` with all of them, unless `skipBad` leaves them out.
 */
function skippedOf(
  bad: ReadonlyMap<string, Fault>,
  split: string,
  { skipBad, onlySplit, lookOnly }: DatasetOptions,
): { skipped: Skipped[]; notes: string[] } {
  const isOther = (one: Fault): boolean => one.split !== undefined && one.split !== split && !lookOnly;
  const all = [...bad].map(([id, fault]) => ({ ...fault, id, what: inLine(fault.what), reason: inLine(`${fault.path}: ${fault.what}`) }));
  all.sort((a, b) => (a.id < b.id ? -1 : 1));
  const faults = all.filter((one) => !isOther(one));
  const others = onlySplit ? [] : all.filter(isOther);
  const skipped = faults.map(({ id, path, what, reason }) => ({ id, path, what, reason }));
  if (skipped.length > 0 && !skipBad) {
    const parts = faults.filter(({ part }) => part !== undefined).length;
    const counts = [
      ...(faults.length > parts ? [plural(faults.length - parts, 'bad sample')] : []),
      ...(parts > 0 ? [`${plural(parts, 'fault')} in annotations`] : []),
    ];
    throw new CopyPasteError('data', `${counts.join(' and ')}; correct them, or pass --skip-bad to leave them out`, {
      offenders: skipped.map(({ reason }) => reason),
    });
  }
  const bySplit = new Map<string | undefined, { first: string; n: number }>();
  for (const { split: name, reason } of others) {
    const known = bySplit.get(name);
    if (known) known.n++;
    else bySplit.set(name, { first: reason, n: 1 });
  }
  const notes = [...bySplit].map(
    ([name, { first, n }]) => `split ${name}, which is only copied, has ${plural(n, 'fault')}, such as ${first}`,
  );
  return { skipped, notes };
}

/** Files that belong to no sample. */
function unusedFiles({ files }: Tree, samples: List<Paired>): string[] {
  const used = new Uint8Array(files.length);
  // Files of one role mostly have the order of the samples.
  const finders = new Map<FileRole, (path: string) => number | undefined>();
  for (const sample of samples) {
    for (const { role, path } of filesOfSample(sample)) {
      let find = finders.get(role);
      if (find === undefined) finders.set(role, (find = finderIn(files)));
      const n = find(path);
      if (n !== undefined) used[n] = 1;
    }
  }
  return files.filter((_, n) => used[n] === 0);
}

/** Images that are no samples, if a list may name them. @param unmasked images without a mask. */
function unusedOf(
  paired: List<Paired>,
  listed: List<Paired>,
  unmasked: ReadonlyMap<string, string>,
  { list }: DatasetOptions,
): Map<string, Unused> {
  if (!list) return new Map();
  const used = new Set(listed.map(({ id }) => id));
  const others = paired.filter(({ id }) => !used.has(id));
  return new Map<string, Unused>([
    ...others.map(({ id, image }): [string, Unused] => [id, { image, why: 'is in no list of the data set' }]),
    ...[...unmasked].map(([id, image]): [string, Unused] => [id, { image, why: 'has no mask' }]),
  ]);
}

/** The split to list first in an inspection, if a list names no sample of the chosen one. */
function otherSplit(chosen: List<Sample>, others: List<Sample>, { list, lookOnly, split }: DatasetOptions): string | undefined {
  return list && lookOnly && split === undefined && chosen.length === 0 ? others.at(0)?.split : undefined;
}

/** Refuses an empty split. @throws {CopyPasteError} `noInput` when the augmented split has no samples. */
function refuseEmpty(
  chosen: List<Sample>,
  others: List<Sample>,
  split: string,
  skipped: readonly Skipped[],
  options: DatasetOptions,
): void {
  // An inspection lists the bad samples.
  if (chosen.length > 0 || (options.lookOnly && skipped.length > 0)) return;
  const found = [...new Set(others.map((sample) => sample.split))];
  if (options.list && found.length > 0)
    throw new CopyPasteError(
      'noInput',
      `${options.in}: nothing to augment in split ${split}: --list names only samples of ${found.join(', ')}; pass --split ${found[0]}`,
    );
  throw nothingToAugment(options.in, split, skipped);
}

/** The error of a data set without samples to augment. */
export function nothingToAugment(folder: string, split: string, skipped: readonly Pick<Skipped, 'reason'>[]): CopyPasteError {
  const why = skipped.length > 0 ? `all of its samples (${skipped.length}) are bad` : 'it has no images with masks';
  return new CopyPasteError('noInput', `${folder}: nothing to augment${split === '' ? '' : ` in split ${split}`}: ${why}`, {
    offenders: skipped.map(({ reason }) => reason),
  });
}

/** Files that belong to several samples. */
export function wholeFiles({
  lists,
  imageLists,
  documents,
  carried,
}: Pick<Dataset, 'lists' | 'imageLists' | 'documents' | 'carried'>): string[] {
  return [...lists.keys(), ...imageLists.keys(), ...new Set([...documents.values()].map(({ path }) => path)), ...carried];
}
