/**
 * Digests of files that have not changed since they were hashed, in the user's cache folder. They save time, and nothing else: a file is
 * hashed again if its size, times or inode differ, if it was hashed too soon after a change, or if there is no usable cache.
 */
import { createHash } from 'node:crypto';
import { lstat, mkdir, readdir, realpath, unlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { digestAndVersion } from '../base/digest.ts';
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

/** Digest of a file with the state that the file had. */
interface Entry {
  readonly state: string;
  readonly sha256: string;
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
  const name = createHash('sha256')
    .update(isRemote(out) ? out : await realpath(out))
    .digest('hex');
  const path = folder && join(folder, `${name}.json`);
  const known = path === undefined || rescan ? new Map<string, Entry>() : await readEntries(path);
  const found = new Map<string, Entry>();
  let changed = false;
  return {
    async of(path, file, own) {
      const before = await versionOf(path, own).catch(() => undefined);
      const entry = known.get(path);
      if (entry && entry.state === before?.version) {
        found.set(path, entry);
        return entry.sha256;
      }
      const began = BigInt(Date.now()) * 1_000_000n;
      const { sha256, version } = await digestAndVersion(path, file, own);
      if (version && version.changed + settled < began) {
        found.set(path, { state: version.version, sha256 });
        changed = true;
      }
      return sha256;
    },

    async save() {
      if (folder === undefined || path === undefined) return;
      const now = Date.now() / 1000;
      // A cache that is used stays young. One that cannot be written saves no time, but does no harm.
      await (changed ? saveEntries(folder, path, found) : utimes(path, now, now)).catch(() => {});
    },
  };
}

/** Reads a cache; it is empty if it is missing or damaged. */
async function readEntries(path: string): Promise<Map<string, Entry>> {
  try {
    const file = await openOnDisk(path, true);
    try {
      const { sha256, entries } = JSON.parse(await file.readFile('utf8'));
      const text = JSON.stringify(entries);
      if (createHash('sha256').update(text).digest('hex') !== sha256) return new Map();
      return new Map((entries as [string, string, string][]).map(([path, state, sha256]) => [path, { state, sha256 }]));
    } finally {
      await file.close();
    }
  } catch {
    return new Map();
  }
}

async function saveEntries(folder: string, path: string, found: ReadonlyMap<string, Entry>): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await removeOld(folder);
  const entries = [...found].map(([path, { state, sha256 }]) => [path, state, sha256]);
  const text = JSON.stringify(entries);
  await writeAtomic(path, `{"sha256":"${createHash('sha256').update(text).digest('hex')}","entries":${text}}\n`);
}

async function removeOld(folder: string): Promise<void> {
  const oldest = Date.now() - keptDays * 86_400_000;
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const info = await lstat(path).catch(() => undefined);
    if (info?.isFile() && info.mtimeMs < oldest) await unlink(path).catch(() => {});
  }
}
