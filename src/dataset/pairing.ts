/** Images with their annotations: masks in folders, label files, or documents. */
import { basename } from 'node:path';
import { type Tree, withoutExtension } from '../base/tree.ts';
import { extensionList, formatOf } from '../codecs/image-names.ts';
import { CopyPasteError } from '../errors.ts';
import { type DocumentSample, openDocument } from '../formats/documents.ts';
import type { Folders } from '../formats/folders.ts';
import type { Document, DocumentFormat, Format, LabelConfig, LabelFormat } from '../formats/format.ts';
import type { Layout } from '../formats/layouts.ts';
import type { ClassNames, Endings, View } from '../types.ts';
import { listName } from './lists.ts';
import type { DatasetOptions } from './options.ts';
import type { Paired } from './paired.ts';
import { drawnMasks } from './sample-files.ts';

/** A data set whose layout is known. */
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
  /** Names of the classes, where the annotations themselves have them. */
  readonly categories?: ClassNames;
  readonly labelConfig?: LabelConfig | undefined;
}

/** Pairs images with their annotations; those that have no partner are bad. */
export async function openAnnotations(opening: Opening, format: Format | undefined): Promise<Opened> {
  if (format?.kind === 'documents') return openDocuments(opening, format);
  return format ? openLabels(opening, format) : openMasks(opening);
}

/** Masks in folders beside those of images. */
function openMasks({ tree, layout, found, lists, choose, options, bad }: Opening): Opened {
  const splits = lists.size > 0 ? [...lists.keys()].map(listName) : splitsOf(found);
  const endings = layout.endings ?? { image: '', mask: options.maskSuffix, objects: '' };
  const paired = found.flatMap((one) => pairMasks(one, tree, endings, layout, bad));
  return { paired, folders: found, splits, split: choose(splits), documents: new Map() };
}

/** A label file for each image. */
async function openLabels({ root, tree, found, choose, options, bad }: Opening, format: LabelFormat): Promise<Opened> {
  const splits = splitsOf(found);
  const split = choose(splits);
  const paired = found.flatMap((one) => pairLabels(one, tree, format));
  const files = paired
    .filter((one) => !options.onlySplit || one.split === split)
    .flatMap(({ labels }) => (labels === undefined ? [] : [labels]));
  const { classNames, config } = await format.names(root, tree, { files, folders: found }, bad);
  return { paired, folders: found, splits, split, documents: new Map(), categories: classNames, labelConfig: config };
}

/** Documents of many samples, which may be of several splits. */
async function openDocuments({ root, tree, found, choose, options, bad }: Opening, format: DocumentFormat): Promise<Opened> {
  // A document that names splits itself says them once it is read.
  const known = found.every(({ split }) => split !== '') ? choose(splitsOf(found)) : undefined;
  const wanted = found.filter((one) => known === undefined || !options.onlySplit || one.split === known);
  const opened: Awaited<ReturnType<typeof openDocument>>[] = [];
  for (const path of new Set(wanted.map(({ masks }) => masks))) {
    const rows = wanted.filter(({ masks }) => masks === path) as [Folders, ...Folders[]];
    opened.push(await openDocument(root, rows, tree, format));
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

/** @throws {CopyPasteError} `data` where masks are required and annotations have boxes alone, or none has a mask. */
function refuseBoxes(documents: readonly Document[], { requireMasks }: DatasetOptions): void {
  for (const { path, boxes, annotations } of documents) {
    if (boxes > 0 && (requireMasks || boxes === annotations)) {
      const which = boxes === annotations ? 'none of its annotations has a mask' : `${boxes} of ${annotations} annotations have no mask`;
      throw new CopyPasteError('data', `${path}: ${which}, only boxes, and boxes cannot be pasted`);
    }
  }
}

/** The images of a folder, by the stem that their files share, with the ids of their samples. */
function imagesOf({ split, images: folder }: Folders, tree: Tree, ending = ''): { image: string; stem: string; id: string }[] {
  const prefix = split === '' ? '' : `${split}/`;
  return within(folder, tree).flatMap((image) => {
    const whole = withoutExtension(below(folder, image));
    if (formatOf(image) === undefined || !whole.endsWith(ending)) return [];
    const stem = whole.slice(0, whole.length - ending.length);
    return [{ image, stem, id: (prefix + stem).normalize('NFC') }];
  });
}

function within(folder: string, { files }: Tree): readonly string[] {
  return folder === '' ? files : files.filter((file) => file.startsWith(`${folder}/`));
}

function below(folder: string, file: string): string {
  return folder === '' ? file : file.slice(folder.length + 1);
}

/** Pairs by relative path and stem; an image without a mask is bad, or has the mask `''` where its layout allows that. */
function pairMasks(folders: Folders, tree: Tree, endings: Endings, { partial, views = [] }: Layout, bad: Map<string, string>): Paired[] {
  /** Images or masks of a folder by the stem that they share. */
  const filesOf = (folder: string, ending: string): Map<string, string> => {
    const files = new Map<string, string>();
    for (const file of within(folder, tree)) {
      const stem = withoutExtension(below(folder, file));
      if (formatOf(file) === undefined || !stem.endsWith(ending)) continue;
      const shared = stem.slice(0, stem.length - ending.length);
      const twin = files.get(shared);
      if (twin === undefined) files.set(shared, file);
      else if (ending !== endings.image || folder === folders.masks)
        bad.set(file, `${file}: the same sample's as ${twin}; keep one of them`);
    }
    return files;
  };
  const masks = filesOf(folders.masks, endings.mask);
  const objects = folders.objects === undefined ? new Map<string, string>() : filesOf(folders.objects, endings.objects);
  const shown = views.map((view) => ({ view, files: filesOf(folderOf(view, folders), view.ending) }));
  // With images and masks in one folder, the suffix tells them apart.
  const isMask = new Set(folders.images === folders.masks ? masks.values() : []);
  const images = imagesOf(folders, tree, endings.image).filter(({ image }) => !isMask.has(image));
  const used = new Set(images.map(({ stem }) => stem));
  for (const [stem, mask] of masks)
    if (!used.has(stem)) bad.set(mask, `${mask}: no image ${folders.images}/${stem}${endings.image} of ${extensionList}`);
  return images.flatMap(({ image, stem, id }): Paired[] => {
    const mask = masks.get(stem);
    if (mask === undefined && !partial) {
      bad.set(image, `${image}: no mask ${folders.masks}/${stem}${endings.mask}.png; add it, or say --mask-suffix`);
      return [];
    }
    const object = objects.get(stem);
    const also = shown.flatMap(({ view, files }) => (files.has(stem) ? [{ path: files.get(stem) as string, view }] : []));
    return [
      {
        id,
        split: folders.split,
        image,
        mask: mask ?? '',
        ...(object !== undefined && { objects: object }),
        ...(also.length > 0 && { views: also }),
        endings,
      },
    ];
  });
}

function folderOf({ folder }: View, { masks }: Folders): string {
  return folder === undefined ? masks : `${masks.slice(0, masks.lastIndexOf('/') + 1)}${folder}`;
}

const noEndings: Endings = { image: '', mask: '', objects: '' };

/** Pairs by relative path and stem; label files without an image may be documents or lists. */
function pairLabels(folders: Folders, tree: Tree, { ending, background, reserved }: LabelFormat): Paired[] {
  const { split, masks: folder } = folders;
  const isLabel = (file: string): boolean => file.endsWith(ending) && basename(file) !== reserved;
  const files = within(folder, tree).filter(isLabel);
  const labels = new Map(files.map((file) => [withoutExtension(below(folder, file)), file]));
  return imagesOf(folders, tree)
    .filter(({ image }) => !isDrawn(image))
    .map(({ image, stem, id }) => {
      const file = labels.get(stem);
      const newLabels = `${folder}/${stem}${ending}`;
      return {
        id,
        split,
        image,
        ...(file !== undefined && { labels: file }),
        ...(background && file === undefined && isLabel(newLabels) && { newLabels }),
        endings: noEndings,
      };
    });
}

/** Whether a file lies where masks are drawn that follow from shapes: it is no image. */
function isDrawn(file: string): boolean {
  return drawnMasks.some(({ folder }) => file.startsWith(`${folder}/`));
}

/** A sample of a document, if its image is there. */
function pairEntry({ split, image, name, mask, size, entry }: DocumentSample, tree: Tree, bad: Map<string, string>): Paired[] {
  const id = ((split === '' ? '' : `${split}/`) + withoutExtension(name)).normalize('NFC');
  const missing = [image, mask].find((file) => file !== undefined && !tree.has(file));
  if (missing !== undefined) bad.set(id, `${missing}: no such image, though ${entry.document} lists it`);
  else if (formatOf(image) === undefined) bad.set(id, `${image}: image is not called ${extensionList}, the formats that are read`);
  else return [{ id, split, image, ...(mask !== undefined && { mask }), size, entry, endings: noEndings }];
  return [];
}
