import { availableParallelism } from 'node:os';
import { serialize } from 'node:v8';
import type { List } from '../base/list.ts';
import { createMeter } from '../base/meter.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { CopyPasteError, codeOf, messageOf } from '../errors.ts';
import type { AugmentOptions } from '../options.ts';
import { batchCount } from '../plan/batches.ts';
import type { Role } from '../plan/gauge.ts';
import type { Measures } from '../plan/measures.ts';
import { type BackendName, backends } from '../render/backends.ts';
import type { Sample, Size } from '../types.ts';
import { jobsOf, memoryOf } from './budget.ts';
import type { Hooks } from './hooks.ts';
import type { OutcomeBatch } from './job.ts';
import type { MeasuredSample } from './measure.ts';
import type { BatchRef } from './planner.ts';
import type { BatchOutcomes, WorkerData, WorkerResult, WorkerTask } from './worker.ts';

/** Minimum work, in samples or in pixels, for threads to save more time than they take to start. */
const worthwhile = { samples: 200, pixels: 250e6 };

/** Tests if threads save time. */
export function isWorthThreads({ samples, pixels }: { readonly samples: number; readonly pixels: number }): boolean {
  return samples >= worthwhile.samples || pixels >= worthwhile.pixels;
}

/**
 * Number of worker threads; 0 if this thread does the work itself. Codecs run in libuv's threads, and one worker keeps two of these busy.
 * Two cores still get two workers: with one worker the cores are idle a quarter of the time, with two an eighth.
 */
function threadsFor(samples: List<Sample>, options: AugmentOptions, backend: BackendName): number {
  if (!backends[backend].threads) return 0;
  const { copies, batchSize } = options;
  const pixels = samples.reduce((sum, { size: { width, height } }) => sum + width * height, 0);
  if (!isWorthThreads({ samples: copies * samples.length, pixels: copies * pixels })) return 0;
  const cores = availableParallelism();
  const batches = copies * batchCount(samples.length, batchSize);
  return Math.min(cores, Math.max(2, Math.ceil(cores / 2)), jobsOf(options), batches);
}

/** Worker threads that run batches of `augment`. */
export interface Threads {
  /** Number of batches that begin early. */
  readonly ahead: number;
  /** Reads samples for a measurement. @param frame size that stands for the sizes of all targets. */
  readParts(samples: readonly Sample[], role: Role, frame: Size): Promise<MeasuredSample[]>;
  /**
   * Runs a batch.
   *
   * @param poison reason to skip each sample that crashes a process, by id.
   * @param home identity of the output folder, if the run has one.
   */
  begin(ref: BatchRef, measures: Measures, poison: ReadonlyMap<string, string>, home?: string): Promise<OutcomeBatch>;
  stop(): Promise<void>;
}

/** Starts the threads of a pool. @throws {CopyPasteError} `io` when the system starts no more threads. */
function openPool<O, P>(Pool: new (options: O) => P, options: O): P {
  try {
    return new Pool(options);
  } catch (cause) {
    if (codeOf(cause) !== 'ERR_WORKER_INIT_FAILED') throw cause;
    const what = `cannot start a thread (${messageOf(cause)}); raise the limit of processes or lower --jobs, and run the same command again`;
    throw new CopyPasteError('io', what, { cause });
  }
}

/** Creates a function that puts a value into memory that threads share, once: a message would copy it for each batch. */
function createShare<T extends object>(): (value: T) => Uint8Array<SharedArrayBuffer> {
  const shared = new WeakMap<T, Uint8Array<SharedArrayBuffer>>();
  return (value) => {
    const known = shared.get(value);
    if (known) return known;
    const bytes = serialize(value);
    const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
    copy.set(bytes);
    shared.set(value, copy);
    return copy;
  };
}

/** Starts worker threads; returns `undefined` if this thread does the work itself. @param worker file that threads run. */
export async function startThreads(
  dataset: SourcedDataset,
  options: AugmentOptions,
  backend: BackendName,
  worker: URL | undefined,
  { stop, meter = createMeter() }: Pick<Hooks, 'stop' | 'meter'>,
): Promise<Threads | undefined> {
  const count = threadsFor(dataset.samples, options, backend);
  if (count === 0 || worker === undefined) return undefined;
  const { default: Tinypool } = await import('tinypool');
  const shared = new Int32Array(new SharedArrayBuffer(4));
  const tell = (): void => void Atomics.store(shared, 0, 1);
  if (stop?.aborted) tell();
  stop?.addEventListener('abort', tell, { once: true });
  const workerData: WorkerData = {
    // Samples come with their batches, so that the memory of a thread does not grow with the data set.
    dataset: {
      ...dataset,
      ...{ samples: [], others: [], skipped: [], leftBehind: [], lists: new Map() },
      // A packed list cannot be sent to a thread.
      ...(dataset.sources && { sources: { ...dataset.sources, samples: [...dataset.sources.samples] } }),
    },
    options: { ...options, jobs: Math.ceil(jobsOf(options) / count), memory: memoryOf(options) / count },
    backend,
    stop: shared,
    counters: meter.counters,
  };
  const pool = openPool(Tinypool, {
    filename: worker.href,
    minThreads: count,
    maxThreads: count,
    // The next batch begins before the previous one ends.
    concurrentTasksPerWorker: 2,
    useAtomics: false,
    workerData,
    // With V8's default of 16 MB for the young generation, a thread that mostly handles memory outside the heap marks the whole heap
    // every few samples. With more than 2 GB for the old generation, V8 lets garbage grow to four times the live memory before it marks.
    resourceLimits: { maxYoungGenerationSizeMb: 6, maxOldGenerationSizeMb: 2000 },
  });
  const share = createShare<Measures>();
  let broken: unknown;
  const destroy = async (): Promise<void> => {
    stop?.removeEventListener('abort', tell);
    // Tinypool waits for threads with Node's `once`, which calls this method when a second thread fails; its workers lack it.
    for (const worker of pool.threads) Object.assign(worker, { removeListener: () => {} });
    await pool.destroy().catch((error: unknown) => {
      broken ??= error;
    });
  };
  // A thread that dies between batches must fail the run, since waiting batches would never begin.
  pool.on('error', (error) => {
    broken ??= error;
    void destroy();
  });
  const run = async <T>(task: WorkerTask): Promise<T> => {
    if (broken !== undefined) throw broken;
    const result: WorkerResult<T> = await pool.run(task).catch((error: unknown) => {
      throw broken ?? error;
    });
    if ('error' in result) {
      const { code, what, path, offenders } = result.error;
      throw new CopyPasteError(code, what, { offenders, ...(path !== undefined && { path }) });
    }
    return result.value;
  };
  return {
    ahead: 2 * count,
    readParts: (samples, role, frame) => run({ samples, role, frame }),
    async begin(ref, measures, poison, home): Promise<OutcomeBatch> {
      const result = await run<BatchOutcomes>({ ref, measures: share(measures), poison, home });
      // Tinypool's promises stay in memory until V8 marks the whole heap, so outcomes are removed from their results.
      return { results: result.outcomes.splice(0).map((outcome) => Promise.resolve(outcome)), read: result.read };
    },
    stop: destroy,
  };
}
