/**
 * Judges files that sharp cannot read. Its errors do not tell damage from a lack of memory, threads or processes, so a file is damaged only
 * if it fails again, alone, in a new process in which a sound image is read.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import type { ImageInfo, Size } from '../types.ts';

/** What failed: reading the header or the pixels of an image, or a TIFF mask. */
export type FileTrial =
  | { readonly what: 'header' | 'mask'; readonly name: string }
  | { readonly what: 'pixels'; readonly name: string; readonly size: Size; readonly format: ImageInfo };

/** Exit codes of the process that tries a file. */
export const verdicts = { sound: 0, damaged: 10 } as const;

// Threads inherit the environment data of the thread that starts them.
const key = 'copypaste: program that judges files';

/** Sets the program that tries files; without it, every file that sharp cannot read counts as damaged. */
export function judgeWith(program: URL): void {
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
  const verdict = last.then(() => tryApart(new URL(program), bytes, trial)).catch(() => false);
  last = verdict;
  return verdict;
}

/** Tests if a file begins like one of the formats that sharp reads. */
function isImage(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.subarray(0, 12)).toString('latin1');
  return /^(\x89PNG|\xff\xd8|RIFF....WEBP|II\*\0|MM\0\*|....ftyp)/s.test(start);
}

/** Time in which a process must read a file. */
const patienceMs = 120_000;

function tryApart(program: URL, bytes: Uint8Array, trial: FileTrial): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [fileURLToPath(program), JSON.stringify(trial)], {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: oneThread(),
    });
    // Without threads, a process may wait for one forever.
    const watchdog = setTimeout(() => child.kill('SIGKILL'), patienceMs);
    child.on('error', reject);
    child.on('exit', (code) => {
      clearTimeout(watchdog);
      resolve(code === verdicts.damaged);
    });
    // The process may end before it has read everything.
    child.stdin.on('error', () => {});
    child.stdin.end(bytes);
  });
}
