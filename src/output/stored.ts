/** Files of an output, on a disk or in a store. */
import { existsSync } from 'node:fs';
import { lstat, readdir, unlink } from 'node:fs/promises';
import { cannotRead } from '../base/tree.ts';
import { CopyPasteError, systemMessageOf } from '../errors.ts';
import { isRemote, type Listing } from '../storage/store.ts';
import { storeOf } from '../storage/stores.ts';

/** The error for a file that cannot be written. */
export function cannotWrite(path: string, cause: unknown): CopyPasteError {
  if (cause instanceof CopyPasteError) return cause;
  return new CopyPasteError('io', `${path}: cannot be written: ${systemMessageOf(cause)}; fix the cause and run again`, { cause });
}

/**
 * Writes a file to a store.
 *
 * @param once true if it must not replace a file with other content.
 * @throws {CopyPasteError} `io` with the cause; `EEXIST` is the code of the cause if it would.
 */
export async function writeStored(
  path: string,
  data: Uint8Array | string | (() => AsyncIterable<string | Uint8Array>),
  once: boolean,
): Promise<void> {
  const store = await storeOf(path);
  await store.write(path, typeof data === 'string' ? Buffer.from(data) : data, once).catch((cause: unknown) => {
    throw cannotWrite(path, cause);
  });
}

/** Tests if a file exists. @throws {CopyPasteError} `io` if a store does not say. */
export async function isThere(path: string): Promise<boolean> {
  if (!isRemote(path)) return existsSync(path);
  return (await storeOf(path)).exists(path).catch((cause: unknown) => {
    throw cannotRead(path, cause);
  });
}

/** Lists a folder of a store; the states of its files are then known without a request for each. @throws {CopyPasteError} `io` if it cannot be listed. */
export async function listStored(folder: string): Promise<Listing> {
  return (await storeOf(folder)).list(folder).catch((cause: unknown) => {
    throw cannotRead(folder, cause);
  });
}

/** Tests if a path is taken, also by a link that leads nowhere. */
export async function isTaken(path: string): Promise<boolean> {
  return isRemote(path) ? isThere(path) : (await lstat(path).catch(() => undefined)) !== undefined;
}

/** Removes a file. @throws {Error} with a code, as the file system does; a store does not say if there was none. */
export async function removeFile(path: string): Promise<void> {
  await (isRemote(path) ? (await storeOf(path)).remove(path) : unlink(path));
}

/** Names in a folder. @throws {Error} with a code, as the file system does; a store has no names in a folder that does not exist. */
export async function namesIn(folder: string): Promise<string[]> {
  return isRemote(folder) ? (await storeOf(folder)).names(folder) : readdir(folder);
}
