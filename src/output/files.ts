import { createHash, randomBytes } from 'node:crypto';
import { close, closeSync, fsync, open as openFile, openSync, renameSync, statSync, writeFileSync, writeFile as writeTo } from 'node:fs';
import { type FileHandle, link, lstat, mkdir, open, readdir, realpath, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { digestOf } from '../base/digest.ts';
import { isBelow, isInside, joinPath } from '../base/paths.ts';
import { promptBytes, promptly } from '../base/prompt.ts';
import { readRegular } from '../base/regular.ts';
import { cannotRead } from '../base/tree.ts';
import { CopyPasteError, codeOf, systemMessageOf } from '../errors.ts';
import { isRemote } from '../storage/store.ts';
import { cannotWrite, writeStored } from './stored.ts';

/** Random temporary path in the folder of a file. The name is hidden, and short, since sample names may be near the length limit. */
function temporaryName(path: string): string {
  const hash = createHash('sha256').update(basename(path)).update(randomBytes(8)).digest('hex').slice(0, 12);
  return join(dirname(path), `.${hash}.tmp`);
}

/** Returns `true` for the name of a temporary file. */
export function isTemporary(name: string): boolean {
  return /^\.[0-9a-f]{12}\.tmp$/.test(name);
}

/**
 * Makes a file under a temporary name, and renames it once it is complete. A run in the same folder that ends meanwhile removes all
 * temporary files; the file is then made again.
 *
 * @throws {CopyPasteError} `io` with the cause; the temporary file is removed.
 */
async function commit(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const name = temporaryName(path);
    let made = false;
    try {
      await make(name);
      made = true;
      await promptly(
        () => renameSync(name, path),
        () => rename(name, path),
      );
      return;
    } catch (cause) {
      await unlink(name).catch(() => {});
      if (!made || codeOf(cause) !== 'ENOENT' || attempt === 3) throw cannotWrite(path, cause);
    }
  }
}

/**
 * Writes a file atomically: temporary name, fsync, rename. It appears under its own name only when it is complete and on disk, or in its store.
 *
 * @throws {CopyPasteError} `io` with the cause.
 */
export async function writeAtomic(path: string, data: Uint8Array | string | (() => AsyncIterable<string | Uint8Array>)): Promise<void> {
  if (isRemote(path)) return writeStored(path, data, false);
  await commit(path, (name) => (typeof data === 'function' ? writeParts(name, data) : writeNew(name, data)));
}

/** Writes a new file in parts, and flushes it to disk. */
async function writeParts(path: string, parts: () => AsyncIterable<string | Uint8Array>): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await writeFile(file, parts());
    await file.sync();
  } finally {
    await file.close();
  }
}

const pooled = { open: promisify(openFile), write: promisify(writeTo), sync: promisify(fsync), close: promisify(close) };

/** Writes a new file, and flushes it to disk. A flush takes long on any disk, so it always goes through the thread pool. */
async function writeNew(path: string, data: Uint8Array | string): Promise<void> {
  const file = await promptly(
    () => openSync(path, 'wx'),
    () => pooled.open(path, 'wx'),
  );
  try {
    const later = (): Promise<void> => pooled.write(file, data);
    await (data.length > promptBytes ? later() : promptly(() => writeFileSync(file, data), later));
    await pooled.sync(file);
  } finally {
    await promptly(
      () => closeSync(file),
      () => pooled.close(file),
    );
  }
}

/** Writes a file of any size in parts, as `writeAtomic` does. @returns its SHA-256. */
export async function writeHashed(path: string, parts: () => AsyncIterable<string | Uint8Array>): Promise<string> {
  let hash = createHash('sha256');
  await writeAtomic(path, async function* () {
    hash = createHash('sha256');
    for await (const part of parts()) {
      hash.update(part);
      yield part;
    }
  });
  return hash.digest('hex');
}

/**
 * Tests whether the file system of a folder is case-insensitive, as most are on macOS and Windows. It creates a file for this, since
 * the answer may differ from folder to folder.
 *
 * @throws {CopyPasteError} `io` with the cause.
 */
export async function foldsCase(folder: string): Promise<boolean> {
  if (isRemote(folder)) return false;
  const name = temporaryName(join(folder, 'x'));
  try {
    await writeFile(name, '', { flag: 'wx' });
    return await lstat(join(folder, basename(name).toUpperCase())).then(
      () => true,
      () => false,
    );
  } catch (cause) {
    throw cannotWrite(name, cause);
  } finally {
    await unlink(name).catch(() => {});
  }
}

/** Hard-links an existing file to a second path, atomically; returns `false` if the file systems cannot. */
export async function linkAtomic(from: string, path: string): Promise<boolean> {
  const name = temporaryName(path);
  try {
    // A relative symbolic link would not resolve from the output folder.
    await link(await realpath(from), name);
    await rename(name, path);
    return true;
  } catch {
    return false;
  } finally {
    // rename() does nothing when both names already refer to the same file.
    await unlink(name).catch(() => {});
  }
}

/**
 * Makes a folder and its missing parents. `mkdir` with `recursive` never ends if a file system refuses new entries with ENOENT, as `/proc`
 * does.
 */
export async function makeFolders(folder: string, mode?: number): Promise<void> {
  if (isRemote(folder)) return;
  const make = async (): Promise<void> => {
    await mkdir(folder, { mode }).catch(async (error: unknown) => {
      if (!(await stat(folder).catch(() => undefined))?.isDirectory()) throw error;
    });
  };
  await make().catch(async (error: unknown) => {
    const above = dirname(folder);
    if (codeOf(error) !== 'ENOENT' || above === folder) throw error;
    await makeFolders(above, mode);
    await make();
  });
}

/** Output folder, into which files are written by their paths. */
export interface OutputFolder {
  /** Identity of the output folder, which is made if it is missing. */
  identity(): Promise<string>;
  /**
   * Writes a file by a step: makes its folder, and checks before and after the step that no part of the way was replaced.
   *
   * @throws {CopyPasteError} `cannotCreate` if the folder cannot be made, or the path leads out of the output folder.
   */
  guarded<T>(path: string, write: (file: string) => Promise<T>): Promise<T>;
}

async function identityOf(folder: string): Promise<string> {
  const { dev, ino } = await promptly(
    () => statSync(folder, { bigint: true }),
    () => stat(folder, { bigint: true }),
  );
  return `${dev} ${ino}`;
}

/**
 * Creates the writer of an output folder. Folders are looked up again at each write: one that is replaced by a symbolic link during a run
 * would lead the rest of the run to another place.
 *
 * @param root folder that contains all files; the output of an earlier run may contain symbolic links by now.
 * @param identity of the folder, if another thread has opened it.
 */
export function createOutputFolder(root: string, identity?: string): OutputFolder {
  /** Identity of each folder, by its path in the output folder. */
  const made = new Map<string, Promise<string>>(identity === undefined ? [] : [['.', Promise.resolve(identity)]]);
  const refuse = (folder: string, what: string, cause?: unknown): CopyPasteError =>
    new CopyPasteError('cannotCreate', `${join(root, folder)}: ${what}`, { cause });
  const make = async (folder: string): Promise<string> => {
    try {
      if (folder !== '.') await refuseOther(dirname(folder));
      await makeFolders(join(root, folder));
      const [home, real] = await Promise.all([realpath(root), realpath(join(root, folder))]);
      if (!isInside(real, home)) throw refuse(folder, `a symbolic link leads out of ${root}; remove the link`);
      return await identityOf(join(root, folder));
    } catch (cause) {
      if (cause instanceof CopyPasteError) throw cause;
      throw refuse(folder, `cannot be created: ${systemMessageOf(cause)}; fix the cause and run again`, cause);
    }
  };
  const madeOnce = (folder: string): Promise<string> => {
    const making = made.get(folder) ?? make(folder);
    made.set(folder, making);
    return making;
  };
  const refuseOther = async (folder: string): Promise<void> => {
    const expected = await madeOnce(folder);
    if ((await identityOf(join(root, folder)).catch(() => undefined)) !== expected)
      throw refuse(folder, 'the folder was replaced during the run; put it back and run again');
  };
  return {
    identity: () => (isRemote(root) ? Promise.resolve(root) : madeOnce('.')),
    async guarded(path, write) {
      if (!isBelow(path)) throw refuse(path, 'the path leads out of the output folder');
      // Stores have no links, and folders that nobody can replace.
      if (isRemote(root)) return write(joinPath(root, path));
      const folder = dirname(path);
      await refuseOther(folder);
      const result = await write(join(root, path));
      await refuseOther(folder);
      return result;
    },
  };
}

/**
 * Creates a function that finds a file of an output by its path.
 *
 * @param root output folder; somebody may have put symbolic links into it.
 */
export function createFinder(root: string): (path: string) => Promise<string> {
  if (isRemote(root)) return async (path) => joinPath(root, path);
  const found = new Map<string, Promise<void>>();
  const check = async (folder: string): Promise<void> => {
    const [home, real] = await Promise.all([realpath(root), realpath(join(root, folder))]);
    if (!isInside(real, home)) throw Object.assign(new Error('a symbolic link leads out of the output folder'), { code: 'ELOOP' });
  };
  /** @throws {CopyPasteError} `io` if the folder is missing, or a symbolic link leads out of the output folder. */
  return async (path) => {
    const folder = dirname(path);
    const checking = found.get(folder) ?? check(folder);
    found.set(folder, checking);
    await checking.catch((cause: unknown) => {
      // The folder may be made later.
      found.delete(folder);
      throw cannotRead(path, cause);
    });
    return join(root, path);
  };
}

/** Tests if a file could not be read because it does not exist. */
export function isMissing(error: unknown): boolean {
  return error instanceof CopyPasteError && ['ENOENT', 'ENOTDIR'].includes(codeOf(error.cause) ?? '');
}

/** Finds a file of an output by its path. */
export type Find = ReturnType<typeof createFinder>;

/** Reads a file that the tool has written. @throws {CopyPasteError} `io` if it cannot be read. */
export async function readOwn(find: Find, path: string): Promise<Buffer> {
  const file = await find(path);
  return readRegular(file, true).catch((cause: unknown) => {
    throw cannotRead(path, cause);
  });
}

/** SHA-256 of a file that the tool has written. @throws {CopyPasteError} `io` if it cannot be read. */
export async function digestOfOwn(find: Find, path: string): Promise<string> {
  return digestOf(await find(path), path, true);
}

/** Removes temporary files of killed runs from a folder and its subfolders. */
export async function removeTemporaries(root: string): Promise<void> {
  if (isRemote(root)) return;
  for (const entry of await readdir(root, { withFileTypes: true }).catch(() => [])) {
    const path = join(root, entry.name);
    if (entry.isDirectory()) await removeTemporaries(path);
    else if (isTemporary(entry.name)) await unlink(path).catch(() => {});
  }
}

/**
 * Flushes folders to disk, so that the names of their files survive a power cut.
 *
 * @param folders paths relative to `root`; their parents up to `root` are flushed too.
 */
export async function syncFolders(root: string, folders: Iterable<string>): Promise<void> {
  if (isRemote(root)) return;
  const all = new Set(['.']);
  for (let folder of folders) for (; folder !== '.'; folder = dirname(folder)) all.add(folder);
  for (const folder of all) {
    const handle: FileHandle = await open(join(root, folder)).catch((cause: unknown) => {
      throw cannotWrite(join(root, folder), cause);
    });
    try {
      await handle.sync();
    } catch (cause) {
      // Some file systems cannot flush a folder.
      if (!['EINVAL', 'ENOTSUP'].includes(codeOf(cause) ?? '')) throw cannotWrite(join(root, folder), cause);
    } finally {
      await handle.close();
    }
  }
}
