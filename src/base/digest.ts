import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { CopyPasteError } from '../errors.ts';
import type { InputFolder } from '../types.ts';
import { takeBytes } from './buffers.ts';
import { openRegular } from './regular.ts';
import { cannotRead } from './tree.ts';

/** SHA-256 of data, in hexadecimal. */
export function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

/** An input file is not the one that the run began with. It is never a bad sample, which may be left out. */
export class ChangedInput extends CopyPasteError {}

/**
 * Reads an input file and its digest. The bytes are from the buffer pool.
 *
 * @throws {CopyPasteError} `io` if the file cannot be read; `ChangedInput`, of code `data`, if its digest is not the expected one.
 */
export async function readInput({ root, digests }: InputFolder, file: string): Promise<{ bytes: Uint8Array; sha256: string }> {
  const bytes = await readWhole(join(root, file)).catch((cause: unknown) => {
    throw cannotRead(file, cause);
  });
  const digest = sha256(bytes);
  const known = digests?.get(file);
  if (known !== undefined && known !== digest)
    throw new ChangedInput('data', `has changed: its SHA-256 is ${digest}, but was ${known}; restore the original file`, { path: file });
  return { bytes, sha256: digest };
}

async function readWhole(path: string): Promise<Uint8Array> {
  const file = await openRegular(path);
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
 * @param own true for a file that the tool has written itself, which is no symbolic link.
 * @throws {CopyPasteError} `io` if the file cannot be read.
 */
export async function digestOf(path: string, file: string, own = false): Promise<string> {
  return (await digestAndState(path, file, own)).sha256;
}

/** SHA-256 of a file, as `digestOf`, and its state after it was read. */
export async function digestAndState(path: string, file: string, own: boolean): Promise<{ sha256: string; state: BigIntStats }> {
  const hash = createHash('sha256');
  try {
    const opened = await openRegular(path, own);
    try {
      const part = Buffer.allocUnsafe(partBytes);
      for (;;) {
        const { bytesRead } = await opened.read(part, 0, part.length, null);
        if (bytesRead === 0) break;
        hash.update(part.subarray(0, bytesRead));
      }
      return { sha256: hash.digest('hex'), state: await opened.stat({ bigint: true }) };
    } finally {
      await opened.close();
    }
  } catch (cause) {
    throw cannotRead(file, cause);
  }
}

/** Bytes that are read at once. */
const partBytes = 1 << 17;
