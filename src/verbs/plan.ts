import { judgeWith } from '../codecs/judge.ts';
import type { Hooks } from '../engine/hooks.ts';
import { needsMeasures } from '../engine/measure.ts';
import { withFiles } from '../engine/option-files.ts';
import { openChecked, survey } from '../engine/prepare.ts';
import type { Programs } from '../engine/programs.ts';
import { startThreads } from '../engine/threads.ts';
import { interrupted } from '../errors.ts';
import { augmentOptions, type Given, planOptions } from '../options.ts';
import { headOf } from '../output/head.ts';
import { runText } from '../output/run-file.ts';
import { batchCount } from '../plan/batches.ts';
import { resolveOptions } from '../schema.ts';

/** What a run file plans. */
export interface PlannedWork {
  readonly shards: number;
  readonly samples: number;
  /** Batches of all copies; a shard does whole batches. */
  readonly batches: number;
}

/**
 * Plans a run for many machines: checks and measures the data set, and writes the run file, from which each shard does its part.
 *
 * @param write takes the text of the run file, in parts.
 * @throws {CopyPasteError} as `augment` before its first batch; `usage` for invalid options.
 */
export async function plan(
  given: Given<typeof planOptions>,
  write: (text: string) => unknown,
  hooks: Hooks = {},
  programs?: Programs,
): Promise<PlannedWork> {
  if (programs) judgeWith(programs.judge);
  const read = await withFiles(planOptions, given);
  const { shards, fast } = resolveOptions(planOptions, read);
  const { shards: _, fast: __, ...ofAugment } = read;
  const options = resolveOptions(augmentOptions, ofAugment);
  const { sources } = options;
  const { dataset, twins } = await openChecked(given, options, hooks);
  hooks.opened?.(dataset);
  const threads = needsMeasures(dataset, options) ? await startThreads(dataset, options, 'cpu', programs?.worker, hooks) : undefined;
  try {
    const measures = await survey(dataset, options, hooks, threads);
    const head = await headOf(dataset, options);
    const folders = { in: options.in, out: options.out, ...(sources !== undefined && { sources }) };
    hooks.meter?.begin('listing files');
    for await (const text of runText({ dataset, folders, head, measures, twins, shards, fast })) {
      if (hooks.stop?.aborted) throw interrupted();
      await write(text);
    }
  } finally {
    await threads?.stop();
  }
  const { copies, batchSize } = options;
  return { shards, samples: dataset.samples.length, batches: copies * batchCount(dataset.samples.length, batchSize) };
}
