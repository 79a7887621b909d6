/** The part of a run that one shard does, or all of it. */
import type { List } from '../base/list.ts';
import { chunksOf, inParts } from '../base/parts.ts';
import { absolutePath } from '../base/paths.ts';
import { plural } from '../base/plural.ts';
import { codecs } from '../codecs/image.ts';
import type { Dataset } from '../dataset/open.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { CopyPasteError } from '../errors.ts';
import type { Document } from '../formats/format.ts';
import type { AugmentOptions } from '../options.ts';
import type { ManifestHead } from '../output/manifest.ts';
import { changeOf, type ListedFile, pixelsOfSample, type RunFile, type RunFileHead, type RunFolders } from '../output/run-file.ts';
import { type Batches, batchesByKey, orderKey, shardOf } from '../plan/batches.ts';
import type { Measures } from '../plan/measures.ts';
import { indexOf, type SchedulerName, schedulers } from '../schedulers/schedulers.ts';
import type { Sample } from '../types.ts';
import { version } from '../version.ts';
import { bytesOfImages } from './images.ts';
import { givenOptions } from './origin.ts';
import { type BatchRef, batchRefs } from './planner.ts';

/** Work on a data set: the batches of its copies, and the samples that are also written unchanged. Samples of other splits are copied. */
export interface Part {
  batches(): Iterable<BatchRef>;
  /** Samples in all batches, and the bytes of their decoded images. */
  readonly amount: { readonly count: number; readonly bytes: number };
  readonly originals: List<Sample>;
}

/** All work on a data set. */
export function wholePart(dataset: SourcedDataset, options: AugmentOptions): Part {
  return {
    batches: () => batchRefs(dataset.samples, options, options.copies),
    amount: { count: options.copies * dataset.samples.length, bytes: options.copies * bytesOfImages(dataset.samples) },
    originals: options.includeOriginals ? dataset.samples : [],
  };
}

/** The part of a shard, with the samples of the data set that it needs. */
export interface ShardPart extends Part {
  readonly dataset: SourcedDataset;
  readonly options: AugmentOptions;
  readonly measures: Measures;
}

/** Folders of the command line; those that are absent are where they were when the run was planned. */
type Moved = { readonly [K in keyof RunFolders]?: string | undefined };

/** Options of a run, from its run file. */
export function optionsOfRun({ head, folders }: RunFile, moved: Moved): AugmentOptions {
  refuseOtherTool(head.manifest);
  const { in: input = folders.in, out = folders.out, sources = folders.sources } = moved;
  return givenOptions(head.manifest, { in: input, out, sources });
}

/** Refuses a run file of a version that makes other bytes. @throws {CopyPasteError} `usage` if so. */
function refuseOtherTool({ tool, codecs: planned }: ManifestHead): void {
  const here: Readonly<Record<string, string>> = { version, ...codecs };
  for (const [name, was] of Object.entries({ version: tool.version, ...planned })) {
    if (here[name] === was) continue;
    const what = name === 'version' ? 'copypaste' : `the ${name} encoder`;
    throw new CopyPasteError(
      'usage',
      `the run was planned with ${what} ${was}, and this machine has ${here[name] ?? 'none'}; use one version everywhere`,
    );
  }
}

/**
 * The number of a shard that `--shard` names, from 1: `3/512`, or `slurm`, whose variable has the index of the task, or `slurm+1000`.
 *
 * @param env environment variables.
 * @throws {CopyPasteError} `usage` if there is no such shard.
 */
export function shardNumber(asked: string, shards: number, env: Readonly<Record<string, string | undefined>>): number {
  const refuse = (what: string): CopyPasteError => new CopyPasteError('usage', `--shard ${asked}: ${what}`);
  const [, i, n] = /^(\d+)\/(\d+)$/.exec(asked) ?? [];
  if (i !== undefined) {
    if (Number(n) !== shards) throw refuse(`the run has ${plural(shards, 'shard')}`);
    if (Number(i) < 1 || Number(i) > shards) throw refuse(`shards are numbered from 1 to ${shards}`);
    return Number(i);
  }
  const [, name = '', offset = '0'] = /^([a-z0-9-]+?)(?:\+(\d+))?$/.exec(asked) ?? [];
  const { variable, index } = indexOf(name, env) ?? {};
  if (variable === undefined) throw refuse(`expected a shard such as 1/${shards}, or one of ${Object.keys(schedulers).join(', ')}`);
  if (index === undefined) throw refuse(`${variable} is not set to a number; start the task as one of an array`);
  const shard = index + Number(offset) + 1;
  if (shard >= 1 && shard <= shards) return shard;
  const { first } = schedulers[name as SchedulerName];
  throw refuse(
    `${variable} is ${env[variable]}, but the ${plural(shards, 'shard has', 'shards have')} indices from ${first} to ${shards - 1 + first}`,
  );
}

/**
 * The part that `--measure` names: `3/64`, or `slurm/64`, with the index of the task from the variable of a scheduler.
 *
 * @param env environment variables.
 * @throws {CopyPasteError} `usage` if there is no such part.
 */
export function partNumber(asked: string, env: Readonly<Record<string, string | undefined>>): { part: number; of: number } {
  const refuse = (what: string): CopyPasteError => new CopyPasteError('usage', `--measure ${asked}: ${what}`);
  const [, which = '', total] = /^([a-z0-9-]+)\/(\d+)$/.exec(asked) ?? [];
  const scheduler = indexOf(which, env);
  if (total === undefined || (!scheduler && !/^\d+$/.test(which)))
    throw refuse(`expected a part such as 1/64, or slurm/64, with one of ${Object.keys(schedulers).join(', ')}`);
  if (scheduler && scheduler.index === undefined)
    throw refuse(`${scheduler.variable} is not set to a number; start the task as one of an array`);
  const [part, of] = [scheduler ? (scheduler.index as number) + 1 : Number(which), Number(total)];
  if (part >= 1 && part <= of) return { part, of };
  const { first } = scheduler ? schedulers[which as SchedulerName] : { first: 1 };
  throw refuse(
    scheduler
      ? `${scheduler.variable} is ${env[scheduler.variable]}, but ${plural(of, 'part has', 'parts have')} indices from ${first} to ${of - 1 + first}`
      : `parts are numbered from 1 to ${of}`,
  );
}

/** Measures in the head of a manifest, but for those that follow from them. */
export function measuresOf({ measures = {} }: ManifestHead): Measures {
  const { prior, weights, balance } = measures;
  return {
    ...(prior && { prior }),
    ...(weights && { weights: { instances: weights.instances, ...(weights.targets && { targets: weights.targets }) } }),
    ...(balance && { balance }),
  };
}

/** Files of a part, of the data set and of its source set; whole ones are those of several samples. */
export type PartFiles = { readonly [kind in 'in' | 'sources']: (ListedFile & { readonly whole?: true })[] };

/** Positions of the samples of a batch in the listing. */
interface BatchPlaces {
  readonly n: number;
  readonly places: Uint32Array;
}

/**
 * Reads the part of a shard from a run file.
 *
 * @param shard its number, from 0.
 * @throws {CopyPasteError} `data` if files of the part have changed, as far as sizes, times and documents tell; the digests of other files
 * are compared when they are read.
 */
export async function readPart(run: RunFile, shard: number, options: AugmentOptions): Promise<ShardPart> {
  const { copies, includeOriginals } = options;
  const batches: (BatchPlaces & { readonly copy: number })[] = [];
  const own = new Set<number>();
  const originals = new Set<number>();
  for await (const batch of batchesOfShard(run, shard, options)) {
    batches.push(batch);
    for (const place of batch.places) {
      own.add(place);
      // Every copy reads each sample, so that a bad one is found, and its original left out, by the shard that has the two.
      if (includeOriginals && place % copies === batch.copy) originals.add(place);
    }
  }
  const { samples, others, sources, sums, files } = await listedFor(run, shard, own);
  const dataset = datasetOf(run, options, { samples: [...samples.values()], others, sources }, files);
  await refuseChangedFiles(dataset, files);
  const sampleAt = (place: number): Sample => samples.get(place) as Sample;
  const inBatches = batches.map(({ copy, n, places }): BatchRef => ({ copy, n, samples: Array.from(places, sampleAt) }));
  return {
    dataset,
    options,
    measures: { ...measuresOf(run.head.manifest), ...(sums.length > 0 && { sourceSums: Float64Array.from(sums) }) },
    batches: () => inBatches,
    amount: {
      count: inBatches.reduce((sum, batch) => sum + batch.samples.length, 0),
      bytes: inBatches.reduce((sum, batch) => sum + bytesOfImages(batch.samples), 0),
    },
    originals: [...originals].sort((a, b) => a - b).map(sampleAt),
  };
}

/** Samples that a shard needs, with their files. @param own places of its samples in the listing. */
async function listedFor({ head, lines }: RunFile, shard: number, own: ReadonlySet<number>) {
  const samples = new Map<number, Sample>();
  const others: Sample[] = [];
  const sources: Sample[] = [];
  const sums: number[] = [];
  const files: PartFiles = { in: [], sources: [] };
  const documentOf = (set: RunFileHead['dataset'] | undefined): string | undefined => set?.documents.get(set.split)?.path;
  const documents = { in: documentOf(head.dataset), sources: documentOf(head.sources) };
  let [place, start] = [0, 0];
  for await (const line of lines()) {
    if (line.kind === 'sample') {
      if (own.has(place)) {
        samples.set(place, line.sample);
        files.in.push(...line.files);
      }
      place++;
    } else if (line.kind === 'other') {
      const pixels = pixelsOfSample(line.sample);
      if (shardOf(start, pixels, head.others.pixels, head.shards) === shard) {
        others.push(line.sample);
        files.in.push(...line.files);
      }
      start += pixels;
    } else if (line.kind === 'source') {
      sources.push(line.sample);
      files.sources.push(...line.files);
      if (line.sum !== undefined) sums.push(line.sum);
    } else if ((line.kind === 'in' || line.kind === 'sources') && line.file.path === documents[line.kind]) {
      files[line.kind].push({ ...line.file, whole: true });
    }
  }
  return { samples, others, sources, sums, files };
}

/** Batches of a shard, from 0, in order. Of each sample, only its place among the others is kept. */
async function* batchesOfShard(
  { head, lines }: RunFile,
  shard: number,
  { copies, batchSize, seed }: AugmentOptions,
): AsyncGenerator<BatchPlaces & { readonly copy: number }> {
  const { shards, augmented } = head;
  const first = Math.floor((shard * copies) / shards);
  const last = Math.min(copies - 1, Math.floor(((shard + 1) * copies) / shards));
  const keys = Array.from({ length: last - first + 1 }, () => new Float64Array(augmented.samples));
  const pixels = new Float64Array(augmented.samples);
  let place = 0;
  for await (const line of lines()) {
    if (line.kind !== 'sample') continue;
    pixels[place] = pixelsOfSample(line.sample);
    for (const [i, own] of keys.entries()) own[place] = orderKey(line.sample.id, first + i, seed);
    place++;
  }
  for (const [i, own] of keys.entries()) {
    const batches: Batches = batchesByKey(own, batchSize);
    let start = (first + i) * augmented.pixels;
    for (let n = 0; n < batches.count; n++) {
      const places = batches.of(n);
      const amount = places.reduce((sum, at) => sum + (pixels[at] as number), 0);
      if (shardOf(start, amount, copies * augmented.pixels, shards) === shard) yield { copy: first + i, n, places };
      start += amount;
    }
  }
}

/** A data set of a run file, with some of its samples. */
export function datasetOf(
  { head }: RunFile,
  options: AugmentOptions,
  listed: Pick<Dataset, 'samples' | 'others'> & Partial<Pick<Dataset, 'lists' | 'imageLists'>> & { readonly sources: readonly Sample[] },
  files: PartFiles = { in: [], sources: [] },
): SourcedDataset {
  const { sources: frame } = head;
  const documentsOf = ({ documents }: Pick<Dataset, 'documents'>) => ({ documents: sharedDocuments(documents) });
  const { samples, others, lists = new Map(), imageLists = new Map(), sources } = listed;
  const empty = { others: [], lists: new Map(), imageLists: new Map() };
  return {
    ...head.dataset,
    ...documentsOf(head.dataset),
    root: absolutePath(options.in),
    digests: digestsOf(files.in),
    samples,
    others,
    lists,
    imageLists,
    ...(frame && {
      sources: {
        ...frame,
        ...documentsOf(frame),
        ...empty,
        root: absolutePath(options.sources as string),
        digests: digestsOf(files.sources),
        samples: sources,
      },
    }),
  };
}

/** Documents by split, with one object for each file: a run file has a copy for each split that shares a document. */
function sharedDocuments(documents: Dataset['documents']): Dataset['documents'] {
  const byPath = new Map([...documents.values()].map((document) => [document.path, document]));
  return new Map([...documents].map(([split, { path }]) => [split, byPath.get(path) as Document]));
}

/** Digests of files by path, if they are listed; they are checked when the files are read. */
function digestsOf(files: PartFiles['in']): Map<string, string> {
  return new Map(files.flatMap(({ path, state }) => ('sha256' in state ? [[path, state.sha256]] : [])));
}

/** Refuses files that have changed. Digests of the files of single samples are left to whoever reads them. @throws {CopyPasteError} `data`. */
export async function refuseChangedFiles({ root, sources }: SourcedDataset, files: PartFiles): Promise<void> {
  const offenders: string[] = [];
  for (const [folder, listed] of [
    [root, files.in],
    [sources?.root ?? root, files.sources],
  ] as const) {
    for (const chunk of chunksOf(listed.filter(({ state, whole }) => whole || 'bytes' in state))) {
      const changes = await inParts(chunk, 16, (file) => changeOf(folder, file));
      for (const [i, what] of changes.entries()) if (what !== undefined) offenders.push(`${chunk[i]?.path}: ${what}`);
    }
  }
  if (offenders.length === 0) return;
  const what = plural(offenders.length, 'file has', 'files have');
  throw new CopyPasteError('data', `${what} changed since the run was planned; restore the originals, or plan the run again`, {
    offenders,
  });
}
