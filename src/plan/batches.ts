/** Batches of a data set: the order of its samples, the pools that sources come from, and the division of the work into shards. */
import { stream } from './rng.ts';

/** Number of batches that samples are cut into. */
export function batchCount(samples: number, batchSize: number): number {
  return Math.max(1, Math.floor(samples / batchSize));
}

/** Key by which a sample is ordered in a copy. */
export function orderKey(id: string, copy: number, seed: number): number {
  return stream(seed, copy, id, 'order').uniform();
}

/** Batches of a copy, as positions among the samples. No batch is short: if they do not divide evenly, the first have one more. */
export interface Batches {
  readonly count: number;
  /** Positions of the samples of batch `n`. */
  of(n: number): Uint32Array;
}

/** Orders samples by their keys, and cuts them into batches. @param keys of samples that are sorted by id. */
export function batchesByKey(keys: Float64Array, batchSize: number): Batches {
  const order = Uint32Array.from(keys, (_, i) => i).sort((a, b) => (keys[a] as number) - (keys[b] as number) || a - b);
  const count = batchCount(order.length, batchSize);
  const [size, more] = [Math.floor(order.length / count), order.length % count];
  const start = (n: number): number => n * size + Math.min(n, more);
  return { count, of: (n) => order.subarray(start(n), start(n + 1)) };
}

/**
 * Shuffles samples by seed and copy, and cuts them into batches, which are made one by one.
 *
 * @param samples in any order, which does not affect the result.
 */
export function* batchesOf<S extends { readonly id: string }>(
  samples: Samples<S>,
  batchSize: number,
  copy: number,
  seed: number,
): Generator<S[]> {
  const sorted = areSorted(samples) ? samples : [...samples].sort((a, b) => (a.id < b.id ? -1 : 1));
  const keys = new Float64Array(sorted.length);
  let n = 0;
  for (const { id } of sorted) keys[n++] = orderKey(id, copy, seed);
  const batches = batchesByKey(keys, batchSize);
  for (let n = 0; n < batches.count; n++) yield Array.from(batches.of(n), (i) => sorted.at(i) as S);
}

/** An array of samples, or a list of that kind. */
interface Samples<S> extends Iterable<S> {
  readonly length: number;
  at(n: number): S | undefined;
}

function areSorted(samples: Iterable<{ readonly id: string }>): boolean {
  let before: string | undefined;
  for (const { id } of samples) {
    if (before !== undefined && before > id) return false;
    before = id;
  }
  return true;
}

/**
 * The shard of a piece of work, from 0. Pieces in order give shards in order, of about equal amounts.
 *
 * @param start amount of work before the piece.
 * @param amount of work of the piece.
 * @param total amount of all work.
 */
export function shardOf(start: number, amount: number, total: number, shards: number): number {
  return total === 0 ? 0 : Math.min(shards - 1, Math.floor(((start + amount / 2) / total) * shards));
}
