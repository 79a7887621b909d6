import { availableParallelism, totalmem } from 'node:os';

/** Bytes that may be in use at once. */
export interface Budget {
  readonly bytes: number;
  /**
   * Waits until a number of bytes is free, in the order of calls. A request for more than the budget waits until it is alone.
   *
   * @returns a function that gives the bytes back.
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
 * Lets so many steps run at once; the others wait in a line that is never empty.
 *
 * A linked queue, as p-limit's, would keep the results of steps that are long done: one node that V8 has moved to its old
 * generation holds all that came after it until the whole heap is marked.
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

/** Bytes of decoded pixels in flight: `--memory`, or half of the memory that this process may use. */
export function memoryOf({ memory }: { readonly memory?: number | undefined }): number {
  // Without a constraint it is 0, or more than the machine has.
  const constrained = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return memory ?? Math.floor(Math.min(totalmem(), constrained) / 2);
}

/** Number of samples in flight: `--jobs`, or four more than there are cores. */
export function jobsOf({ jobs }: { jobs?: number | undefined }): number {
  return jobs ?? availableParallelism() + 4;
}
