/**
 * Begins batches in order, some of them ahead of the one that it yields, so that workers never wait for work.
 *
 * @param ahead number of batches that begin early.
 */
export async function* inOrder<R, B extends { readonly results: readonly Promise<unknown>[] }>(
  refs: AsyncIterable<R> | Iterable<R>,
  begin: (ref: R) => Promise<B>,
  ahead: number,
): AsyncGenerator<B> {
  const begun: Promise<B>[] = [];
  try {
    for await (const ref of refs) {
      begun.push(handled(begin(ref)));
      if (begun.length <= ahead) continue;
      yield await (begun[0] as Promise<B>);
      begun.shift();
    }
    for (; begun.length > 0; begun.shift()) yield await (begun[0] as Promise<B>);
  } finally {
    // No batch is in progress once the generator ends, even after an error.
    for (const batch of await Promise.allSettled(begun)) {
      if (batch.status === 'fulfilled') await Promise.allSettled(batch.value.results);
    }
  }
}

/** Keeps a promise that is rejected before it is awaited from crashing the process; a later `await` still throws. */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
