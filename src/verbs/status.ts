import { optionsOfRun } from '../engine/part.ts';
import { CopyPasteError } from '../errors.ts';
import { type Given, statusOptions } from '../options.ts';
import { openRunFile } from '../output/run-file.ts';
import { begunShards, isMerged, missingShards } from '../output/shards.ts';
import { arraysOf, type JobArray, schedulers } from '../schedulers/schedulers.ts';
import { resolveOptions } from '../schema.ts';

/** Progress of a run in shards. */
export interface RunStatus {
  readonly out: string;
  readonly shards: number;
  /** True if the output is complete, with its manifest. */
  readonly merged: boolean;
  /** Shards that are not done, from 1, in order. */
  readonly missing: readonly number[];
  /** Shards among them that have begun, and are in progress or were interrupted. */
  readonly begun: readonly number[];
  /** Arrays of the missing shards, if they were asked for. */
  readonly arrays?: readonly JobArray[];
}

/**
 * Finds the shards of a run that are done.
 *
 * @throws {CopyPasteError} `usage` if the output folder has shards of another run.
 */
export async function status(given: Given<typeof statusOptions>): Promise<RunStatus> {
  const { run: path, out: moved, missing: asked, largest } = resolveOptions(statusOptions, given);
  if (largest !== undefined && asked === undefined)
    throw new CopyPasteError('usage', '--largest: needs --missing; pass --missing slurm, or leave it out');
  const run = await openRunFile(path);
  const { out } = optionsOfRun(run, { out: moved });
  const { shards } = run.head;
  const merged = await isMerged(run, out);
  const missing = merged ? [] : await missingShards(run, out);
  const begun = new Set(await begunShards(run, out));
  return {
    out,
    shards,
    merged,
    missing,
    begun: missing.filter((shard) => begun.has(shard)),
    ...(asked && { arrays: arraysOf(missing, largest ?? (asked === 'parallel' ? shards : schedulers[asked].largest)) }),
  };
}
