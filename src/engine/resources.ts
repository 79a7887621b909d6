/** Processors and memory that a shard of a run needs, from the sizes of the images in its run file. */
import { archiveInPath } from '../archives/archive.ts';
import { keptBytes } from '../archives/parquet-leaves.ts';
import { indexed } from '../archives/store.ts';
import type { RunFile } from '../output/run-file.ts';
import { batchCount } from '../plan/batches.ts';
import type { RunResources } from '../schedulers/job-files.ts';
import { bytesOfImage } from './images.ts';
import { givenOptions } from './origin.ts';
import { isWorthThreads } from './threads.ts';

const mebi = 2 ** 20;
/** Bytes of the program with its codecs, of a worker thread, and of a sample that a shard knows. `merge` needs no more than a small shard. */
const own = { program: 130 * mebi, thread: 45 * mebi, sample: 2000 };
/** Images in progress for each of `--jobs`, in sizes of the largest one: half for decoded images, half for the work on one target. */
const imagesOfJob = 12;

/**
 * Finds what a shard needs. The run file is read once.
 *
 * @throws {CopyPasteError} `data` if the run file is damaged.
 */
export async function resourcesOf(run: RunFile): Promise<RunResources> {
  const { head } = run;
  const { copies, batchSize } = givenOptions(head.manifest, run.folders);
  let [largest, sources, archived] = [0, 0, 0];
  let hasPages = false;
  for await (const line of run.lines()) {
    if (!('sample' in line)) continue;
    if (line.sample.image.search(archiveInPath) >= 0) archived += line.files.length;
    hasPages ||= /\.parquet\//i.test(line.sample.image);
    if (line.kind !== 'sample' && line.kind !== 'source') continue;
    largest = Math.max(largest, bytesOfImage(line.sample));
    if (line.kind === 'source') sources++;
  }
  const { samples, pixels } = head.augmented;
  const share = (amount: number): number => Math.ceil((copies * amount) / head.shards);
  const work = { samples: share(samples), pixels: share(pixels) };
  const isLarge = isWorthThreads(work);
  const cpus = Math.max(1, Math.min(isLarge ? 4 : 2, work.samples));
  // Sources of another data set come on top of the targets.
  const images = head.sources ? 2 * largest : largest;
  const batch = Math.ceil(samples / batchCount(samples, batchSize)) * images;
  // A part of a batch may have a quarter of it. Large images are decoded again rather than kept for a whole batch.
  const pixelMemory = Math.max(cpus * imagesOfJob * largest, Math.min(4 * batch, 1000 * mebi), 256 * mebi);
  // Two batches are in progress, of each thread.
  const threads = isLarge ? cpus : 0;
  const decoded = Math.min(pixelMemory / 2, 2 * Math.max(1, threads) * batch, work.samples * images);
  const working = Math.min(pixelMemory / 2, (cpus * imagesOfJob * largest) / 2);
  // Batches are shuffled, so that a thread may read all archives. The run file does not have the sizes of pages: as many bytes as are kept
  // are granted for those that are being read.
  const archives = Math.min(indexed.files, archived) * indexed.bytes + (hasPages ? 2 * keptBytes.most : 0);
  const memory =
    own.program +
    Math.max(1, threads) * archives +
    threads * own.thread +
    own.sample * (work.samples + sources) +
    1.25 * (decoded + working);
  return { cpus, pixelMemory: inMebibytes(pixelMemory), memory: inMebibytes(memory) };
}

function inMebibytes(bytes: number): number {
  return Math.ceil(bytes / mebi);
}
