import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { CopyPasteError, systemMessageOf } from '../errors.ts';
import type { InputFolder } from '../types.ts';
import { takeBytes } from './buffers.ts';

/** SHA-256 as hexadecimal. */
export function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

function unreadable(file: string, cause: unknown): CopyPasteError {
  return new CopyPasteError('io', `${file}: cannot be read: ${systemMessageOf(cause)}`, { cause });
}

/**
 * Reads an input file of a data set with its digest. The bytes may be given back.
 *
 * @throws {CopyPasteError} `io` with the cause, `data` where it is not the file that was there once.
 */
export async function readInput({ root, digests }: InputFolder, file: string): Promise<{ bytes: Uint8Array; sha256: string }> {
  const bytes = await readWhole(join(root, file)).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  const digest = sha256(bytes);
  const known = digests?.get(file);
  if (known !== undefined && known !== digest)
    throw new CopyPasteError('data', `${file}: has changed: its SHA-256 is ${digest}, the manifest has ${known}`);
  return { bytes, sha256: digest };
}

async function readWhole(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const bytes = takeBytes(size);
    for (let at = 0; at < size; ) {
      const { bytesRead } = await file.read(bytes, at, size - at, null);
      // It has become shorter since.
      if (bytesRead === 0) return bytes.subarray(0, at);
      at += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

/**
 * The digest of a file of any size.
 *
 * @throws {CopyPasteError} `io` with the cause.
 */
export async function digestOf(path: string, file: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const part of createReadStream(path)) hash.update(part);
  } catch (cause) {
    throw unreadable(file, cause);
  }
  return hash.digest('hex');
}
