/** Work before the first batch: a data set is opened, checked with the options, and measured. */
import { refuseIdleInstances } from '../dataset/join.ts';
import type { Dataset } from '../dataset/open.ts';
import { openSourced, type SourcedDataset } from '../dataset/sources.ts';
import { refuseUnknownIds } from '../dataset/unknown-ids.ts';
import { refuseStrangeValues } from '../dataset/values.ts';
import { CopyPasteError } from '../errors.ts';
import type { AugmentOptions, augmentOptions, Given } from '../options.ts';
import { checkNames } from '../output/names.ts';
import { refuseLinks, refuseOverlaps } from '../output/overlap.ts';
import type { Measures } from '../plan/measures.ts';
import type { Hooks } from './hooks.ts';
import { measure, type PartReaders } from './measure.ts';
import { refuseUnfit } from './unfit.ts';

/** A data set to augment. */
interface Checked {
  readonly dataset: SourcedDataset;
  /** Two files of the run whose names differ only in case; empty if there are none. */
  readonly twins: readonly string[];
}

/**
 * Opens a data set to augment, and checks that the options fit it.
 *
 * @param given instances as the caller gave them, before defaults.
 * @throws {CopyPasteError} with the first problem.
 */
export async function openChecked(
  given: Pick<Given<typeof augmentOptions>, 'instances'>,
  options: AugmentOptions,
  { meter }: Hooks,
): Promise<Checked> {
  // A dry run needs no folder.
  if (options.out !== '') await refuseOverlaps(options);
  refuseLinks(options);
  const dataset = await openSourced(options, meter);
  meter?.begin('starting');
  refuseIdleInstances(given.instances, (dataset.sources ?? dataset).layout);
  refuseUnfit(dataset, options);
  await refuseUnknownIds(dataset, options);
  if (options.maskFiles) refuseMasks(dataset);
  return { dataset, twins: checkNames(dataset, options) };
}

/** Refuses `--mask-files`. @throws {CopyPasteError} `usage` when the layout has masks of its own, or classes have no names. */
function refuseMasks({ layout, samples, classNames }: Dataset): void {
  if (samples.some(({ mask }) => mask !== undefined))
    throw new CopyPasteError('usage', `--mask-files: the ${layout} layout has masks of its own; leave the option out`);
  if (classNames.size === 0) throw new CopyPasteError('usage', '--mask-files: classes have no names; pass --class-names FILE');
}

/**
 * Reads masks, or all annotations, before the plans are made: refuses masks whose values are not class ids, and measures the data set.
 *
 * @param threads reads the samples; without it, this thread does.
 * @param poison ids of samples that crash a process, which are not read.
 */
export async function survey(
  dataset: SourcedDataset,
  options: AugmentOptions,
  hooks: Hooks,
  threads?: PartReaders,
  poison: ReadonlyMap<string, string> = new Map(),
): Promise<Measures> {
  await refuseStrange(dataset, options, poison);
  return measure(dataset, options, hooks, threads, poison);
}

/** Refuses masks whose values are not class ids, unless bad samples are skipped. @throws {CopyPasteError} `data` if there are some. */
export async function refuseStrange(
  dataset: SourcedDataset,
  { skipBad }: Pick<AugmentOptions, 'skipBad'>,
  poison: ReadonlyMap<string, string> = new Map(),
): Promise<void> {
  if (!skipBad) await refuseStrangeValues(dataset.sources ?? dataset, poison);
}
