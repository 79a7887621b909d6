import type { SingleBar } from 'cli-progress';
import type { TextStream } from './streams.ts';

/** Progress of a run, in samples. */
export interface Progress {
  start(total: number): void;
  tick(): void;
  stop(): void;
}

const everyMs = 5000;

/** Shows a bar on a terminal, a line every five seconds elsewhere, and nothing if quiet. */
export async function createProgress(stderr: TextStream, quiet: boolean): Promise<Progress> {
  if (quiet) return { start() {}, tick() {}, stop() {} };
  return stderr.isTTY ? barProgress(stderr) : lineProgress(stderr);
}

async function barProgress(stderr: TextStream): Promise<Progress> {
  const { default: cliProgress } = await import('cli-progress');
  let bar: SingleBar | undefined;
  return {
    start: (total) => {
      bar = new cliProgress.SingleBar({
        stream: stderr as NodeJS.WritableStream,
        format: '{bar} {value}/{total} samples, {eta_formatted} left',
        barCompleteChar: '█',
        barIncompleteChar: '░',
        hideCursor: true,
        clearOnComplete: true,
        // cli-progress's signal handler would end the process before ours cleans up.
        gracefulExit: false,
      });
      bar.start(total, 0);
    },
    tick: () => bar?.increment(),
    stop: () => {
      bar?.stop();
      bar = undefined;
    },
  };
}

function lineProgress(stderr: TextStream): Progress {
  let total = 0;
  let done = 0;
  let last = Date.now();
  return {
    start: (all) => {
      total = all;
      last = Date.now();
    },
    tick: () => {
      done++;
      if (Date.now() - last < everyMs) return;
      last = Date.now();
      stderr.write(`${done}/${total} samples\n`);
    },
    stop: () => {},
  };
}
