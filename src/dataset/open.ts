import { readFile } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { inParts } from '../base/parts.ts';
import { cannotRead, listTree, readStart, type Tree, withoutExtension } from '../base/tree.ts';
import { extensionList, formatOf, readImageHeader, readTiffMaskHeader } from '../codecs/image.ts';
import { maxPixels, pngHeader } from '../codecs/png.ts';
import { CopyPasteError, messageOf } from '../errors.ts';
import { isDatumaro } from '../formats/datumaro/read.ts';
import { type DocumentReader, type DocumentSample, openDocument } from '../formats/documents.ts';
import { bySplit, detectLayout, type Folders, type LabelConfig, type LabelReader, type Layout, layoutNamed } from '../formats/layouts.ts';
import { readMapillaryConfig } from '../formats/mapillary.ts';
import type { ClassNames } from '../types.ts';
import { type Colours, type Document, drawnMasks, type Endings, type ObjectIds, type Sample, type Size, type ViewFile } from '../types.ts';
import { readClassNames } from './classes.ts';
import { findColourMap, readColourMap } from './colours.ts';
import { filesOfSample } from './sample-files.ts';

export interface DatasetOptions {
  readonly in: string;
  readonly layout?: Layout['name'] | undefined;
  readonly images?: string | undefined;
  readonly masks?: string | undefined;
  readonly maskSuffix: string;
  readonly split?: string | undefined;
  readonly onlySplit: boolean;
  readonly skipBad: boolean;
  readonly background?: readonly number[] | undefined;
  readonly ignore?: readonly number[] | undefined;
  readonly classNames?: string | undefined;
  /** File that says what the colours of masks stand for; else one that the data set brings along. */
  readonly colorMap?: string | undefined;
  /** What the colours stand for, where that is known. */
  readonly colours?: Colours | undefined;
  /** A document of annotations inside `in`, with its images' folder in `images`. */
  readonly annotations?: string | undefined;
  /** Nothing will be augmented: splits may share samples, and none has to be called train. */
  readonly lookOnly?: boolean | undefined;
  /** Annotations of documents are to be polygons. */
  readonly polygons?: boolean | undefined;
  /** Annotations without a mask are an error. */
  readonly requireMasks?: boolean | undefined;
  /** Folders that are known, as from a manifest; else they are looked for. */
  readonly folders?: readonly Folders[] | undefined;
}

/** A sample whose files have not been looked into. */
/** A sample before its headers are read; its size only where a document has it. */
type Paired = Omit<Sample, 'format' | 'size'> & Partial<Pick<Sample, 'size'>>;

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
  for (const { images, masks, objects } of found) {
    // What may not be listed elsewhere is none of ours.
    const closed = tree.unreadable.find(
      (folder) => folder.endsWith('/') && !folder.includes('\ufffd') && [images, masks, objects].includes(folder.slice(0, -1)),
    );
    if (closed !== undefined) throw new CopyPasteError('io', `${closed}: cannot be listed: permission denied`);
  }
  refuseIdle(layout, options);
  const mapFile = options.colorMap ?? findColourMap(root, tree.files);
  let unreadable: unknown;
  const map =
    options.colours || mapFile === undefined
      ? undefined
      : await readColourMap(mapFile).catch((error: unknown) => {
          // One that was not asked for matters where masks hold colours.
          if (options.colorMap !== undefined) throw error;
          unreadable = error;
          return undefined;
        });
  const colours = options.colours ?? map?.colours;
  const bad = new Map<string, string>();
  const lists = await readLists(root, tree, layout);
  const choose = (splits: readonly string[]): string =>
    chooseSplit(splits, options.split ?? (options.lookOnly && !splits.some((one) => /^train\d*$/i.test(one)) ? splits[0] : undefined));
  const openAnnotations = layout.documents ? openDocuments : layout.labels ? openLabels : openMasks;
  const { paired, folders, splits, split, documents, categories, labelConfig } = await openAnnotations({
    root,
    tree,
    layout,
    found,
    lists,
    choose,
    options,
    bad,
  });
  const configFile = layout.configs?.find((file) => tree.has(file));
  const config = configFile === undefined ? undefined : await readMapillaryConfig(root, configFile);
  const objectIds = layout.objectIds && { ...layout.objectIds, ...(config && { things: config.things }) };
  const carried = [labelConfig?.file, configFile].filter((file) => file !== undefined);
  const listed = lists.size > 0 ? placeInLists(paired, lists, split, bad) : paired.filter(({ mask }) => mask !== '');
  const wanted = options.onlySplit ? listed.filter((sample) => sample.split === split) : listed;
  const allowed = { masks: (colours ?? unreadable) !== undefined, objects: objectIds === undefined };
  const { samples, coded } = await checkSamples(root, unique(wanted, bad), allowed, bad);
  if (coded && unreadable !== undefined) throw unreadable;
  const skipped = [...bad].map(([id, reason]) => ({ id, reason })).sort((a, b) => (a.id < b.id ? -1 : 1));
  if (skipped.length > 0 && !options.skipBad) {
    throw new CopyPasteError('data', `${count(skipped.length, 'bad sample')}; mend them, or leave them out with --skip-bad`, {
      offenders: skipped.map(({ reason }) => reason),
    });
  }
  const chosen = samples.filter((sample) => sample.split === split);
  if (chosen.length === 0) {
    const why = skipped.length > 0 ? `all of its ${count(skipped.length, 'sample')} are bad` : 'no images with masks were found';
    throw new CopyPasteError('noInput', `${options.in}: nothing to augment${split === '' ? '' : ` in split ${split}`}: ${why}`);
  }

  if (!options.onlySplit && !options.lookOnly) refuseSharedLists(lists, split, new Set(chosen.map(({ id }) => id)));

  // Masks of ids do not follow a colour map.
  const meant = coded ? map : undefined;
  const background = new Set(options.background ?? meant?.background ?? layout.background);
  const ignore = new Set(options.ignore ?? meant?.ignore ?? (config?.ignore.length ? config.ignore : layout.ignore));
  const builtIn =
    categories ??
    meant?.classNames ??
    config?.classNames ??
    new Map(Object.entries(layout.classNames ?? {}).map(([id, name]) => [Number(id), name]));
  // It names classes of masks of ids too.
  if (mapFile !== undefined && options.colorMap === undefined) carried.push(relative(root, mapFile));
  const whole = new Set(wholeFiles({ lists, documents, carried }));
  const used = new Set(listed.flatMap(filesOfSample).map(({ path }) => path));
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
    leftOut: new Set([...background, ...ignore]),
    ...(objectIds && { objectIds }),
    // Where colours stand for classes, those of instance masks do not follow their ids.
    leftOutObjects: coded && colours ? new Set([0, 255]) : noObjects(objectIds, new Set([...background, ...ignore])),
    ...(coded && colours && { colours }),
    classNames: options.classNames === undefined ? builtIn : await readClassNames(options.classNames),
    skipped,
    leftBehind: [...tree.files.filter((file) => !used.has(file) && !whole.has(file)), ...tree.unreadable],
  };
}

/** What annotations are opened from. */
interface Opening {
  readonly root: string;
  readonly tree: Tree;
  readonly layout: Layout;
  readonly found: readonly Folders[];
  readonly lists: ReadonlyMap<string, readonly string[]>;
  /** Chooses the split that is augmented. */
  readonly choose: (splits: readonly string[]) => string;
  readonly options: DatasetOptions;
  /** Takes why samples cannot be used. */
  readonly bad: Map<string, string>;
}

/** Images with their annotations. */
interface Opened {
  readonly paired: Paired[];
  readonly folders: readonly Folders[];
  readonly splits: readonly string[];
  readonly split: string;
  readonly documents: ReadonlyMap<string, Document>;
  /** What the annotations themselves call their classes. */
  readonly categories?: ClassNames;
  readonly labelConfig?: LabelConfig | undefined;
}

/** Masks in folders beside those of images. */
async function openMasks({ tree, layout, found, lists, choose, options, bad }: Opening): Promise<Opened> {
  const splits = lists.size > 0 ? [...lists.keys()].map(listName) : splitsOf(found);
  const endings = layout.endings ?? { image: '', mask: options.maskSuffix, objects: '' };
  const paired = found.flatMap((one) => pair(one, tree, endings, layout, bad));
  return { paired, folders: found, splits, split: choose(splits), documents: new Map() };
}

/** A file of shapes for each image. */
async function openLabels(opening: Opening): Promise<Opened> {
  const { root, tree, layout, options, bad } = opening;
  const opened = await openMasks(opening);
  const files = opened.paired
    .filter((one) => !options.onlySplit || one.split === opened.split)
    .flatMap(({ labels }) => (labels === undefined ? [] : [labels]));
  const { classNames, config } = await (layout.labels as LabelReader).names(root, tree, { files, folders: opened.folders }, bad);
  return { ...opened, categories: classNames, labelConfig: config };
}

/** Documents of many samples, which may be of several splits. */
async function openDocuments({ root, tree, layout, found, choose, options, bad }: Opening): Promise<Opened> {
  // A document that names splits itself says them once it is read.
  const known = found.every(({ split }) => split !== '') ? choose(splitsOf(found)) : undefined;
  const wanted = found.filter((one) => known === undefined || !options.onlySplit || one.split === known);
  const opened: Awaited<ReturnType<typeof openDocument>>[] = [];
  for (const path of new Set(wanted.map(({ masks }) => masks))) {
    const rows = wanted.filter(({ masks }) => masks === path) as [Folders, ...Folders[]];
    opened.push(await openDocument(root, rows, tree, layout.documents as DocumentReader));
  }
  const splits = [...new Set([...splitsOf(found), ...opened.flatMap(({ folders }) => splitsOf(folders))])];
  const split = known ?? choose(splits);
  const folders: Folders[] = [];
  const documents = new Map<string, Document>();
  for (const one of opened.flatMap(({ document, folders }) => folders.map((row) => ({ document, row })))) {
    if (options.onlySplit && one.row.split !== split) continue;
    const twin = documents.get(one.row.split);
    if (twin)
      throw new CopyPasteError('usage', `${twin.path} and ${one.row.masks} are both of one split; say --annotations FILE for one of them`);
    folders.push(one.row);
    documents.set(one.row.split, one.document);
  }
  const document = documents.get(split) as Document;
  refuseBoxes(options.requireMasks ? [...new Set(documents.values())] : [document], options);
  const { classNames } = opened.find((one) => one.document === document) as (typeof opened)[0];
  const paired = opened.flatMap(({ samples }) => samples.flatMap((sample) => pairEntry(sample, tree, bad)));
  return { paired, folders, splits, split, documents, categories: classNames };
}

function splitsOf(found: readonly Folders[]): string[] {
  return found.map(({ split }) => split).filter((split) => split !== '');
}

/** The files that hold something of several samples. */
export function wholeFiles({ lists, documents, carried }: Pick<Dataset, 'lists' | 'documents' | 'carried'>): string[] {
  return [...lists.keys(), ...new Set([...documents.values()].map(({ path }) => path)), ...carried];
}

/** Ids of instance masks that stand for no object. */
function noObjects(ids: ObjectIds | undefined, leftOut: ReadonlySet<number>): ReadonlySet<number> {
  if (!ids) return leftOut;
  const { perClass, bare } = ids;
  return new Set(Array.from({ length: 0x10000 }, (_, id) => id).filter((id) => (bare === 'class' ? id < perClass : id % perClass === 0)));
}

/** @throws {CopyPasteError} `usage` for what is said of masks where annotations are shapes, or of documents where there are none. */
function refuseIdle({ name, documents, labels }: Layout, options: DatasetOptions): void {
  const { folders, background, ignore, maskSuffix, requireMasks, polygons } = options;
  if (folders) return;
  const refuse = (flag: string, why: string): CopyPasteError => new CopyPasteError('usage', `${flag}: ${why}`);
  if (polygons && (!documents || name === 'panoptic'))
    throw refuse('--polygons', `is for COCO, CVAT and Datumaro documents, not the ${name} layout`);
  if (!(documents || labels)) return;
  if (background ?? ignore)
    throw refuse(background ? '--background' : '--ignore', `the ${name} layout has no such ids; say --exclude-classes`);
  if (maskSuffix !== '') throw refuse('--mask-suffix', `the ${name} layout has no such names`);
  if (requireMasks && labels) throw refuse('--require-masks', 'is for documents');
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

function chooseLayout(root: string, tree: Tree, options: DatasetOptions): { layout: Layout; folders: readonly Folders[] } {
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
    const format = masks.endsWith('.xml') ? 'cvat' : isDatumaro(tree, masks) ? 'datumaro' : 'coco';
    return {
      layout: layoutNamed(format),
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

/**
 * Lists of ids, one a line; a second column, as in VOC's lists of classes, is not part of the id.
 *
 * @throws {CopyPasteError} `io` with the cause.
 */
async function readLists(root: string, tree: Tree, { lists }: Layout): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  if (lists === undefined) return found;
  for (const file of tree.files.filter((name) => name.startsWith(`${lists}/`) && name.endsWith('.txt'))) {
    const text = await readFile(join(root, file), 'utf8').catch((cause: unknown) => {
      throw cannotRead(file, cause);
    });
    const ids = text
      .split(/\r?\n/)
      .map((line) => line.trim().split(/\s/)[0] as string)
      .filter((id) => id !== '');
    found.set(file, ids);
  }
  return found;
}

/** The split that a list file stands for. */
export function listName(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1, -'.txt'.length);
}

/**
 * A list that holds only a part of the split that is augmented is another split, and augmenting would change it.
 *
 * @throws {CopyPasteError} `usage` with the flag that leaves it out.
 */
function refuseSharedLists(lists: ReadonlyMap<string, readonly string[]>, split: string, augmented: ReadonlySet<string>): void {
  for (const [file, ids] of lists) {
    const shared = new Set(ids.map((id) => id.normalize('NFC')).filter((id) => augmented.has(id)));
    if (shared.size === 0 || shared.size === augmented.size) continue;
    const which = `${file} has ${count(shared.size, 'sample')} of split ${split}, as ${[...shared][0]}`;
    throw new CopyPasteError('usage', `${which}, which augmenting would change; say --only-split to leave the other splits out`);
  }
}

function chooseSplit(splits: readonly string[], wanted: string | undefined): string {
  const found = [...splits].sort().join(', ');
  if (wanted !== undefined) {
    if (splits.includes(wanted)) return wanted;
    throw new CopyPasteError('usage', `--split ${wanted}: ${splits.length === 0 ? 'this data set has no splits' : `splits are ${found}`}`);
  }
  if (splits.includes('train')) return 'train';
  const [train, ...more] = splits.filter((split) => /^train\d*$/i.test(split));
  if (train !== undefined && more.length === 0) return train;
  if (splits.length <= 1) return splits[0] ?? '';
  throw new CopyPasteError('usage', `no split is called train: splits are ${found}; say --split NAME`);
}

/** Pairs by relative path and stem; whatever has no partner goes to `bad`, or has the mask `''` where a layout allows that. */
function pair(folders: Folders, tree: Tree, endings: Endings, { partial, labels, views = [] }: Layout, bad: Map<string, string>): Paired[] {
  const within = (folder: string): string[] => tree.files.filter((file) => folder === '' || file.startsWith(`${folder}/`));
  /** The images or masks of a folder by the stem that they share. */
  const filesOf = (folder: string, ending: string): Map<string, string> => {
    const files = new Map<string, string>();
    for (const file of within(folder)) {
      const stem = withoutExtension(folder === '' ? file : file.slice(folder.length + 1));
      if (formatOf(file) === undefined || !stem.endsWith(ending)) continue;
      const shared = stem.slice(0, stem.length - ending.length);
      const twin = files.get(shared);
      if (twin === undefined) files.set(shared, file);
      else if (ending !== endings.image || folder === folders.masks)
        bad.set(file, `${file}: the same sample's as ${twin}; keep one of them`);
    }
    return files;
  };
  const masks = labels ? labelsIn(folders.masks, labels.ending, tree) : filesOf(folders.masks, endings.mask);
  const objects = folders.objects === undefined ? new Map<string, string>() : filesOf(folders.objects, endings.objects);
  const shown = views.map((view) => {
    const folder =
      view.folder === undefined ? folders.masks : `${folders.masks.slice(0, folders.masks.lastIndexOf('/') + 1)}${view.folder}`;
    return { view, files: filesOf(folder, view.ending) };
  });
  const samples: Paired[] = [];
  const used = new Set<string>();
  const prefix = folders.split === '' ? '' : `${folders.split}/`;
  // With images and masks in one folder, the suffix tells them apart.
  const together = folders.images === folders.masks;
  const isMask = new Set(together && !labels ? masks.values() : []);
  for (const image of within(folders.images)) {
    if (formatOf(image) === undefined || isMask.has(image) || (labels && isDrawn(image))) continue;
    const whole = withoutExtension(folders.images === '' ? image : image.slice(folders.images.length + 1));
    if (!whole.endsWith(endings.image)) continue;
    const stem = whole.slice(0, whole.length - endings.image.length);
    const id = (prefix + stem).normalize('NFC');
    const mask = masks.get(stem);
    used.add(stem);
    if (mask === undefined && !partial && !labels) {
      bad.set(image, `${image}: no mask ${folders.masks}/${stem}${endings.mask}.png; add it, or say --mask-suffix`);
      continue;
    }
    const object = objects.get(stem);
    const also = shown.flatMap(({ view, files }) => (files.has(stem) ? [{ path: files.get(stem) as string, view }] : []));
    samples.push({
      id,
      split: folders.split,
      image,
      ...(labels ? mask !== undefined && { labels: mask } : { mask: mask ?? '' }),
      ...(labels?.background &&
        mask === undefined &&
        !isClassList(`/${stem}.txt`) && { newLabels: `${folders.masks}/${stem}${labels.ending}` }),
      ...(object !== undefined && { objects: object }),
      ...(also.length > 0 && { views: also }),
      endings,
    });
  }
  // A document or a list may end as labels do.
  for (const [stem, mask] of labels ? [] : masks)
    if (!used.has(stem)) bad.set(mask, `${mask}: no image ${folders.images}/${stem}${endings.image} of ${extensionList}`);
  return samples;
}

/** Whether a file lies where masks are drawn that follow from shapes: it is no image. */
function isDrawn(file: string): boolean {
  return drawnMasks.some(({ folder }) => file.startsWith(`${folder}/`));
}

/** LabelImg leaves the names of classes beside the labels. */
function isClassList(file: string): boolean {
  return file.endsWith('/classes.txt');
}

/** Label files by the stem that they share with images. */
function labelsIn(folder: string, ending: string, { files }: Tree): Map<string, string> {
  const prefix = folder === '' ? '' : `${folder}/`;
  const labels = files.filter((file) => file.startsWith(prefix) && file.endsWith(ending) && !isClassList(file));
  return new Map(labels.map((file) => [withoutExtension(file.slice(prefix.length)), file]));
}

/** A sample of a document, if its image is there. */
function pairEntry({ split, image, name, mask, size, entry }: DocumentSample, tree: Tree, bad: Map<string, string>): Paired[] {
  const id = ((split === '' ? '' : `${split}/`) + withoutExtension(name)).normalize('NFC');
  const missing = [image, mask].find((file) => file !== undefined && !tree.has(file));
  if (missing !== undefined) bad.set(id, `${missing}: no such image, though ${entry.document} lists it`);
  else if (formatOf(image) === undefined) bad.set(id, `${image}: image is not called ${extensionList}, the formats that are read`);
  else return [{ id, split, image, ...(mask !== undefined && { mask }), size, entry, endings: { image: '', mask: '', objects: '' } }];
  return [];
}

/** @throws {CopyPasteError} `data` where masks are required and annotations have boxes alone, or none has a mask. */
function refuseBoxes(documents: readonly Document[], { requireMasks }: DatasetOptions): void {
  for (const { path, boxes, annotations } of documents) {
    if (boxes > 0 && (requireMasks || boxes === annotations)) {
      const which = boxes === annotations ? 'none of its annotations has a mask' : `${boxes} of ${annotations} annotations have no mask`;
      throw new CopyPasteError('data', `${path}: ${which}, only boxes, and boxes cannot be pasted`);
    }
  }
}

/** Keeps the samples that a list names: in the split that is augmented, else in the first that has them. */
function placeInLists(
  samples: readonly Paired[],
  lists: ReadonlyMap<string, readonly string[]>,
  split: string,
  bad: Map<string, string>,
): Paired[] {
  const splitOf = new Map<string, { split: string; file: string }>();
  const files = [...lists.keys()].sort((a, b) => Number(listName(b) === split) - Number(listName(a) === split) || (a < b ? -1 : 1));
  for (const file of files) {
    for (const id of lists.get(file) as readonly string[]) if (!splitOf.has(id)) splitOf.set(id, { split: listName(file), file });
  }
  const byId = new Map(samples.map((sample) => [sample.id, sample]));
  const placed: Paired[] = [];
  for (const [id, { split, file }] of splitOf) {
    const sample = byId.get(id.normalize('NFC'));
    if (sample === undefined) bad.set(id, `${file}: no image is called ${id}`);
    else if (sample.mask === '') bad.set(id, `${sample.image}: no mask, though ${file} lists it`);
    else placed.push({ ...sample, split });
  }
  return placed;
}

/** Samples by id, in order; of two with one id both are bad, since their outputs would collide. */
function unique(samples: readonly Paired[], bad: Map<string, string>): Paired[] {
  const byId = new Map<string, Paired>();
  for (const sample of samples) {
    const twin = byId.get(sample.id);
    if (twin === undefined) byId.set(sample.id, sample);
    else bad.set(sample.image, `${sample.image}: the same sample as ${twin.image}; rename one of them`);
  }
  return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/**
 * Reads headers, so that what cannot be used is known before anything is written, and whether EXIF orientation
 * applies: where a file fits its mask both ways, the files that fit one way only decide for the whole set.
 */
async function checkSamples(
  root: string,
  samples: readonly Paired[],
  colours: { readonly masks: boolean; readonly objects: boolean },
  bad: Map<string, string>,
): Promise<{ samples: Sample[]; coded: boolean }> {
  const checked = await inParts(samples, 16, async (sample) => {
    try {
      if (sample.mask === undefined && !sample.entry) {
        const { upright, format } = await readImageHeader(join(root, sample.image), sample.image);
        return { sample, size: upright, format, coded: false, fits: { stored: false, upright: true } };
      }
      const { width, height, coded } = sample.size
        ? { ...sample.size, coded: false }
        : await maskSize(root, sample.mask as string, colours.masks);
      const size = { width, height };
      const is = ({ width, height }: Size): boolean => width === size.width && height === size.height;
      const refuse = (what: string, { width, height }: Size): CopyPasteError =>
        new CopyPasteError(
          'data',
          `${what} is ${width}×${height}, its ${sample.entry ? 'annotation' : 'mask'} ${size.width}×${size.height}`,
        );
      if (sample.objects !== undefined) {
        const objects = await maskSize(root, sample.objects, colours.objects);
        if (!is(objects)) throw refuse(`${sample.objects}: instance mask`, objects);
      }
      const views = await Promise.all((sample.views ?? []).map((view) => checkView(root, view, size)));
      const { stored, upright, turned, format } = await readImageHeader(join(root, sample.image), sample.image);
      if (!is(stored) && !is(upright)) throw refuse(`${sample.image}: image`, upright);
      return {
        sample: sample.views ? { ...sample, views } : sample,
        size,
        format,
        coded,
        fits: { stored: !turned || is(stored), upright: !turned || is(upright) },
      };
    } catch (error) {
      // A disk that fails says nothing about a sample.
      if (!(error instanceof CopyPasteError) || error.code !== 'data') throw error;
      bad.set(sample.id, messageOf(error));
      return undefined;
    }
  });
  const good = checked.filter((one) => one !== undefined);
  const setIsStored = good.some(({ fits }) => !fits.upright) && good.every(({ fits }) => fits.stored);
  return {
    // What is added comes first: V8 gives each object to which something is added after a spread a hidden class of its own.
    samples: good.map(({ sample, size, format, fits }) => ({
      size,
      format: { upright: fits.upright && !(setIsStored && fits.stored), ...format },
      ...sample,
    })),
    coded: good.some(({ coded }) => coded),
  };
}

/** @throws {CopyPasteError} `data` where a view is none of its mask. */
async function checkView(root: string, view: ViewFile, { width, height }: Size): Promise<ViewFile> {
  const header = pngHeader(await readStart(root, view.path, 33));
  if (header === undefined) throw new CopyPasteError('data', `${view.path}: is not a PNG`);
  if (header.width !== width || header.height !== height)
    throw new CopyPasteError('data', `${view.path}: is ${header.width}×${header.height}, its mask ${width}×${height}`);
  return { ...view, alpha: header.colour === 'rgb-alpha' };
}

/** @param colours whether it is known what colours stand for. */
async function maskSize(root: string, file: string, colours: boolean): Promise<Size & { coded: boolean }> {
  const refuse = (what: string): CopyPasteError => new CopyPasteError('data', `${file}: ${what}`);
  const format = formatOf(file);
  if (format === 'tiff') return { ...(await readTiffMaskHeader(join(root, file), file)), coded: false };
  if (format !== 'png') throw refuse('mask is not a PNG or TIFF: ids do not survive lossy formats');
  const header = pngHeader(await readStart(root, file, 33));
  if (header === undefined) throw refuse('mask is named .png but is not a PNG');
  const { width, height, depth, colour } = header;
  const coded = colour !== 'grey' && colour !== 'palette';
  if (coded && (!colours || depth !== 8 || colour === 'grey-alpha')) {
    throw refuse('mask stores colours, not class ids; say what they stand for with --color-map FILE, or convert it to ids');
  }
  if (width * height > maxPixels) throw refuse(`mask is ${width}×${height}; the limit is 64 megapixels`);
  return { width, height, coded };
}
