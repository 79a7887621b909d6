import cliProgress from 'cli-progress';
import type { Meter } from '../base/meter.ts';
import { createPace, type Paced } from './pace.ts';
import { progressLine, progressText } from './progress-line.ts';
import type { TextStream } from './streams.ts';

/** Ways to show progress. */
export type ProgressKind = 'auto' | 'json' | 'none';

/** State of a command: `done` also if it found differences or left out samples, which its exit code tells. */
type State = 'running' | 'done' | 'failed' | 'stopped';

/** Progress of a command on standard error. */
export interface Progress {
  /** Writes a line, without disturbing the display. */
  say(line: string): void;
  /** Goes on after the process was stopped, as by Ctrl-Z. */
  resume(): void;
  /** Ends the display; further calls do nothing. */
  stop(state: Exclude<State, 'running'>): void;
}

const redrawsPerSecond = 5;

/** Milliseconds between two readings, and between two plain lines. */
const [machineMs, plainMs] = [1000, 10_000];

/**
 * Shows what a meter reads: on a terminal a line that is drawn again and again, elsewhere a plain line every ten seconds. A terminal counts
 * as none if it cannot move its cursor (`TERM=dumb`), if it is that of a continuous integration (`CI`), or if the command prints to it.
 *
 * @param busy true if standard output is the terminal too, and the command prints lines while it works.
 */
export function createProgress(stderr: TextStream, kind: ProgressKind, meter: Meter, busy = false): Progress {
  if (kind === 'none') return { say: (line) => stderr.write(`${line}\n`), resume() {}, stop() {} };
  if (kind === 'json') return machineProgress(stderr, meter);
  const { TERM, CI } = process.env;
  const canRedraw = stderr.isTTY === true && TERM !== 'dumb' && (CI ?? '') === '' && !busy;
  return canRedraw ? liveProgress(stderr, meter) : plainProgress(stderr, meter);
}

/**
 * A line that is drawn over itself. It neither hides the cursor nor turns off line wrap, so that there is nothing to restore, however the
 * process ends. cli-progress draws it; its own time left, that of the last ten samples, is wrong where samples end in batches.
 */
function liveProgress(stderr: TextStream, meter: Meter): Progress {
  const { read, resume } = createPace(meter);
  const bar = new cliProgress.SingleBar({
    stream: stderr as NodeJS.WritableStream,
    // The last column stays free, since some terminals wrap a full line.
    format: (_, { maxWidth }) => progressLine(read(), maxWidth - 1),
    fps: redrawsPerSecond,
    linewrap: true,
    clearOnComplete: true,
    // Its handler of signals would end the process before ours cleans up.
    gracefulExit: false,
  });
  // Where a command ends before its first stage, nothing was drawn that had to be removed.
  const timer = setInterval(() => {
    if (!bar.isActive && meter.read().stages > 0) bar.start(1, 0);
  }, 1000 / redrawsPerSecond);
  timer.unref();
  return {
    say: (text) => {
      bar.stop();
      stderr.write(`${text}\n`);
    },
    resume,
    stop: () => {
      clearInterval(timer);
      bar.stop();
    },
  };
}

function plainProgress(stderr: TextStream, meter: Meter): Progress {
  const say = (line: string): void => void stderr.write(`${line}\n`);
  let due = plainMs;
  const { resume, stop } = everySecond(meter, (paced) => {
    due -= machineMs;
    if (due > 0 || paced.stages === 0) return;
    due = plainMs;
    say(progressText(paced));
  });
  return { say, resume, stop };
}

/** A line of JSON at once, then one a second, and one at the end. */
function machineProgress(stderr: TextStream, meter: Meter): Progress {
  const say = (line: string): void => void stderr.write(`${line}\n`);
  const { read, resume, stop } = everySecond(meter, (paced) => say(JSON.stringify(machineReading(paced, 'running'))));
  say(JSON.stringify(machineReading(read(), 'running')));
  let ended = false;
  return {
    say,
    resume,
    stop: (state) => {
      stop();
      if (!ended) say(JSON.stringify(machineReading(read(), state)));
      ended = true;
    },
  };
}

/** Fields of a line of `--progress json`; docs/report.md describes them. */
function machineReading(paced: Paced, state: State): Record<string, unknown> {
  const { stage, total, count, bytes, pasted, reused, seconds, fraction, rate, bytesRate, secondsLeft } = paced;
  const rounded = (number: number, digits: number): number => Number(number.toFixed(digits));
  return {
    state,
    stage,
    seconds: rounded(seconds, 3),
    ...(total && {
      unit: total.unit ?? 'samples',
      done: count,
      total: total.count,
      reused: reused.count,
      ...(total.bytes !== undefined && { bytesDone: bytes, bytesTotal: total.bytes }),
      ...(total.pastes && { pasted }),
    }),
    ...(fraction !== undefined && { fraction: rounded(fraction, 4) }),
    ...(rate !== undefined && { perSecond: rounded(rate, 3) }),
    ...(bytesRate !== undefined && { bytesPerSecond: Math.round(bytesRate) }),
    ...(secondsLeft !== undefined && { secondsLeft: rounded(secondsLeft, 1) }),
  };
}

/** Calls a function with a reading each second, until it is stopped. */
function everySecond(meter: Meter, show: (paced: Paced) => void) {
  const { read, resume } = createPace(meter);
  const timer = setInterval(() => show(read()), machineMs);
  // Progress alone keeps no process alive.
  timer.unref();
  return { read, resume, stop: (): void => clearInterval(timer) };
}
