import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { chunksOf, inParts } from '../base/parts.ts';
import { judgeWith } from '../codecs/judge.ts';
import { refuseIdleInstances } from '../dataset/join.ts';
import { type Dataset, nothingToAugment } from '../dataset/open.ts';
import { openSourced, type SourcedDataset } from '../dataset/sources.ts';
import { refuseUnknownIds } from '../dataset/unknown-ids.ts';
import { refuseStrangeValues } from '../dataset/values.ts';
import { jobsOf } from '../engine/budget.ts';
import { copiesOf } from '../engine/copies.ts';
import { expectedOf } from '../engine/expected.ts';
import type { Hooks } from '../engine/hooks.ts';
import { bytesOfImages } from '../engine/images.ts';
import { inOrder } from '../engine/in-order.ts';
import { createJob, type Job } from '../engine/job.ts';
import { measure } from '../engine/measure.ts';
import { withFiles } from '../engine/option-files.ts';
import type { BatchRef } from '../engine/planner.ts';
import type { Programs } from '../engine/programs.ts';
import { createSteps } from '../engine/steps.ts';
import { findPoison } from '../engine/suspects.ts';
import { type AugmentSummary, createTally, summaryOf, totalsOf } from '../engine/tally.ts';
import { startThreads, type Threads } from '../engine/threads.ts';
import { refuseUnfit } from '../engine/unfit.ts';
import { CopyPasteError } from '../errors.ts';
import { type AugmentOptions, augmentOptions, type Given } from '../options.ts';
import { openOutput } from '../output/folder.ts';
import { surveyKey } from '../output/journal.ts';
import { manifestName } from '../output/manifest-file.ts';
import { checkNames, possibleFiles } from '../output/names.ts';
import type { Outcome } from '../output/outcomes.ts';
import { refuseOverlaps } from '../output/overlap.ts';
import type { Output } from '../output/run.ts';
import { createVariants, variantSuffix } from '../output/variants.ts';
import type { Measures } from '../plan/measures.ts';
import { withBackend } from '../render/backend.ts';
import type { Backend } from '../render/backends.ts';
import type { Renderer } from '../render/render.ts';
import { resolveOptions } from '../schema.ts';
import type { PassReason, Sample } from '../types.ts';

/**
 * Augments a data set; `augment` in index.ts is its public form.
 *
 * @param programs files of the built tool that threads and processes run; without them, this thread does all work.
 * @throws {CopyPasteError} with one of the codes of `exitCodes`.
 */
export async function augment(given: Given<typeof augmentOptions>, hooks: Hooks = {}, programs?: Programs): Promise<AugmentSummary> {
  if (programs) judgeWith(programs.judge);
  const options = resolveOptions(augmentOptions, await withFiles(augmentOptions, given));
  // A dry run needs no folder.
  if (options.out !== '') await refuseOverlaps(options);
  const dataset = await openSourced(options, hooks.meter);
  hooks.meter?.begin('starting');
  refuseIdleInstances(given.instances, (dataset.sources ?? dataset).layout);
  refuseUnfit(dataset, options);
  await refuseUnknownIds(dataset, options);
  if (options.maskFiles) refuseMasks(dataset);
  const twins = checkNames(dataset, options);
  const attempt = (chosen: AugmentOptions): Promise<AugmentSummary> =>
    withBackend(chosen.backend, (backend) => write({ dataset, options: chosen, backend, hooks, programs }, twins));
  try {
    return await attempt(options);
  } catch (error) {
    if (!options.fallback || !(error instanceof CopyPasteError) || error.code !== 'unavailable') throw error;
    hooks.fellBack?.(error);
    // Samples that the failed backend has written are kept.
    return attempt({ ...options, backend: 'cpu', overwrite: false });
  }
}

/** Refuses `--mask-files`. @throws {CopyPasteError} `usage` when the layout has masks of its own, or classes have no names. */
function refuseMasks({ layout, samples, classNames }: Dataset): void {
  if (samples.some(({ mask }) => mask !== undefined))
    throw new CopyPasteError('usage', `--mask-files: the ${layout} layout has masks of its own; leave the option out`);
  if (classNames.size === 0) throw new CopyPasteError('usage', '--mask-files: classes have no names; pass --class-names FILE');
}

/** One run: its data set and everything that works on it. */
interface Run {
  readonly dataset: SourcedDataset;
  readonly options: AugmentOptions;
  readonly backend: Backend & Renderer;
  readonly hooks: Hooks;
  readonly programs: Programs | undefined;
}

/** Writes the output, unless it is complete. @param twins two files whose names differ by case alone. */
async function write(run: Run, twins: readonly string[]): Promise<AugmentSummary> {
  const { dataset, options, backend, hooks, programs } = run;
  // Threads load while the output is opened; a complete run needs none.
  const complete = !options.dryRun && !options.overwrite && existsSync(join(options.out, manifestName));
  const threads = complete ? undefined : await startThreads(dataset, options, backend.name, programs?.worker, hooks);
  let output: Output | undefined;
  try {
    if (complete) hooks.meter?.begin('comparing files');
    if (!options.dryRun) {
      const opened = await openOutput(dataset, options, twins);
      if ('records' in opened) {
        hooks.opened?.(dataset);
        for (const record of opened.records) hooks.done?.(record.id, record);
        return summaryOf(opened, dataset, options);
      }
      output = opened;
    }
    const poison = new Map(output?.poison);
    if (output?.suspects.has(surveyKey)) await trySamples(run, output, poison, dataset.samples, dataset.sources?.samples ?? []);
    const measures = await survey(run, threads, output, poison);
    hooks.chosen?.(backend);
    hooks.opened?.(dataset);
    return await runBatches({ ...run, measures }, threads, output, poison);
  } finally {
    await threads?.stop();
    await output?.close();
  }
}

/** Reads masks, or all annotations, before the plans are made: refuses masks whose values are not class ids, and measures the data set. */
function survey(
  { dataset, options, hooks }: Run,
  threads: Threads | undefined,
  output: Output | undefined,
  poison: ReadonlyMap<string, string>,
): Promise<Measures> {
  const read = async (): Promise<Measures> => {
    if (!options.skipBad) await refuseStrangeValues(dataset.sources ?? dataset, poison);
    return measure(dataset, options, hooks, threads, poison);
  };
  return output ? output.survey(read) : read();
}

async function runBatches(
  run: Run & { readonly measures: Measures },
  threads: Threads | undefined,
  output: Output | undefined,
  poison: Map<string, string>,
): Promise<AugmentSummary> {
  const { dataset, options, measures, backend, hooks } = run;
  const job = createJob(dataset, options, measures, backend, {
    poison,
    stopped: () => hooks.stop?.aborted === true,
    home: output?.home,
    meter: hooks.meter,
  });
  if (output && output.suspects.size > 0) await trySuspects(run, job, output, poison);
  const steps = createSteps(output, hooks);
  const tally = createTally(dataset, backend.name, options, measures);
  const variants = createVariants(dataset, options);
  const filesOf = (samples: readonly Sample[], suffix: string) => samples.flatMap((sample) => possibleFiles(sample, suffix, options));
  const begin = (ref: BatchRef) =>
    steps.begin(keyOf(ref), ref.samples, filesOf(ref.samples, variantSuffix(ref.copy, options)), () =>
      threads ? threads.begin(ref, measures, poison, output?.home) : job.begin(ref),
    );
  beginAugmenting(dataset, options, hooks);
  for await (const batch of inOrder(job.planner.batches(), begin, threads?.ahead ?? 1)) {
    tally.read(batch.read);
    for (const outcome of await steps.end(batch)) {
      tally.add(outcome);
      if (outcome.record) variants.add(outcome.record);
    }
  }
  const copied = copiesOf(dataset, options, tally.skipped);
  for (const [n, part] of [...chunksOf(copied)].entries()) {
    const samples = part.map(([sample]) => sample);
    const copy = ([sample, reason]: [Sample, PassReason]): Promise<Outcome> => job.copy(sample, reason);
    const batch = await steps.begin(`rest.${n}`, samples, filesOf(samples, ''), async () => {
      const outcomes = await inParts(part, jobsOf(options), copy);
      return { results: outcomes.map((outcome) => Promise.resolve(outcome)), read: [] };
    });
    for (const { record } of await steps.end(batch)) if (record) variants.add(record);
  }
  const summary = tally.summary(copied.length, steps.reused());
  if (summary.samples === 0) throw nothingToAugment(options.in, dataset.split, summary.skipped);
  hooks.meter?.begin('finishing');
  await output?.finish(totalsOf(summary), steps.keys, variants.variants(), measures);
  return options.dryRun ? { ...summary, expected: await expectedOf(dataset, options) } : summary;
}

/** Begins the stage of all samples that are written; a copied one takes about half the time of another. */
function beginAugmenting({ samples, others }: Dataset, { copies, includeOriginals }: AugmentOptions, { meter }: Hooks): void {
  const variants = copies + (includeOriginals ? 1 : 0);
  const bytes = variants * bytesOfImages(samples) + bytesOfImages(others);
  meter?.begin('augmenting', { count: variants * samples.length + others.length, bytes, pastes: true });
}

/** The name of a batch in the journal. */
function keyOf({ copy, n }: BatchRef): string {
  return `${copy}.${n}`;
}

/** Decodes the samples of batches in which an earlier run crashed, in a separate process, and records samples that crash this process. */
async function trySuspects(run: Run, job: Job, output: Output, poison: Map<string, string>): Promise<void> {
  const suspects = [...job.planner.batches()].filter((ref) => output.suspects.has(keyOf(ref)));
  const drawn: Sample[] = [];
  // The source samples that are drawn depend on the annotations of the targets, so the targets are tried first.
  const samples = suspects.flatMap((ref) => ref.samples);
  await trySamples(run, output, poison, samples, []);
  if (!run.dataset.sources || !run.programs) return;
  for (const ref of suspects) drawn.push(...(await job.drawsOf(ref)));
  await trySamples(run, output, poison, [], drawn);
}

/** Decodes samples in a separate process, and records those that crash it. */
async function trySamples(
  { dataset, hooks, programs }: Run,
  output: Output,
  poison: Map<string, string>,
  samples: readonly Sample[],
  sources: readonly Sample[],
): Promise<void> {
  const find = async (set: Dataset, among: readonly Sample[]): Promise<void> => {
    const unique = [...new Map(among.map((sample) => [sample.id, sample])).values()];
    if (!programs || unique.length === 0) return;
    for (const [id, reason] of await findPoison(set, unique, programs.suspects, hooks.stop)) {
      poison.set(id, reason);
      await output.addPoison(id, reason);
    }
  };
  await find(dataset, samples);
  if (dataset.sources) await find(dataset.sources, sources);
}
