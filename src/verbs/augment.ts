import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { pasteFilter } from '../dataset/classes.ts';
import { type Dataset, wholeFiles } from '../dataset/open.ts';
import { openSourced, type SourcedDataset } from '../dataset/sources.ts';
import { createLimit } from '../engine/budget.ts';
import { createJob, type Outcome, type OutcomeBatch, passedEntry, passedShapes, variantSuffix } from '../engine/job.ts';
import { type BatchRef, type Circumstances, checkOptions, inOrder, jobsOf } from '../engine/pipeline.ts';
import { findPoison } from '../engine/suspects.ts';
import { type AugmentSummary, createTally } from '../engine/tally.ts';
import { startThreads, type Threads } from '../engine/threads.ts';
import { CopyPasteError, interrupted } from '../errors.ts';
import { classNamesFile } from '../formats/drawn-masks.ts';
import { type AugmentOptions, augmentOptions, type Given } from '../options.ts';
import { journalName, manifestName, type Output, openOutput } from '../output/folder.ts';
import type { Manifest, ManifestRecord, SampleRecord } from '../output/manifest.ts';
import { unchangedRecord } from '../output/records.ts';
import { createSampleWriter, pastedFiles, variantFiles } from '../output/samples.ts';
import { type RenderingBackend, withBackend } from '../render/backend.ts';
import { resolveOptions } from '../schema.ts';
import type { Backend, PassReason, Sample } from '../types.ts';

/** What a caller can watch, and how it can stop a run. */
export interface AugmentEvents {
  /** The data set was opened and checked. */
  opened?(dataset: SourcedDataset, total: number): void;
  /** What renders was chosen. */
  chosen?(backend: Backend, why: string): void;
  /** The backend failed, and the CPU goes on. */
  fellBack?(error: CopyPasteError): void;
  /** A sample is done; its record has no files in a dry run, and there is none where it was skipped. */
  done?(sample: Sample, record?: SampleRecord): void;
  /** Once it aborts, nothing more is begun; what is under way is finished, and `augment` throws `interrupted`. */
  stop?: AbortSignal;
}

/**
 * Reads a data set of images and masks, pastes instances from one sample into another, and writes an
 * augmented data set of the same layout with `manifest.json`. A run that was interrupted is continued by the same call;
 * one that is complete is left as it is.
 *
 * @throws {CopyPasteError} with a code of the documented exit codes.
 */
export async function augment(given: Given<typeof augmentOptions>, events: AugmentEvents = {}): Promise<AugmentSummary> {
  const options = resolveOptions(augmentOptions, given as Readonly<Record<string, unknown>>);
  await refuseOverlap(options.in, options.out);
  if (options.sources !== undefined) await refuseOverlap(options.sources, options.out, '--sources');
  const dataset = await openSourced(options);
  checkOptions(dataset, options);
  if (options.maskFiles) refuseMasks(dataset);
  const twins = checkNames(dataset, options);
  const opened = (): void =>
    events.opened?.(dataset, (options.copies + (options.includeOriginals ? 1 : 0)) * dataset.samples.length + dataset.others.length);
  const attempt = (name: AugmentOptions['backend'], overwrite: boolean): Promise<AugmentSummary> =>
    withBackend(name, async (backend, why) => {
      // They load while it is seen what the output holds; a run that is complete needs none.
      const complete = !options.dryRun && !overwrite && existsSync(join(options.out, manifestName));
      const threads = complete ? undefined : await startThreads(dataset, options, backend.name, events.stop);
      let output: Output | Manifest | undefined;
      try {
        if (!options.dryRun) output = await openOutput(dataset, { ...options, overwrite }, twins, () => filesOfRun(dataset, options));
        if (output && 'records' in output) {
          opened();
          return summaryOf(output, dataset, options);
        }
        events.chosen?.(backend, why);
        opened();
        return await run(dataset, options, backend, threads, output, events);
      } finally {
        await threads?.stop();
        if (output && 'close' in output) await output.close();
      }
    });
  try {
    return await attempt(options.backend, options.overwrite);
  } catch (error) {
    if (!options.fallback || !(error instanceof CopyPasteError) || error.code !== 'unavailable') throw error;
    events.fellBack?.(error);
    // What the backend has done stays.
    return attempt('cpu', false);
  }
}

/** @throws {CopyPasteError} `usage` where masks cannot be drawn, or are there already. */
function refuseMasks({ layout, samples, classNames }: Dataset): void {
  if (samples.some(({ mask }) => mask !== undefined))
    throw new CopyPasteError('usage', `--mask-files: the ${layout} layout has masks, which are written as they came; leave it out`);
  if (classNames.size === 0) throw new CopyPasteError('usage', '--mask-files: classes have no names; say --class-names FILE');
}

/** A batch that is under way, or that an earlier run has done. */
interface Step extends OutcomeBatch {
  readonly key: string;
  readonly samples: readonly Sample[];
  readonly recalled: boolean;
}

async function run(
  dataset: SourcedDataset,
  options: AugmentOptions,
  backend: RenderingBackend,
  threads: Threads | undefined,
  output: Output | undefined,
  events: AugmentEvents,
): Promise<AugmentSummary> {
  const { includeOriginals } = options;
  const originals = includeOriginals ? dataset.samples : [];
  const stopped = (): boolean => events.stop?.aborted === true;
  const poison = new Map(output?.poison);
  const circumstances: Circumstances = { poison, stopped };
  const job = createJob(dataset, options, backend, circumstances);
  const keyOf = ({ copy, n }: BatchRef): string => `${copy}.${n}`;
  if (output && output.suspects.size > 0) {
    const suspects = [...job.planner.batches()].filter((ref) => output.suspects.has(keyOf(ref)));
    const find = async (set: Dataset, samples: readonly Sample[]): Promise<void> => {
      for (const [id, reason] of await findPoison(set, unique(samples), stopped)) {
        poison.set(id, reason);
        await output.addPoison(id, reason);
      }
    };
    await find(
      dataset,
      suspects.flatMap(({ samples }) => samples),
    );
    // What is drawn from another data set is known once the samples that draw are.
    if (dataset.sources) {
      const drawn: Sample[] = [];
      for (const ref of suspects) drawn.push(...(await job.drawsOf(ref)));
      await find(dataset.sources, drawn);
    }
  }

  const tally = createTally(dataset, backend.name, pasteFilter(dataset.classNames, options));
  const keys: string[] = [];
  let reused = 0;
  let copied = 0;

  /** Does a batch, unless it is done. */
  const step = async (key: string, samples: readonly Sample[], suffix: string, begin: () => Promise<OutcomeBatch>): Promise<Step> => {
    if (stopped()) throw interrupted();
    const known = await output?.recall(key);
    if (known) return { key, samples, recalled: true, results: known.outcomes.map((one) => Promise.resolve(one)), read: known.read };
    await output?.begin(
      key,
      samples.flatMap((sample) => possibleFiles(sample, suffix, options)),
    );
    return { key, samples, recalled: false, ...(await begin()) };
  };
  const finish = async ({ key, samples, recalled, results, read }: Step): Promise<Outcome[]> => {
    const outcomes: Outcome[] = [];
    for (const [i, result] of results.entries()) {
      const outcome = await result;
      outcomes.push(outcome);
      // What is bad of another data set follows.
      if (samples[i]) events.done?.(samples[i], outcome.record);
    }
    if (recalled) reused += samples.length;
    else await output?.end(key, outcomes, read);
    keys.push(key);
    return outcomes;
  };
  const begin = (ref: BatchRef): Promise<Step> =>
    step(keyOf(ref), ref.samples, variantSuffix(ref.copy, options), () => (threads ? threads.begin(ref, poison) : job.begin(ref)));
  for await (const batch of inOrder(job.planner.batches(), begin, threads?.ahead ?? 1)) {
    tally.read(batch.read);
    for (const outcome of await finish(batch)) tally.add(outcome);
  }
  const rest: [Sample, PassReason][] = [
    ...originals.filter(({ id }) => !tally.skipped.has(id)).map((sample): [Sample, PassReason] => [sample, 'original']),
    ...dataset.others.map((sample): [Sample, PassReason] => [sample, 'other split']),
  ];
  const writer = options.dryRun ? undefined : createSampleWriter(dataset, options);
  const limit = createLimit(jobsOf(options));
  for (let n = 0; n * 64 < rest.length; n++) {
    const part = rest.slice(n * 64, (n + 1) * 64);
    const copy = async ([sample, reason]: [Sample, PassReason]): Promise<Outcome> => {
      const written = await writer?.pass(sample, '', await passedShapes(dataset, sample, options));
      const record = unchangedRecord(sample, { reason }, [], written);
      return { id: sample.id, record, ...(await passedEntry(dataset, sample, '')) };
    };
    const samples = part.map(([sample]) => sample);
    const batch = await step(`rest.${n}`, samples, '', async () => {
      const results = part.map((one) => limit(() => copy(one)));
      // Nothing is under way once one of them has failed.
      await Promise.allSettled(results);
      return { results, read: [] };
    });
    copied += (await finish(batch)).length;
  }
  const summary = tally.summary(copied, reused);
  await output?.finish(summary, keys, variantsOf(dataset, summary.skipped, options));
  return summary;
}

function unique(samples: readonly Sample[]): Sample[] {
  return [...new Map(samples.map((sample) => [sample.id, sample])).values()];
}

/** What a run that is complete has done. */
function summaryOf(manifest: Manifest, dataset: Dataset, options: AugmentOptions): AugmentSummary {
  const tally = createTally(dataset, undefined, pasteFilter(dataset.classNames, options));
  tally.read(manifest.classes.map(({ id, instances }) => ({ classId: id, instances, pixels: 0, truncated: 0 })));
  for (const { id, reason } of manifest.skipped) tally.add({ id, skipped: reason });
  const [variants, rest] = [true, false].map((wanted) => manifest.records.filter(({ copy }) => (copy !== undefined) === wanted)) as [
    ManifestRecord[],
    ManifestRecord[],
  ];
  for (const record of variants) tally.add({ id: record.id, record });
  return tally.summary(rest.length, manifest.records.length);
}

/** @throws {CopyPasteError} `usage` where one path holds the other, also through symbolic links. */
export async function refuseOverlap(input: string, output: string, flag = '--in'): Promise<void> {
  const from = await realpath(input).catch(() => resolve(input));
  const to = await realFuturePath(resolve(output));
  const inside = (a: string, b: string): boolean => !relative(b, a).startsWith('..');
  if (inside(from, to) || inside(to, from)) {
    throw new CopyPasteError('usage', `--out ${output}: is, holds or lies in ${flag} ${input}; choose another place`);
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

/** All files that a variant of a sample may be written to. */
function possibleFiles(sample: Sample, suffix: string, { imageFormat, maskFiles }: AugmentOptions): string[] {
  const files = [...variantFiles(sample, suffix, { maskFiles }), ...pastedFiles(sample, suffix, { imageFormat, maskFiles })];
  return [...new Set(files.map(({ path }) => path))];
}

/** All files that the variants of all samples may be written to, with whose they are. */
function* filesOfSamples(dataset: Dataset, options: AugmentOptions): Generator<{ path: string; id: string }> {
  const suffixes = Array.from({ length: options.copies }, (_, copy) => variantSuffix(copy, options));
  const own = [...(options.includeOriginals ? [''] : []), ...suffixes];
  for (const [samples, variants] of [
    [dataset.others, ['']],
    [dataset.samples, own],
  ] as const) {
    for (const sample of samples)
      for (const suffix of variants) for (const path of possibleFiles(sample, suffix, options)) yield { path, id: sample.id };
  }
}

/** All files that a run may write. */
function filesOfRun(dataset: Dataset, options: AugmentOptions): Set<string> {
  const all = [...filesOfSamples(dataset, options)].map(({ path }) => path);
  return new Set([...all, ...wholeFiles(dataset), ...(options.maskFiles ? [classNamesFile] : [])]);
}

/**
 * @returns two outputs whose names differ by case alone, where there are any.
 * @throws {CopyPasteError} `data` where two outputs would have one name.
 */
function checkNames(dataset: Dataset, options: AugmentOptions): readonly string[] {
  const own = [manifestName, journalName];
  const offenders: string[] = [];
  let twins: readonly string[] = [];
  const files = [...filesOfSamples(dataset, options)].map(({ path, id }) => ({ path, id, folded: path.toLowerCase() }));
  files.sort((a, b) => compare(a.folded, b.folded) || compare(a.path, b.path));
  for (const [i, { path, id, folded }] of files.entries()) {
    const before = files[i - 1];
    if (before?.path === path) offenders.push(`${path}: both ${before.id} and ${id} would be written there`);
    else if (before?.folded === folded && twins.length === 0) twins = [before.path, path];
    if (Buffer.byteLength(basename(path)) > 255) offenders.push(`${path}: is longer than the 255 bytes that a name can have`);
  }
  for (const path of [...files.map(({ path }) => path), ...wholeFiles(dataset)])
    if (own.includes(path.toLowerCase())) offenders.push(`${path}: is the name of a file of the run itself`);
  if (offenders.length > 0)
    throw new CopyPasteError('data', 'outputs would overwrite one another, or have no names; rename the samples', { offenders });
  return twins;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * The ids that stand for each sample in lists, where there are any.
 *
 * @param skipped samples that were left out.
 */
export function variantsOf(
  { samples, others, lists }: Dataset,
  skipped: readonly { readonly id: string }[],
  { copies, includeOriginals }: AugmentOptions,
): Map<string, string[]> {
  if (lists.size === 0) return new Map();
  const gone = new Set(skipped.map(({ id }) => id));
  const variants = new Map(others.map(({ id }) => [id, [id]]));
  for (const { id } of samples) {
    const suffixes = Array.from({ length: copies }, (_, copy) => variantSuffix(copy, { copies, includeOriginals }));
    variants.set(id, gone.has(id) ? [] : [...(includeOriginals ? [''] : []), ...suffixes].map((suffix) => id + suffix));
  }
  return variants;
}
