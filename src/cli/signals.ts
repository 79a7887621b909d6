import { constants } from 'node:os';
import { setTimeout as setTimeoutPromise } from 'node:timers/promises';
import { collectLessOften } from '../base/buffers.ts';
import { removeTemporaries } from '../output/files.ts';
import type { Progress } from './progress.ts';
import type { TextStream } from './streams.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Time that samples in progress have to finish after a signal. */
const patienceMs = 4000;

/**
 * Runs the work of a long command. A signal stops it after the samples in progress, a second one at once. V8 marks its heap less often.
 *
 * @param out output folder; its temporary files are removed if the samples in progress do not finish in time.
 * @param work ends soon after its signal aborts; an error that it throws then is ignored.
 * @returns the exit code.
 */
export async function watched(
  stderr: TextStream,
  progress: Progress,
  out: string | undefined,
  work: (stop: AbortSignal) => Promise<number>,
): Promise<number> {
  collectLessOften();
  const controller = new AbortController();
  let got: (typeof signals)[number] = 'SIGINT';
  const code = (): number => 128 + constants.signals[got];
  const say = (): void => {
    progress.stop('stopped');
    stderr.write(`copypaste: stopped by ${got}; to continue, run the same command again\n`);
  };
  /** Ends the process by the signal: `process.exit` waits for libuv's threads, which may wait for a disk that does not respond. */
  const end = (): void => {
    for (const signal of signals) process.off(signal, stop);
    process.kill(process.pid, got);
  };
  const stop = (signal: (typeof signals)[number]): void => {
    got = signal;
    if (controller.signal.aborted) {
      progress.stop('stopped');
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
  process.on('SIGCONT', progress.resume);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    say();
    return code();
  } finally {
    for (const signal of signals) process.off(signal, stop);
    process.off('SIGCONT', progress.resume);
    progress.stop('failed');
  }
}
