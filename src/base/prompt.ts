/**
 * Steps of the file system. One that goes through libuv's thread pool takes several times the processor time of one that the thread takes
 * itself (0.47 against 0.09 ms to read a file of 80 kB from memory), so threads take steps themselves as long as the file system is prompt. From
 * one that is slow, such as a network's, many steps must be under way at once, which only the pool can do.
 */

/** Milliseconds from which a step is slow. */
const slowMs = 0.5;

/** Share of slow steps from which a file system is slow; the mean is over about 32 steps. */
const mostSlow = 1 / 8;
const memory = 32;

/** Number of steps for which a slow file system is not tried again. */
const rest = 2000;

/** Milliseconds after which a thread turns to its events, such as signals. */
const patienceMs = 10;

/** Takes a step in the thread itself, or through the pool. */
export type Promptly = <T>(now: () => T, pooled: () => Promise<T>) => Promise<T>;

/** Creates a judge of the file system. @param clock milliseconds. */
export function createPromptly(clock: () => number = () => performance.now()): Promptly {
  let slow = 0;
  let resting = 0;
  /** Time of the first step since the thread turned to its events. */
  let turned: number | undefined;
  return async (now, pooled) => {
    const began = clock();
    if (turned === undefined) {
      turned = began;
      setImmediate(() => {
        turned = undefined;
      });
    }
    if (resting > 0) resting--;
    if (resting > 0 || began - turned > patienceMs) return pooled();
    try {
      return now();
    } finally {
      slow += ((clock() - began > slowMs ? 1 : 0) - slow) / memory;
      if (slow > mostSlow) [slow, resting] = [0, rest];
    }
  };
}

export const promptly = createPromptly();

/** Bytes from which a step that reads or writes them takes long anywhere; it goes through the pool. */
export const promptBytes = 2 ** 20;
