/** The machine that backends run on: its processor, and packages that may not be installed. */
import { cpus } from 'node:os';
import { CopyPasteError, codeOf, messageOf } from '../errors.ts';

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
 * @throws {CopyPasteError} `unavailable`, with the message `missing` if a package is not installed.
 */
export async function load<T>(missing: string, imports: () => Promise<T>): Promise<T> {
  return imports().catch((cause: unknown) => {
    // tfjs-node without its native part throws an error without a code.
    const absent = codeOf(cause) === 'ERR_MODULE_NOT_FOUND' || /addon module .*can not be found/.test(messageOf(cause));
    throw unavailable(absent ? missing : `cannot be loaded: ${messageOf(cause)}`, cause);
  });
}
