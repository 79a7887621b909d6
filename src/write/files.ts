import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, link, mkdir, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CopyPasteError, messageOf } from '../errors.ts';

/** A name in the same folder that no reader takes for a sample; short, since long names are near the limit already. */
function temporaryName(path: string): string {
  const hash = createHash('sha256').update(basename(path)).update(randomBytes(8)).digest('hex').slice(0, 12);
  return join(dirname(path), `.${hash}.tmp`);
}

/** A file that appears under its name only when it is complete and on disk. */
export interface AtomicFile {
  write(data: Uint8Array | string): Promise<void>;
  /** Flushes and renames. */
  commit(): Promise<void>;
  /** Removes what was written. */
  abort(): Promise<void>;
}

function failed(path: string, cause: unknown): CopyPasteError {
  if (cause instanceof CopyPasteError) return cause;
  return new CopyPasteError('io', `${path}: cannot be written: ${messageOf(cause)}; run again once that is mended`, { cause });
}

/**
 * Opens a file under a temporary name.
 *
 * @throws {CopyPasteError} `io` with the cause.
 */
export async function createAtomic(path: string): Promise<AtomicFile> {
  const temporary = temporaryName(path);
  let file: FileHandle;
  try {
    file = await open(temporary, 'wx');
  } catch (cause) {
    throw failed(path, cause);
  }
  const abort = async (): Promise<void> => {
    await file.close().catch(() => {});
    await unlink(temporary).catch(() => {});
  };
  const guard = async (step: () => Promise<void>): Promise<void> => {
    try {
      await step();
    } catch (cause) {
      await abort();
      throw failed(path, cause);
    }
  };
  return {
    write: (data) => guard(() => file.writeFile(data)),
    commit: () =>
      guard(async () => {
        await file.sync();
        await file.close();
        await rename(temporary, path);
      }),
    abort,
  };
}

/** Writes a file in one go: temporary name, fsync, rename. */
export async function writeAtomic(path: string, data: Uint8Array | string): Promise<void> {
  const file = await createAtomic(path);
  await file.write(data);
  await file.commit();
}

/** Gives an existing file a second name; `false` where the file systems cannot. */
export async function linkAtomic(from: string, path: string): Promise<boolean> {
  const temporary = temporaryName(path);
  try {
    await link(from, temporary);
  } catch {
    return false;
  }
  try {
    await rename(temporary, path);
    return true;
  } catch (cause) {
    await unlink(temporary).catch(() => {});
    throw failed(path, cause);
  }
}

/** Makes folders, once each. */
export function createFolders() {
  const made = new Map<string, Promise<unknown>>();
  /** @throws {CopyPasteError} `cannotCreate` with the cause. */
  return async (folder: string): Promise<void> => {
    const making = made.get(folder) ?? mkdir(folder, { recursive: true });
    made.set(folder, making);
    await making.catch((cause: unknown) => {
      throw new CopyPasteError('cannotCreate', `${folder}: cannot be created: ${messageOf(cause)}`, { cause });
    });
  };
}

/**
 * Flushes folders, so that the names in them are on disk before anything relies on them.
 *
 * @param folders below `root`, which is flushed too, and all between.
 */
export async function syncFolders(root: string, folders: Iterable<string>): Promise<void> {
  const all = new Set(['.']);
  for (let folder of folders) for (; folder !== '.'; folder = dirname(folder)) all.add(folder);
  for (const folder of all) {
    const handle = await open(join(root, folder));
    // Some file systems cannot flush a folder; those have no such promise to keep.
    await handle.sync().catch(() => {});
    await handle.close();
  }
}
