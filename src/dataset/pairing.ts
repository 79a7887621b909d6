/** Pairs images with their annotations: masks in folders, label files, or documents. */
import { basename } from 'node:path';
import { firstFrom, type List } from '../base/list.ts';
import { extensionOf, withoutExtension } from '../base/paths.ts';
import { plural } from '../base/plural.ts';
import { utf8 } from '../base/text.ts';
import { filesBelow, type Tree } from '../base/tree.ts';
import { arrayFormatOf, extensionList, formatOf, otherImages } from '../codecs/image-names.ts';
import { CopyPasteError, type Fault } from '../errors.ts';
import { type ArchiveRoles, endingOf, plainExtension, unclearRoles } from '../formats/archives.ts';
import { type DocumentSample, type OpenedDocument as Opened, openDocument } from '../formats/documents.ts';
import { type Folders, type Part, partsOf } from '../formats/folders.ts';
import {
  type ConfigFile,
  type Document,
  type DocumentFormat,
  type FilesFormat,
  type Format,
  type LabelFormat,
  pathsOfShapes,
} from '../formats/format.ts';
import { endsOf, filesOfStem } from '../formats/image-names.ts';
import type { Layout } from '../formats/layouts.ts';
import { commonSuffixes, suffixFlags } from '../formats/suffixes.ts';
import type { ClassNames, Counts, Endings, ShapeFiles, View } from '../types.ts';
import { type ImageLists, openImageLists, openPairLists, withoutShared } from './image-lists.ts';
import { listName } from './lists.ts';
import type { DatasetOptions } from './options.ts';
import type { Paired } from './paired.ts';
import { drawnMasks } from './sample-files.ts';
import { sampleList } from './sample-list.ts';
import { describeUnpasted } from './unpasted.ts';

/** A data set with a known layout. */
interface Opening {
  readonly root: string;
  readonly tree: Tree;
  readonly layout: Layout;
  readonly found: readonly Folders[];
  readonly lists: ReadonlyMap<string, readonly string[]>;
  /** Chooses the split to augment. */
  readonly choose: (splits: readonly string[]) => string;
  readonly options: DatasetOptions;
  /** Collects the problems of samples that cannot be used, by file or sample id. */
  readonly bad: Map<string, Fault>;
}

/** A data set of masks, with the roles of the images in its archives. */
interface MaskOpening extends Opening {
  readonly roles: ArchiveRoles | undefined;
}

/** Paired samples of all splits. */
interface Pairing {
  readonly paired: List<Paired>;
  /** Images without a mask by sample id, in a layout that allows them. */
  readonly unmasked?: ReadonlyMap<string, string>;
  readonly folders: readonly Folders[];
  readonly splits: readonly string[];
  readonly split: string;
  readonly documents: ReadonlyMap<string, Document>;
  /** Counts of the annotations of the augmented split, if they are shapes. */
  readonly counts?: Counts;
  /** Class names, if the annotations state them. */
  readonly categories?: ClassNames;
  readonly config?: ConfigFile | undefined;
  /** Data of a format of label files itself. */
  readonly ofLabels?: unknown;
  /** Lists of images by file, if splits are lists. */
  readonly imageLists?: ImageLists;
  readonly notes?: readonly string[];
}

/** Pairs images with their annotations; an image or mask without a partner is bad. */
export async function openAnnotations(opening: Opening, format: Format | undefined): Promise<Pairing> {
  if (format?.kind === 'documents') return openDocuments(opening, format);
  if (format?.kind === 'files') return openShapeFiles(opening, format);
  if (format?.kind === 'labels') return openLabels(opening, format);
  return { ...(await openMasks(opening)), ...(format && { categories: format.classNames }) };
}

/** Opens folders of masks. */
async function openMasks(opening: Opening): Promise<Pairing> {
  const { layout, found, lists, choose, options } = opening;
  const splits = lists.size > 0 ? [...lists.keys()].map(listName) : splitsOf(found);
  const split = choose(splits);
  const { lists: imageLists, notes: listNotes } = await (layout.pairLists ? openPairLists : openImageLists)(opening, split);
  const roles = layout.roles?.(opening.tree);
  const isNamed = options.maskSuffix !== '' || (options.imageSuffix ?? '') !== '';
  if (roles && !roles.endings && options.maskSuffix === '') throw unclearRoles(roles);
  const named = { image: options.imageSuffix ?? '', mask: options.maskSuffix, objects: roles?.endings?.objects ?? '' };
  const endings = layout.endings ?? (isNamed ? named : (roles?.endings ?? named));
  const unmasked = new Map<string, string>();
  const all = sampleList<Paired>();
  for (const row of found)
    for (const part of partsOf(row))
      for (const sample of pairPart(row, part, endings, { ...opening, roles }, imageLists, unmasked)) all.push(sample);
  const { paired, notes } = withoutShared(all, split, found, options);
  return { paired, unmasked, folders: found, splits, split, documents: new Map(), imageLists, notes: [...listNotes, ...notes] };
}

/** Opens label files, one per image. */
async function openLabels(opening: Opening, format: LabelFormat): Promise<Pairing> {
  const { tree, found, choose, options, bad } = opening;
  const splits = splitsOf(found);
  const split = choose(splits);
  const { lists: imageLists, notes: listNotes } = await openImageLists(opening, split);
  const renamed: string[] = [];
  const pairs = found.flatMap((one) => pairLabels(one, tree, format, imageLists, renamed));
  const all = format.keepsExtension ? withOwnIds(pairs) : pairs;
  const { paired, notes } = withoutShared(all, split, found, options);
  const labelsOf = (samples: List<Paired>): string[] => samples.flatMap(({ labels }) => (labels === undefined ? [] : [labels]));
  const own = paired.filter((one) => one.split === split);
  // All splits together have one list of classes.
  const files = labelsOf(paired);
  const rows = found.filter((row) => row.split === split);
  const spare = format.background ? backgroundNotes(own, rows, tree, (file) => isLabelOf(file, format)) : [];
  const counted = labelsOf(own);
  const read = { files, own: options.lookOnly ? files : counted, counted, encoding: options.encoding ?? utf8 };
  const faults = new Map<string, Fault>();
  const { classNames, own: ofLabels, config, counts, notes: told = [] } = await format.names(tree, read, faults);
  const isBad = ({ labels = '' }: Paired): boolean => faults.has(labels);
  for (const sample of paired.filter(isBad)) bad.set(sample.id, { ...(faults.get(sample.labels as string) as Fault), split: sample.split });
  const isOther = (sample: Paired): boolean => sample.split !== split && !options.lookOnly;
  return {
    // Other splits are copied as they are.
    paired: paired.filter((sample) => isOther(sample) || !isBad(sample)),
    folders: found,
    splits,
    split,
    documents: new Map(),
    ...(counts && { counts }),
    categories: classNames,
    ofLabels,
    config,
    imageLists,
    notes: [...listNotes, ...notes, ...told, ...spare, ...unicodeNote(renamed)],
  };
}

/** Opens mask files, one per shape. */
async function openShapeFiles(opening: Opening, format: FilesFormat): Promise<Pairing> {
  const { tree, found, choose, options, bad } = opening;
  const splits = splitsOf(found);
  const split = choose(splits);
  const all = found.flatMap((row) => {
    const { images, faults } = format.images(tree, row);
    for (const [path, what] of faults) bad.set(path, { path, what, split: row.split });
    return images.map(({ name, ending, ...rest }): Paired => {
      const id = (row.split === '' ? name : `${row.split}/${name}`).normalize('NFC');
      return { id, split: row.split, ...rest, endings: { ...noEndings, image: ending } };
    });
  });
  const filesOf = (samples: readonly Paired[]): ShapeFiles[] => samples.flatMap(({ shapeFiles }) => shapeFiles ?? []);
  const own = all.filter((one) => one.split === split);
  const files = filesOf(options.onlySplit ? own : all);
  const faults = new Map<string, Fault>();
  const read = { files, own: options.lookOnly ? files : filesOf(own), threshold: options.threshold };
  const { classNames, counts, notes = [] } = await format.names(tree, read, faults);
  const faultOf = ({ shapeFiles }: Paired): Fault | undefined => {
    const path = shapeFiles && pathsOfShapes(shapeFiles).find((file) => faults.has(file));
    return path === undefined ? undefined : faults.get(path);
  };
  for (const sample of all) {
    const fault = faultOf(sample);
    if (fault) bad.set(sample.id, { ...fault, split: sample.split });
  }
  const unlabelled = own.filter(({ shapeFiles }) => !shapeFiles).length;
  const told = unlabelled > 0 ? [`images without mask files: ${unlabelled} of ${own.length}; nothing is pasted into them`] : [];
  return {
    paired: all.filter((sample) => !faultOf(sample)),
    folders: found,
    splits,
    split,
    documents: new Map(),
    categories: classNames,
    ...(counts && { counts }),
    notes: [...notes, ...told],
  };
}

/**
 * Notes on images of the augmented split without a label file, and on label files without an image.
 *
 * @throws {CopyPasteError} `data` when there are label files, but none of them fits an image.
 */
function backgroundNotes(own: readonly Paired[], rows: readonly Folders[], tree: Tree, isLabel: (file: string) => boolean): string[] {
  const used = new Set(own.map(({ labels }) => labels));
  const empty = own.filter(({ newLabels }) => newLabels !== undefined).length;
  // Beside images, and beside lists of a part of them, other text files are common.
  const folders = rows.flatMap(partsOf).filter(({ images, masks, list }) => images !== masks && list === undefined);
  const spare = folders.flatMap(({ masks }) => filesBelow(tree, masks).filter((file) => isLabel(file) && !used.has(file)));
  const [first] = spare;
  if (first !== undefined && empty === own.length && own.length > 0)
    throw new CopyPasteError('data', 'fits no image, as all label files; its name must be that of an image', { path: first });
  return [
    ...(empty > 0
      ? [
          `${empty} of ${plural(own.length, 'image')} ${empty === 1 ? 'has no label file and is a background image' : 'have no label file and are background images'}`,
        ]
      : []),
    ...(first !== undefined
      ? [
          `${plural(spare.length, 'label file')} ${spare.length === 1 ? 'fits no image and is' : 'fit no image and are'} not copied, such as ${first}; its name must be that of an image`,
        ]
      : []),
  ];
}

/** Note on label files whose names have another Unicode form than those of their images. */
function unicodeNote(renamed: readonly string[]): string[] {
  const [first] = renamed;
  if (first === undefined) return [];
  const differ = renamed.length === 1 ? '1 label file differs' : `${renamed.length} label files differ`;
  return [`${differ} from the image in Unicode form, such as ${first}; names are kept, and Ultralytics may not find them`];
}

/** Opens documents of many samples, which may contain several splits. */
async function openDocuments(opening: Opening, format: DocumentFormat): Promise<Pairing> {
  const { tree, found, choose, options, bad } = opening;
  // Some documents name their splits inside, so the choice waits until they are read.
  const known = found.every(({ split }) => split !== '') ? choose(splitsOf(found)) : undefined;
  // All documents together have one list of classes.
  const wanted = found.filter((one) => known === undefined || !options.onlySplit || format.classesByName || one.split === known);
  const { opened, notes } = await openEach(wanted, known, opening, format);
  const closed = found.filter(({ masks }) => opened.every(({ document }) => document.path !== masks));
  const splits = [...new Set(splitsOf([...closed, ...opened.flatMap(({ folders }) => folders)]))];
  const split = known !== undefined && splits.includes(known) ? known : choose(splits);
  const folders: Folders[] = [];
  const documents = new Map<string, Document>();
  for (const one of opened.flatMap(({ document, folders }) => folders.map((row) => ({ document, row })))) {
    const isWanted = !options.onlySplit || one.row.split === split;
    if (isWanted || format.classesByName) folders.push(one.row);
    if (!isWanted) continue;
    const twin = documents.get(one.row.split);
    if (twin)
      throw new CopyPasteError('usage', `${twin.path} and ${one.row.masks} belong to the same split; choose one with --annotations FILE`);
    documents.set(one.row.split, one.document);
  }
  const document = documents.get(split) as Document;
  if (options.requireMasks) for (const one of new Set(documents.values())) refuseBoxes(one, true);
  if (!options.lookOnly) refuseBoxes(document, false);
  const categories = joinClasses(opened, document, format, options, bad);
  // Bad samples of other splits are copied as they are.
  const isUsed = (sample: DocumentSample): boolean => !sample.isBad || (sample.split !== split && !options.lookOnly);
  const listed = opened.flatMap(({ samples }) => samples).filter(isUsed);
  const near = nearImages(tree);
  const paired = withOwnIds(listed.flatMap((sample) => pairEntry(sample, tree, near, bad)));
  for (const { document, notes: told, faults, folders } of opened) {
    const own = folders.map((row) => row.split);
    if (options.onlySplit && !own.includes(split)) continue;
    notes.push(...told);
    const { path } = document;
    for (const fault of faults) bad.set(`${path}: ${fault.what}`, { path, ...fault, part: 'annotations' });
  }
  return { paired, folders, splits, split, documents, counts: document, categories, notes };
}

/**
 * Classes of the augmented document, or of all documents if the data set is only inspected. Where annotations name their classes, an id
 * stands for the same name in all documents.
 *
 * @param bad collects ids that have another name in another document.
 */
function joinClasses(
  opened: readonly Pick<Opened, 'document' | 'classNames' | 'folders'>[],
  own: Document,
  { classesByName }: DocumentFormat,
  { lookOnly }: DatasetOptions,
  bad: Map<string, Fault>,
): ClassNames {
  const { classNames } = opened.find((one) => one.document === own) as (typeof opened)[0];
  if (classesByName) {
    const all = new Map([...new Set(opened.flatMap((one) => [...one.classNames.values()]))].map((name, id) => [id, name]));
    const names = new Set(classNames.values());
    return lookOnly ? all : new Map([...all].filter(([, name]) => names.has(name)));
  }
  const all = new Map(classNames);
  for (const { document, classNames: others, folders } of opened) {
    for (const [id, name] of others) {
      const known = all.get(id) ?? name;
      all.set(id, known);
      if (known === name) continue;
      const what = `class ${id} is '${name}', but '${known}' in ${own.path}; give it one name`;
      bad.set(`${document.path}: class ${id}`, { path: document.path, what, part: 'annotations', split: folders[0]?.split ?? '' });
    }
  }
  return lookOnly ? all : classNames;
}

/** Opens documents. A document of other splits than the augmented one that cannot be read is left out, with a note. */
async function openEach(
  wanted: readonly Folders[],
  known: string | undefined,
  { root, tree, options }: Opening,
  format: DocumentFormat,
): Promise<{ opened: Opened[]; notes: string[] }> {
  const opened: Opened[] = [];
  const notes: string[] = [];
  for (const path of new Set(wanted.map(({ masks }) => masks))) {
    const rows = wanted.filter(({ masks }) => masks === path) as [Folders, ...Folders[]];
    try {
      opened.push(await openDocument(root, rows, tree, format, options.encoding ?? utf8, options.classAttribute));
    } catch (error) {
      const isOther = known !== undefined && rows.every(({ split }) => split !== known) && !options.lookOnly;
      if (!isOther || !(error instanceof CopyPasteError)) throw error;
      notes.push(`split ${rows.map(({ split }) => split).join(', ')} is left out: ${error.message}`);
    }
  }
  return { opened, notes };
}

/** Adds the extension to the ids of samples that differ in nothing else: documents name images with it. */
function withOwnIds(paired: readonly Paired[]): Paired[] {
  const images = new Map<string, string>();
  const twins = new Set<string>();
  for (const { id, image } of paired) {
    if ((images.get(id) ?? image) !== image) twins.add(id);
    images.set(id, image);
  }
  return paired.map((sample) => (twins.has(sample.id) ? { ...sample, id: sample.id + extensionOf(sample.image) } : sample));
}

function splitsOf(found: readonly Folders[]): string[] {
  return found.map(({ split }) => split).filter((split) => split !== '');
}

/**
 * Refuses a document of annotations without a mask.
 *
 * @param all true to refuse a single one.
 * @throws {CopyPasteError} `data` when no annotation has a mask, or masks are required and one is missing.
 */
function refuseBoxes({ path, unpasted, annotations }: Document, all: boolean): void {
  const without = (unpasted.box ?? 0) + (unpasted['too few points'] ?? 0);
  if (without === 0 || (!all && without < annotations)) return;
  const which = without === annotations ? 'none of its annotations has a mask' : `${without} of ${annotations} annotations have no mask`;
  throw new CopyPasteError('data', `${which}: ${describeUnpasted(unpasted)}; add segmentations`, { path });
}

/** Images of a part of a split, with the stem that the files of a sample share, and the sample id. */
function* imagesOf(
  { split, images: root }: Folders,
  { images: folder, list }: Part,
  { tree, lists }: { readonly tree: Tree; readonly lists: ImageLists },
  ending = '',
): Generator<{ image: string; stem: string; id: string }> {
  const prefix = split === '' ? '' : `${split}/`;
  const listed = list === undefined ? undefined : new Set(lists.get(list)?.map(({ image }) => image));
  for (const image of filesBelow(tree, folder)) {
    const whole = withoutExtension(below(folder, image));
    if (formatOf(image) === undefined || !whole.endsWith(ending) || listed?.has(image) === false) continue;
    const stem = whole.slice(0, whole.length - ending.length);
    const name = withoutExtension(below(root, image));
    yield { image, stem, id: (prefix + name.slice(0, name.length - ending.length)).normalize('NFC') };
  }
}

function below(folder: string, file: string): string {
  return folder === '' ? file : file.slice(folder.length + 1);
}

/**
 * Pairs images and masks by relative path and stem. An image without a mask is bad, unless its layout allows it.
 *
 * @param unmasked collects allowed images without a mask, by sample id.
 */
function* pairPart(
  row: Folders,
  part: Part,
  endings: Endings,
  { tree, layout, bad, roles }: MaskOpening,
  lists: ImageLists,
  unmasked: Map<string, string>,
): Generator<Paired> {
  const { partial, views = [] } = layout;
  const folders = { ...row, images: part.images, masks: part.masks };
  // Lists divide the samples of a folder into splits.
  const among = row.split === '' ? {} : { split: row.split };
  /** Files of a folder by the stem that the files of a sample share. */
  const filesOf = (folder: string, ending: string): FilesByStem => {
    const beside = folder === folders.images && ending === endings.image;
    const isOwn = roles ? isArchived(ending, roles) : isMaskFile(filesBelow(tree, folder), ending, beside);
    const files = filesByStem(tree, folder, ending, isOwn);
    if (ending !== endings.image || folder === folders.masks)
      for (const { stem, file } of files) {
        const twin = files.get(stem);
        if (twin !== file) bad.set(file, { path: file, what: `belongs to the same sample as ${twin}; keep one of them`, ...among });
      }
    return files;
  };
  const masks = filesOf(folders.masks, endings.mask);
  // In archives all files of a sample are together.
  const objectsIn = roles && endings.objects !== '' ? folders.masks : folders.objects;
  const objects = objectsIn === undefined ? undefined : filesOf(objectsIn, endings.objects);
  const shown = views.map((view) => ({ view, files: filesOf(folderOf(view, folders), view.ending) }));
  // Images and masks may share a folder; the suffix distinguishes them.
  const isMask = (image: string): boolean => folders.images === folders.masks && masks.has(image);
  const isOther = (image: string): boolean => roles?.others.has(endingOf(image)) === true && endingOf(image) !== endings.image;
  const isImage = (file: string): boolean => formatOf(file) !== undefined && !isMask(file) && !isOther(file);
  // The image of a mask may be in another list, or in none.
  if (part.list === undefined) {
    const images = filesByStem(tree, folders.images, endings.image, isImage);
    for (const { stem, file: mask } of masks)
      if (masks.get(stem) === mask && images.get(stem) === undefined)
        bad.set(mask, { path: mask, what: withoutImage(tree, inFolder(folders.images, stem) + endings.image), ...among });
  }
  const withoutMask = createWithoutMask(tree, layout, folders, endings);
  for (const { image, stem, id } of imagesOf(row, part, { tree, lists }, endings.image)) {
    if (!isImage(image)) continue;
    const mask = masks.get(stem);
    if (mask === undefined) {
      if (partial) unmasked.set(id, image);
      else bad.set(image, { path: image, what: withoutMask(stem), ...among });
      continue;
    }
    const object = objects?.get(stem);
    const also = shown.flatMap(({ view, files }) => {
      const path = files.get(stem);
      return path === undefined ? [] : [{ path, view }];
    });
    yield {
      id,
      split: folders.split,
      image,
      mask,
      ...(object !== undefined && { objects: object }),
      ...(also.length > 0 && { views: also }),
      endings,
    };
  }
}

/** Creates a function that says that an image has no mask, and what to do. */
function createWithoutMask(
  tree: Tree,
  layout: Layout,
  { images, masks }: Pick<Folders, 'images' | 'masks'>,
  endings: Endings,
): (stem: string) => string {
  const stemsIn = (folder: string): string[] => filesBelow(tree, folder).map((file) => withoutExtension(below(folder, file)));
  const suggest = (): string => {
    const found = images === masks ? undefined : commonSuffixes(stemsIn(images), stemsIn(masks));
    return (found && suffixFlags(found)) || ' --mask-suffix or --image-suffix';
  };
  // All images of a folder get the same advice.
  let flags: string | undefined;
  return (stem) => {
    const path = inFolder(masks, stem) + endings.mask;
    const other = otherFormat(tree, path);
    if (other !== undefined) return `its mask ${other} is not a PNG, TIFF, BMP or NumPy array; convert it to PNG`;
    flags ??= layout.endings ? 'add it' : `add it, or pass${suggest()}`;
    return `has no mask ${path}.png; ${flags}`;
  };
}

/** Says that a mask has no image, and what to do. @param stem path of the image without its extension. */
function withoutImage(tree: Tree, stem: string): string {
  const other = otherFormat(tree, stem);
  if (other !== undefined) return `its image ${other} has an unsupported format; convert it to one of ${extensionList}`;
  return `has no image ${stem} (${extensionList}); add it, or remove the mask`;
}

/** A file with a path that differs in its extension alone, if it is named like an image in a format that is not read. */
function otherFormat(tree: Tree, stem: string): string | undefined {
  return filesOfStem(tree, stem).find((file) => otherImages.test(file));
}

/** Files of a folder with the stem that the files of a sample share. */
interface FilesByStem extends Iterable<{ readonly stem: string; readonly file: string }> {
  /** The first file of a stem. */
  get(stem: string): string | undefined;
  /** Tests if a file is the first one of its stem. */
  has(file: string): boolean;
}

/** Files of a folder by their stems, which are looked up among the sorted paths of the tree. */
function filesByStem(tree: Tree, folder: string, ending: string, isOwn: (file: string) => boolean): FilesByStem {
  const files = filesBelow(tree, folder);
  const stemOf = (file: string): string => {
    const stem = withoutExtension(below(folder, file));
    return stem.slice(0, stem.length - ending.length);
  };
  // Most stems are looked up in order.
  let next = 0;
  const get = (stem: string): string | undefined => {
    const whole = inFolder(folder, stem) + ending;
    const isNext = files.at(next)?.startsWith(`${whole}.`) && !files.at(next - 1)?.startsWith(`${whole}.`);
    for (let n = isNext ? next : firstFrom(files, `${whole}.`); n < files.length; n++) {
      const file = files.at(n) as string;
      if (!file.startsWith(`${whole}.`)) break;
      if (withoutExtension(file) !== whole || !isOwn(file)) continue;
      next = n + 1;
      return file;
    }
    return undefined;
  };
  return {
    get,
    has: (file) => isOwn(file) && withoutExtension(file).endsWith(ending) && get(stemOf(file)) === file,
    *[Symbol.iterator]() {
      for (const file of files) if (isOwn(file) && withoutExtension(file).endsWith(ending)) yield { stem: stemOf(file), file };
    },
  };
}

/**
 * Creates a test of files that may be masks: images, or arrays where there are no images, since other arrays may lie beside masks.
 *
 * @param beside true if images of samples have the same folder and ending, so that arrays are their masks.
 */
function isMaskFile(files: List<string>, ending: string, beside: boolean): (file: string) => boolean {
  const has = (isOne: (file: string) => unknown): boolean =>
    files.some((file) => isOne(file) !== undefined && withoutExtension(file).endsWith(ending));
  const isArray = (beside && has(arrayFormatOf)) || !has(formatOf);
  return (file) => (isArray ? arrayFormatOf(file) : formatOf(file)) !== undefined;
}

/** Creates a test of files of one role in archives. */
function isArchived(ending: string, { maskExtension, others }: ArchiveRoles): (file: string) => boolean {
  const isImage = (file: string): boolean => formatOf(file) !== undefined || arrayFormatOf(file) !== undefined;
  const isMask = (file: string): boolean => maskExtension === undefined || plainExtension(file) === maskExtension;
  return (file) => isImage(file) && (ending !== '' || (!others.has(endingOf(file)) && isMask(file)));
}

function folderOf({ folder }: View, { masks }: Folders): string {
  return folder === undefined ? masks : `${masks.slice(0, masks.lastIndexOf('/') + 1)}${folder}`;
}

const noEndings: Endings = { image: '', mask: '', objects: '' };

/** Pairs images and label files by relative path and stem. Label files without an image are ignored: they may be other documents or lists. */
function pairLabels(row: Folders, tree: Tree, format: LabelFormat, lists: ImageLists, renamed: string[]): Paired[] {
  return partsOf(row).flatMap((part) => pairLabelsOf(row, part, tree, format, lists, renamed));
}

/** @param renamed collects label files whose names equal those of their images in another Unicode form only. */
function pairLabelsOf(row: Folders, part: Part, tree: Tree, format: LabelFormat, lists: ImageLists, renamed: string[]): Paired[] {
  const { ending, background, keepsExtension } = format;
  const { masks: folder } = part;
  const isLabel = (file: string): boolean => isLabelOf(file, format);
  const files = filesBelow(tree, folder).filter(isLabel);
  const stemOf = (file: string): string => withoutExtension(below(folder, file));
  const labels = new Map(files.map((file) => [stemOf(file), file]));
  const normal = new Map(files.map((file) => [stemOf(file).normalize('NFC'), file]));
  return [...imagesOf(row, part, { tree, lists })]
    .filter(({ image }) => !isDrawn(image))
    .map(({ image, stem, id }) => {
      const isNamed = (name: string): boolean => labels.has(name) || normal.has(name.normalize('NFC'));
      const added = keepsExtension && isNamed(stem + extensionOf(image)) ? extensionOf(image) : '';
      const name = stem + added;
      const file = labels.get(name) ?? normal.get(name.normalize('NFC'));
      if (file !== undefined && !labels.has(name)) renamed.push(file);
      const newLabels = folder === '' ? stem + ending : `${folder}/${stem}${ending}`;
      return {
        id,
        split: row.split,
        image,
        ...(file !== undefined && { labels: file }),
        ...(background && file === undefined && isLabel(newLabels) && { newLabels }),
        endings: { ...noEndings, mask: added },
      };
    });
}

/** Tests if a file has the name of a label file. */
function isLabelOf(file: string, { ending, reserved }: LabelFormat): boolean {
  return file.endsWith(ending) && basename(file) !== reserved;
}

/** Tests if a file is a mask drawn from shapes, and so not an image. */
function isDrawn(file: string): boolean {
  return drawnMasks.some(({ folder }) => file.startsWith(`${folder}/`));
}

/** Creates a function that finds the one image of another extension that a document may mean. */
function nearImages(tree: Tree): (path: string) => string | undefined {
  let ends: ReturnType<typeof endsOf> | undefined;
  return (path) => {
    ends ??= endsOf(
      tree.files.filter((file) => formatOf(file) !== undefined),
      withoutExtension,
    );
    return ends.find(formatOf(path) === undefined ? `${path}.png` : path);
  };
}

/** Makes the sample of a document's image, if the files exist. */
function pairEntry(
  { split, image, name, mask, size, entry }: DocumentSample,
  tree: Tree,
  near: (path: string) => string | undefined,
  bad: Map<string, Fault>,
): Paired[] {
  const id = ((split === '' ? '' : `${split}/`) + withoutExtension(name)).normalize('NFC');
  const missing = [image, mask].find((file) => file !== undefined && !tree.has(file));
  const other = missing === image ? near(image) : undefined;
  const remedy = other === undefined ? 'add the file' : `add the file, or write the name of ${other}`;
  if (missing !== undefined) bad.set(id, { path: missing, what: `missing, but ${entry.document} lists it; ${remedy}`, split });
  else if (formatOf(image) === undefined)
    bad.set(id, { path: image, what: `image has an unsupported format; convert it to one of ${extensionList}`, split });
  else return [{ id, split, image, ...(mask !== undefined && { mask }), ...(size && { size }), entry, endings: noEndings }];
  return [];
}

/** Path of a file in a folder; the root has no name. */
function inFolder(folder: string, file: string): string {
  return folder === '' ? file : `${folder}/${file}`;
}
