import pLimit from 'p-limit';
import type { List } from './list.ts';

/** Maximum number of items that have a promise at the same time. */
export const partSize = 512;

/** Divides items into chunks, for work that would hold too much memory for all items at once. */
export function* chunksOf<T>(items: List<T>, size = chunkSize): Generator<T[]> {
  for (let i = 0; i < items.length; i += size) yield [...items.slice(i, i + size)];
}

/** Divides items that are read one by one into chunks. */
export async function* chunksFrom<T>(items: AsyncIterable<T> | Iterable<T>, size = chunkSize): AsyncGenerator<T[]> {
  let chunk: T[] = [];
  for await (const item of items) {
    if (chunk.push(item) < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

const chunkSize = 64;

/**
 * Runs an asynchronous step for each item, with limited concurrency and a limited number of promises. After a step fails, no other step
 * starts, and the error is thrown once the running steps have ended.
 *
 * @returns results in the order of the items.
 */
export async function inParts<T, R>(items: List<T>, concurrency: number, step: (item: T) => Promise<R>): Promise<R[]> {
  const limit = pLimit({ concurrency, rejectOnClear: true });
  const results: R[] = [];
  for (let i = 0; i < items.length; i += partSize) {
    const part = items.slice(i, i + partSize).map((item) => limit(step, item));
    try {
      for (const result of await Promise.all(part)) results.push(result);
    } catch (error) {
      limit.clearQueue();
      await Promise.allSettled(part);
      throw error;
    }
  }
  return results;
}
