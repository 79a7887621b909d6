import { plural } from '../base/plural.ts';
import { readAnnotations } from '../dataset/annotations.ts';
import { type Dataset, openDataset } from '../dataset/open.ts';
import { CopyPasteError, messageOf, whatOf } from '../errors.ts';
import type { Format } from '../formats/format.ts';
import { layoutNamed } from '../formats/layouts.ts';
import { noCategory } from '../masks/ids.ts';
import type { AugmentOptions } from '../options.ts';
import type { PixelsById, Sample, ShapeSet } from '../types.ts';
import type { Difference } from './compare.ts';
import { foldersOf } from './head.ts';
import type { AugmentedRecord, Manifest, ManifestRecord } from './manifest.ts';
import { manifestName } from './manifest-file.ts';

/** Compares the shapes of a sample, in a document or a label file of the output, with its record. */
export type CheckShapes = (record: ManifestRecord) => Promise<Difference[]>;

/**
 * Opens the documents or label files of an output.
 *
 * @returns `check`, which compares a record; and what is wrong with the files as a whole.
 */
export async function openShapes(out: string, manifest: Manifest): Promise<{ check: CheckShapes; differences: Difference[] }> {
  const none: CheckShapes = async () => [];
  const { layout } = manifest;
  const format = await layoutNamed(layout.name).format?.();
  if (!format) return { check: none, differences: [] };
  const copied = copiedDocuments(manifest);
  let dataset: Dataset;
  try {
    dataset = await openDataset(openingOf(out, manifest));
  } catch (error) {
    if (!(error instanceof CopyPasteError)) throw error;
    const path = error.path ?? layout.folders.find(({ split }) => split === layout.split)?.masks ?? manifestName;
    return { check: none, differences: [...copied, { path, what: whatOf(error, path) }] };
  }
  return {
    check: checkerOf(dataset, format, manifest),
    differences: [...copied, ...dataset.skipped.map(({ path, what }) => ({ path, what }))],
  };
}

function openingOf(out: string, { layout, options }: Manifest): Parameters<typeof openDataset>[0] {
  const { encoding, crowd, onlySplit, classAttribute } = options as unknown as AugmentOptions;
  return {
    in: out,
    layout: layout.name,
    folders: foldersOf(layout),
    ...(layout.split !== '' && { split: layout.split }),
    encoding,
    crowd,
    onlySplit,
    classAttribute,
    threshold: layout.threshold,
    maskSuffix: '',
    skipBad: true,
  };
}

/** Documents of other splits, which are copied, but are not those of the input. */
function copiedDocuments({ layout, documents }: Manifest): Difference[] {
  const own = new Set(layout.folders.filter(({ split }) => split === layout.split).map(({ masks }) => masks));
  const inputs = new Map((layout.documents ?? []).map(({ path, sha256 }) => [path, sha256]));
  const differing = documents.filter(({ path, sha256 }) => !own.has(path) && inputs.has(path) && inputs.get(path) !== sha256);
  return differing.map(({ path }) => ({ path, what: 'is copied, but its SHA-256 is not that of its input' }));
}

function checkerOf(dataset: Dataset, format: Format, manifest: Manifest): CheckShapes {
  const samples = new Map<string, Sample>([...dataset.samples, ...dataset.others].map((sample) => [sample.image, sample]));
  const bad = new Set(dataset.skipped.map(({ path }) => path));
  const idOf = idsInOutput(dataset, manifest);
  return async (record) => {
    const { image, labels } = record.files;
    const sample = samples.get(image.path);
    const file =
      labels?.path ?? sample?.entry?.document ?? manifest.layout.folders.find(({ split }) => split === record.split)?.masks ?? image.path;
    if (!sample) return bad.has(image.path) || bad.has(file) ? [] : [{ path: file, what: `has no annotations of ${image.path}` }];
    if (record.status === 'unchanged') return [];
    try {
      const { shapes, pixels } = await readAnnotations(sample, dataset, { instances: 'component', jitter: 'instance' });
      const found = shapes && format.boxes?.(shapes) ? missingBoxes(shapes, record) : pixelDifferences(pixels, record, idOf);
      return [...found].map((what) => ({ path: file, what: `${image.path}: ${what}` }));
    } catch (error) {
      if (!(error instanceof CopyPasteError)) throw error;
      return [{ path: file, what: messageOf(error) }];
    }
  };
}

/** Function that finds the id in the output of a class of the manifest: label files that name classes may lack some, which changes ids. */
function idsInOutput({ classNames }: Dataset, { classes }: Manifest): (id: number) => number | undefined {
  const byName = new Map([...classNames].map(([id, name]) => [name, id]));
  const names = new Map(classes.map(({ id, name }) => [id, name]));
  return (id) => {
    const name = names.get(id);
    return name === undefined || classNames.get(id) === name ? id : byName.get(name);
  };
}

/** Differences between the number of boxes and that of visible pastes; boxes do not hold the pixels of their objects. */
function missingBoxes({ shapes }: ShapeSet, { placements }: AugmentedRecord): string[] {
  const pasted = placements.filter(({ visible }) => visible > 0).length;
  return shapes.length < pasted
    ? [`has ${plural(shapes.length, 'box', 'boxes')}, but the manifest records ${plural(pasted, 'paste')}`]
    : [];
}

/**
 * Differences between the pixel counts of classes and those of a record. The last pixels of shapes that were dropped are in the record, but
 * not in the output.
 */
function* pixelDifferences(found: PixelsById, record: AugmentedRecord, idOf: (id: number) => number | undefined): Generator<string> {
  const slack = (record.covered ?? []).reduce((sum, { dropped, after }) => sum + (dropped ? after : 0), 0);
  const rest = new Map(found);
  for (const [key, [, after]] of Object.entries(record.pixels)) {
    const id = idOf(Number(key));
    const there = (id === undefined ? undefined : rest.get(id)) ?? 0;
    if (id !== undefined) rest.delete(id);
    if (Number(key) !== noCategory && Math.abs(there - after) > slack)
      yield `has ${there} pixels of class ${key}, but the manifest records ${after}`;
  }
  rest.delete(noCategory);
  for (const [id, pixels] of rest)
    if (pixels > slack) yield `has ${pixels} pixels of class ${id}, which is not in its record in the manifest`;
}
