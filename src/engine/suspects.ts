import { fork } from 'node:child_process';
import { isBankSet } from '../dataset/bank.ts';
import type { Dataset } from '../dataset/open.ts';
import { interrupted } from '../errors.ts';
import type { MaskCoding, Sample } from '../types.ts';

/** Message to the child process: samples to decode. */
export interface Trial extends MaskCoding {
  readonly root: string;
  readonly layout: string;
  readonly encoding: string;
  readonly folders: Dataset['folders'];
  readonly samples: readonly Sample[];
}

/**
 * Decodes samples one at a time in a child process, after a run died in a batch. It finds samples that crash the process (a decoder
 * fault, or too little memory); if there are none, the run was killed from outside.
 *
 * @param program file that the child process runs.
 * @returns a reason to skip for each sample that crashed the child process, by id.
 * @throws {CopyPasteError} `interrupted` if the run is stopped.
 */
export async function findPoison(
  {
    root,
    layout,
    encoding,
    folders,
    colours,
    threshold,
    ignore,
  }: Pick<Dataset, 'root' | 'layout' | 'encoding' | 'folders' | 'colours' | 'threshold' | 'ignore'>,
  samples: readonly Sample[],
  program: URL,
  stop: AbortSignal | undefined,
): Promise<Map<string, string>> {
  const poison = new Map<string, string>();
  // Messages to the child process hold no sets.
  const coding = { colours, threshold, ignore: [...ignore] };
  for (let rest = [...samples]; rest.length > 0; ) {
    const { decoded, how } = await decodeApart({ root, layout, encoding, folders, ...coding, samples: rest }, program, stop);
    // Ctrl-C sends its signal to the whole process group: the signal, not the sample, ended the child process.
    if (stop?.aborted || ['SIGINT', 'SIGTERM', 'SIGHUP'].includes(how)) throw interrupted();
    const sample = rest[decoded];
    if (sample === undefined) break;
    poison.set(sample.id, `${nameOf(sample, layout)}: decoding this sample crashed the process twice (${how}); repair or remove it`);
    rest = rest.slice(decoded + 1);
  }
  return poison;
}

/** Name of a sample in messages: its image, or its cut-outs. */
function nameOf({ id, image, cutouts }: Sample, layout: string): string {
  return isBankSet({ layout }) ? `the cut-outs of ${id}` : (cutouts?.join(', ') ?? image);
}

/** Runs the child process. @returns the number of samples that it decoded before it ended, and how it ended. */
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
