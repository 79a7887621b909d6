import { digestOf } from '../base/digest.ts';
import { chunksOf, inParts } from '../base/parts.ts';
import { joinPath } from '../base/paths.ts';
import { formatOf } from '../codecs/image-names.ts';
import { readAnnotations } from '../dataset/annotations.ts';
import { isUndefinedId, type KnownClasses } from '../dataset/classes.ts';
import { refuseIdleInstances, refuseIdleJoin } from '../dataset/join.ts';
import { refuseListOfBank } from '../dataset/listed.ts';
import { type Dataset, openDataset } from '../dataset/open.ts';
import { createValueCensus, masksOf } from '../dataset/values.ts';
import { badSamples } from '../engine/bad-samples.ts';
import { jobsOf } from '../engine/budget.ts';
import { type CountedInstance, createClassCounts } from '../engine/class-counts.ts';
import type { Hooks } from '../engine/hooks.ts';
import { bytesOfImage, bytesOfImages } from '../engine/images.ts';
import { type ClassRow, compareClasses, type Inspection, type SplitCounts } from '../engine/inspection.ts';
import { withFiles } from '../engine/option-files.ts';
import { createJudge } from '../engine/pastable.ts';
import { addPixels, type PixelSums, pixelsIn } from '../engine/tally.ts';
import { CopyPasteError, interrupted, whatOf } from '../errors.ts';
import { listDataset } from '../formats/archives.ts';
import { bankLayout, isBank, readBank } from '../formats/bank.ts';
import { matchesLayout } from '../formats/detect.ts';
import { makerOf } from '../formats/made.ts';
import { type Given, inspectOptions, type Resolved } from '../options.ts';
import { type ManifestFrame, manifestName, openManifest } from '../output/manifest-file.ts';
import { resolveOptions } from '../schema.ts';
import type { Annotations, PixelsById, Reason, Sample, Shaped, Size } from '../types.ts';

const channelNames = ['', 'grey', 'grey with alpha', 'RGB', 'RGBA'];

type InspectOptions = Resolved<typeof inspectOptions>;

/**
 * Reads a data set's annotations and counts them; for an output of `augment` also what its manifest says. With a second data set, `other`,
 * compares the classes of both. No image is decoded.
 */
export async function inspect(given: Given<typeof inspectOptions>, hooks: Hooks = {}): Promise<Inspection> {
  const options = resolveOptions(inspectOptions, await withFiles(inspectOptions, given));
  const { other, list } = options;
  if (other === undefined) return inspectOne(options, hooks);
  if (list) throw new CopyPasteError('usage', '--list: names samples of one data set, so two are not compared by it; leave it out');
  const one = await inspectOne(options, hooks);
  const two = await inspectOther(options, one.layout, other, hooks);
  return { ...one, compared: { other: two, classes: compareClasses(one.classes, two.classes) } };
}

/**
 * Inspects the second data set: with all options if it has the layout of the first, else in its own layout, without the options for the files of a
 * layout.
 *
 * @throws {CopyPasteError} as `openDataset`, with the name of the folder.
 */
async function inspectOther(options: InspectOptions, layout: string, other: string, hooks: Hooks): Promise<Inspection> {
  const { split, crowd, encoding, jobs, progress, quiet, json } = options;
  try {
    const isAlike = layout !== bankLayout && !(await isBank(other)) && (await hasLayout(other, layout, options));
    const shared = isAlike ? options : resolveOptions(inspectOptions, { in: other, split, crowd, encoding, jobs, progress, quiet, json });
    return await inspectOne({ ...shared, in: other, ...(isAlike && { layout: layout as InspectOptions['layout'] }) }, hooks);
  } catch (cause) {
    if (!(cause instanceof CopyPasteError) || cause.code === 'interrupted') throw cause;
    if (cause.message.startsWith(`${other}: `)) throw cause;
    const message = cause.message.replace(/^the data set (?=does not|matches)/, '');
    throw new CopyPasteError(cause.code, `${other}: ${message}`, { cause, offenders: cause.offenders });
  }
}

/** Tests if the options find the files of a layout in a folder. */
async function hasLayout(folder: string, layout: string, { images, masks, annotations, encoding }: InspectOptions): Promise<boolean> {
  const tree = await listDataset(folder);
  const named = [images, masks].filter((path) => path !== undefined);
  if (annotations !== undefined) return tree.has(annotations);
  return named.length > 0 ? named.every((path) => tree.folders.has(path)) : matchesLayout(tree, encoding, layout);
}

async function inspectOne(options: InspectOptions, hooks: Hooks): Promise<Inspection> {
  const { instances } = options;
  if (await isBank(options.in)) {
    refuseListOfBank(options.list);
    refuseIdleInstances(instances, bankLayout);
    return inspectBank(options.in);
  }
  const dataset = await openDataset({ ...options, onlySplit: false, skipBad: true, lookOnly: true }, hooks.meter);
  refuseIdleInstances(instances, dataset.layout);
  refuseIdleJoin(options, dataset.layout);
  const samples = [...dataset.samples, ...dataset.others];
  hooks.opened?.(dataset);
  hooks.meter?.begin('counting', { count: samples.length, bytes: bytesOfImages(samples) });
  const read = async (sample: Sample): Promise<Read> => {
    if (hooks.stop?.aborted) throw interrupted();
    const digest = await digestOf(joinPath(dataset.root, sample.image), sample.image);
    const file = sample.mask ?? sample.labels ?? sample.entry?.document ?? sample.image;
    const annotations = await readAnnotations(sample, dataset, { ...options, jitter: 'instance' }).catch((error: unknown) =>
      whatOf(error, file),
    );
    hooks.meter?.add(bytesOfImage(sample));
    hooks.done?.(sample.id);
    return { sample, digest, file, annotations };
  };
  const maker = await makerOf(dataset.root);
  const hasManifest = maker === 'augment' || dataset.leftBehind.includes(manifestName);
  const made = hasManifest ? await readMade(joinPath(dataset.root, manifestName)).catch(whatOfManifest) : undefined;
  const census = createCensus(dataset, made);
  // Only the annotations of one chunk are in memory at once.
  for (const chunk of chunksOf(samples)) for (const one of await inParts(chunk, jobsOf(options), read)) census.add(one);
  return census.result();
}

/** Manifest of an output of `augment`, with the pixels of its records. */
interface Made {
  readonly frame: ManifestFrame;
  readonly sums: PixelSums;
}

async function readMade(path: string): Promise<Made> {
  const sums: PixelSums = new Map();
  const { frame } = await openManifest(path, (record) => addPixels(sums, record));
  return { frame, sums };
}

/** The problem of a manifest that another tool or version has written. */
function whatOfManifest(error: unknown): string {
  if (error instanceof CopyPasteError && error.code === 'data') return whatOf(error, manifestName);
  throw error;
}

/** Counts the cut-outs of a bank, by its manifest. */
async function inspectBank(folder: string): Promise<Inspection> {
  const [sizes, images] = [new Map<string, number>(), new Map<string, number>()];
  const records: (Size & { readonly cutouts: CountedInstance[] })[] = [];
  const { head, entries } = await readBank(folder, ({ width, height, depth, cutouts }) => {
    increment(sizes, `${width}×${height}`);
    for (const _ of cutouts) increment(images, `PNG ${depth === 16 ? '16-bit ' : ''}RGBA`);
    // Masks and paths of all cut-outs would take much memory.
    records.push({ width, height, cutouts: cutouts.map(({ classId, area, truncated }) => ({ classId, area, truncated })) });
  });
  const classNames = new Map(head.classes.map(({ id, name }) => [id, name]));
  const table = createTable({ classNames, leftOut: new Set(), ...(head.stuff && { stuff: new Set(head.stuff) }) });
  for (const { width, height, cutouts } of records) {
    const pixels = new Map<number, number>();
    for (const { classId, area } of cutouts) pixels.set(classId, (pixels.get(classId) ?? 0) + area);
    table.add({ width, height }, pixels, cutouts);
  }
  return {
    layout: bankLayout,
    split: '',
    splits: { '': entries.length },
    sizes: ordered(sizes),
    images: ordered(images),
    ...table.counts(),
    odd: [],
    leftBehind: [],
  };
}

/**
 * Creates counts of annotations by class.
 *
 * @param more facts of a class that go into its row.
 */
function createTable(
  known: KnownClasses & { readonly leftOut: ReadonlySet<number> },
  more: (id: number) => Partial<ClassRow> = () => ({}),
) {
  const { classNames, leftOut, stuff } = known;
  const judge = createJudge(known);
  const { classes, add: count } = createClassCounts();
  const pastableOf = new Map<number, number>();
  const unpasted = new Map<Reason, number>();
  let [annotations, pastable] = [0, 0];
  const add = (reason: Reason | undefined): void => {
    annotations++;
    if (reason === undefined) pastable++;
    else unpasted.set(reason, (unpasted.get(reason) ?? 0) + 1);
  };
  const kindOf = (id: number): ClassRow['kind'] => (stuff && classNames.has(id) ? (stuff.has(id) ? 'stuff' : 'thing') : 'unknown');
  return {
    /** Adds the annotations of a sample. @param reasons of shapes, in the order of the instances among them, if it has shapes. */
    add(size: Size, pixels: PixelsById, instances: readonly CountedInstance[], shapes?: readonly Shaped[]): void {
      count({ pixels, instances });
      const reasonOf = (instance: CountedInstance, stated: Reason | undefined): void => {
        const reason = judge(instance, size);
        if (reason === undefined) pastableOf.set(instance.classId, (pastableOf.get(instance.classId) ?? 0) + 1);
        add(reason === 'crowd' ? (stated ?? reason) : reason);
      };
      for (const { instance, reason } of shapes ?? instances.map((instance) => ({ instance, reason: undefined })))
        if (instance) reasonOf(instance, reason);
        else add(reason ?? 'no area');
    },
    counts: (): SplitCounts => ({
      classes: [...classes]
        .sort(([a], [b]) => a - b)
        .map(([id, { samples, instances, pixels }]) => {
          const name = classNames.get(id);
          const counted = { samples, instances, pastable: pastableOf.get(id) ?? 0, pixels };
          return { id, ...(name !== undefined && { name }), leftOut: leftOut.has(id), kind: kindOf(id), ...counted, ...more(id) };
        }),
      annotations,
      pastable,
      unpasted: Object.fromEntries([...unpasted].sort(([a], [b]) => (a < b ? -1 : 1))),
    }),
  };
}

/** A sample with the digest of its image and its annotations, or the message of the error if they cannot be read. */
interface Read {
  readonly sample: Sample;
  readonly digest: string;
  /** File of the annotations. */
  readonly file: string;
  readonly annotations: Annotations | string;
}

/** Counts the samples of a data set, one by one. @param made manifest of an output of `augment`, or its problem. */
function createCensus(dataset: Dataset, made: Made | string | undefined) {
  const sizes = new Map<string, number>();
  const images = new Map<string, number>();
  const splits = new Map<string, number>();
  const seen = new Map<string, Sample>();
  const odd = badSamples(dataset);
  const values = createValueCensus(dataset);
  if (typeof made === 'string') odd.push({ path: manifestName, what: made });
  const { frame: manifest, sums = new Map() }: Partial<Made> = typeof made === 'object' ? made : {};
  const pasted = new Map(manifest?.classes.map((row) => [row.id, row.pasted]));
  const changeOf = (id: number) => (manifest ? { pasted: pasted.get(id) ?? 0, ...(sums.get(id) ?? { before: 0, after: 0 }) } : {});
  const own = createTable(dataset, changeOf);
  const others = createTable(dataset);
  const addImage = (sample: Sample, digest: string): void => {
    const { image, split, format } = sample;
    increment(splits, split);
    increment(images, `${formatOf(image)?.toUpperCase()} ${format.depth === 16 ? '16-bit ' : ''}${channelNames[format.channels]}`);
    const twin = seen.get(digest);
    if (twin)
      odd.push({ path: image, what: `is the same image as ${twin.image}${twin.split === split ? '' : `, in split ${twin.split}`}` });
    else seen.set(digest, sample);
  };
  const addAnnotations = (file: string, { sample, mask, pixels, instances, shapes }: Annotations): void => {
    if (!sample.entry && sample.mask !== undefined) values.add(pixels);
    increment(sizes, `${mask.width}×${mask.height}`);
    (sample.split === dataset.split ? own : others).add(sample.size, pixels, instances, shapes?.shapes);
    if (instances.length === 0) odd.push({ path: file, what: `${sample.id} has no instance` });
    const unknown = [...pixels.keys()].filter((id) => isUndefinedId(id, dataset));
    if (unknown.length > 0) odd.push({ path: file, what: `has ids that are not defined classes: ${unknown.join(', ')}` });
  };
  return {
    add({ sample, digest, file, annotations }: Read): void {
      addImage(sample, digest);
      if (typeof annotations === 'string') odd.push({ path: file, what: annotations });
      else addAnnotations(file, annotations);
    },
    result(): Inspection {
      const strange = values.result();
      if (strange !== undefined) odd.push({ path: masksOf(dataset), what: strange });
      return {
        layout: dataset.layout,
        split: dataset.split,
        splits: ordered(splits),
        sizes: ordered(sizes),
        images: ordered(images),
        ...own.counts(),
        ...(dataset.others.length > 0 && { others: others.counts() }),
        ...(manifest && { augmented: { samples: manifest.summary.augmented, pixels: pixelsIn(sums) } }),
        odd,
        leftBehind: [...dataset.leftBehind],
      };
    },
  };
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Counts by key, the largest first. */
function ordered(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)));
}
