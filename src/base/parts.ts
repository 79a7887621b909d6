import pLimit from 'p-limit';

/** Items for which promises are made together. */
const partSize = 512;

/**
 * Does something for each of many items, some at a time; a promise for every one of them at once would be memory that grows with them.
 * Once a step has failed nothing more is begun, and what is under way ends before the error is thrown.
 *
 * @returns in the order of the items.
 */
export async function inParts<T, R>(items: readonly T[], concurrency: number, step: (item: T) => Promise<R>): Promise<R[]> {
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
