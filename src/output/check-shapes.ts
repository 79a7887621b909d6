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
import { type ManifestFrame, manifestName, type OpenManifest } from './manifest-file.ts';

/** Compares the shapes of a sample, in a document or a label file of the output, with its record. */
export type CheckShapes = (record: ManifestRecord) => Promise<Difference[]>;

/**
 * Opens the documents or label files of an output.
 *
 * @returns `check`, which compares a record; what is wrong with the files as a whole; and the number of unchanged samples whose annotations
 * no record describes.
 */
export async function openShapes(
  out: string,
  manifest: OpenManifest,
): Promise<{ readonly check: CheckShapes; readonly differences: Difference[]; readonly unchecked: number }> {
  const none: CheckShapes = async () => [];
  const { frame } = manifest;
  const { layout } = frame;
  const format = await layoutNamed(layout.name).format?.();
  if (!format) return { check: none, differences: [], unchecked: 0 };
  const copied = copiedDocuments(frame);
  let dataset: Dataset;
  try {
    dataset = await openDataset(openingOf(out, frame));
  } catch (error) {
    if (!(error instanceof CopyPasteError)) throw error;
    const path = error.path ?? layout.folders.find(({ split }) => split === layout.split)?.masks ?? manifestName;
    return { check: none, differences: [...copied, { path, what: whatOf(error, path) }], unchecked: 0 };
  }
  const traces = await tracesOf(manifest);
  const isUnchecked = ({ id, status, files }: ManifestRecord): boolean =>
    status === 'unchanged' && files.labels?.codec !== 'copy' && traces.get(id)?.pixels === undefined;
  let unchecked = 0;
  for await (const record of manifest.records()) if (isUnchecked(record)) unchecked++;
  return {
    check: checkerOf(dataset, format, frame, traces),
    differences: [...copied, ...dataset.skipped.map(({ path, what }) => ({ path, what }))],
    unchecked,
  };
}

/** What other records say of the annotations of an unchanged sample. */
interface Traces {
  /** Pixels of each class id, if another copy of the sample was pasted into. */
  pixels?: ReadonlyMap<string, number>;
  /** Class ids of its instances that were pasted elsewhere, by index. */
  readonly pasted: Map<number, number>;
}

/** Finds the traces of samples in the records of others, by id. */
async function tracesOf({ records, frame: { sources } }: OpenManifest): Promise<Map<string, Traces>> {
  const traces = new Map<string, Traces>();
  const of = (id: string): Traces => {
    const known = traces.get(id) ?? { pasted: new Map() };
    traces.set(id, known);
    return known;
  };
  for await (const record of records()) {
    if (record.status !== 'augmented') continue;
    // The pixels of a jittered scene are not those of its sample.
    if (!record.scenes) of(record.id).pixels = new Map(Object.entries(record.pixels).map(([id, [before]]) => [id, before]));
    if (!sources) for (const { instance, classId } of record.placements) of(record.source).pasted.set(instance, classId);
  }
  return traces;
}

function openingOf(out: string, { layout, options }: ManifestFrame): Parameters<typeof openDataset>[0] {
  const { encoding, crowd, onlySplit, classAttribute, maskSuffix, imageSuffix } = options as unknown as AugmentOptions;
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
    maskSuffix,
    imageSuffix,
    skipBad: true,
  };
}

/** Documents of other splits, which are copied, but are not those of the input. */
function copiedDocuments({ layout, documents }: ManifestFrame): Difference[] {
  const own = new Set(layout.folders.filter(({ split }) => split === layout.split).map(({ masks }) => masks));
  const inputs = new Map((layout.documents ?? []).map(({ path, sha256 }) => [path, sha256]));
  const differing = documents.filter(({ path, sha256 }) => !own.has(path) && inputs.has(path) && inputs.get(path) !== sha256);
  return differing.map(({ path }) => ({ path, what: 'is copied, but its SHA-256 is not that of its input' }));
}

function checkerOf(dataset: Dataset, format: Format, manifest: ManifestFrame, traces: ReadonlyMap<string, Traces>): CheckShapes {
  const samples = new Map<string, Sample>([...dataset.samples, ...dataset.others].map((sample) => [sample.image, sample]));
  const bad = new Set(dataset.skipped.map(({ path }) => path));
  const idOf = idsInOutput(dataset, manifest);
  return async (record) => {
    const { image, labels } = record.files;
    const sample = samples.get(image.path);
    const file =
      labels?.path ?? sample?.entry?.document ?? manifest.layout.folders.find(({ split }) => split === record.split)?.masks ?? image.path;
    if (!sample) return bad.has(image.path) || bad.has(file) ? [] : [{ path: file, what: `has no annotations of ${image.path}` }];
    const trace = record.status === 'unchanged' ? traces.get(record.id) : undefined;
    if (record.status === 'unchanged' && !trace) return [];
    try {
      const { shapes, pixels } = await readAnnotations(sample, dataset, { instances: 'component', jitter: 'instance' });
      const isBoxes = shapes && format.boxes?.(shapes);
      if (record.status === 'unchanged') {
        const found = [...(isBoxes ? [] : changedPixels(pixels, trace?.pixels, idOf)), ...missingInstances(shapes, trace?.pasted, idOf)];
        return found.map((what) => ({ path: file, what: `${image.path}: ${what}` }));
      }
      const found = isBoxes ? missingBoxes(shapes, record) : pixelDifferences(pixels, record, idOf);
      return [...found].map((what) => ({ path: file, what: `${image.path}: ${what}` }));
    } catch (error) {
      if (!(error instanceof CopyPasteError)) throw error;
      return [{ path: file, what: messageOf(error) }];
    }
  };
}

/** Function that finds the id in the output of a class of the manifest: label files that name classes may lack some, which changes ids. */
function idsInOutput({ classNames }: Dataset, { classes }: Pick<Manifest, 'classes'>): (id: number) => number | undefined {
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

/** Differences between the pixel counts of an unchanged sample and those that another copy had before its pastes. */
function changedPixels(found: PixelsById, before: Traces['pixels'], idOf: (id: number) => number | undefined): string[] {
  if (!before) return [];
  const pixels = Object.fromEntries([...before].map(([id, n]): [string, [number, number]] => [id, [n, n]]));
  return [...pixelDifferences(found, { pixels }, idOf)];
}

/** Instances of an unchanged sample that were pasted elsewhere, and that its annotations do not have. */
function missingInstances(
  set: ShapeSet | undefined,
  pasted: Traces['pasted'] = new Map(),
  idOf: (id: number) => number | undefined,
): string[] {
  const instances = set?.shapes.flatMap(({ instance }) => (instance ? [instance] : [])) ?? [];
  return [...pasted].flatMap(([index, classId]) => {
    const there = instances[index]?.classId;
    if (set === undefined || (there !== undefined && there === idOf(classId))) return [];
    const found =
      there === undefined ? `has ${plural(instances.length, 'instance')}` : `has an instance of class ${there} at index ${index}`;
    return [`${found}, but the manifest records a paste of its instance ${index}, of class ${classId}`];
  });
}

/**
 * Differences between the pixel counts of classes and those of a record. The last pixels of shapes that were dropped are in the record, but
 * not in the output.
 */
function* pixelDifferences(
  found: PixelsById,
  record: Pick<AugmentedRecord, 'pixels' | 'covered'>,
  idOf: (id: number) => number | undefined,
): Generator<string> {
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
