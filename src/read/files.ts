import { open, readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CopyPasteError, messageOf } from '../errors.ts';

/** Folders that hold at least one entry, and files, as sorted paths relative to a root, with `/`. */
export interface Tree {
  readonly folders: ReadonlySet<string>;
  readonly files: readonly string[];
  /** Folders that may not be listed, as a file system's own `lost+found`. */
  readonly unreadable: readonly string[];
}

/**
 * Lists a directory tree. Names that begin with a dot are left out; symbolic links are followed.
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
  const visit = async (folder: string, ancestors: readonly string[]): Promise<void> => {
    const path = join(root, folder);
    const real = await realpath(path);
    if (ancestors.includes(real)) return;
    const entries = await readdir(path, { withFileTypes: true }).catch((cause: unknown) => {
      if (folder === '') throw new CopyPasteError('noInput', `${root}: cannot be listed: ${messageOf(cause)}`, { cause });
      unreadable.push(`${folder}/`);
      return [];
    });
    for (const entry of entries) {
      if (entry.name.startsWith('.')) continue;
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      const target = entry.isSymbolicLink() ? await stat(join(root, name)).catch(() => undefined) : entry;
      if (target?.isDirectory()) {
        folders.add(name);
        await visit(name, [...ancestors, real]);
      } else if (target?.isFile()) {
        files.push(name);
      }
    }
  };
  await visit('', []);
  return { folders: new Set([...folders].sort()), files: files.sort(), unreadable: unreadable.sort() };
}

/** The first bytes of a file, at most `length`. */
export async function readStart(path: string, length: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
