import pLimit from 'p-limit';

/** Items for which promises are made together. */
const partSize = 512;

/** Does something for each of many items, some at a time; a promise for every one of them at once would be memory that grows with them. */
export async function inParts<T, R>(items: readonly T[], concurrency: number, step: (item: T) => Promise<R>): Promise<R[]> {
  const limit = pLimit(concurrency);
  const results: R[] = [];
  for (let i = 0; i < items.length; i += partSize) {
    for (const result of await limit.map(items.slice(i, i + partSize), step)) results.push(result);
  }
  return results;
}
