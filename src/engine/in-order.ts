import type { BatchRef } from './planner.ts';

/**
 * Begins batches in order, some ahead of the one that it yields, so that there is always work in line.
 *
 * @param ahead number of batches that are begun early.
 */
export async function* inOrder<B extends { readonly results: readonly Promise<unknown>[] }>(
  refs: Iterable<BatchRef>,
  begin: (ref: BatchRef) => Promise<B>,
  ahead: number,
): AsyncGenerator<B> {
  const begun: Promise<B>[] = [];
  try {
    for (const ref of refs) {
      begun.push(handled(begin(ref)));
      if (begun.length <= ahead) continue;
      yield await (begun[0] as Promise<B>);
      begun.shift();
    }
    for (; begun.length > 0; begun.shift()) yield await (begun[0] as Promise<B>);
  } finally {
    // Nothing is under way once the caller goes on, whatever happened.
    for (const batch of await Promise.allSettled(begun)) {
      if (batch.status === 'fulfilled') await Promise.allSettled(batch.value.results);
    }
  }
}

/** A promise that may fail before anyone awaits it: whoever awaits it later sees the error. */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
