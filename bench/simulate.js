// Time of a run in shards on some workers, from the real amounts of its shards.

import { optionsOfRun } from '../dist/engine/part.js';
import { openRunFile, pixelsOfSample } from '../dist/output/run-file.js';
import { batchesByKey, orderKey, shardOf } from '../dist/plan/batches.js';
import { stream } from '../dist/plan/rng.js';

/** Pixels of each shard of a run. */
export async function amountsOf(path) {
  const run = await openRunFile(path);
  const { shards, augmented, others } = run.head;
  const { seed, copies, batchSize } = optionsOfRun(run, {});
  const keys = Array.from({ length: copies }, () => new Float64Array(augmented.samples));
  const pixels = new Float64Array(augmented.samples);
  const amounts = new Float64Array(shards);
  let [place, start] = [0, 0];
  for await (const { kind, sample } of run.lines()) {
    if (kind === 'sample') {
      pixels[place] = pixelsOfSample(sample);
      for (const [copy, own] of keys.entries()) own[place] = orderKey(sample.id, copy, seed);
      place++;
    } else if (kind === 'other') {
      const amount = pixelsOfSample(sample);
      // A sample that is copied takes about half the time.
      amounts[shardOf(start, amount, others.pixels, shards)] += amount / 2;
      start += amount;
    }
  }
  start = 0;
  for (const own of keys) {
    const batches = batchesByKey(own, batchSize);
    for (let n = 0; n < batches.count; n++) {
      const amount = batches.of(n).reduce((sum, at) => sum + pixels[at], 0);
      amounts[shardOf(start, amount, copies * augmented.pixels, shards)] += amount;
      start += amount;
    }
  }
  return { amounts: [...amounts], batch: amounts.reduce((sum, amount) => sum + amount, 0) / ((copies * augmented.samples) / batchSize) };
}

/** Stragglers: a share of the shards is slower, by a factor with a heavy tail (Pareto). */
const straggling = { share: 0.05, exponent: 1.5, most: 10 };

/** Mean work until a worker is preempted, and the work that its start takes, in mean shards. */
const preempting = { mean: 4, start: 0.01 };

/**
 * Gives shards to workers in order, each to the first that is free, as arrays of tasks do.
 *
 * @param batch work that is lost when a worker is preempted: its batch in progress. The rest of the shard is queued again.
 * @returns time at which the last shard ends.
 */
function makespan(times, workers, random, batch) {
  const free = Array.from({ length: workers }, () => 0);
  const queue = times.map((time) => time + start(times));
  for (let i = 0; i < queue.length; i++) {
    const worker = free.indexOf(Math.min(...free));
    const until = batch === undefined ? Number.POSITIVE_INFINITY : -Math.log(1 - random.uniform()) * preempting.mean * mean(times);
    const work = queue[i];
    free[worker] += Math.min(work, until);
    if (until < work) queue.push(work - Math.max(0, until - batch - start(times)) + start(times));
  }
  return Math.max(...free);
}

const mean = (times) => times.reduce((sum, time) => sum + time, 0) / times.length;
const start = (times) => preempting.start * mean(times);

/** Prints how much longer a run takes than its work divided by the workers. */
export async function simulate(path, workers) {
  const { amounts, batch } = await amountsOf(path);
  const total = amounts.reduce((sum, amount) => sum + amount, 0);
  const random = stream(0, 0, path.replace(/.*\//, ''), 'simulation');
  const slow = () => Math.min(straggling.most, (1 - random.uniform()) ** (-1 / straggling.exponent));
  const straggled = amounts.map((amount) => (random.uniform() < straggling.share ? amount * slow() : amount));
  const sorted = [...amounts].sort((a, b) => a - b);
  const share = (amount) => (amount / mean(amounts)).toFixed(3);
  console.log(`${amounts.length} shards: the smallest has ${share(sorted[0])}, the largest ${share(sorted.at(-1))} of the mean\n`);
  console.log('| workers | ideal, in mean shards | as planned | with stragglers | and preempted workers |');
  console.log('| ---: | ---: | ---: | ---: | ---: |');
  for (const n of workers) {
    const ideal = total / n;
    const ratio = (time) => (time / ideal).toFixed(2);
    const figures = [makespan(amounts, n, random), makespan(straggled, n, random), makespan(straggled, n, random, batch)].map(ratio);
    console.log(`| ${n} | ${(ideal / mean(amounts)).toFixed(1)} | ${figures.join(' | ')} |`);
  }
}
