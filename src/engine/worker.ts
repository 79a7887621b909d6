/** Program of a worker thread of `augment`: measures samples, and runs whole batches and returns their outcomes. */
import { deserialize } from 'node:v8';
import Tinypool from 'tinypool';
import { type Counters, createMeter } from '../base/meter.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { CopyPasteError, type ErrorCode } from '../errors.ts';
import type { AugmentOptions } from '../options.ts';
import type { ClassCount, Outcome } from '../output/outcomes.ts';
import type { Role } from '../plan/gauge.ts';
import type { Measures } from '../plan/measures.ts';
import { openRenderer } from '../render/backend.ts';
import type { BackendName } from '../render/backends.ts';
import type { Sample, Size } from '../types.ts';
import { createJob, type Job } from './job.ts';
import { createPartReader, type MeasuredSample, type ReadParts } from './measure.ts';
import type { BatchRef } from './planner.ts';

export interface WorkerData {
  readonly dataset: SourcedDataset;
  readonly options: AugmentOptions;
  readonly backend: BackendName;
  /** One shared number, 0 until the run is stopped. */
  readonly stop: Int32Array;
  /** Counters of the run's meter. */
  readonly counters: Counters;
}

/** Work of a thread: samples to measure, or a batch to run. */
export type WorkerTask = MeasureTask | BatchTask;

interface MeasureTask {
  readonly samples: readonly Sample[];
  readonly role: Role;
  /** Size that stands for the sizes of all targets. */
  readonly frame: Size;
}

interface BatchTask {
  readonly ref: BatchRef;
  /** Measures of the run, which all batches share, as `v8.serialize` writes them. */
  readonly measures: Uint8Array<SharedArrayBuffer>;
  /** Reason to skip each sample that crashes a process, by id. */
  readonly poison: ReadonlyMap<string, string>;
  /** Identity of the output folder, if the run has one. */
  readonly home: string | undefined;
}

/** Outcomes of a batch. */
export interface BatchOutcomes {
  readonly outcomes: Outcome[];
  readonly read: readonly ClassCount[];
}

/** Result of a task. An error is plain data, since only the message of an `Error` crosses a thread boundary. */
export type WorkerResult<T> =
  | { readonly value: T }
  | {
      readonly error: {
        readonly code: ErrorCode;
        readonly what: string;
        readonly path: string | undefined;
        readonly offenders: readonly string[];
      };
    };

const { dataset, options, backend, stop, counters } = Tinypool.workerData as WorkerData;
const meter = createMeter(counters);
const poison = new Map<string, string>();
const stopped = (): boolean => Atomics.load(stop, 0) !== 0;
const opening = openRenderer(backend);
// The first batch throws the error.
opening.catch(() => {});
let job: Promise<Job> | undefined;
let reader: ReadParts | undefined;

/** @public Called by the pool. */
export default async function work(task: WorkerTask): Promise<WorkerResult<MeasuredSample[] | BatchOutcomes>> {
  try {
    return { value: 'ref' in task ? await run(task) : await read(task) };
  } catch (error) {
    if (!(error instanceof CopyPasteError)) throw error;
    const { code, what, path, offenders } = error;
    return { error: { code, what, path, offenders } };
  }
}

function read({ samples, role, frame }: MeasureTask): Promise<MeasuredSample[]> {
  reader ??= createPartReader(dataset, options, frame, stopped, meter);
  return reader(samples, role);
}

async function run({ ref, measures, poison: known, home }: BatchTask): Promise<BatchOutcomes> {
  for (const [id, reason] of known) poison.set(id, reason);
  job ??= opening.then((opened) =>
    createJob(dataset, options, deserialize(Buffer.from(measures)) as Measures, opened, { poison, stopped, home, meter }),
  );
  const { results, read } = await (await job).begin(ref);
  try {
    return { outcomes: await Promise.all(results), read };
  } finally {
    await Promise.allSettled(results);
  }
}
