import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, link, lstat, mkdir, open, readdir, realpath, rename, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path';
import { CopyPasteError, messageOf } from '../errors.ts';

/** A name in the same folder that no reader takes for a sample. It is short, since long names are near the limit already. */
function temporaryName(path: string): string {
  const hash = createHash('sha256').update(basename(path)).update(randomBytes(8)).digest('hex').slice(0, 12);
  return join(dirname(path), `.${hash}.tmp`);
}

/** Tells a temporary name. */
export function isTemporary(name: string): boolean {
  return /^\.[0-9a-f]{12}\.tmp$/.test(name);
}

function failed(path: string, cause: unknown): CopyPasteError {
  if (cause instanceof CopyPasteError) return cause;
  return new CopyPasteError('io', `${path}: cannot be written: ${messageOf(cause)}; fix this, then run again`, { cause });
}

function isMissing(cause: unknown): boolean {
  return (cause as NodeJS.ErrnoException).code === 'ENOENT';
}

/**
 * Makes a file under a temporary name, and renames it once it is complete. Another run in the same folder removes temporary files
 * when it ends; then the file is made again.
 *
 * @throws {CopyPasteError} `io` with the cause; nothing is left then.
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
      if (!made || !isMissing(cause) || attempt === 3) throw failed(path, cause);
    }
  }
}

/**
 * Writes a file that appears under its name only when it is complete and on disk: temporary name, fsync, rename.
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
 * Finds out if a folder takes names that differ by case alone for one, as most disks of macOS and Windows do. It creates a file to
 * see, as this may differ from folder to folder.
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

/** Gives an existing file a second name; `false` where the file systems cannot. */
export async function linkAtomic(from: string, path: string): Promise<boolean> {
  const name = temporaryName(path);
  try {
    // A link to a symbolic link would lead elsewhere, seen from the output.
    await link(await realpath(from), name);
    await rename(name, path);
    return true;
  } catch {
    return false;
  } finally {
    // Renaming one name of a file to another of its names does nothing, and leaves both.
    await unlink(name).catch(() => {});
  }
}

/**
 * Makes folders, once each.
 *
 * @param root folder that they have to stay in: an output that is continued or overwritten may hold a link by now.
 */
export function createFolders(root: string) {
  const made = new Map<string, Promise<unknown>>();
  const make = async (folder: string): Promise<void> => {
    await mkdir(folder, { recursive: true });
    const [within, real] = await Promise.all([realpath(root), realpath(folder)]);
    const way = relative(within, real);
    if (way.split(sep)[0] === '..' || isAbsolute(way)) {
      throw new CopyPasteError('cannotCreate', `${folder}: leads out of ${root} through a symbolic link; remove the link`);
    }
  };
  /** Makes a folder. @throws {CopyPasteError} `cannotCreate` with the cause, or where a symbolic link leads out of `root`. */
  return async (folder: string): Promise<void> => {
    const making = made.get(folder) ?? make(folder);
    made.set(folder, making);
    await making.catch((cause: unknown) => {
      if (cause instanceof CopyPasteError) throw cause;
      throw new CopyPasteError('cannotCreate', `${folder}: cannot be created: ${messageOf(cause)}`, { cause });
    });
  };
}

/** Removes temporary files that killed runs have left in a folder and all below. */
export async function removeTemporaries(root: string): Promise<void> {
  for (const entry of await readdir(root, { withFileTypes: true }).catch(() => [])) {
    const path = join(root, entry.name);
    if (entry.isDirectory()) await removeTemporaries(path);
    else if (isTemporary(entry.name)) await unlink(path).catch(() => {});
  }
}

/**
 * Flushes folders, so that the names in them are on disk before anything relies on them.
 *
 * @param folders paths below `root`, which is flushed too, with all folders between.
 */
export async function syncFolders(root: string, folders: Iterable<string>): Promise<void> {
  const all = new Set(['.']);
  for (let folder of folders) for (; folder !== '.'; folder = dirname(folder)) all.add(folder);
  for (const folder of all) {
    const handle: FileHandle = await open(join(root, folder)).catch((cause: unknown) => {
      throw failed(join(root, folder), cause);
    });
    // Some file systems cannot flush a folder.
    await handle.sync().catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'EINVAL' && cause.code !== 'ENOTSUP') throw failed(join(root, folder), cause);
    });
    await handle.close();
  }
}
