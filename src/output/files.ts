import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, link, lstat, mkdir, open, readdir, realpath, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isInside } from '../base/paths.ts';
import { CopyPasteError, codeOf, systemMessageOf } from '../errors.ts';

/** Random temporary path in the folder of a file. The name is hidden, and short, since sample names may be near the length limit. */
function temporaryName(path: string): string {
  const hash = createHash('sha256').update(basename(path)).update(randomBytes(8)).digest('hex').slice(0, 12);
  return join(dirname(path), `.${hash}.tmp`);
}

/** Returns `true` for the name of a temporary file. */
export function isTemporary(name: string): boolean {
  return /^\.[0-9a-f]{12}\.tmp$/.test(name);
}

function failed(path: string, cause: unknown): CopyPasteError {
  if (cause instanceof CopyPasteError) return cause;
  return new CopyPasteError('io', `${path}: cannot be written: ${systemMessageOf(cause)}; fix the cause and run again`, { cause });
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
      await rename(name, path);
      return;
    } catch (cause) {
      await unlink(name).catch(() => {});
      if (!made || codeOf(cause) !== 'ENOENT' || attempt === 3) throw failed(path, cause);
    }
  }
}

/**
 * Writes a file atomically: temporary name, fsync, rename. It appears under its own name only when it is complete and on disk.
 *
 * @throws {CopyPasteError} `io` with the cause.
 */
export async function writeAtomic(path: string, data: Uint8Array | string | (() => AsyncIterable<string | Uint8Array>)): Promise<void> {
  await commit(path, async (name) => {
    const file = await open(name, 'wx');
    try {
      if (typeof data === 'function') await writeFile(file, data());
      else await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
  });
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
  const name = temporaryName(join(folder, 'x'));
  try {
    await writeFile(name, '', { flag: 'wx' });
    return await lstat(join(folder, basename(name).toUpperCase())).then(
      () => true,
      () => false,
    );
  } catch (cause) {
    throw failed(name, cause);
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
export async function makeFolders(folder: string): Promise<void> {
  const make = async (): Promise<void> => {
    await mkdir(folder).catch(async (error: unknown) => {
      if (!(await stat(folder).catch(() => undefined))?.isDirectory()) throw error;
    });
  };
  await make().catch(async (error: unknown) => {
    const above = dirname(folder);
    if (codeOf(error) !== 'ENOENT' || above === folder) throw error;
    await makeFolders(above);
    await make();
  });
}

/**
 * Creates a function that makes folders, each once.
 *
 * @param root folder that contains them; the output of an earlier run may contain symbolic links by now.
 */
export function createFolders(root: string) {
  const made = new Map<string, Promise<unknown>>();
  const make = async (folder: string): Promise<void> => {
    await makeFolders(folder);
    const [within, real] = await Promise.all([realpath(root), realpath(folder)]);
    if (!isInside(real, within)) {
      throw new CopyPasteError('cannotCreate', `${folder}: a symbolic link leads out of ${root}; remove the link`);
    }
  };
  /** Makes a folder. @throws {CopyPasteError} `cannotCreate` with the cause, or if a symbolic link leads out of `root`. */
  return async (folder: string): Promise<void> => {
    const making = made.get(folder) ?? make(folder);
    made.set(folder, making);
    await making.catch((cause: unknown) => {
      if (cause instanceof CopyPasteError) throw cause;
      throw new CopyPasteError('cannotCreate', `${folder}: cannot be created: ${systemMessageOf(cause)}; fix the cause and run again`, {
        cause,
      });
    });
  };
}

/** Removes temporary files of killed runs from a folder and its subfolders. */
export async function removeTemporaries(root: string): Promise<void> {
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
  const all = new Set(['.']);
  for (let folder of folders) for (; folder !== '.'; folder = dirname(folder)) all.add(folder);
  for (const folder of all) {
    const handle: FileHandle = await open(join(root, folder)).catch((cause: unknown) => {
      throw failed(join(root, folder), cause);
    });
    // Some file systems cannot flush a folder.
    await handle.sync().catch((cause: unknown) => {
      if (!['EINVAL', 'ENOTSUP'].includes(codeOf(cause) ?? '')) throw failed(join(root, folder), cause);
    });
    await handle.close();
  }
}
