import { judgeWith } from '../codecs/judge.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import type { Hooks } from '../engine/hooks.ts';
import { gatherMeasures, type Measured, measureSamples, needsMeasures, type PartReaders } from '../engine/measure.ts';
import { withFiles } from '../engine/option-files.ts';
import { partNumber } from '../engine/part.ts';
import { openChecked, refuseStrange, survey } from '../engine/prepare.ts';
import type { Programs } from '../engine/programs.ts';
import { startThreads } from '../engine/threads.ts';
import { CopyPasteError, interrupted } from '../errors.ts';
import { type AugmentOptions, augmentOptions, type Given, planOptions } from '../options.ts';
import { headOf } from '../output/head.ts';
import type { ManifestHead } from '../output/manifest.ts';
import { openMeasures, type PartNumber, partText } from '../output/measure-file.ts';
import { runText } from '../output/run-file.ts';
import { batchCount } from '../plan/batches.ts';
import type { Measures } from '../plan/measures.ts';
import { resolveOptions } from '../schema.ts';

/** What a run file plans. */
export interface PlannedWork {
  readonly shards: number;
  readonly samples: number;
  /** Batches of all copies; a shard does whole batches. */
  readonly batches: number;
  /** Set if only a part of the samples was measured. */
  readonly measured?: PartNumber & { readonly samples: number };
}

/**
 * Plans a run for many machines: checks and measures the data set, and writes the run file, from which each shard does its part. With
 * `measure` it writes what it has measured of a part of the samples; with `join` it takes the measures from such parts.
 *
 * @param write takes the text of the run file, or of the part, in pieces.
 * @throws {CopyPasteError} as `augment` before its first batch; `usage` for invalid options, and for parts of another run.
 */
export async function plan(
  given: Given<typeof planOptions>,
  write: (text: string) => unknown,
  hooks: Hooks = {},
  programs?: Programs,
): Promise<PlannedWork> {
  if (programs) judgeWith(programs.judge);
  const read = await withFiles(planOptions, given);
  const { shards, fast, measure, join } = resolveOptions(planOptions, read);
  const { shards: _, fast: __, measure: ___, join: ____, ...ofAugment } = read;
  if (measure !== undefined && join !== undefined)
    throw new CopyPasteError('usage', '--measure: not possible with --join; first measure all parts, then join them');
  const piece = measure === undefined ? undefined : partNumber(measure, process.env);
  const options = resolveOptions(augmentOptions, ofAugment);
  const { sources } = options;
  const { dataset, twins } = await openChecked(given, options, hooks);
  hooks.opened?.(dataset);
  const needed = needsMeasures(dataset, options);
  const flag = measure !== undefined ? '--measure' : '--join';
  if (!needed && (measure ?? join) !== undefined)
    throw new CopyPasteError('usage', `${flag}: no option needs measures of the data set; leave it out`);
  const reads = needed && join === undefined;
  const threads = reads ? await startThreads(dataset, options, 'cpu', programs?.worker, hooks) : undefined;
  const { copies, batchSize } = options;
  const work = { shards, samples: dataset.samples.length, batches: copies * batchCount(dataset.samples.length, batchSize) };
  const writeAll = async (texts: AsyncIterable<string>): Promise<void> => {
    for await (const text of texts) {
      if (hooks.stop?.aborted) throw interrupted();
      await write(text);
    }
  };
  try {
    const head = await headOf(dataset, options);
    if (piece) return { ...work, measured: await writePart(piece, { dataset, options, head }, hooks, threads, writeAll) };
    const measures = join === undefined ? await survey(dataset, options, hooks, threads) : await joined(join, { dataset, options, head });
    const folders = { in: options.in, out: options.out, ...(sources !== undefined && { sources }) };
    hooks.meter?.begin('listing files');
    await writeAll(runText({ dataset, folders, head, measures, twins, shards, fast }));
  } finally {
    await threads?.stop();
  }
  return work;
}

/** A data set that is planned. */
interface Planning {
  readonly dataset: SourcedDataset;
  readonly options: AugmentOptions;
  readonly head: ManifestHead;
}

/** Measures a part of the samples, and writes what was measured. */
async function writePart(
  number: PartNumber,
  { dataset, options, head }: Planning,
  hooks: Hooks,
  threads: PartReaders | undefined,
  writeAll: (texts: AsyncIterable<string>) => Promise<void>,
): Promise<NonNullable<PlannedWork['measured']>> {
  await refuseStrange(dataset, options);
  let samples = 0;
  const counted = async function* (): AsyncGenerator<Measured> {
    const piece = { part: number.part - 1, of: number.of };
    for await (const one of measureSamples(dataset, options, hooks, threads, new Map(), piece)) {
      samples++;
      yield one;
    }
  };
  await writeAll(partText(number, head, counted()));
  return { ...number, samples };
}

/** Measures of a file of parts. */
async function joined(path: string, { dataset, options, head }: Planning): Promise<Measures> {
  await refuseStrange(dataset, options);
  return gatherMeasures(dataset, options, (await openMeasures<Measured>(path, head)).samples());
}
