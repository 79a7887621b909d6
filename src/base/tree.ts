import { closeSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open, readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CopyPasteError, messageOf, systemMessageOf } from '../errors.ts';

/** Folders that hold at least one entry, and files, as sorted paths relative to a root, with `/`. */
export interface Tree {
  readonly folders: ReadonlySet<string>;
  readonly files: readonly string[];
  /** Whether it holds a file. */
  has(file: string): boolean;
  /** What may not be listed, as a file system's own `lost+found`, or is no file, as a pipe or a link to nothing. */
  readonly unreadable: readonly string[];
  /** How a file begins, as text; nothing where it cannot be read. */
  start(file: string): string;
}

/** An error that names a file of the data set, not where that is. */
export function cannotRead(file: string, cause: unknown): CopyPasteError {
  // Node shows a byte that is not UTF-8 as U+FFFD, and then finds no such file.
  const renamed = file.includes('\ufffd') && (cause as NodeJS.ErrnoException).code === 'ENOENT';
  const why = renamed ? 'its name is not UTF-8; rename it' : systemMessageOf(cause);
  return new CopyPasteError(renamed ? 'data' : 'io', `${file}: cannot be read: ${why}`, { cause });
}

/**
 * Lists a directory tree. Names that begin with a dot are left out; symbolic links are followed, but below one only to what is new,
 * since folders that link to one another have more ways through them than can be gone.
 *
 * @throws {CopyPasteError} `noInput` where the root is not a directory.
 */
export async function listTree(root: string): Promise<Tree> {
  const info = await stat(root).catch((cause: unknown) => {
    throw new CopyPasteError('noInput', `${root}: no such directory; --in names the data set`, { cause });
  });
  if (!info.isDirectory()) throw new CopyPasteError('noInput', `${root}: not a directory; --in names the data set`);
  const folders = new Set<string>();
  const files: string[] = [];
  const unreadable: string[] = [];
  const seen = new Set<string>();
  const visit = async (folder: string, ancestors: readonly string[], links: number): Promise<void> => {
    const path = join(root, folder);
    const real = await realpath(path).catch(() => undefined);
    if (real !== undefined && (ancestors.includes(real) || (links > 1 && seen.has(real)))) return;
    const entries = await readdir(path, { withFileTypes: true }).catch((cause: unknown) => {
      if (folder === '') throw new CopyPasteError('noInput', `${root}: cannot be listed: ${messageOf(cause)}`, { cause });
      const known = ['EACCES', 'EPERM'].includes((cause as NodeJS.ErrnoException).code ?? '') || folder.includes('\ufffd');
      if (!known) throw cannotRead(`${folder}/`, cause);
      unreadable.push(`${folder}/`);
      return [];
    });
    if (real !== undefined) seen.add(real);
    const above = real === undefined ? ancestors : [...ancestors, real];
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.')) continue;
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      const link = entry.isSymbolicLink();
      const target = link ? await stat(join(root, name)).catch(() => undefined) : entry;
      if (target?.isDirectory()) {
        folders.add(name);
        await visit(name, above, links + (link ? 1 : 0));
      } else if (target?.isFile()) {
        files.push(name);
      } else {
        unreadable.push(name);
      }
    }
  };
  await visit('', [], 0);
  const start = (file: string): string => {
    try {
      const handle = openSync(join(root, file), 'r');
      const buffer = Buffer.alloc(4096);
      try {
        return buffer.toString('utf8', 0, readSync(handle, buffer));
      } finally {
        closeSync(handle);
      }
    } catch {
      return '';
    }
  };
  let names: Set<string> | undefined;
  const has = (file: string): boolean => {
    names ??= new Set(files);
    return names.has(file);
  };
  return { folders: new Set([...folders].sort()), files: files.sort(), has, unreadable: unreadable.sort(), start };
}

/**
 * The first bytes of a file of a data set, at most `length`.
 *
 * @throws {CopyPasteError} `io` with the cause.
 */
export async function readStart(root: string, file: string, length: number): Promise<Uint8Array> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(join(root, file));
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } catch (cause) {
    throw cannotRead(file, cause);
  } finally {
    await handle?.close();
  }
}

/** A path without what follows its last dot. */
export function withoutExtension(path: string): string {
  return path.replace(/\.[^./]+$/, '');
}
