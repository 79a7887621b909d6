import { joinPath } from '../base/paths.ts';
import { rangesOf } from '../base/ranges.ts';
import { nothingToAugment } from '../dataset/open.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import type { Hooks } from '../engine/hooks.ts';
import { whyNothing } from '../engine/nothing.ts';
import { datasetOf, measuresOf, optionsOfRun, type PartFiles, refuseChangedFiles } from '../engine/part.ts';
import { type AugmentSummary, createTally, summaryOf, totalsOf } from '../engine/tally.ts';
import { CopyPasteError, interrupted } from '../errors.ts';
import type { ListedImage } from '../formats/image-lists.ts';
import { type AugmentOptions, type Given, mergeOptions } from '../options.ts';
import { isMissing } from '../output/files.ts';
import { batchesIn, type DonePart, finishRun, isCopied } from '../output/finish.ts';
import { removeLostCopies } from '../output/journal-place.ts';
import { manifestName, openManifest } from '../output/manifest-file.ts';
import { openRunFile, type RunFile } from '../output/run-file.ts';
import { isMerged, missingShards, removeShards, withRecordFiles } from '../output/shards.ts';
import { createVariants } from '../output/variants.ts';
import { resolveOptions } from '../schema.ts';
import type { Sample } from '../types.ts';

/** A run that is merged. */
export interface Merged {
  readonly summary: AugmentSummary;
  readonly options: AugmentOptions;
  readonly shards: number;
  /** True if an earlier call has merged it. */
  readonly again: boolean;
}

/**
 * Makes the rest of a run's output from the record files of its shards: the files that describe several samples, then `manifest.json`. The
 * same call continues an interrupted merge, and leaves a complete output as it is.
 *
 * @throws {CopyPasteError} `noInput` if shards are missing, `usage` if a record file is of another run, `data` if a file that is copied has
 * changed.
 */
export async function merge(given: Given<typeof mergeOptions>, hooks: Hooks = {}): Promise<Merged> {
  const { run: path, in: input, out: folder, sources } = resolveOptions(mergeOptions, given);
  const run = await openRunFile(path);
  const options = optionsOfRun(run, { in: input, out: folder, sources });
  const { out } = options;
  const merged = { options, shards: run.head.shards };
  const mergedBefore = async (): Promise<Merged> => {
    await removeShards(out);
    const dataset = datasetOf(run, options, { samples: [], others: [], sources: [] });
    const summary = await summaryOf(await openManifest(joinPath(out, manifestName)), dataset, options);
    return { ...merged, summary: await explained(summary, run, options, hooks), again: true };
  };
  await removeLostCopies(out);
  if (await isMerged(run, out)) return mergedBefore();
  const missing = await missingShards(run, out);
  if (missing.length > 0) {
    const what = missing.length === 1 ? 'shard is' : 'shards are';
    throw new CopyPasteError('noInput', `${what} not done: ${rangesOf(missing)} of ${run.head.shards}; do the rest first`, { path: out });
  }
  const summary = await mergeShards(run, options, hooks).catch(async (error: unknown) => {
    // Another merge may have ended meanwhile, and removed the record files.
    if (isMissing(error) && (await isMerged(run, out))) return undefined;
    throw error;
  });
  if (!summary) return mergedBefore();
  await removeShards(out);
  return { ...merged, summary: await explained(summary, run, options, hooks), again: false };
}

/** Adds to a summary why nothing was pasted. */
async function explained(summary: AugmentSummary, run: RunFile, options: AugmentOptions, { stop }: Hooks): Promise<AugmentSummary> {
  if (summary.augmented > 0) return summary;
  const dataset = await wholeDataset(run, options, true);
  const nothing = await whyNothing(dataset, options, { ...summary, measures: measuresOf(run.head.manifest) }, stop);
  return nothing === undefined ? summary : { ...summary, nothing };
}

async function mergeShards(run: RunFile, options: AugmentOptions, hooks: Hooks): Promise<AugmentSummary> {
  const { manifest: head, augmented } = run.head;
  const dataset = await wholeDataset(run, options);
  hooks.opened?.(dataset);
  const measures = measuresOf(head);
  const tally = createTally(dataset, undefined, options, measures);
  const variants = createVariants(dataset, options);
  const finish = async (parts: readonly DonePart[]): Promise<AugmentSummary> => {
    hooks.meter?.begin('reading records', { count: options.copies * augmented.samples });
    let copied = 0;
    for await (const { end, outcomes, read } of batchesIn(parts)) {
      if (hooks.stop?.aborted) throw interrupted();
      tally.read(read);
      for (const outcome of outcomes) {
        if (outcome.record) variants.add(outcome.record);
        if (isCopied(end)) copied++;
        else {
          tally.add(outcome);
          hooks.meter?.add();
          hooks.done?.(outcome.id, outcome.record);
        }
      }
    }
    const summary = tally.summary(copied, 0);
    if (summary.samples === 0) throw nothingToAugment(options.in, dataset.split, summary.skipped);
    hooks.meter?.begin('finishing');
    await finishRun({ dataset, options, head, measures }, parts, totalsOf(summary), variants.variants());
    return summary;
  };
  return withRecordFiles(run, options.out, finish);
}

/** The data set of a run. Its samples are read only if a file that describes several needs them. @param all reads all samples. */
async function wholeDataset(run: RunFile, options: AugmentOptions, all = false): Promise<SourcedDataset> {
  const [samples, others, sources]: [Sample[], Sample[], Sample[]] = [[], [], []];
  const lists = new Map<string, readonly string[]>();
  const imageLists = new Map<string, readonly ListedImage[]>();
  const files: PartFiles = { in: [], sources: [] };
  for await (const line of run.lines()) {
    const isNeeded = all || run.head.dataset.documents.size + imageLists.size > 0;
    if (line.kind === 'ids') lists.set(line.path, line.of);
    else if (line.kind === 'images') imageLists.set(line.path, line.of);
    else if (line.kind === 'in') files.in.push({ ...line.file, whole: true });
    else if (line.kind === 'sample' && isNeeded) samples.push(line.sample);
    else if (line.kind === 'other' && isNeeded) others.push(line.sample);
    else if (line.kind === 'source' && all) sources.push(line.sample);
  }
  const dataset = datasetOf(run, options, { samples, others, lists, imageLists, sources });
  await refuseChangedFiles(dataset, files);
  return dataset;
}
