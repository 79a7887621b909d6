import { fork } from 'node:child_process';
import type { Dataset } from '../dataset/open.ts';
import { interrupted } from '../errors.ts';
import type { Colours, Sample } from '../types.ts';

/** Message to the process that tries samples. */
export interface Trial {
  readonly root: string;
  readonly colours?: Colours | undefined;
  readonly samples: readonly Sample[];
}

/**
 * Decodes samples in a process of its own, one at a time, after a run ended without a word: an image that kills
 * the process (by a fault of a decoder, or for want of memory) is told from a run that somebody killed.
 *
 * @param program the file that the process runs.
 * @returns samples that ended it, with a reason to skip each.
 * @throws {CopyPasteError} `interrupted` once the run is to stop.
 */
export async function findPoison(
  { root, colours }: Pick<Dataset, 'root' | 'colours'>,
  samples: readonly Sample[],
  program: URL,
  stop: AbortSignal | undefined,
): Promise<Map<string, string>> {
  const poison = new Map<string, string>();
  for (let rest = [...samples]; rest.length > 0; ) {
    const { decoded, how } = await decodeApart({ root, colours, samples: rest }, program, stop);
    // A signal to the whole group, such as Ctrl-C, ends that process too: no sample did.
    if (stop?.aborted || ['SIGINT', 'SIGTERM', 'SIGHUP'].includes(how)) throw interrupted();
    const sample = rest[decoded];
    if (sample === undefined) break;
    poison.set(sample.id, `${sample.image}: decoding it ends the process (${how}), twice now; mend or remove it`);
    rest = rest.slice(decoded + 1);
  }
  return poison;
}

/** @returns the number of samples that were decoded before the process ended, and how it ended. */
function decodeApart(trial: Trial, program: URL, stop: AbortSignal | undefined): Promise<{ decoded: number; how: string }> {
  return new Promise((resolve, reject) => {
    let decoded = 0;
    const child = fork(program, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    child.on('error', reject);
    child.on('message', () => {
      decoded++;
      if (stop?.aborted) child.kill();
    });
    child.on('exit', (code, signal) => resolve({ decoded, how: signal ?? `exit code ${code}` }));
    child.send(trial);
  });
}
