import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { digestOf, sha256 } from '../base/digest.ts';
import { inParts } from '../base/parts.ts';
import { codecs } from '../codecs/image.ts';
import { type Dataset, openDataset } from '../dataset/open.ts';
import { type SourcedDataset, withSources } from '../dataset/sources.ts';
import type { Rendering } from '../engine/groups.ts';
import { passedEntry, passedShapes, pastedEntry, variantSuffix } from '../engine/job.ts';
import { type BatchRef, createPipeline, inOrder, jobsOf, type PlannedBatch, type Planner } from '../engine/pipeline.ts';
import { CopyPasteError, interrupted } from '../errors.ts';
import { classNamesFile } from '../formats/drawn-masks.ts';
import type { Layout } from '../formats/layouts.ts';
import { type AugmentOptions, augmentOptions, type Given, replayOptions } from '../options.ts';
import { describeDifference } from '../output/compare.ts';
import { createFolders, removeTemporaries, syncFolders, writeAtomic, writeHashed } from '../output/files.ts';
import { documentPlaces, documentsOf, filesOf, inDocument, manifestName, type WholeFile } from '../output/folder.ts';
import type { Manifest, ManifestHead, ManifestRecord } from '../output/manifest.ts';
import { readManifest } from '../output/read-manifest.ts';
import { inputsOf, sourceInputsOf, type Written } from '../output/records.ts';
import { encodeSample, passSample, type Use } from '../output/samples.ts';
import type { Candidate } from '../plan/plan.ts';
import { withBackend } from '../render/backend.ts';
import { resolveOptions } from '../schema.ts';
import type { Backend, Pasted, Plan, Sample } from '../types.ts';
import { version } from '../version.ts';
import { refuseOverlap, variantsOf } from './augment.ts';

/** What a caller can watch, and how it can stop a run. */
export interface ReplayEvents {
  started?(total: number): void;
  chosen?(backend: Backend, why: string): void;
  done?(record: ManifestRecord): void;
  stop?: AbortSignal;
}

/** What a manifest was made from and with. */
export interface Origin {
  readonly manifest: Manifest;
  readonly dataset: SourcedDataset;
  /** Those of `augment` that its output followed from. */
  readonly options: AugmentOptions;
}

/**
 * Opens the data set that a manifest's output was made from.
 *
 * @param places where it is now, and the one that instances were taken from, if that is another.
 * @throws {CopyPasteError} `data` for options that this version does not know, or a sample that is not there any more.
 */
export async function openOrigin(
  manifest: Manifest,
  places: { readonly in: string; readonly sources?: string | undefined },
  running: Partial<Given<typeof augmentOptions>>,
): Promise<Origin> {
  const { layout, sources, options: given, seed, records } = manifest;
  if ((sources === undefined) !== (places.sources === undefined)) {
    const why = sources ? 'is missing: instances were taken from another data set' : 'instances were taken from no other data set';
    throw new CopyPasteError('usage', `--sources${places.sources === undefined ? '' : ` ${places.sources}:`} ${why}`);
  }
  const recorded = given as Readonly<Record<string, unknown>>;
  const options = resolveOptions(augmentOptions, { ...recorded, seed, ...running, in: places.in });
  const opened = await reopen(layout, options, records.flatMap(inputsOf));
  // A colour map that was read is not read again.
  const known = new Set([...opened.lists.keys(), ...[...opened.documents.values()].map(({ path }) => path)]);
  if (options.maskFiles) known.add(classNamesFile);
  const carried = (manifest.documents ?? []).map(({ path }) => path).filter((path) => !known.has(path));
  const target = { ...opened, carried };
  if (!sources || places.sources === undefined) return { manifest, dataset: target, options: { ...options, skipBad: false } };
  const from = await reopen(
    sources,
    { ...options, in: places.sources, onlySplit: true, maskSuffix: sources.name === layout.name ? options.maskSuffix : '' },
    records.flatMap((record) => sourceInputsOf(record)),
  );
  const { pairs, others } = sources.classes;
  return { manifest, dataset: withSources(target, from, { pairs: new Map(pairs), others }), options: { ...options, skipBad: false } };
}

/** Opens a data set as a manifest says that it was understood; its files have to be what they were. */
async function reopen(
  layout: ManifestHead['layout'],
  options: AugmentOptions,
  inputs: readonly { readonly path: string; readonly sha256: string }[],
): Promise<Dataset> {
  const { background, ignore } = layout;
  const opened = await openDataset({
    ...options,
    split: undefined,
    layout: layout.name as Layout['name'],
    folders: layout.folders.map(({ split, images, masks, objects }) => ({
      split,
      images,
      masks,
      ...(objects !== undefined && { objects }),
    })),
    ...(layout.split !== '' && { split: layout.split }),
    background,
    ignore,
    colours: layout.colours,
    skipBad: true,
  });
  for (const { path, sha256 } of layout.documents ?? []) {
    const digest = [...opened.documents.values()].find((document) => document.path === path)?.sha256;
    if (digest !== sha256) throw new CopyPasteError('data', `${path}: has changed: its SHA-256 is ${digest}, the manifest has ${sha256}`);
  }
  return { ...opened, digests: new Map(inputs.map(({ path, sha256 }) => [path, sha256])) };
}

/** What documents have of records that were made again. */
export type Entries = Map<ManifestRecord, unknown>;

/** Makes the files of a record that passes through again. */
export async function passAgain({ dataset, options }: Origin, sample: Sample, { copy }: ManifestRecord, use: Use): Promise<Written> {
  const suffix = copy === undefined ? '' : variantSuffix(copy, options);
  return passSample(dataset, sample, suffix, await passedShapes(dataset, sample, options), dataset, use);
}

/** What is made of a record again. */
export interface Remaker<R> {
  paste(pasted: Pasted, record: ManifestRecord, suffix: string): Promise<R>;
  pass(sample: Sample, record: ManifestRecord): Promise<R>;
}

/**
 * Renders records of a manifest again, from their own plans.
 *
 * @throws {CopyPasteError} `data` for input that has changed, by its digest.
 */
export async function* remake<R>(
  { dataset, options }: Origin,
  records: readonly ManifestRecord[],
  backend: Rendering,
  remaker: Remaker<R>,
  entries: Entries,
  stop?: AbortSignal,
): AsyncGenerator<R> {
  const samples = new Map(
    [...dataset.samples, ...dataset.others, ...(dataset.sources?.samples ?? [])].map((sample) => [sample.id, sample]),
  );
  const reasons = new Map(dataset.skipped.map(({ id, reason }) => [id, reason]));
  const sampleOf = (id: string): Sample => {
    const sample = samples.get(id);
    if (!sample)
      throw new CopyPasteError(
        'data',
        `${options.in}: sample ${id} of the manifest cannot be used: ${reasons.get(id) ?? 'it is not there'}`,
      );
    return sample;
  };
  const stopped = (): boolean => stop?.aborted === true;
  const planned = records.filter(({ copy }) => copy !== undefined);
  const recordOf = new Map(planned.map((record) => [`${record.copy} ${record.id}`, record]));
  const remade = ({ id, copy }: Plan): ManifestRecord => recordOf.get(`${copy} ${id}`) as ManifestRecord;
  const pass = async (sample: Sample, record: ManifestRecord): Promise<R> => {
    const { entry } = await passedEntry(dataset, sample, record.copy === undefined ? '' : variantSuffix(record.copy, options));
    if (entry) entries.set(record, entry);
    return remaker.pass(sample, record);
  };
  const sink = {
    paste: (pasted: Pasted) => {
      const record = remade(pasted.plan);
      const suffix = variantSuffix(pasted.plan.copy, options);
      const { entry } = pastedEntry(dataset, pasted, suffix, options);
      if (entry) entries.set(record, entry);
      return remaker.paste(pasted, record, suffix);
    },
    pass: (sample: Sample, plan: Plan) => pass(sample, remade(plan)),
    skip: (sample: Sample, reason: string): R => {
      throw new CopyPasteError('data', `${sample.id}: ${reason}`);
    },
  };
  const planner = plannerOf(planned, dataset, sampleOf, options.batchSize);
  const pipeline = createPipeline(dataset, options, backend, planner, () => sink, { poison: new Map(), stopped });
  for await (const { results } of inOrder(planner.batches(), pipeline.begin, 1)) for (const result of results) yield await result;
  const rest = records.filter(({ copy }) => copy === undefined);
  for (let i = 0; i < rest.length; i += 64) {
    if (stopped()) throw interrupted();
    yield* await inParts(rest.slice(i, i + 64), jobsOf(options), (record) => pass(sampleOf(record.id), record));
  }
}

/** Takes plans from records, as many at a time as a batch has. */
function plannerOf(
  records: readonly ManifestRecord[],
  { sources }: SourcedDataset,
  sampleOf: (id: string) => Sample,
  batchSize: number,
): Planner {
  return {
    *batches() {
      for (let n = 0; n * batchSize < records.length; n++) {
        yield { copy: 0, n, samples: records.slice(n * batchSize, (n + 1) * batchSize).map(({ id }) => sampleOf(id)) };
      }
    },
    batch({ n }: BatchRef): PlannedBatch {
      const part = records.slice(n * batchSize, (n + 1) * batchSize);
      for (const record of part) {
        const { id, split } = record;
        const from = sources?.split ?? split;
        const other = record.status === 'augmented' && sampleOf(record.source).split !== from ? record.source : undefined;
        if (other !== undefined || sampleOf(id).split !== split)
          throw new CopyPasteError(
            'data',
            `${id}: ${other ?? id} is of another split than ${split === '' ? 'none' : split}, as the manifest says`,
          );
      }
      const needed = new Set(part.flatMap((record) => (record.status === 'augmented' ? [record.id, record.source] : [])));
      return {
        needed: [...needed].map(sampleOf),
        plan: async (candidates) => part.map((record) => planOf(record, candidates)),
      };
    },
  };
}

/** @throws {CopyPasteError} `data` for an instance that the source has not. */
function planOf(record: ManifestRecord, candidates: ReadonlyMap<string, Candidate>): Plan {
  const { id, copy = 0 } = record;
  if (record.status === 'unchanged') return { id, copy, reason: record.reason, minArea: 0, placements: [], dropped: [] };
  const { source, scene, minArea, placements, dropped } = record;
  const { instances } = candidates.get(source) as Candidate;
  for (const { instance, classId, sourceBox } of placements) {
    const found = instances[instance];
    if (found?.classId !== classId || String(found.box) !== String(sourceBox)) {
      throw new CopyPasteError(
        'data',
        `${id}: ${source} has no instance ${instance} of class ${classId} in [${sourceBox}], as the manifest says`,
      );
    }
  }
  return {
    id,
    copy,
    source,
    ...(scene && { scene }),
    minArea,
    placements: placements.map(({ instance, classId, sourceBox, targetBox, scale, flip }) => ({
      instance,
      classId,
      sourceBox,
      targetBox,
      scale,
      flip,
    })),
    dropped,
  };
}

/**
 * Builds the output of a manifest anew from the manifest and its input. Files that are there already and right are left.
 *
 * @returns how many samples it has.
 * @throws {CopyPasteError} `differs` where what comes out, or is there, is not what the manifest says.
 */
export async function replay(given: Given<typeof replayOptions>, events: ReplayEvents = {}): Promise<{ samples: number }> {
  const own = resolveOptions(replayOptions, given as Readonly<Record<string, unknown>>);
  const { out, only } = own;
  await refuseOverlap(own.in, out);
  if (own.sources !== undefined) await refuseOverlap(own.sources, out, '--sources');
  const manifest = await readManifest(own.manifest);
  const origin = await openOrigin(manifest, own, { out, jobs: own.jobs, memory: own.memory });
  const { dataset, options } = origin;
  const chosen = manifest.records.filter(({ id, files }) => only === undefined || id === only || files.image.path === only);
  if (chosen.length === 0) {
    throw new CopyPasteError('usage', `--only ${only}: the manifest has no such sample; ids are as ${manifest.records[0]?.id}`);
  }
  const other = only === undefined && (await readFile(join(out, manifestName)).catch(() => undefined));
  if (other && !other.equals(await readFile(own.manifest)))
    throw new CopyPasteError('cannotCreate', `--out ${out}: holds another run; choose a new folder`);
  events.started?.(chosen.length);

  const missing: ManifestRecord[] = [];
  for (const record of chosen) {
    if (dataset.documents.size === 0 && (await areThere(out, record))) events.done?.(record);
    else missing.push(record);
  }
  const makeFolder = createFolders(out);
  const entries: Entries = new Map();
  const write = async (path: string, bytes: Uint8Array, digest: string | undefined): Promise<void> => {
    if (sha256(bytes) !== digest)
      throw new CopyPasteError('differs', `${path}: comes out otherwise than the manifest says${otherMaker(manifest)}`);
    const there = await readFile(join(out, path)).catch(() => undefined);
    const difference = there && (await describeDifference(path, there, bytes));
    if (difference !== undefined)
      throw new CopyPasteError('differs', `${join(out, path)}: is there, and ${difference}; choose a new folder`);
    if (there) return;
    await makeFolder(dirname(join(out, path)));
    await writeAtomic(join(out, path), bytes);
  };
  const remaker: Remaker<ManifestRecord> = {
    paste: async (pasted, record, suffix) => {
      const digests = digestsOf(record);
      await encodeSample(pasted, suffix, { ...options, classNames: dataset.classNames }, ({ path }, bytes) =>
        write(path, bytes, digests.get(path)),
      );
      return record;
    },
    pass: async (sample, record) => {
      const digests = digestsOf(record);
      await passAgain(origin, sample, record, ({ path }, bytes) => write(path, bytes, digests.get(path)));
      return record;
    },
  };
  await withBackend(own.backend, async (backend, why) => {
    events.chosen?.(backend, why);
    for await (const record of remake(origin, missing, backend, remaker, entries, events.stop)) events.done?.(record);
  });
  if (only !== undefined) return { samples: chosen.length };

  const digests = new Map(manifest.documents?.map(({ path, sha256 }) => [path, sha256]));
  for (const { path, text } of documentsAgain(origin, entries)) {
    const known = digests.get(path);
    const there = known && (await digestOf(join(out, path), path).catch(() => undefined));
    if (there === known && known !== undefined) continue;
    if (there !== undefined) throw new CopyPasteError('differs', `${join(out, path)}: is there, and is another; choose a new folder`);
    await makeFolder(dirname(join(out, path)));
    const digest = await writeHashed(join(out, path), text);
    if (known !== undefined && digest !== known)
      throw new CopyPasteError('differs', `${path}: comes out otherwise than the manifest says${otherMaker(manifest)}`);
  }
  await removeTemporaries(out);
  await syncFolders(out, new Set(filesOf(manifest).map(({ path }) => dirname(path))));
  await writeAtomic(join(out, manifestName), await readFile(own.manifest));
  await syncFolders(out, []);
  return { samples: chosen.length };
}

/** The files of several samples that an output has, from what records were made into again. */
export function documentsAgain({ manifest, dataset, options }: Origin, entries: Entries): WholeFile[] {
  const placeOf = documentPlaces(dataset);
  const records = manifest.records.flatMap((record) => {
    const place = placeOf.get(record.id);
    return place === undefined ? [] : [{ record, place, copy: record.copy }];
  });
  const variants = variantsOf(dataset, manifest.skipped, options);
  return documentsOf(dataset, options, variants, () => inOrderOf(records.sort(inDocument), entries));
}

/** Entries in the order of records. */
async function* inOrderOf(records: readonly { record: ManifestRecord }[], entries: Entries): AsyncGenerator<unknown> {
  for (const { record } of records) {
    const entry = entries.get(record);
    if (entry) yield entry;
  }
}

/** The files of a record, with their digests. */
function digestsOf(record: ManifestRecord): Map<string, string> {
  return new Map(filesOf({ records: [record] }).map(({ path, sha256 }) => [path, sha256]));
}

async function areThere(out: string, record: ManifestRecord): Promise<boolean> {
  for (const { path, sha256 } of filesOf({ records: [record] })) {
    if ((await digestOf(join(out, path), path).catch(() => undefined)) !== sha256) return false;
  }
  return true;
}

/** What is likely to make the difference. */
function otherMaker({ tool, codecs: theirs }: Manifest): string {
  if (tool.version !== version) return `; it was made by copypaste ${tool.version}, this is ${version}`;
  const kind = Object.keys(codecs).find((name) => theirs[name] !== codecs[name as keyof typeof codecs]);
  return kind === undefined ? '' : `; its ${kind} files were written by ${theirs[kind]}, here by ${codecs[kind as keyof typeof codecs]}`;
}
