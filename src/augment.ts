import { lstat, mkdir, readdir, realpath } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import pLimit from 'p-limit';
import { CopyPasteError, messageOf } from './errors.ts';
import { codecs } from './image.ts';
import { createJob, variantSuffix } from './job.ts';
import { type ManifestRecord, schemaVersion } from './manifest.ts';
import { type AugmentOptions, augmentOptions, type Given } from './options.ts';
import { checkOptions, inOrder, jobsOf } from './pipeline.ts';
import { pasteFilter } from './read/classes.ts';
import { type Dataset, listName, openDataset } from './read/dataset.ts';
import { withBackend } from './render/backend.ts';
import { resolveOptions } from './schema.ts';
import { type AugmentSummary, createTally } from './tally.ts';
import { startThreads, threadsFor } from './threads.ts';
import type { Backend, PassReason, Plan, Sample } from './types.ts';
import { version } from './version.ts';
import { syncFolders } from './write/files.ts';
import { createManifestWriter, unchangedRecord } from './write/manifest.ts';
import { createSampleWriter, outputPaths } from './write/samples.ts';

/** What a caller can watch. */
export interface AugmentEvents {
  /** The data set was opened and checked. */
  opened?(dataset: Dataset, total: number): void;
  /** What renders was chosen. */
  chosen?(backend: Backend, why: string): void;
  /** A sample is done; `plan` where it belongs to the split that is augmented. */
  done?(sample: Sample, plan?: Plan): void;
}

/**
 * Reads a data set of images and masks, pastes instances from one sample into another, and writes an
 * augmented data set of the same layout with `manifest.json`.
 *
 * @throws {CopyPasteError} with a code of the documented exit codes.
 */
export async function augment(given: Given<typeof augmentOptions>, events: AugmentEvents = {}): Promise<AugmentSummary> {
  const options = resolveOptions(augmentOptions, given as Readonly<Record<string, unknown>>);
  await refuseOverlap(options.in, options.out);
  const dataset = await openDataset(options);
  checkOptions(dataset, options);
  checkNames(dataset, options);
  return withBackend(options.backend, async (backend, why) => {
    events.chosen?.(backend, why);
    return run(dataset, options, backend, events);
  });
}

async function run(dataset: Dataset, options: AugmentOptions, backend: Backend, events: AugmentEvents): Promise<AugmentSummary> {
  if (!options.dryRun) await prepareOutput(options.out);
  const { copies, includeOriginals } = options;
  const originals = includeOriginals ? dataset.samples : [];
  events.opened?.(dataset, copies * dataset.samples.length + originals.length + dataset.others.length);

  const tally = createTally(dataset, backend.name, pasteFilter(dataset.classNames, options));
  const output = options.dryRun ? undefined : await createOutput(dataset, options);
  const count = backend.name === 'cpu' ? threadsFor(copies * dataset.samples.length, options) : 0;
  const threads = count > 0 ? await startThreads(count, dataset, options) : undefined;
  const samples = new Map(dataset.samples.map((sample) => [sample.id, sample]));
  try {
    const job = createJob(dataset, options, backend);
    for await (const { results, read } of inOrder(job.batches(), threads?.begin ?? job.begin, threads?.ahead ?? 1)) {
      tally.read(read);
      for (const result of results) {
        const outcome = await result;
        tally.add(outcome);
        if (outcome.record) await output?.add(outcome.record);
        events.done?.(samples.get(outcome.id) as Sample, outcome.plan);
      }
    }
    const rest: [Sample, PassReason][] = [
      ...originals.filter(({ id }) => !tally.skipped.has(id)).map((sample): [Sample, PassReason] => [sample, 'original']),
      ...dataset.others.map((sample): [Sample, PassReason] => [sample, 'other split']),
    ];
    for (let i = 0; i < rest.length; i += 64) {
      const written = await pLimit(jobsOf(options)).map(rest.slice(i, i + 64), async ([sample, reason]) => {
        const record = output && (await output.copy(sample, reason));
        events.done?.(sample);
        return record;
      });
      for (const record of written) if (record) await output?.add(record);
    }
    const summary = tally.summary(rest.length);
    await output?.finish(summary);
    return summary;
  } catch (error) {
    await output?.abort();
    throw error;
  } finally {
    await threads?.stop();
  }
}

/** @throws {CopyPasteError} `usage` where one path holds the other, also through symbolic links. */
export async function refuseOverlap(input: string, output: string): Promise<void> {
  const from = await realpath(input).catch(() => resolve(input));
  const to = await realFuturePath(resolve(output));
  const inside = (a: string, b: string): boolean => !relative(b, a).startsWith('..');
  if (inside(from, to) || inside(to, from)) {
    throw new CopyPasteError('usage', `--out ${output}: is, holds or lies in --in ${input}; choose another place`);
  }
}

/** The real path that a folder will have once it is made. */
async function realFuturePath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(await realFuturePath(parent), relative(parent, path));
  }
}

/** @throws {CopyPasteError} `data` where two outputs would have one name. */
function checkNames(dataset: Dataset, options: AugmentOptions): void {
  const taken = new Map<string, string>();
  const offenders: string[] = [];
  const take = (sample: Sample, suffix: string): void => {
    const format = suffix === '' ? undefined : options.imageFormat;
    for (const path of Object.values(outputPaths(sample, suffix, options.maskSuffix, format)) as string[]) {
      const twin = taken.get(path);
      if (twin !== undefined) offenders.push(`${path}: both ${twin} and ${sample.id} would be written there`);
      taken.set(path, sample.id);
    }
  };
  for (const sample of dataset.others) take(sample, '');
  for (const sample of dataset.samples) {
    if (options.includeOriginals) take(sample, '');
    for (let copy = 0; copy < options.copies; copy++) take(sample, variantSuffix(copy, options));
  }
  if (offenders.length > 0) throw new CopyPasteError('data', 'outputs would overwrite one another; rename the samples', { offenders });
}

/** @throws {CopyPasteError} `cannotCreate` where the folder cannot be made, or holds something. */
async function prepareOutput(out: string): Promise<void> {
  const refuse = (why: string, cause?: unknown): CopyPasteError => new CopyPasteError('cannotCreate', `--out ${out}: ${why}`, { cause });
  const info = await lstat(out).catch(() => undefined);
  if (info === undefined) {
    await mkdir(out, { recursive: true }).catch((cause: unknown) => {
      throw refuse(`cannot be created: ${messageOf(cause)}`, cause);
    });
  }
  const entries = await readdir(out).catch((cause: unknown) => {
    throw refuse(`is not a folder that can be read: ${messageOf(cause)}`, cause);
  });
  if (entries.length > 0) throw refuse('is not empty; choose a new folder, or empty this one');
}

async function createOutput(dataset: Dataset, options: AugmentOptions) {
  const writer = createSampleWriter(dataset.root, options);
  const { layout, split, folders, background, ignore } = dataset;
  // What says where things are or how fast they go changes no byte of the output.
  const {
    in: _in,
    out: _out,
    seed,
    jobs: _jobs,
    backend: _backend,
    quiet: _quiet,
    json: _json,
    dryRun: _dryRun,
    link: _link,
    classNames: _names,
    // The layout's folders say it.
    images: _images,
    masks: _masks,
    ...rest
  } = options;
  const manifest = await createManifestWriter(join(options.out, 'manifest.json'), {
    schema: schemaVersion,
    tool: { name: 'copypaste', version },
    codecs,
    seed,
    options: JSON.parse(JSON.stringify(rest)),
    layout: { name: layout, folders: [...folders], split, background: [...background], ignore: [...ignore] },
  });
  const written = new Set<string>();
  return {
    abort: manifest.abort,

    /** Writes the record of a sample whose files are written. */
    async add(record: ManifestRecord): Promise<void> {
      for (const file of Object.values(record.files)) if (file) written.add(dirname(file.path));
      await manifest.add(record);
    },

    /** Copies a sample as a whole. */
    async copy(sample: Sample, reason: PassReason): Promise<ManifestRecord> {
      return unchangedRecord(sample, { reason }, [], await writer.copy(sample, ''));
    },

    async finish(summary: AugmentSummary): Promise<void> {
      const skipped = new Set(summary.skipped.map(({ id }) => id));
      const variants = new Map(dataset.samples.map(({ id }) => [id, skipped.has(id) ? [] : variantsOf(id, options)]));
      for (const { id } of dataset.others) variants.set(id, [id]);
      for (const [file, ids] of dataset.lists) {
        if (options.onlySplit && listName(file) !== dataset.split) continue;
        await writer.text(
          file,
          ids.flatMap((id) => variants.get(id.normalize('NFC')) ?? []),
        );
        written.add(dirname(file));
      }
      await syncFolders(options.out, written);
      const { classes, samples, augmented, unchanged, pasted, dropped } = summary;
      await manifest.commit({
        classes: classes.map(({ stuff: _stuff, allowed: _allowed, ...row }) => row),
        skipped: [...summary.skipped],
        summary: { samples, augmented, unchanged, pasted, dropped, skipped: summary.skipped.length },
      });
      await syncFolders(options.out, []);
    },
  };
}

function variantsOf(id: string, options: AugmentOptions): string[] {
  const copies = Array.from({ length: options.copies }, (_, copy) => id + variantSuffix(copy, options));
  return options.includeOriginals ? [id, ...copies] : copies;
}
