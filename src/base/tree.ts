import { closeSync, constants, type Dirent, fstatSync, openSync, readSync } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { archiveInPath, Damaged } from '../archives/archive.ts';
import { CopyPasteError, codeOf, kindOfUnread, systemMessageOf } from '../errors.ts';
import { isRemote, type OpenFile } from '../storage/store.ts';
import { storeOf } from '../storage/stores.ts';
import { firstFrom, type List, pathList, sortedPaths } from './list.ts';
import { nearestFolder } from './nearest.ts';
import { inParts } from './parts.ts';
import { joinPath } from './paths.ts';
import { openRegular, readRegular } from './regular.ts';
import { decodeText } from './text.ts';

/** Folders and files below a root, as sorted relative paths with `/`. */
export interface Tree {
  /** Folder that was listed. */
  readonly root: string;
  readonly folders: ReadonlySet<string>;
  readonly files: List<string>;
  /** True if a file of this path exists. */
  has(file: string): boolean;
  /** Folders that may not be listed (such as `lost+found`), and entries that are neither file nor folder (pipes, broken links). */
  readonly unreadable: readonly string[];
  /** First 4096 bytes of a file as text; empty if it cannot be read, or, in a store, is not read yet. */
  start(file: string): string;
  /** Reads the starts that were asked for and not read yet. @returns false if there are none. */
  readStarts(): Promise<boolean>;
}

/** Files of a tree below a folder, `''` for the root. */
export function filesBelow({ files }: Pick<Tree, 'files'>, folder: string): List<string> {
  return folder === '' ? files : files.slice(firstFrom(files, `${folder}/`), firstFrom(files, `${folder}0`));
}

/** The error for a file that cannot be read: `io`, or `data` if its name is not UTF-8. The message has no absolute path. */
export function cannotRead(file: string, cause: unknown): CopyPasteError {
  if (cause instanceof CopyPasteError) return cause;
  if (cause instanceof Damaged) return new CopyPasteError('data', cause.message, { path: file, cause });
  // Node lists a byte that is not UTF-8 as U+FFFD, and then cannot find the file.
  const renamed = file.includes('\ufffd') && codeOf(cause) === 'ENOENT';
  const why = renamed ? 'its name is not UTF-8; rename it' : systemMessageOf(cause);
  return new CopyPasteError(renamed ? 'data' : 'io', `cannot be read: ${why}`, { path: file, cause });
}

/**
 * Lists a directory tree without names that begin with a dot. Symbolic links are followed. Below a second link, they are followed only to
 * folders that are not listed yet, since folders that link to one another have exponentially many paths.
 *
 * @throws {CopyPasteError} `noInput` if the root is not a directory, `io` if a folder cannot be listed.
 */
export async function listTree(root: string): Promise<Tree> {
  if (isRemote(root)) return listStore(root);
  const info = await stat(root).catch(async (cause: unknown) => {
    const near = await nearestFolder(root);
    if (near.meant !== undefined) throw new CopyPasteError('noInput', `${root}: no such directory; did you mean ${near.meant}?`, { cause });
    const { exists, missing } = near;
    const where = ['', '.'].includes(exists)
      ? ` in ${basename(resolve()) || resolve()}; check the path`
      : `; ${exists} has no folder ${missing}`;
    throw new CopyPasteError('noInput', `${root}: no such directory${where}`, { cause });
  });
  if (!info.isDirectory()) throw new CopyPasteError('noInput', `${root}: not a directory; pass the folder of a data set`);
  const found: Listing = { folders: [], files: pathList(), unreadable: [], seen: new Set() };
  await visit(root, '', found, [], 0);
  const { files, unreadable } = found;
  const start = (file: string): string => textAtStart(join(root, file));
  return treeOf(root, { folders: found.folders, files, unreadable }, start, async () => false);
}

function treeOf(
  root: string,
  { folders, files: found, unreadable }: Pick<Listing, 'folders' | 'unreadable'> & Pick<Tree, 'files'>,
  start: Tree['start'],
  readStarts: Tree['readStarts'],
): Tree {
  const files = sortedPaths(found);
  const has = (file: string): boolean => files.at(firstFrom(files, file)) === file;
  return { root, folders: new Set(folders.sort()), files, has, unreadable: unreadable.sort(), start, readStarts };
}

/** Lists a folder of a store, as `listTree`. */
async function listStore(root: string): Promise<Tree> {
  const store = await storeOf(root);
  const found = await store.list(root).catch((cause: unknown) => {
    if (cause instanceof CopyPasteError) throw cause;
    throw new CopyPasteError(kindOfUnread(cause), `${root}: cannot be listed: ${systemMessageOf(cause)}; check the path`, { cause });
  });
  return treeOf(root, found, ...startsLater(root));
}

/** Starts of files that are read once they are asked for. */
function startsLater(root: string): [Tree['start'], Tree['readStarts']] {
  const starts = new Map<string, string>();
  const asked = new Set<string>();
  const start = (file: string): string => {
    const known = starts.get(file);
    if (known === undefined) asked.add(file);
    return known ?? '';
  };
  const readStarts = async (): Promise<boolean> => {
    const files = [...asked];
    asked.clear();
    await inParts(files, startsAtOnce, async (file) => {
      const bytes = await readStart(joinPath(root, file), file, startBytes).catch(() => Buffer.alloc(0));
      starts.set(file, Buffer.from(bytes).toString('utf8'));
    });
    return files.length > 0;
  };
  return [start, readStarts];
}

/** A tree in which archives are folders. @param inside names of the files in each archive. */
export function withMembers(tree: Tree, inside: ReadonlyMap<string, readonly string[]>): Tree {
  const folders = new Set(tree.folders);
  const files = pathList();
  for (const file of tree.files) if (!inside.has(file)) files.push(file);
  for (const [archive, names] of inside) {
    folders.add(archive);
    for (const name of names) {
      files.push(`${archive}/${name}`);
      for (let slash = name.indexOf('/'); slash > 0; slash = name.indexOf('/', slash + 1))
        folders.add(`${archive}/${name.slice(0, slash)}`);
    }
  }
  const [start, readStarts] = startsLater(tree.root);
  const isInside = (file: string): boolean => file.search(archiveInPath) >= 0;
  return treeOf(
    tree.root,
    { folders: [...folders], files, unreadable: [...tree.unreadable] },
    (file) => (isInside(file) ? start(file) : tree.start(file)),
    async () => [await tree.readStarts(), await readStarts()].includes(true),
  );
}

/** Bytes of the start of a file. */
const startBytes = 4096;

/** Starts of files that are read from a store at the same time. */
const startsAtOnce = 32;

/** Answers a question about a tree that depends on the starts of files, and asks it again once those that it needs are read. */
export async function withStarts<T>(tree: Pick<Tree, 'readStarts'>, question: () => T | Promise<T>): Promise<T> {
  for (;;) {
    const answer = await question();
    if (!(await tree.readStarts())) return answer;
  }
}

/** Relative paths that are found so far. */
interface Listing {
  readonly folders: string[];
  readonly files: ReturnType<typeof pathList>;
  readonly unreadable: string[];
  /** Real paths of folders that are listed. */
  readonly seen: Set<string>;
}

/**
 * Lists a folder and its subfolders.
 *
 * @param ancestors real paths of the folders that contain it.
 * @param links number of symbolic links on the way to it.
 */
async function visit(root: string, folder: string, found: Listing, ancestors: readonly string[], links: number): Promise<void> {
  const real = await realpath(join(root, folder)).catch(() => undefined);
  if (real !== undefined && (ancestors.includes(real) || (links > 1 && found.seen.has(real)))) return;
  const entries = await listFolder(root, folder);
  if (entries === undefined) found.unreadable.push(`${folder}/`);
  if (real !== undefined) found.seen.add(real);
  const above = real === undefined ? ancestors : [...ancestors, real];
  for (const entry of entries ?? []) {
    if (entry.name.startsWith('.')) continue;
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
    const link = entry.isSymbolicLink();
    const target = link ? await stat(join(root, name)).catch(() => undefined) : entry;
    if (target?.isDirectory()) {
      found.folders.push(name);
      await visit(root, name, found, above, links + (link ? 1 : 0));
    } else if (target?.isFile()) found.files.push(name);
    else found.unreadable.push(name);
  }
}

/** Entries of a folder by name; `undefined` if the folder may not be listed. @throws {CopyPasteError} as `listTree` does. */
async function listFolder(root: string, folder: string): Promise<Dirent[] | undefined> {
  try {
    const entries = await readdir(join(root, folder), { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    if (folder === '')
      throw new CopyPasteError(kindOfUnread(cause), `${root}: cannot be listed: ${systemMessageOf(cause)}; check its permissions`, {
        cause,
      });
    const known = ['EACCES', 'EPERM'].includes(codeOf(cause) ?? '') || folder.includes('\ufffd');
    if (!known) throw cannotRead(`${folder}/`, cause);
    return undefined;
  }
}

/** First 4096 bytes of a file as text; empty if it cannot be read. */
function textAtStart(path: string): string {
  try {
    const handle = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const buffer = Buffer.alloc(startBytes);
    try {
      if (!fstatSync(handle).isFile()) return '';
      return buffer.toString('utf8', 0, readSync(handle, buffer));
    } finally {
      closeSync(handle);
    }
  } catch {
    return '';
  }
}

/** Reads a text file. @throws {CopyPasteError} `io` or `data` if the file cannot be read, `data` if it is not in the encoding. */
export async function readText(root: string, file: string, encoding?: string): Promise<string> {
  const bytes = await readRegular(joinPath(root, file)).catch((cause: unknown) => {
    throw cannotRead(file, cause);
  });
  return decodeText(bytes, file, encoding);
}

/**
 * Reads the first `length` bytes of a file, or all of a shorter one.
 *
 * @param file its name in messages.
 * @throws {CopyPasteError} `io` or `data` if the file cannot be read.
 */
export async function readStart(path: string, file: string, length: number): Promise<Uint8Array> {
  let handle: OpenFile | undefined;
  try {
    handle = await openRegular(path);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } catch (cause) {
    throw cannotRead(file, cause);
  } finally {
    await handle?.close();
  }
}
