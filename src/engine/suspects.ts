import { fork } from 'node:child_process';
import type { List } from '../base/list.ts';
import { oneThread } from '../codecs/judge.ts';
import { isBankSet } from '../dataset/bank.ts';
import type { Dataset } from '../dataset/open.ts';
import { CopyPasteError, interrupted, messageOf } from '../errors.ts';
import type { MaskCoding, Sample } from '../types.ts';

/** Message to the child process: samples to decode. */
export interface SampleTrial extends MaskCoding {
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
 * @param patience milliseconds in which it must decode a sound image, and then each sample.
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
  samples: List<Sample>,
  program: URL,
  stop: AbortSignal | undefined,
  patience = patienceMs,
): Promise<Map<string, string>> {
  const poison = new Map<string, string>();
  // Messages to the child process hold no sets.
  const coding = { colours, threshold, ignore: [...ignore] };
  const attempt = async (some: readonly Sample[]): Promise<Ended> => {
    const ended = await decodeApart({ root, layout, encoding, folders, ...coding, samples: some }, program, stop, patience);
    // Ctrl-C sends its signal to the whole process group: the signal, not the sample, ended the child process.
    if (stop?.aborted || ['SIGINT', 'SIGTERM', 'SIGHUP'].includes(ended.how)) throw interrupted();
    if (ended.ready) return ended;
    const why = `the process that tries samples after a crash cannot decode a sound image (${ended.how})`;
    throw new CopyPasteError('io', `${why}; raise the limits of memory and processes, and run the same command again`);
  };
  for (let rest = [...samples]; rest.length > 0; ) {
    const { decoded } = await attempt(rest);
    const sample = rest[decoded];
    if (sample === undefined) break;
    // A process that was killed from outside proves nothing, so the sample is tried again, alone.
    const { decoded: sound, how } = await attempt([sample]);
    if (sound === 0)
      poison.set(sample.id, `${nameOf(sample, layout)}: decoding this sample crashed the process twice (${how}); repair or remove it`);
    rest = rest.slice(decoded + 1);
  }
  return poison;
}

/** Name of a sample in messages: its image, or its cut-outs. */
function nameOf({ id, image, cutouts }: Sample, layout: string): string {
  return isBankSet({ layout }) ? `the cut-outs of ${id}` : (cutouts?.join(', ') ?? image);
}

/** End of a child process. */
interface Ended {
  /** True if it could decode a sound image. */
  readonly ready: boolean;
  /** Number of samples that it decoded before it ended. */
  readonly decoded: number;
  /** Signal or exit code. */
  readonly how: string;
}

const patienceMs = 40_000;

/** Runs the child process. Its first message says that it could decode a sound image; one follows for each sample. */
function decodeApart(trial: SampleTrial, program: URL, stop: AbortSignal | undefined, patience: number): Promise<Ended> {
  return new Promise((resolve) => {
    let messages = 0;
    const child = fork(program, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], env: oneThread() });
    // Without threads, a process may wait for one forever, and so may a decoder.
    const watchdog = setTimeout(() => child.kill('SIGKILL'), patience);
    const kill = (): void => void child.kill();
    stop?.addEventListener('abort', kill, { once: true });
    const ended = (how: string): void => {
      clearTimeout(watchdog);
      stop?.removeEventListener('abort', kill);
      resolve({ ready: messages > 0, decoded: Math.max(0, messages - 1), how });
    };
    child.on('error', (error) => ended(messageOf(error)));
    child.on('message', () => {
      watchdog.refresh();
      messages++;
      if (stop?.aborted) child.kill();
    });
    child.on('exit', (code, signal) => ended(signal ?? `exit code ${code}`));
    child.send(trial);
  });
}
