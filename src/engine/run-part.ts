/** Runs a part of a run: batches and copies, with a journal, and a search for samples that crash the process. */
import type { List } from '../base/list.ts';
import { chunksOf, inParts } from '../base/parts.ts';
import type { Dataset } from '../dataset/open.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import type { AugmentOptions } from '../options.ts';
import { batchKey } from '../output/finish.ts';
import { possibleFiles } from '../output/names.ts';
import type { Output, Result } from '../output/run.ts';
import { createVariants, variantSuffix } from '../output/variants.ts';
import type { Measures } from '../plan/measures.ts';
import type { Backend } from '../render/backends.ts';
import type { Renderer } from '../render/render.ts';
import type { Sample } from '../types.ts';
import { jobsOf } from './budget.ts';
import { copiesOf } from './copies.ts';
import type { Hooks } from './hooks.ts';
import { bytesOfImages } from './images.ts';
import { inOrder } from './in-order.ts';
import { createJob, type Job } from './job.ts';
import type { Part } from './part.ts';
import type { BatchRef } from './planner.ts';
import type { Programs } from './programs.ts';
import { createSteps } from './steps.ts';
import { findPoison } from './suspects.ts';
import { type AugmentSummary, createTally, totalsOf } from './tally.ts';
import type { Threads } from './threads.ts';

/** One run: its data set and everything that works on it. */
export interface Run {
  readonly dataset: SourcedDataset;
  readonly options: AugmentOptions;
  readonly backend: Backend & Renderer;
  readonly hooks: Hooks;
  readonly programs: Programs | undefined;
}

/**
 * Makes the samples of a part of a run.
 *
 * @param output absent in a dry run.
 * @param poison reason to skip each sample that crashes a process, by id; those that are found are added.
 */
export async function runPart(
  run: Run & { readonly measures: Measures },
  part: Part,
  threads: Threads | undefined,
  output: Output | undefined,
  poison: Map<string, string>,
): Promise<{ readonly summary: AugmentSummary; readonly result: Result }> {
  const { dataset, options, measures, backend, hooks } = run;
  const job = createJob(dataset, options, measures, backend, {
    poison,
    stopped: () => hooks.stop?.aborted === true,
    home: output?.home,
    meter: hooks.meter,
  });
  if (output && output.suspects.size > 0) await trySuspects(run, part, job, output, poison);
  const steps = createSteps(output, hooks);
  const tally = createTally(dataset, backend.name, options, measures);
  const variants = createVariants(dataset, options);
  const filesOf = (samples: readonly Sample[], suffix: string) => samples.flatMap((sample) => possibleFiles(sample, suffix, options));
  const begin = (ref: BatchRef) =>
    steps.begin(batchKey(ref.copy, ref.n), ref.samples, filesOf(ref.samples, variantSuffix(ref.copy, options)), () =>
      threads ? threads.begin(ref, measures, poison, output?.home) : job.begin(ref),
    );
  beginAugmenting(part, dataset, hooks);
  for await (const batch of inOrder(part.batches(), begin, threads?.ahead ?? 1)) {
    tally.read(batch.read);
    for (const outcome of await steps.end(batch)) {
      tally.add(outcome);
      if (outcome.record) variants.add(outcome.record);
    }
  }
  const copied = copiesOf({ originals: part.originals, others: dataset.others }, tally.skipped);
  for (const stage of ['originals', 'others'] as const) {
    const { samples: all, reason } = copied[stage];
    let n = 0;
    for (const samples of chunksOf(all)) {
      const batch = await steps.begin(batchKey(stage, n++), samples, filesOf(samples, ''), async () => {
        const outcomes = await inParts(samples, jobsOf(options), (sample) => job.copy(sample, reason));
        return { results: outcomes.map((outcome) => Promise.resolve(outcome)), read: [] };
      });
      for (const { record } of await steps.end(batch)) if (record) variants.add(record);
    }
  }
  const summary = tally.summary(copied.originals.samples.length + copied.others.samples.length, steps.reused());
  return { summary, result: { totals: totalsOf(summary), keys: steps.keys, variants: variants.variants(), measures } };
}

/** Begins the stage of all samples that are written; a copied one takes about half the time of another. */
function beginAugmenting(part: Part, { others }: Dataset, { meter }: Hooks): void {
  const { count: samples, bytes: images } = part.amount;
  const count = samples + part.originals.length + others.length;
  const bytes = images + bytesOfImages(part.originals) + bytesOfImages(others);
  meter?.begin('augmenting', { count, bytes, pastes: true });
}

/** Decodes the samples of batches in which an earlier run crashed, in a separate process, and records samples that crash this process. */
async function trySuspects(run: Run, part: Part, job: Job, output: Output, poison: Map<string, string>): Promise<void> {
  const suspects: BatchRef[] = [];
  for (const ref of part.batches()) if (output.suspects.has(batchKey(ref.copy, ref.n))) suspects.push(ref);
  // The source samples that are drawn depend on the annotations of the targets, so the targets are tried first.
  const samples = suspects.flatMap((ref) => ref.samples);
  await trySamples(run, output, poison, samples, []);
  if (!run.dataset.sources || !run.programs) return;
  const drawn: Sample[] = [];
  for (const ref of suspects) drawn.push(...(await job.drawsOf(ref)));
  await trySamples(run, output, poison, [], drawn);
}

/** Decodes samples in a separate process, and records those that crash it. */
export async function trySamples(
  { dataset, hooks, programs }: Run,
  output: Output,
  poison: Map<string, string>,
  samples: List<Sample>,
  sources: List<Sample>,
): Promise<void> {
  const find = async (set: Dataset, among: List<Sample>): Promise<void> => {
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
