import { joinPath } from '../base/paths.ts';
import { judgeWith } from '../codecs/judge.ts';
import { nothingToAugment } from '../dataset/open.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { expectedOf } from '../engine/expected.ts';
import type { Hooks } from '../engine/hooks.ts';
import { moreSources, type Weighted, whyNothing } from '../engine/nothing.ts';
import { withFiles } from '../engine/option-files.ts';
import { optionsOfRun, readPart, shardNumber, wholePart } from '../engine/part.ts';
import { openChecked, survey } from '../engine/prepare.ts';
import type { Programs } from '../engine/programs.ts';
import { type Run, runPart, trySamples } from '../engine/run-part.ts';
import { type AugmentSummary, summaryOf } from '../engine/tally.ts';
import { startThreads } from '../engine/threads.ts';
import { CopyPasteError } from '../errors.ts';
import { type AugmentOptions, augmentOptions, type Given, shardOptions } from '../options.ts';
import { openOutput } from '../output/folder.ts';
import { surveyKey } from '../output/journal.ts';
import { manifestName } from '../output/manifest-file.ts';
import { refuseLinks, refuseOverlaps } from '../output/overlap.ts';
import type { Output } from '../output/run.ts';
import { openRunFile } from '../output/run-file.ts';
import { isShardDone, openShard } from '../output/shards.ts';
import { isThere } from '../output/stored.ts';
import { withBackend } from '../render/backend.ts';
import { resolveOptions } from '../schema.ts';

/**
 * Augments a data set; `augment` in index.ts is its public form.
 *
 * @param programs files of the built tool that threads and processes run; without them, this thread does all work.
 * @throws {CopyPasteError} with one of the codes of `exitCodes`.
 */
export async function augment(given: Given<typeof augmentOptions>, hooks: Hooks = {}, programs?: Programs): Promise<AugmentSummary> {
  if (programs) judgeWith(programs.judge);
  const options = resolveOptions(augmentOptions, await withFiles(augmentOptions, given));
  const { dataset, twins } = await openChecked(given, options, hooks);
  return withFallback(
    options,
    (chosen) => withBackend(chosen.backend, (backend) => write({ dataset, options: chosen, backend, hooks, programs }, twins)),
    hooks,
  );
}

/** Attempts a run, and with `--fallback` once more on the CPU if the backend fails. */
async function withFallback<T>(options: AugmentOptions, attempt: (options: AugmentOptions) => Promise<T>, hooks: Hooks): Promise<T> {
  try {
    return await attempt(options);
  } catch (error) {
    if (!options.fallback || !(error instanceof CopyPasteError) || error.code !== 'unavailable') throw error;
    hooks.fellBack?.(error);
    // Samples that the failed backend has written are kept.
    return attempt({ ...options, backend: 'cpu', overwrite: false });
  }
}

/** Writes the output, unless it is complete. @param twins two files whose names differ by case alone. */
async function write(run: Run, twins: readonly string[]): Promise<AugmentSummary> {
  const { dataset, options, backend, hooks, programs } = run;
  // Threads load while the output is opened; a complete run needs none.
  const complete = !options.dryRun && !options.overwrite && (await isThere(joinPath(options.out, manifestName)));
  const threads = complete ? undefined : await startThreads(dataset, options, backend.name, programs?.worker, hooks);
  let output: Output | undefined;
  try {
    if (complete) hooks.meter?.begin('comparing files');
    if (!options.dryRun) {
      const opened = await openOutput(dataset, options, twins);
      if ('records' in opened) {
        hooks.opened?.(dataset);
        const records = async function* () {
          for await (const record of opened.records()) {
            hooks.done?.(record.id, record);
            yield record;
          }
        };
        const summary = await summaryOf({ ...opened, records }, dataset, options);
        return explained(summary, opened.frame.measures ?? {}, dataset, options, hooks);
      }
      output = opened;
    }
    const poison = new Map(output?.poison);
    if (output?.suspects.has(surveyKey)) await trySamples(run, output, poison, dataset.samples, dataset.sources?.samples ?? []);
    const read = () => survey(dataset, options, hooks, threads, poison);
    const measures = await (output ? output.survey(read) : read());
    hooks.chosen?.(backend);
    hooks.opened?.(dataset);
    const { summary: counted, result } = await runPart({ ...run, measures }, wholePart(dataset, options), threads, output, poison);
    if (counted.samples === 0) throw nothingToAugment(options.in, dataset.split, counted.skipped);
    hooks.meter?.begin('finishing');
    await output?.finish(result);
    const summary = await explained(counted, measures, dataset, options, hooks);
    return options.dryRun ? { ...summary, expected: await expectedOf(dataset, options) } : summary;
  } finally {
    await threads?.stop();
    await output?.close();
  }
}

/** Adds to a summary why nothing was pasted, or what helps samples that found nothing to paste. */
async function explained(
  summary: AugmentSummary,
  measures: Weighted,
  dataset: SourcedDataset,
  options: AugmentOptions,
  { stop }: Hooks,
): Promise<AugmentSummary> {
  const outcome = { ...summary, measures };
  if (summary.augmented === 0) {
    const nothing = await whyNothing(dataset, options, outcome, stop);
    return nothing === undefined ? summary : { ...summary, nothing };
  }
  const isNew = summary.backend !== undefined;
  return isNew && summary.unchanged['no source'] ? { ...summary, ways: await moreSources(dataset, options, outcome, stop) } : summary;
}

/**
 * Does one shard of a run that is planned in a run file. The same call continues an interrupted shard, and leaves one that is done as it is.
 *
 * @returns `undefined` if the shard is done already, or the run is merged.
 * @throws {CopyPasteError} `data` if files of the shard have changed; else as `augment`.
 */
export async function augmentShard(
  given: Given<typeof shardOptions>,
  hooks: Hooks = {},
  programs?: Programs,
): Promise<AugmentSummary | undefined> {
  if (programs) judgeWith(programs.judge);
  const { run: path, shard: asked, in: input, out, sources, ...running } = resolveOptions(shardOptions, given);
  const file = await openRunFile(path);
  const { shards } = file.head;
  const shard = shardNumber(asked, shards, process.env);
  const planned = { ...optionsOfRun(file, { in: input, out, sources }), ...running };
  await refuseOverlaps(planned);
  refuseLinks(planned);
  if (await isShardDone(file, shard, planned.out)) return undefined;
  hooks.meter?.begin('reading the run file');
  const part = await readPart(file, shard - 1, planned);
  const { dataset, measures } = part;
  hooks.meter?.begin('starting');
  const attempt = (options: AugmentOptions): Promise<AugmentSummary | undefined> =>
    withBackend(options.backend, async (backend) => {
      const output = await openShard(file, { shard, out: options.out, dataset });
      if (!output) return undefined;
      const threads = await startThreads(dataset, options, backend.name, programs?.worker, hooks);
      try {
        hooks.chosen?.(backend);
        hooks.opened?.(dataset);
        const run = { dataset, options, backend, hooks, programs, measures };
        const { summary, result } = await runPart(run, part, threads, output, new Map(output.poison));
        hooks.meter?.begin('finishing');
        await output.finish(result);
        return summary;
      } finally {
        await threads?.stop();
        await output.close();
      }
    });
  return withFallback(planned, attempt, hooks);
}
