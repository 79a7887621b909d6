/** The machine that backends run on: its processor, and packages that may not be installed. */
import { cpus } from 'node:os';
import { CopyPasteError, codeOf, messageOf } from '../errors.ts';
import { peerDependencies } from '../version.ts';

/** Model name of the processor, for messages and reports. */
export function cpuModel(): string {
  return cpus()[0]?.model.trim() ?? 'unknown';
}

export function unavailable(message: string, cause?: unknown): CopyPasteError {
  return new CopyPasteError('unavailable', message, { cause });
}

/**
 * Loads packages of a backend.
 *
 * @param names packages of `peerDependencies` that the backend needs.
 * @throws {CopyPasteError} `unavailable`, with the command that installs the packages if one is missing.
 */
export async function load<T>(names: readonly string[], imports: () => Promise<T>): Promise<T> {
  return imports().catch((cause: unknown) => {
    const problem = messageOf(cause);
    if (codeOf(cause) === 'ERR_MODULE_NOT_FOUND')
      throw unavailable(`not installed; run npm install ${names.map((name) => `${name}@${peerDependencies[name]}`).join(' ')}`, cause);
    // tfjs-node without its native part throws an error without a code.
    if (/addon module .*can not be found/.test(problem))
      throw unavailable(
        `installed without its native part; run npm rebuild ${names.join(' ')}, or npm run setup:tensorflow in a clone of copypaste`,
        cause,
      );
    throw unavailable(`cannot be loaded: ${problem}`, cause);
  });
}
