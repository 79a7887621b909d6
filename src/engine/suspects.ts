import { fork } from 'node:child_process';
import type { Dataset } from '../dataset/open.ts';
import { interrupted } from '../errors.ts';
import type { Colours, Sample } from '../types.ts';

/** What the process that tries samples is told. */
export interface Trial {
  readonly root: string;
  readonly colours?: Colours | undefined;
  readonly samples: readonly Sample[];
}

/**
 * Decodes samples in a process of its own, one at a time, after a run ended without a word: an image that takes
 * a process with it (a decoder's fault, or memory that there is not) is told from a run that somebody killed.
 *
 * @returns the samples that did, and how.
 * @throws {CopyPasteError} `interrupted` once the run is to stop.
 */
export async function findPoison(
  { root, colours }: Pick<Dataset, 'root' | 'colours'>,
  samples: readonly Sample[],
  stopped: () => boolean,
): Promise<Map<string, string>> {
  const poison = new Map<string, string>();
  // From TypeScript, as in tests, there is no program to run.
  if (!import.meta.url.endsWith('.js')) return poison;
  for (let rest = [...samples]; rest.length > 0; ) {
    const { ended, how } = await decodeApart({ root, colours, samples: rest }, stopped);
    // A signal to the whole group, as Ctrl-C is one, ends that process too: no sample did.
    if (stopped() || ['SIGINT', 'SIGTERM', 'SIGHUP'].includes(how)) throw interrupted();
    const sample = rest[ended];
    if (sample === undefined) break;
    poison.set(sample.id, `${sample.image}: decoding it ends the process (${how}), twice now; mend or remove it`);
    rest = rest.slice(ended + 1);
  }
  return poison;
}

/** @returns how many samples were decoded before the process ended, and what ended it. */
function decodeApart(trial: Trial, stopped: () => boolean): Promise<{ ended: number; how: string }> {
  return new Promise((resolve, reject) => {
    let ended = 0;
    const child = fork(new URL('./suspects-process.js', import.meta.url), { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    child.on('error', reject);
    child.on('message', () => {
      ended++;
      if (stopped()) child.kill();
    });
    child.on('exit', (code, signal) => resolve({ ended, how: signal ?? `exit code ${code}` }));
    child.send(trial);
  });
}
