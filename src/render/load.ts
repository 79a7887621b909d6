/** Packages that a backend stands on, which may be missing. */
import { CopyPasteError, messageOf } from '../errors.ts';

export function unavailable(message: string, cause?: unknown): CopyPasteError {
  return new CopyPasteError('unavailable', message, { cause });
}

/** @throws {CopyPasteError} `unavailable`, with `missing` where a package is not there. */
export async function load<T>(missing: string, imports: () => Promise<T>): Promise<T> {
  return imports().catch((cause: unknown) => {
    // tfjs-node without its native part throws an error without a code.
    const absent =
      (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND' || /addon module .*can not be found/.test(messageOf(cause));
    throw unavailable(absent ? missing : `cannot be loaded: ${messageOf(cause)}`, cause);
  });
}
