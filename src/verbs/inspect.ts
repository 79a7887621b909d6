import { join } from 'node:path';
import { digestOf } from '../base/digest.ts';
import { chunksOf, inParts } from '../base/parts.ts';
import { formatOf } from '../codecs/image-names.ts';
import { readAnnotations } from '../dataset/annotations.ts';
import { isUndefinedId } from '../dataset/classes.ts';
import { refuseIdleJoin } from '../dataset/join.ts';
import { type Dataset, openDataset } from '../dataset/open.ts';
import { createValueCensus, masksOf } from '../dataset/values.ts';
import { badSamples } from '../engine/bad-samples.ts';
import { jobsOf } from '../engine/budget.ts';
import type { Hooks } from '../engine/hooks.ts';
import { addPixels, type PixelSums, pixelsIn } from '../engine/tally.ts';
import { CopyPasteError, interrupted, whatOf } from '../errors.ts';
import { bankLayout, isBank, readBank } from '../formats/bank.ts';
import { type Given, inspectOptions } from '../options.ts';
import type { Difference } from '../output/compare.ts';
import type { Manifest } from '../output/manifest.ts';
import { manifestName, readManifest } from '../output/manifest-file.ts';
import { resolveOptions } from '../schema.ts';
import type { Annotations, Sample } from '../types.ts';

/** Counts of one class. */
export interface ClassRow {
  readonly id: number;
  readonly name?: string;
  /** True for background and ignore ids, which are never pasted. */
  readonly leftOut: boolean;
  /** Kind of the class, as the layout or a file of the data set states it. */
  readonly kind: 'thing' | 'stuff' | 'unknown';
  readonly samples: number;
  readonly instances: number;
  readonly pixels: number;
  /** Number of instances that were pasted, if the data set is an output of `augment`. */
  readonly pasted?: number;
  /** Pixels in the samples that were pasted into, if the data set is an output of `augment`. */
  readonly before?: number;
  readonly after?: number;
}

/** Class counts and possible problems of a data set. */
export interface Inspection {
  readonly layout: string;
  /** Number of samples by split; `''` stands for a data set without splits. */
  readonly splits: Readonly<Record<string, number>>;
  /** Number of samples by image size, the most common first. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Number of samples by format and channels of the image. */
  readonly images: Readonly<Record<string, number>>;
  readonly classes: readonly ClassRow[];
  /** Number of the samples that were pasted into, and of their pixels, if the data set is an output of `augment`. */
  readonly augmented?: { readonly samples: number; readonly pixels: number };
  /** Possible problems, by file. */
  readonly odd: readonly Difference[];
  /** Files that belong to no sample. */
  readonly leftBehind: readonly string[];
}

const channelNames = ['', 'grey', 'grey with alpha', 'RGB', 'RGBA'];

/** Reads a data set's annotations and counts them; for an output of `augment` also what its manifest says. No image is decoded. */
export async function inspect(given: Given<typeof inspectOptions>, hooks: Hooks = {}): Promise<Inspection> {
  const options = resolveOptions(inspectOptions, given);
  if (await isBank(options.in)) return inspectBank(options.in);
  const dataset = await openDataset({ ...options, onlySplit: false, skipBad: true, lookOnly: true });
  refuseIdleJoin(options, dataset.layout);
  const samples = [...dataset.samples, ...dataset.others];
  hooks.opened?.(dataset);
  hooks.started?.(samples.length);
  const read = async (sample: Sample): Promise<Read> => {
    if (hooks.stop?.aborted) throw interrupted();
    const digest = await digestOf(join(dataset.root, sample.image), sample.image);
    const file = sample.mask ?? sample.labels ?? sample.entry?.document ?? sample.image;
    const annotations = await readAnnotations(sample, dataset, { ...options, jitter: 'instance' }).catch((error: unknown) =>
      whatOf(error, file),
    );
    hooks.done?.(sample.id);
    return { sample, digest, file, annotations };
  };
  const made = dataset.leftBehind.includes(manifestName)
    ? await readManifest(join(dataset.root, manifestName)).catch(whatOfManifest)
    : undefined;
  const census = createCensus(dataset, made);
  // Only the annotations of one chunk are in memory at once.
  for (const chunk of chunksOf(samples)) for (const one of await inParts(chunk, jobsOf(options), read)) census.add(one);
  return census.result();
}

/** The problem of a manifest that another tool or version has written. */
function whatOfManifest(error: unknown): string {
  if (error instanceof CopyPasteError && error.code === 'data') return whatOf(error, manifestName);
  throw error;
}

/** Counts the cut-outs of a bank, by its manifest. */
async function inspectBank(folder: string): Promise<Inspection> {
  const [sizes, images] = [new Map<string, number>(), new Map<string, number>()];
  const classes = new Map<number, { samples: number; instances: number; pixels: number }>();
  const { head, entries } = await readBank(folder, ({ width, height, depth, cutouts }) => {
    increment(sizes, `${width}×${height}`);
    for (const _ of cutouts) increment(images, `PNG ${depth === 16 ? '16-bit ' : ''}RGBA`);
    for (const id of new Set(cutouts.map(({ classId }) => classId))) {
      const areas = cutouts.filter(({ classId }) => classId === id).map(({ area }) => area);
      const row = classes.get(id) ?? { samples: 0, instances: 0, pixels: 0 };
      const pixels = areas.reduce((sum, area) => sum + area, row.pixels);
      classes.set(id, { samples: row.samples + 1, instances: row.instances + areas.length, pixels });
    }
  });
  const names = new Map(head.classes.map(({ id, name }) => [id, name]));
  const kindOf = (id: number): ClassRow['kind'] =>
    head.stuff && names.has(id) ? (head.stuff.includes(id) ? 'stuff' : 'thing') : 'unknown';
  return {
    layout: bankLayout,
    splits: { '': entries.length },
    sizes: ordered(sizes),
    images: ordered(images),
    classes: [...classes]
      .sort(([a], [b]) => a - b)
      .map(([id, row]) => {
        const name = names.get(id);
        return { id, ...(name !== undefined && { name }), leftOut: false, kind: kindOf(id), ...row };
      }),
    odd: [],
    leftBehind: [],
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
function createCensus(dataset: Dataset, made: Manifest | string | undefined) {
  const { classNames, leftOut, stuff } = dataset;
  const sizes = new Map<string, number>();
  const images = new Map<string, number>();
  const splits = new Map<string, number>();
  const classes = new Map<number, { samples: number; instances: number; pixels: number }>();
  const seen = new Map<string, Sample>();
  const odd = badSamples(dataset);
  const values = createValueCensus(dataset);
  if (typeof made === 'string') odd.push({ path: manifestName, what: made });
  const manifest = typeof made === 'object' ? made : undefined;
  const pasted = new Map(manifest?.classes.map((row) => [row.id, row.pasted]));
  const sums: PixelSums = new Map();
  for (const record of manifest?.records ?? []) addPixels(sums, record);
  const rowOf = (id: number) => {
    const row = classes.get(id) ?? { samples: 0, instances: 0, pixels: 0 };
    classes.set(id, row);
    return row;
  };
  const kindOf = (id: number): ClassRow['kind'] => (stuff && classNames.has(id) ? (stuff.has(id) ? 'stuff' : 'thing') : 'unknown');
  const changeOf = (id: number) => ({ pasted: pasted.get(id) ?? 0, ...(sums.get(id) ?? { before: 0, after: 0 }) });
  const addImage = (sample: Sample, digest: string): void => {
    const { image, split, format } = sample;
    increment(splits, split);
    increment(images, `${formatOf(image)?.toUpperCase()} ${format.depth === 16 ? '16-bit ' : ''}${channelNames[format.channels]}`);
    const twin = seen.get(digest);
    if (twin)
      odd.push({ path: image, what: `is the same image as ${twin.image}${twin.split === split ? '' : `, in split ${twin.split}`}` });
    else seen.set(digest, sample);
  };
  const addAnnotations = (file: string, { sample, mask, pixels, instances }: Annotations): void => {
    if (!sample.entry && sample.mask !== undefined) values.add(pixels);
    increment(sizes, `${mask.width}×${mask.height}`);
    for (const [id, n] of pixels) {
      const row = rowOf(id);
      row.samples++;
      row.pixels += n;
    }
    for (const { classId } of instances) rowOf(classId).instances++;
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
        splits: ordered(splits),
        sizes: ordered(sizes),
        images: ordered(images),
        classes: [...classes]
          .sort(([a], [b]) => a - b)
          .map(([id, row]) => {
            const name = classNames.get(id);
            return {
              id,
              ...(name !== undefined && { name }),
              leftOut: leftOut.has(id),
              kind: kindOf(id),
              ...row,
              ...(manifest && changeOf(id)),
            };
          }),
        ...(manifest && { augmented: { samples: manifest.summary.augmented, pixels: pixelsIn(sums) } }),
        odd,
        leftBehind: dataset.leftBehind.filter((file) => !(manifest && file === manifestName)),
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
