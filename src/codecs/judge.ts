/**
 * Judges files that sharp cannot read. Its errors do not tell damage from a lack of memory, threads or processes, so a file is damaged only
 * if it fails again, alone, in another process that has just read a sound image. One process tries many files, one at a time.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import type { ImageInfo, Size } from '../types.ts';

/** What failed: reading the header or the pixels of an image, or a TIFF mask. */
export type FileTrial =
  | { readonly what: 'header' | 'mask'; readonly name: string }
  | { readonly what: 'pixels'; readonly name: string; readonly size: Size; readonly format: ImageInfo };

// Threads inherit the environment data of the thread that starts them.
const key = 'copypaste: program that judges files';

/** Sets the program that tries files; without it, every file that sharp cannot read counts as damaged. */
export function judgeWith(program: URL): void {
  if (judge) dismiss(judge);
  setEnvironmentData(key, program.href);
}

/** The file that is tried; the next one waits, since each is tried alone. */
let last: Promise<unknown> = Promise.resolve();

/** Environment of a process that tries files: it decodes in one thread, so that what a sound image needs is enough for others too. */
export function oneThread(): NodeJS.ProcessEnv {
  return { ...process.env, UV_THREADPOOL_SIZE: '1' };
}

/** Tests if a file is damaged; false also if no process could tell. */
export async function isDamaged(bytes: Uint8Array, trial: FileTrial): Promise<boolean> {
  const program = getEnvironmentData(key);
  if (typeof program !== 'string' || !isImage(bytes)) return true;
  // A process that cannot be started proves nothing.
  const verdict = last.then(() => tryApart(new URL(program), { bytes, trial })).catch(() => false);
  last = verdict;
  return verdict;
}

/** Tests if a file begins like one of the formats that sharp reads. */
function isImage(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.subarray(0, 12)).toString('latin1');
  return /^(\x89PNG|\xff\xd8|RIFF....WEBP|II\*\0|MM\0\*|....ftyp)/s.test(start);
}

/** A file to try. */
export interface Suspect {
  readonly bytes: Uint8Array;
  readonly trial: FileTrial;
}

/** Time in which a process must read a file. */
const patienceMs = 120_000;
/** Time after which a process without a file to try ends. */
const idleMs = 2000;

/** The process that tries files; undefined if there is none. */
let judge: ChildProcess | undefined;
let idle: NodeJS.Timeout | undefined;

/** Starts the process, unless it waits for a file. */
function judgeOf(program: URL): ChildProcess {
  clearTimeout(idle);
  if (judge) return judge;
  const child = fork(program, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], env: oneThread(), serialization: 'advanced' });
  const forget = (): void => {
    if (judge === child) judge = undefined;
  };
  child.on('error', forget);
  child.on('exit', forget);
  judge = child;
  return child;
}

/** Lets the process wait for the next file, without keeping this one alive. */
function rest(child: ChildProcess): void {
  child.unref();
  child.channel?.unref();
  idle = setTimeout(() => dismiss(child), idleMs).unref();
}

/** Ends the process. */
function dismiss(child: ChildProcess): void {
  if (judge === child) judge = undefined;
  if (child.connected) child.disconnect();
}

/** Lets the process try a file; false if the process cannot be started, ends or takes too long, which proves nothing. */
function tryApart(program: URL, suspect: Suspect): Promise<boolean> {
  return new Promise((resolve) => {
    const child = judgeOf(program);
    child.ref();
    child.channel?.ref();
    // Without threads, a process may wait for one forever.
    const watchdog = setTimeout(() => child.kill('SIGKILL'), patienceMs);
    const settle = (damaged: boolean): void => {
      clearTimeout(watchdog);
      child.off('message', told).off('exit', failed).off('error', failed);
      resolve(damaged);
    };
    const failed = (): void => settle(false);
    const told = (damaged: unknown): void => {
      settle(damaged === true);
      rest(child);
    };
    child.on('message', told).on('exit', failed).on('error', failed);
    // The process may end before it has received everything.
    child.send(suspect, () => {});
  });
}
