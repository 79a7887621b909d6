/** Files that hold other files, which are read in place, by ranges of bytes. */

/** An archive cannot be read as it is; the message says what to do. */
export class Damaged extends Error {}

/** A file of which ranges are read. */
export interface Ranges {
  /** Its path in messages. */
  readonly path: string;
  /** Number of bytes. */
  readonly size: number;
  /** Reads bytes from `start`, fewer than `length` only at the end of the file. */
  read(start: number, length: number): Promise<Uint8Array>;
}

/** An open archive. */
export interface Archive {
  /** Names of its members: relative paths with `/`, sorted. */
  readonly names: readonly string[];
  /** Size of a member in bytes; `undefined` if only reading it would tell. @throws {Error} `ENOENT` if there is no such member. */
  size(name: string): number | undefined;
  /**
   * Reads a member.
   *
   * @param range first byte, and the one behind the last; all bytes by default.
   * @throws {Damaged} if it is damaged; {Error} `ENOENT` if there is no such member.
   */
  read(name: string, range?: { readonly start: number; readonly end: number }): Promise<Uint8Array>;
}

/** Ending of an archive that is read, in any case, as some systems copy names in upper case. */
const ending = '\\.(?:tar|parquet)';
export const archiveEnding = new RegExp(`${ending}$`, 'i');
/** The ending of an archive within the path of a file in it. */
export const archiveInPath = new RegExp(`${ending}/`, 'gi');

/** Endings of compressed archives, which cannot be read by ranges. */
export const compressed = /\.(tar\.(gz|bz2|xz|zst|lz4)|t(gz|bz2?|xz|zst))$/i;

/** Tests if a file is named as an archive. */
export function isArchive(name: string): boolean {
  return archiveEnding.test(name) || compressed.test(name);
}

/** The error of a compressed archive. */
export function isCompressed(): Damaged {
  return new Damaged('is compressed as a whole, so that its members cannot be read one by one; decompress it to .tar');
}

/** Members of an archive by name. */
export class Members<T> {
  readonly #byName = new Map<string, T>();

  /** Adds a member. @throws {Damaged} if its name leads elsewhere, or is there already. */
  add(name: string, member: T): void {
    if (name === '' || name.startsWith('/') || name.includes('\0') || name.split('/').includes('..'))
      throw new Damaged(`its member ${JSON.stringify(name)} leads out of it; rename it`);
    if (this.#byName.has(name)) throw new Damaged(`has two members of the name ${name}; rename one`);
    this.#byName.set(name, member);
  }

  /** @throws {Error} `ENOENT` if there is no such member. */
  get(name: string): T {
    const member = this.#byName.get(name);
    if (member === undefined) throw Object.assign(new Error('there is no such file in the archive'), { code: 'ENOENT' });
    return member;
  }

  /** Names, sorted. @throws {Damaged} if a member would be the folder of another one. */
  names(): string[] {
    for (const name of this.#byName.keys())
      for (let slash = name.indexOf('/'); slash > 0; slash = name.indexOf('/', slash + 1)) {
        const folder = name.slice(0, slash);
        if (this.#byName.has(folder)) throw new Damaged(`has a member ${folder}, which is also the folder of ${name}; rename one`);
      }
    return [...this.#byName.keys()].sort();
  }
}
