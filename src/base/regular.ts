/** Reading of files: all inputs are read through this file and `tree.ts`, wherever they are kept. */
import { type BigIntStats, close, closeSync, constants, fstat, fstatSync, open, openSync, read, readSync, statSync } from 'node:fs';
import { type FileHandle, lstat, open as openHandle, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { createArchives } from '../archives/store.ts';
import { type FileState, isRemote, type OpenFile } from '../storage/store.ts';
import { storeOf } from '../storage/stores.ts';
import { promptBytes, promptly } from './prompt.ts';

/**
 * Opens a file for reading. On a disk it must be a regular file: a pipe or a device could keep the process waiting for ever, or never end.
 *
 * @param own true for a file that the tool has written itself, which is no symbolic link.
 * @param ahead true if it is read from one position to its end, so that a store may read ahead.
 * @throws {Error} with a code, as the file system does; `ENOTREG` if the file is not a regular one.
 */
export async function openRegular(path: string, own = false, ahead = false): Promise<OpenFile> {
  const member = own ? undefined : await archives.member(path);
  return member ? member.open() : openPlain(path, own, ahead);
}

/** Opens a file that is in no archive, as `openRegular`. */
async function openPlain(path: string, own = false, ahead = false): Promise<OpenFile> {
  if (isRemote(path)) return openStored(path, ahead);
  const flags = flagsOf(own);
  const opening = promptly(
    () => openSync(path, flags),
    () => pooled.open(path, flags),
  );
  const file = diskFile(await opening.catch(refuseOther(own)));
  return refuseIrregular(file);
}

/** Opens a file of a store, which asks for it first: a file that is not there is an error of opening, as on a disk. */
async function openStored(path: string, ahead: boolean): Promise<OpenFile> {
  const file = (await storeOf(path)).open(path, ahead);
  try {
    await file.stat();
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Archives that this process has read from. */
export const archives = createArchives({
  open: openPlain,
  state: stateOfPlain,
  version: async (path) => (await versionOfPlain(path, false))?.version,
});

/** Opens a regular file of the disk, as `openRegular`. */
export async function openOnDisk(path: string, own = false): Promise<FileHandle> {
  return refuseIrregular(await openHandle(path, flagsOf(own)).catch(refuseOther(own)));
}

/** Flags to open a file. Without O_NONBLOCK, a pipe without a writer would block its thread for good. Windows has neither flag. */
function flagsOf(own: boolean): number {
  const { O_RDONLY, O_NONBLOCK = 0, O_NOFOLLOW = 0 } = constants;
  return O_RDONLY | O_NONBLOCK | (own ? O_NOFOLLOW : 0);
}

function refuseOther(own: boolean): (cause: NodeJS.ErrnoException) => never {
  return (cause) => {
    // A socket cannot be opened, and a link is not followed.
    throw own && cause.code === 'ELOOP' ? notRegular('is a symbolic link') : cause.code === 'ENXIO' ? notRegular() : cause;
  };
}

async function refuseIrregular<F extends Pick<FileHandle, 'close'> & { stat(): Promise<{ isFile(): boolean }> }>(file: F): Promise<F> {
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw notRegular();
}

const pooled = { open: promisify(open), stat: promisify(fstat), read: promisify(read), close: promisify(close) };

/** An open file of the disk. */
interface DiskFile extends OpenFile {
  stat(): Promise<{ readonly size: number; isFile(): boolean }>;
  /** State with times in nanoseconds. */
  state(): Promise<BigIntStats>;
}

function diskFile(fd: number): DiskFile {
  const stat = () =>
    promptly(
      () => fstatSync(fd),
      () => pooled.stat(fd),
    );
  const readAt: OpenFile['read'] = async (buffer, offset, length, position) => {
    const later = async (): Promise<number> => (await pooled.read(fd, buffer, offset, length, position)).bytesRead;
    const bytesRead = await (length > promptBytes ? later() : promptly(() => readSync(fd, buffer, offset, length, position), later));
    return { bytesRead, buffer };
  };
  return {
    stat,
    read: readAt,
    state: () => promisify(fstat)(fd, { bigint: true }),
    async readFile() {
      const { size } = await stat();
      const parts: Buffer[] = [];
      // A file may have grown since, or not know its size.
      for (let at = 0; ; ) {
        const length = Math.min(Math.max(size - at, 4096), 2 ** 30);
        const { buffer, bytesRead } = await readAt(Buffer.allocUnsafe(length), 0, length, at);
        if (bytesRead === 0) return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
        parts.push(buffer.subarray(0, bytesRead));
        at += bytesRead;
      }
    },
    close: () =>
      promptly(
        () => closeSync(fd),
        () => pooled.close(fd),
      ),
  };
}

/** Reads a whole file, as `openRegular` opens it. */
export async function readRegular(path: string, own = false): Promise<Buffer> {
  const file = await openRegular(path, own, true);
  try {
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** Reads a file in parts, as `openRegular` opens it. @param range first byte, and the one behind the last. */
export async function* partsOfRegular(path: string, { start = 0, end = Number.POSITIVE_INFINITY } = {}): AsyncGenerator<Buffer> {
  const file = await openRegular(path, false, end - start > partBytes);
  try {
    for (let at = start; at < end; ) {
      const length = Math.min(partBytes, end - at);
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, at);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
}

/** Bytes that are read at once. */
const partBytes = 1 << 18;

/** Size and time of a file. @throws {Error} with a code, as the file system does. */
export async function stateOf(path: string): Promise<Pick<FileState, 'size' | 'mtimeMs'>> {
  const member = await archives.member(path);
  return member ? member.state() : stateOfPlain(path);
}

async function stateOfPlain(path: string): Promise<Pick<FileState, 'size' | 'mtimeMs'>> {
  if (isRemote(path)) return (await storeOf(path)).state(path);
  return promptly(
    () => statSync(path),
    () => stat(path),
  );
}

/** Text that differs after each change of a file, and the time of its last change, in nanoseconds. */
export interface FileVersion {
  readonly version: string;
  readonly changed: bigint;
}

/**
 * Version of a file; `undefined` if it is not a regular one.
 *
 * @param own true for a file that the tool has written itself, which is no symbolic link.
 * @param opened the file, if it is open on the disk.
 * @throws {Error} with a code, as the file system does.
 */
export async function versionOf(path: string, own: boolean, opened?: OpenFile): Promise<FileVersion | undefined> {
  // A file in an archive is as old as the archive.
  const member = own ? undefined : await archives.member(path);
  return member ? versionOfPlain(member.archive, own) : versionOfPlain(path, own, opened);
}

async function versionOfPlain(path: string, own: boolean, opened?: OpenFile): Promise<FileVersion | undefined> {
  if (isRemote(path)) {
    const { version, mtimeMs } = await (await storeOf(path)).state(path);
    return { version, changed: BigInt(Math.floor(mtimeMs)) * 1_000_000n };
  }
  const state = await (opened ? (opened as DiskFile).state() : (own ? lstat : stat)(path, { bigint: true }));
  return state.isFile() ? versionIn(state) : undefined;
}

function versionIn({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): FileVersion {
  // ctime is the time of the last change of the file, or of its name, owner or links.
  return { version: [dev, ino, size, mtimeNs, ctimeNs].join(' '), changed: mtimeNs > ctimeNs ? mtimeNs : ctimeNs };
}

function notRegular(what = 'is not a regular file'): Error {
  return Object.assign(new Error(what), { code: 'ENOTREG' });
}
