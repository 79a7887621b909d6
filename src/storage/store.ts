/**
 * Where files are kept. A path that begins with the scheme of a store is dispatched to that store, every other one to the disk. Paths are
 * plain strings, so that threads and processes need nothing else.
 */

/** A file that is open for reading; Node's `FileHandle` is one. */
export interface OpenFile {
  /** Reads up to `length` bytes from `position` on into a buffer; fewer may come before the end, and none at it. */
  read<B extends Uint8Array>(
    buffer: B,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number; readonly buffer: B }>;
  /** Size of the file in bytes. */
  stat(): Promise<{ readonly size: number }>;
  /** Reads the whole file. */
  readFile(): Promise<Buffer>;
  close(): Promise<void>;
}

/** State of a file. */
export interface FileState {
  readonly size: number;
  /** Time of its last change, in milliseconds. */
  readonly mtimeMs: number;
  /** Text that differs after each change. */
  readonly version: string;
}

/** Folders and files below a root, as relative paths with `/`, in any order. */
export interface Listing {
  readonly folders: string[];
  readonly files: string[];
  /** Entries that cannot be files of a data set. */
  readonly unreadable: string[];
}

/**
 * A store of files other than the disk. Its errors have the codes of the file system where these fit: `ENOENT` for what does not exist,
 * `EACCES` for what is not permitted.
 */
export interface Store {
  /** Lists all files below a folder, but for names that begin with a dot. @throws {Error} `ENOENT` if there are none. */
  list(folder: string): Promise<Listing>;
  state(path: string): Promise<FileState>;
  /** Opens a file. @param ahead true if it is read from a position to its end, so that reading ahead of the caller pays. */
  open(path: string, ahead: boolean): OpenFile;
  /** Tests if a file exists. */
  exists(path: string): Promise<boolean>;
  /** Names of the files and folders in a folder; none if there is no such folder. */
  names(folder: string): Promise<string[]>;
  /** SHA-256 of a file as the store has computed it, in hexadecimal; `undefined` if it has not. */
  digest(path: string): Promise<string | undefined>;
  /**
   * Writes a file, which appears when it is complete.
   *
   * @param once true if it must not replace a file with other content. @throws {Error} `EEXIST` if it would.
   */
  write(path: string, data: Uint8Array | (() => AsyncIterable<string | Uint8Array>), once: boolean): Promise<void>;
  /** Removes a file, if it exists. */
  remove(path: string): Promise<void>;
}

/** Tests if a path is one of a store, and not of the disk. */
export function isRemote(path: string): boolean {
  return path.startsWith(s3Scheme);
}

/** Start of paths of S3: `s3://bucket/prefix`. */
export const s3Scheme = 's3://';
