import { availableParallelism } from 'node:os';
import { memoryOf } from './budget.ts';
import { CopyPasteError } from './errors.ts';
import type { OutcomeBatch } from './job.ts';
import type { AugmentOptions } from './options.ts';
import { type BatchRef, jobsOf } from './pipeline.ts';
import type { SourcedDataset } from './read/sources.ts';
import type { WorkerData, WorkerResult } from './worker.ts';

/** Samples under which starting threads takes longer than they save. */
const worthwhile = 200;

/**
 * Threads for so many samples; 0 where this thread does the work itself. Codecs run in libuv's threads anyway: a thread
 * of ours plans, pastes and filters for two of those. Even where there are few cores one is better than none: its
 * young generation can be kept small.
 */
export function threadsFor(samples: number, options: AugmentOptions): number {
  // From TypeScript, as in tests, there is no worker to run.
  if (samples < worthwhile || !import.meta.url.endsWith('.js')) return 0;
  const cores = availableParallelism();
  const batches = Math.ceil(samples / options.batchSize);
  return Math.min(cores <= 4 ? 1 : Math.ceil(cores / 2), jobsOf(options), batches);
}

/** Threads that do batches of `augment`. */
export async function startThreads(
  count: number,
  dataset: SourcedDataset,
  options: AugmentOptions,
  poison: ReadonlyMap<string, string>,
  stop: AbortSignal | undefined,
) {
  const { default: Tinypool } = await import('tinypool');
  const shared = new Int32Array(new SharedArrayBuffer(4));
  stop?.addEventListener('abort', () => Atomics.store(shared, 0, 1));
  const workerData: WorkerData = {
    dataset,
    options: { ...options, jobs: Math.ceil(jobsOf(options) / count), memory: memoryOf(options) / count },
    poison,
    stop: shared,
  };
  const pool = new Tinypool({
    filename: new URL('./worker.js', import.meta.url).href,
    minThreads: count,
    maxThreads: count,
    // While one batch ends the next begins.
    concurrentTasksPerWorker: 2,
    useAtomics: false,
    workerData,
    // With V8's default of 16 MB a thread that mostly handles memory outside the heap marks all of it every few samples.
    resourceLimits: { maxYoungGenerationSizeMb: 3 },
  });
  let broken: unknown;
  // A thread that dies between batches, or before its first, fails the run; the batches in line would wait for ever.
  pool.on('error', (error) => {
    broken ??= error;
    void pool.destroy();
  });
  return {
    /** Batches that the threads have in hand at once. */
    ahead: 2 * count,
    async begin(ref: BatchRef): Promise<OutcomeBatch> {
      if (broken !== undefined) throw broken;
      const result: WorkerResult = await pool.run(ref).catch((error: unknown) => {
        throw broken ?? error;
      });
      if ('error' in result) throw new CopyPasteError(result.error.code, result.error.message, { offenders: result.error.offenders });
      return { results: result.outcomes.map((outcome) => Promise.resolve(outcome)), read: result.read };
    },
    stop: () => pool.destroy(),
  };
}
