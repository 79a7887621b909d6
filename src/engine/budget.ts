import { availableParallelism, totalmem } from 'node:os';

/** A limit on the bytes that are in use at once. */
export interface Budget {
  readonly bytes: number;
  /**
   * Waits until the bytes are free; calls are served in order. A request for more than the whole budget waits until nothing is in use.
   *
   * @returns a function that frees the bytes.
   */
  take(bytes: number): Promise<() => void>;
}

export function createBudget(bytes: number): Budget {
  let used = 0;
  const waiting: { readonly wanted: number; enter(): void }[] = [];
  const admit = (): void => {
    for (let next = waiting[0]; next && (used === 0 || used + next.wanted <= bytes); next = waiting[0]) {
      waiting.shift();
      used += next.wanted;
      next.enter();
    }
  };
  return {
    bytes,
    async take(wanted) {
      await new Promise<void>((enter) => {
        waiting.push({ wanted, enter });
        admit();
      });
      return () => {
        used -= wanted;
        admit();
      };
    },
  };
}

/**
 * Creates a limit on the number of steps that run at once; other steps wait in order.
 *
 * A linked queue like that of p-limit would keep the results of finished steps in memory: a node that V8 has moved to its old
 * generation retains all later nodes until V8 marks the whole heap.
 */
export function createLimit(count: number): <T>(step: () => Promise<T>) => Promise<T> {
  const { take } = createBudget(count);
  return async (step) => {
    const giveBack = await take(1);
    try {
      return await step();
    } finally {
      giveBack();
    }
  };
}

/** Maximum bytes of decoded pixels in memory: `--memory`, or half of the memory that this process may use. */
export function memoryOf({ memory }: { readonly memory?: number | undefined }): number {
  // Without a limit, it is 0 or more than the machine has.
  const constrained = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return memory ?? Math.floor(Math.min(totalmem(), constrained) / 2);
}

/** Maximum number of samples in progress: `--jobs`, or the number of cores plus four. */
export function jobsOf({ jobs }: { jobs?: number | undefined }): number {
  return jobs ?? availableParallelism() + 4;
}
