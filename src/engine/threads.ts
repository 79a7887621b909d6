import { availableParallelism } from 'node:os';
import type { SourcedDataset } from '../dataset/sources.ts';
import { CopyPasteError } from '../errors.ts';
import type { AugmentOptions } from '../options.ts';
import type { BackendName, Sample } from '../types.ts';
import { jobsOf, memoryOf } from './budget.ts';
import type { OutcomeBatch } from './job.ts';
import type { BatchRef } from './planner.ts';
import type { WorkerData, WorkerResult, WorkerTask } from './worker.ts';

/** Starting threads takes longer than they save with fewer samples than this, or as many pixels. */
const worthwhile = { samples: 200, pixels: 250e6 };

/**
 * Threads for the copies of samples; 0 where this thread does the work itself. Codecs run in libuv's threads anyway: a thread
 * of ours plans, pastes and filters for two of those. Two cores take two nevertheless: what one leaves idle, a quarter of them, the other
 * halves.
 */
function threadsFor(samples: readonly Sample[], options: AugmentOptions, backend: BackendName): number {
  // TensorFlow's binding is loaded once for a process.
  if (backend === 'tensorflow') return 0;
  const { copies, batchSize } = options;
  const pixels = samples.reduce((sum, { size: { width, height } }) => sum + width * height, 0);
  if (copies * samples.length < worthwhile.samples && copies * pixels < worthwhile.pixels) return 0;
  const cores = availableParallelism();
  const batches = copies * Math.ceil(samples.length / batchSize);
  return Math.min(cores, Math.max(2, Math.ceil(cores / 2)), jobsOf(options), batches);
}

/** Threads that do batches of `augment`. */
export interface Threads {
  /** Number of batches under way at once. */
  readonly ahead: number;
  /** Does a batch. @param poison samples that kill a process, with the reason to skip each. */
  begin(ref: BatchRef, poison: ReadonlyMap<string, string>): Promise<OutcomeBatch>;
  stop(): Promise<void>;
}

/** Starts threads; none where this thread does the work itself. @param worker the file that threads run. */
export async function startThreads(
  dataset: SourcedDataset,
  options: AugmentOptions,
  backend: BackendName,
  worker: URL | undefined,
  stop: AbortSignal | undefined,
): Promise<Threads | undefined> {
  const count = threadsFor(dataset.samples, options, backend);
  if (count === 0 || worker === undefined) return undefined;
  const { default: Tinypool } = await import('tinypool');
  const shared = new Int32Array(new SharedArrayBuffer(4));
  stop?.addEventListener('abort', () => Atomics.store(shared, 0, 1));
  const workerData: WorkerData = {
    // Samples come with their batches: a thread that had them all would take memory that grows with them.
    dataset: { ...dataset, samples: [], others: [], skipped: [], leftBehind: [], lists: new Map() },
    options: { ...options, jobs: Math.ceil(jobsOf(options) / count), memory: memoryOf(options) / count },
    backend,
    stop: shared,
  };
  const pool = new Tinypool({
    filename: worker.href,
    minThreads: count,
    maxThreads: count,
    // While one batch ends the next begins.
    concurrentTasksPerWorker: 2,
    useAtomics: false,
    workerData,
    // With V8's default of 16 MB a thread that mostly handles memory outside the heap marks all of it every few samples.
    // With more than 2 GB for the old one V8 lets four times what is in use pile up before it marks.
    resourceLimits: { maxYoungGenerationSizeMb: 6, maxOldGenerationSizeMb: 2000 },
  });
  let broken: unknown;
  // A thread that dies between batches, or before its first, fails the run; the batches in line would wait for ever.
  pool.on('error', (error) => {
    broken ??= error;
    void pool.destroy();
  });
  return {
    ahead: 2 * count,
    async begin(ref, poison): Promise<OutcomeBatch> {
      if (broken !== undefined) throw broken;
      const task: WorkerTask = { ref, poison };
      const result: WorkerResult = await pool.run(task).catch((error: unknown) => {
        throw broken ?? error;
      });
      if ('error' in result) throw new CopyPasteError(result.error.code, result.error.message, { offenders: result.error.offenders });
      // Tinypool's promises stay reachable for V8 until it marks the whole heap; what they bring is taken out of them.
      return { results: result.outcomes.splice(0).map((outcome) => Promise.resolve(outcome)), read: result.read };
    },
    stop: () => pool.destroy(),
  };
}
