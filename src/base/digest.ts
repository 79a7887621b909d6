import { createHash } from 'node:crypto';
import { CopyPasteError } from '../errors.ts';
import { isRemote } from '../storage/store.ts';
import { storeOf } from '../storage/stores.ts';
import type { InputFolder } from '../types.ts';
import { takeBytes } from './buffers.ts';
import { joinPath } from './paths.ts';
import { type FileVersion, openRegular, versionOf } from './regular.ts';
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
  const bytes = await readWhole(joinPath(root, file)).catch((cause: unknown) => {
    throw cannotRead(file, cause);
  });
  const digest = sha256(bytes);
  const known = digests?.get(file);
  if (known !== undefined && known !== digest)
    throw new ChangedInput('data', `has changed: its SHA-256 is ${digest}, but was ${known}; restore the original file`, { path: file });
  return { bytes, sha256: digest };
}

async function readWhole(path: string): Promise<Uint8Array> {
  const file = await openRegular(path, false, true);
  try {
    const { size } = await file.stat();
    const bytes = takeBytes(size);
    for (let at = 0; at < size; ) {
      const { bytesRead } = await file.read(bytes, at, size - at, at);
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
  return (await digestAndVersion(path, file, own)).sha256;
}

/** SHA-256 of a file, as `digestOf`, and its version after it was read. */
export async function digestAndVersion(
  path: string,
  file: string,
  own: boolean,
): Promise<{ sha256: string; version: FileVersion | undefined }> {
  const hash = createHash('sha256');
  try {
    const stored = own && isRemote(path) ? await (await storeOf(path)).digest(path) : undefined;
    if (stored !== undefined) return { sha256: stored, version: await versionOf(path, own) };
    const opened = await openRegular(path, own, true);
    try {
      const part = Buffer.allocUnsafe(partBytes);
      for (let at = 0; ; ) {
        const { bytesRead } = await opened.read(part, 0, part.length, at);
        if (bytesRead === 0) break;
        hash.update(part.subarray(0, bytesRead));
        at += bytesRead;
      }
      return { sha256: hash.digest('hex'), version: await versionOf(path, own, opened) };
    } finally {
      await opened.close();
    }
  } catch (cause) {
    throw cannotRead(file, cause);
  }
}

/** Bytes that are read at once. */
const partBytes = 1 << 17;
