/**
 * Digests of files that have not changed since they were hashed, in the user's cache folder. They save time, and nothing else: a file is
 * hashed again if its size, times or inode differ, if it was hashed too soon after a change, or if there is no usable cache.
 */
import { lstat, mkdir, readdir, realpath, unlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { digestAndVersion, sha256 } from '../base/digest.ts';
import { openOnDisk, versionOf } from '../base/regular.ts';
import { isRemote } from '../storage/store.ts';
import { cacheFolder } from './cache-folder.ts';
import { writeAtomic } from './files.ts';

/** Digests of files, from the cache or from their bytes. */
export interface Digests {
  /**
   * SHA-256 of a file.
   *
   * @param file its name in messages.
   * @param own true for a file that the tool has written itself, which is no symbolic link.
   * @throws {CopyPasteError} `io` if the file cannot be read.
   */
  of(path: string, file: string, own: boolean): Promise<string>;
  /** Keeps the digests for the next time. */
  save(): Promise<void>;
}

/**
 * Nanoseconds that must lie between the last change of a file and the time at which it is hashed. A change within the same tick of the
 * file system's clock would not be seen; FAT has ticks of two seconds.
 */
const settled = 3_000_000_000n;

/** Days after which the digests of an output that is no longer looked at are removed. */
const keptDays = 90;

/**
 * Opens the cache of the files of one output.
 *
 * @param rescan true to hash every file again.
 */
export async function openDigests(out: string, rescan: boolean): Promise<Digests> {
  const folder = cacheFolder('digests');
  const name = sha256(isRemote(out) ? out : await realpath(out));
  const path = folder && join(folder, name);
  const known = createTable(path === undefined || rescan ? undefined : await readEntries(path));
  const found = createTable();
  let changed = false;
  return {
    async of(path, file, own) {
      const before = await versionOf(path, own).catch(() => undefined);
      const key = before && keyOf(path, before.version);
      const digest = key && known.get(key);
      if (digest) {
        found.set(key, digest);
        return digest.toString('hex');
      }
      const began = BigInt(Date.now()) * 1_000_000n;
      const read = await digestAndVersion(path, file, own);
      if (read.version && read.version.changed + settled < began) {
        found.set(keyOf(path, read.version.version), Buffer.from(read.sha256, 'hex'));
        changed = true;
      }
      return read.sha256;
    },

    async save() {
      if (folder === undefined || path === undefined) return;
      const now = Date.now() / 1000;
      // A cache that is used stays young. One that cannot be written saves no time, but does no harm.
      await (changed ? saveEntries(folder, path, found.entries()) : utimes(path, now, now)).catch(() => {});
    },
  };
}

/** Bytes of a key, and of a key with its digest. A cache is entries, and their digest. */
const [keyBytes, entryBytes, digestBytes] = [16, 48, 32];

/** Key of a file and its version: the first bytes of their digest. */
function keyOf(path: string, state: string): Buffer {
  return hash(`${state}\0${path}`).subarray(0, keyBytes);
}

function hash(content: string | Uint8Array): Buffer {
  return Buffer.from(sha256(content), 'hex');
}

/** Maximum number of entries: Node reads files of up to 2 GiB. */
const mostEntries = 40_000_000;

/** Digests by key. */
interface Table {
  get(key: Buffer): Buffer | undefined;
  set(key: Buffer, digest: Buffer): void;
  entries(): Buffer;
}

/** Creates a table of some 60 to 120 bytes a file. @param entries that it begins with. */
function createTable(entries: Buffer = Buffer.alloc(0)): Table {
  let bytes = entries;
  let count = entries.length / entryBytes;
  /** One more than the entry in each slot, by the first bytes of its key; 0 in an empty one. */
  let slots = new Uint32Array(0);
  const at = (entry: number, from: number, to: number): Buffer => bytes.subarray(entry * entryBytes + from, entry * entryBytes + to);
  const slotOf = (key: Buffer): number => {
    let slot = key.readUInt32LE() & (slots.length - 1);
    for (;;) {
      const entry = slots[slot] as number;
      if (entry === 0 || key.equals(at(entry - 1, 0, keyBytes))) return slot;
      slot = (slot + 1) & (slots.length - 1);
    }
  };
  const resize = (): void => {
    slots = new Uint32Array(2 ** Math.ceil(Math.log2(2 * count + 64)));
    for (let entry = 0; entry < count; entry++) slots[slotOf(at(entry, 0, keyBytes))] = entry + 1;
  };
  resize();
  return {
    get(key) {
      const entry = slots[slotOf(key)] as number;
      return entry === 0 ? undefined : Buffer.from(at(entry - 1, keyBytes, entryBytes));
    },
    set(key, digest) {
      const slot = slotOf(key);
      if (slots[slot] !== 0 || count === mostEntries) return;
      if (bytes.length < (count + 1) * entryBytes) bytes = Buffer.concat([bytes, Buffer.alloc(bytes.length + 64 * entryBytes)]);
      key.copy(bytes, count * entryBytes);
      digest.copy(bytes, count * entryBytes + keyBytes);
      slots[slot] = ++count;
      if (2 * count > slots.length) resize();
    },
    entries: () => bytes.subarray(0, count * entryBytes),
  };
}

/** Reads the entries of a cache; nothing if it is missing or damaged. */
async function readEntries(path: string): Promise<Buffer | undefined> {
  try {
    const file = await openOnDisk(path, true);
    try {
      const bytes = await file.readFile();
      const entries = bytes.subarray(0, -digestBytes);
      return entries.length % entryBytes === 0 && hash(entries).equals(bytes.subarray(-digestBytes)) ? entries : undefined;
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

async function saveEntries(folder: string, path: string, entries: Buffer): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await removeOld(folder);
  await writeAtomic(path, Buffer.concat([entries, hash(entries)]));
}

async function removeOld(folder: string): Promise<void> {
  const oldest = Date.now() - keptDays * 86_400_000;
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const info = await lstat(path).catch(() => undefined);
    if (info?.isFile() && info.mtimeMs < oldest) await unlink(path).catch(() => {});
  }
}
