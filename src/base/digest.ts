import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { CopyPasteError } from '../errors.ts';
import type { InputFolder } from '../types.ts';
import { takeBytes } from './buffers.ts';
import { cannotRead } from './tree.ts';

/** SHA-256 of data, in hexadecimal. */
export function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

/**
 * Reads an input file and its digest. The bytes are from the buffer pool.
 *
 * @throws {CopyPasteError} `io` if the file cannot be read, `data` if its digest is not the expected one.
 */
export async function readInput({ root, digests }: InputFolder, file: string): Promise<{ bytes: Uint8Array; sha256: string }> {
  const bytes = await readWhole(join(root, file)).catch((cause: unknown) => {
    throw cannotRead(file, cause);
  });
  const digest = sha256(bytes);
  const known = digests?.get(file);
  if (known !== undefined && known !== digest)
    throw new CopyPasteError('data', `has changed: its SHA-256 is ${digest}, but the manifest has ${known}; restore the original file`, {
      path: file,
    });
  return { bytes, sha256: digest };
}

async function readWhole(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const bytes = takeBytes(size);
    for (let at = 0; at < size; ) {
      const { bytesRead } = await file.read(bytes, at, size - at, null);
      // The file was truncated after its size was read.
      if (bytesRead === 0) return bytes.subarray(0, at);
      at += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

/**
 * SHA-256 of a file, which is read in parts.
 *
 * @param file its name in messages.
 * @throws {CopyPasteError} `io` if the file cannot be read.
 */
export async function digestOf(path: string, file: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const part of createReadStream(path)) hash.update(part);
  } catch (cause) {
    throw cannotRead(file, cause);
  }
  return hash.digest('hex');
}
