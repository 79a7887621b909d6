/** Program of a worker thread of `augment`: runs whole batches and returns their outcomes. */
import Tinypool from 'tinypool';
import type { SourcedDataset } from '../dataset/sources.ts';
import { CopyPasteError, type ErrorCode } from '../errors.ts';
import type { AugmentOptions } from '../options.ts';
import type { ClassCount, Outcome } from '../output/outcomes.ts';
import type { Measures } from '../plan/measures.ts';
import { openRenderer } from '../render/backend.ts';
import type { BackendName } from '../render/backends.ts';
import { createJob } from './job.ts';
import type { BatchRef } from './planner.ts';

export interface WorkerData {
  readonly dataset: SourcedDataset;
  readonly options: AugmentOptions;
  readonly measures: Measures;
  readonly backend: BackendName;
  /** One shared number, 0 until the run is stopped. */
  readonly stop: Int32Array;
}

/** A batch to run. */
export interface WorkerTask {
  readonly ref: BatchRef;
  /** Reason to skip each sample that crashes a process, by id. */
  readonly poison: ReadonlyMap<string, string>;
}

/** Result of a batch. An error is plain data, since only the message of an `Error` crosses a thread boundary. */
export type WorkerResult =
  | { readonly outcomes: Outcome[]; readonly read: readonly ClassCount[] }
  | { readonly error: { readonly code: ErrorCode; readonly message: string; readonly offenders: readonly string[] } };

const { dataset, options, measures, backend, stop } = Tinypool.workerData as WorkerData;
const poison = new Map<string, string>();
const opening = openRenderer(backend).then((opened) =>
  createJob(dataset, options, measures, opened, { poison, stopped: () => Atomics.load(stop, 0) !== 0 }),
);
// The first batch throws the error.
opening.catch(() => {});

/** @public Called by the pool. */
export default async function work({ ref, poison: known }: WorkerTask): Promise<WorkerResult> {
  for (const [id, reason] of known) poison.set(id, reason);
  try {
    const { results, read } = await (await opening).begin(ref);
    try {
      return { outcomes: await Promise.all(results), read };
    } finally {
      await Promise.allSettled(results);
    }
  } catch (error) {
    if (!(error instanceof CopyPasteError)) throw error;
    const { code, message, offenders } = error;
    return { error: { code, message, offenders } };
  }
}
