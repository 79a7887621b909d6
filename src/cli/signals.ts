import { constants } from 'node:os';
import { setTimeout as setTimeoutPromise } from 'node:timers/promises';
import { collectLessOften } from '../base/buffers.ts';
import { removeTemporaries } from '../output/files.ts';
import type { Progress } from './progress.ts';
import type { Output } from './streams.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Time that samples under way may take once a run is to stop. */
const patienceMs = 4000;

/**
 * Does the work of a command that may take long: a signal ends it in order, a second one at once, and V8 marks its heap seldom.
 *
 * @param out the folder that is written; temporary files in it are taken away where samples do not end in time.
 * @param work ends soon after its signal has aborted, whatever it then throws.
 * @returns the exit code.
 */
export async function watched(
  stderr: Output,
  progress: Progress,
  out: string | undefined,
  work: (stop: AbortSignal) => Promise<number>,
): Promise<number> {
  collectLessOften();
  const controller = new AbortController();
  let got: (typeof signals)[number] = 'SIGINT';
  const code = (): number => 128 + constants.signals[got];
  const say = (): void => {
    progress.stop();
    stderr.write(`copypaste: stopped by ${got}; run the same command again to go on\n`);
  };
  /** Ends as the signal would have: `process.exit` waits for libuv's threads, and those for a disk that does not answer. */
  const end = (): void => {
    for (const signal of signals) process.off(signal, stop);
    process.kill(process.pid, got);
  };
  const stop = (signal: (typeof signals)[number]): void => {
    got = signal;
    if (controller.signal.aborted) {
      end();
      return;
    }
    controller.abort();
    setTimeout(async () => {
      if (out !== undefined) await Promise.race([removeTemporaries(out), setTimeoutPromise(500)]);
      say();
      end();
    }, patienceMs).unref();
  };
  for (const signal of signals) process.on(signal, stop);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    say();
    return code();
  } finally {
    for (const signal of signals) process.off(signal, stop);
    progress.stop();
  }
}
