import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { inParts } from '../base/parts.ts';
import { pasteFilter } from '../dataset/classes.ts';
import { type Dataset, wholeFiles } from '../dataset/open.ts';
import { openSourced, type SourcedDataset } from '../dataset/sources.ts';
import { jobsOf } from '../engine/budget.ts';
import type { Hooks } from '../engine/hooks.ts';
import { inOrder } from '../engine/in-order.ts';
import { createJob, type Job, type Outcome, variantSuffix } from '../engine/job.ts';
import { type BatchRef, refuseUnfit } from '../engine/planner.ts';
import type { Programs } from '../engine/programs.ts';
import { createSteps } from '../engine/steps.ts';
import { findPoison } from '../engine/suspects.ts';
import { type AugmentSummary, createTally, summaryOf } from '../engine/tally.ts';
import { startThreads, type Threads } from '../engine/threads.ts';
import { CopyPasteError } from '../errors.ts';
import { classNamesFile } from '../formats/drawn-masks.ts';
import { type AugmentOptions, augmentOptions, type Given } from '../options.ts';
import { journalName, manifestName, type Output, openOutput } from '../output/folder.ts';
import { pastedFiles, variantFiles } from '../output/samples.ts';
import { type RenderingBackend, withBackend } from '../render/backend.ts';
import { resolveOptions } from '../schema.ts';
import type { PassReason, Sample } from '../types.ts';

/**
 * Augments a data set, as `augment` of the package says.
 *
 * @param programs files of the built program that threads and processes run; without them all is done in this thread.
 * @throws {CopyPasteError} with a code of the documented exit codes.
 */
export async function augment(given: Given<typeof augmentOptions>, hooks: Hooks = {}, programs?: Programs): Promise<AugmentSummary> {
  const options = resolveOptions(augmentOptions, given as Readonly<Record<string, unknown>>);
  await refuseOverlap(options.in, options.out);
  if (options.sources !== undefined) await refuseOverlap(options.sources, options.out, '--sources');
  const dataset = await openSourced(options);
  refuseUnfit(dataset, options);
  if (options.maskFiles) refuseMasks(dataset);
  const twins = checkNames(dataset, options);
  const attempt = (chosen: AugmentOptions): Promise<AugmentSummary> =>
    withBackend(chosen.backend, (backend) => write({ dataset, options: chosen, backend, hooks, programs }, twins));
  try {
    return await attempt(options);
  } catch (error) {
    if (!options.fallback || !(error instanceof CopyPasteError) || error.code !== 'unavailable') throw error;
    hooks.fellBack?.(error);
    // Samples that the backend has written stay.
    return attempt({ ...options, backend: 'cpu', overwrite: false });
  }
}

/** @throws {CopyPasteError} `usage` where masks cannot be drawn, or are there already. */
function refuseMasks({ layout, samples, classNames }: Dataset): void {
  if (samples.some(({ mask }) => mask !== undefined))
    throw new CopyPasteError('usage', `--mask-files: the ${layout} layout has masks, which are written as they came; leave it out`);
  if (classNames.size === 0) throw new CopyPasteError('usage', '--mask-files: classes have no names; say --class-names FILE');
}

/** A data set on its way to an output, with all that works on it. */
interface Run {
  readonly dataset: SourcedDataset;
  readonly options: AugmentOptions;
  readonly backend: RenderingBackend;
  readonly hooks: Hooks;
  readonly programs: Programs | undefined;
}

/** Writes the output, unless it is complete. @param twins two files whose names differ by case alone. */
async function write(run: Run, twins: readonly string[]): Promise<AugmentSummary> {
  const { dataset, options, backend, hooks, programs } = run;
  const total = (options.copies + (options.includeOriginals ? 1 : 0)) * dataset.samples.length + dataset.others.length;
  // Threads load while the output is opened; a run that is complete needs none.
  const complete = !options.dryRun && !options.overwrite && existsSync(join(options.out, manifestName));
  const threads = complete ? undefined : await startThreads(dataset, options, backend.name, programs?.worker, hooks.stop);
  let output: Output | undefined;
  try {
    if (!options.dryRun) {
      const opened = await openOutput(dataset, options, twins, () => filesOfRun(dataset, options));
      if ('records' in opened) {
        hooks.started?.(total, dataset);
        return summaryOf(opened, dataset, pasteFilter(dataset.classNames, options));
      }
      output = opened;
    }
    hooks.chosen?.(backend);
    hooks.started?.(total, dataset);
    return await runBatches(run, threads, output);
  } finally {
    await threads?.stop();
    await output?.close();
  }
}

async function runBatches(run: Run, threads: Threads | undefined, output: Output | undefined): Promise<AugmentSummary> {
  const { dataset, options, backend, hooks } = run;
  const poison = new Map(output?.poison);
  const job = createJob(dataset, options, backend, { poison, stopped: () => hooks.stop?.aborted === true });
  if (output && output.suspects.size > 0) await trySuspects(run, job, output, poison);
  const steps = createSteps(output, hooks);
  const tally = createTally(dataset, backend.name, pasteFilter(dataset.classNames, options));
  const filesOf = (samples: readonly Sample[], suffix: string) => samples.flatMap((sample) => possibleFiles(sample, suffix, options));
  const begin = (ref: BatchRef) =>
    steps.begin(keyOf(ref), ref.samples, filesOf(ref.samples, variantSuffix(ref.copy, options)), () =>
      threads ? threads.begin(ref, poison) : job.begin(ref),
    );
  for await (const batch of inOrder(job.planner.batches(), begin, threads?.ahead ?? 1)) {
    tally.read(batch.read);
    for (const outcome of await steps.end(batch)) tally.add(outcome);
  }
  const copied = copiesOf(dataset, options, tally.skipped);
  for (let n = 0; n * 64 < copied.length; n++) {
    const part = copied.slice(n * 64, (n + 1) * 64);
    const samples = part.map(([sample]) => sample);
    const copy = ([sample, reason]: [Sample, PassReason]): Promise<Outcome> => job.copy(sample, reason);
    const batch = await steps.begin(`rest.${n}`, samples, filesOf(samples, ''), async () => {
      const outcomes = await inParts(part, jobsOf(options), copy);
      return { results: outcomes.map((outcome) => Promise.resolve(outcome)), read: [] };
    });
    await steps.end(batch);
  }
  const summary = tally.summary(copied.length, steps.reused());
  await output?.finish(summary, steps.keys, variantsOf(dataset, summary.skipped, options));
  return summary;
}

/** The name of a batch in the journal. */
function keyOf({ copy, n }: BatchRef): string {
  return `${copy}.${n}`;
}

/** Decodes samples of batches during which an earlier run died in a process apart, and marks those that kill it. */
async function trySuspects({ dataset, hooks, programs }: Run, job: Job, output: Output, poison: Map<string, string>): Promise<void> {
  if (!programs) return;
  const suspects = [...job.planner.batches()].filter((ref) => output.suspects.has(keyOf(ref)));
  const find = async (set: Dataset, samples: readonly Sample[]): Promise<void> => {
    const unique = [...new Map(samples.map((sample) => [sample.id, sample])).values()];
    for (const [id, reason] of await findPoison(set, unique, programs.suspects, hooks.stop)) {
      poison.set(id, reason);
      await output.addPoison(id, reason);
    }
  };
  await find(
    dataset,
    suspects.flatMap(({ samples }) => samples),
  );
  if (!dataset.sources) return;
  // Samples have to be read to know what they draw from the source set.
  const drawn: Sample[] = [];
  for (const ref of suspects) drawn.push(...(await job.drawsOf(ref)));
  await find(dataset.sources, drawn);
}

/** Samples that are written unchanged, after those that are pasted into. */
function copiesOf(dataset: Dataset, { includeOriginals }: AugmentOptions, skipped: ReadonlyMap<string, string>): [Sample, PassReason][] {
  const originals = includeOriginals ? dataset.samples.filter(({ id }) => !skipped.has(id)) : [];
  return [
    ...originals.map((sample): [Sample, PassReason] => [sample, 'original']),
    ...dataset.others.map((sample): [Sample, PassReason] => [sample, 'other split']),
  ];
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
