import pLimit from 'p-limit';

/** Items for which promises are made together. */
const partSize = 512;

/**
 * Does something for each of many items, some at a time; a promise for every one of them at once would be memory that grows with them.
 * Nothing more is begun once a step has failed.
 *
 * @returns in the order of the items.
 */
export async function inParts<T, R>(items: readonly T[], concurrency: number, step: (item: T) => Promise<R>): Promise<R[]> {
  const limit = pLimit(concurrency);
  const results: R[] = [];
  try {
    for (let i = 0; i < items.length; i += partSize) {
      for (const result of await limit.map(items.slice(i, i + partSize), step)) results.push(result);
    }
  } catch (error) {
    limit.clearQueue();
    throw error;
  }
  return results;
}
