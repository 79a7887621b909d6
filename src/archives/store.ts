/**
 * Files in archives, by paths in which an archive stands for a folder: `data/train-000000.tar/7.jpg`. A folder that is named like an archive
 * stays a folder.
 */
import { codeOf, kindOfUnread } from '../errors.ts';
import { type FileState, isRemote, type OpenFile } from '../storage/store.ts';
import { type Archive, archiveInPath, isArchive } from './archive.ts';
import { openArchive } from './open.ts';

/** How files that are in no archive are reached. */
export interface Plain {
  open(path: string): Promise<OpenFile>;
  state(path: string): Promise<Pick<FileState, 'size' | 'mtimeMs'>>;
  /** Text that differs after each change of a file; `undefined` if it is not a regular file. */
  version(path: string): Promise<string | undefined>;
}

/** A file in an archive. */
export interface Member {
  /** Path of the archive. */
  readonly archive: string;
  /** Opens the file. */
  open(): OpenFile;
  /** Size of the file, or an equal part of its archive where only reading it would tell, and time of the archive. */
  state(): Promise<Pick<FileState, 'size' | 'mtimeMs'>>;
}

/** Archives of this thread; the index of each is made once, and again if it has changed or many others were read since. */
export interface Archives {
  /** The file of a path in an archive; `undefined` if it is in none. @throws {Damaged} if the archive is damaged. */
  member(path: string): Promise<Member | undefined>;
  /** Names of the files in an archive that was just listed; `undefined` if the path is not one of an archive. @throws {Damaged} if it is damaged. */
  names(path: string): Promise<readonly string[] | undefined>;
}

interface Known {
  readonly version: string;
  readonly archive: Archive;
  readonly state: Awaited<ReturnType<Plain['state']>>;
}

/** Number of files in the archives whose index is kept, and about the bytes that one takes. */
export const indexed = { files: 1 << 21, bytes: 200 };

/** Creates the archives of a thread. @param most number of files in the archives whose index is kept. */
export function createArchives({ open, state, version }: Plain, most = indexed.files): Archives {
  /** Archives by path, the last used last; `undefined` for a folder of a store. */
  const known = new Map<string, Known | undefined>();
  const use = (path: string, own: Known | undefined): void => {
    known.delete(path);
    known.set(path, own);
  };
  const forgetOld = (): void => {
    let files = 0;
    for (const [n, [path, own]] of [...known].reverse().entries()) {
      files += own?.archive.names.length ?? 1;
      if (n > 0 && files > most) known.delete(path);
    }
  };

  /** Archives that are being opened, by path: all who ask meanwhile share one index. */
  const opening = new Map<string, Promise<Known | undefined>>();

  const openAt = (path: string, isListed = false): Promise<Known | undefined> => {
    const shared = opening.get(path) ?? openNow(path, isListed).finally(() => opening.delete(path));
    opening.set(path, shared);
    return shared;
  };

  const openNow = async (path: string, isListed: boolean): Promise<Known | undefined> => {
    const before = known.get(path);
    // A store would be asked over the network for every file, unless a listing has just told. Reading notices a change.
    const isAsked = isListed || !(isRemote(path) && known.has(path));
    const current = isAsked ? await version(path).catch(ofNone) : before?.version;
    if (current === undefined) {
      if (isRemote(path)) use(path, undefined);
      return undefined;
    }
    if (before?.version === current) {
      use(path, before);
      return before;
    }
    const own = await state(path);
    const { size } = own;
    // A file of the disk does not stay open: there may be more archives than a process may have open files. One of a store is no more than
    // its state, and refuses to be read once the object is another one.
    const stored = isRemote(path) ? await open(path) : undefined;
    const read = async (start: number, length: number): Promise<Uint8Array> => {
      const file = stored ?? (await open(path));
      try {
        const wanted = Math.max(0, Math.min(length, size - start));
        const bytes = Buffer.allocUnsafeSlow(wanted);
        let at = 0;
        while (at < wanted) {
          const { bytesRead } = await file.read(bytes, at, wanted - at, start + at);
          if (bytesRead === 0) break;
          at += bytesRead;
        }
        return bytes.subarray(0, at);
      } finally {
        if (!stored) await file.close();
      }
    };
    const opened: Known = { version: current, archive: await openArchive({ path, size, read }), state: own };
    use(path, opened);
    forgetOld();
    return opened;
  };

  return {
    names: async (path) => (isArchive(path) ? (await openAt(path, true))?.archive.names : undefined),

    async member(path) {
      for (const { index, 0: ending } of path.matchAll(archiveInPath)) {
        const at = path.slice(0, index + ending.length - 1);
        const archive = await openAt(at);
        if (archive) return memberOf(archive, at, path.slice(index + ending.length));
      }
      return undefined;
    },
  };
}

/** The version of a path where there is no archive. @throws {Error} any other error: a connection may have broken. */
function ofNone(cause: unknown): undefined {
  // A store that may not be listed denies access to what is not there.
  if (kindOfUnread(cause) !== 'noInput' && codeOf(cause) !== 'EACCES') throw cause;
  return undefined;
}

function memberOf({ archive, state: { size, mtimeMs } }: Known, path: string, name: string): Member {
  return {
    archive: path,
    open: () => ({
      async read(buffer, offset, length, position) {
        const bytes = await archive.read(name, { start: position, end: position + length });
        buffer.set(bytes, offset);
        return { bytesRead: bytes.length, buffer };
      },
      stat: async () => ({ size: archive.size(name) ?? (await archive.read(name)).length }),
      readFile: async () => Buffer.from(await archive.read(name)),
      close: async () => {},
    }),
    async state() {
      return { size: archive.size(name) ?? Math.floor(size / archive.names.length), mtimeMs };
    },
  };
}
