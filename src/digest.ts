import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CopyPasteError, messageOf } from './errors.ts';

/** SHA-256 as hexadecimal. */
export function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

/**
 * Reads an input file of a data set with its digest.
 *
 * @throws {CopyPasteError} `io` with the cause.
 */
export async function readInput(root: string, file: string): Promise<{ bytes: Uint8Array; sha256: string }> {
  const bytes = await readFile(join(root, file)).catch((cause: unknown) => {
    throw new CopyPasteError('io', `${file}: cannot be read: ${messageOf(cause)}`, { cause });
  });
  return { bytes, sha256: sha256(bytes) };
}
