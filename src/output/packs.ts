/** Writes archives of samples, and their manifest, in a folder that a later run continues. */

import { basename, dirname } from 'node:path';
import { recordsText } from '../base/lines.ts';
import { isBelow, joinPath } from '../base/paths.ts';
import { cannotRead } from '../base/tree.ts';
import { CopyPasteError, codeOf, messageOf } from '../errors.ts';
import { partsOf } from '../formats/json.ts';
import { journalName } from '../formats/unfinished.ts';
import { isIntact } from './check-files.ts';
import { createOutputFolder, removeTemporaries, syncFolders, writeHashed } from './files.ts';
import type { PackHead } from './head.ts';
import type { Journal } from './journal.ts';
import { removeJournal } from './journal-place.ts';
import type { RunKind } from './kinds.ts';
import { manifestName } from './manifest-file.ts';
import type { HashedFile } from './records.ts';
import { closeRun, refuseChanged } from './run.ts';
import { isTaken } from './stored.ts';

/** One archive. */
export interface PackRecord extends HashedFile {
  readonly split: string;
  /** Names of its samples in the archive, and their ids. */
  readonly samples: readonly { readonly key: string; readonly id: string }[];
  /** Files of the data set that it was made from. */
  readonly inputs: readonly HashedFile[];
  /** Number of annotations that are not packed, by reason. */
  readonly left: Readonly<Record<string, number>>;
  /** Samples that were left out since their annotations are damaged. */
  readonly skipped: readonly { readonly id: string; readonly reason: string }[];
}

/** Packed data that are complete. */
interface CompletePack {
  readonly head: PackHead;
  readonly records: readonly PackRecord[];
  /** Further files, such as the names of the classes. */
  readonly files: readonly HashedFile[];
}

/** Runs of `pack`. */
export const packRun: RunKind<PackHead, PackRecord, CompletePack> = {
  head(value) {
    if ((value as Partial<PackHead>).kind !== 'pack') throw new Error('it has another kind');
    return value as PackHead;
  },
  record: asPackRecord,
  async read(path) {
    const [file, head] = [basename(path), {} as Record<string, unknown>];
    // Without a prototype, no key has a value before it is read.
    const lists: Record<string, unknown[]> = Object.assign(Object.create(null), { records: [], files: [] });
    try {
      for await (const { key, element, bytes } of partsOf(dirname(path), file)) {
        const value: unknown = JSON.parse(bytes.toString());
        if (element) (lists[key] ??= []).push(value);
        else head[key] = value;
      }
      return { head: packRun.head(head), records: (lists.records ?? []).map(asPackRecord), files: (lists.files ?? []) as HashedFile[] };
    } catch (cause) {
      if (cause instanceof CopyPasteError) throw cause;
      if (codeOf(cause) !== undefined) throw cannotRead(file, cause);
      throw new CopyPasteError('data', `is not the manifest of packed data: ${messageOf(cause)}`, { path: file, cause });
    }
  },
  headOf: ({ head }) => head,
  filesOf: ({ records, files }) => [...records, ...files].map(({ path }) => path),
};

function asPackRecord(value: unknown): PackRecord {
  const { path, sha256, samples, inputs } = value as Partial<PackRecord>;
  if (typeof path !== 'string' || !isBelow(path) || typeof sha256 !== 'string' || !Array.isArray(samples) || !Array.isArray(inputs))
    throw new Error('a record is invalid');
  return value as PackRecord;
}

/** Folder of archives that is being written. */
export interface PackOutput {
  /** Recalls an archive of an earlier run, if it still exists unchanged. @throws {CopyPasteError} `usage` if an input file has changed since. */
  recall(path: string): Promise<PackRecord | undefined>;
  /**
   * Writes an archive.
   *
   * @param parts its bytes; it is called again if the file has to be written again.
   * @param describe its record, once all parts are written.
   */
  write(path: string, parts: () => AsyncIterable<Uint8Array>, describe: () => Omit<PackRecord, keyof HashedFile>): Promise<PackRecord>;
  /** Writes the manifest. @param paths of all archives in order. @param files further files with their contents. */
  finish(paths: readonly string[], files: Readonly<Record<string, () => AsyncIterable<string | Uint8Array>>>, tail: object): Promise<void>;
  close(): Promise<void>;
}

/** Creates the output of packed data whose journal is open. @param root folder of the data set. */
export async function createPackOutput(
  out: string,
  root: string,
  head: PackHead,
  journal: Journal<PackHead, PackRecord>,
): Promise<PackOutput> {
  const own = await journal.files();
  const folders = new Set<string>();
  const { guarded } = createOutputFolder(out);
  let empty = !journal.begun;

  const announce = async (path: string): Promise<void> => {
    empty = false;
    if (!own.has(path) && (await isTaken(joinPath(out, path))))
      throw new CopyPasteError(
        'cannotCreate',
        `--out ${out}: ${path} would be replaced, but was not written by an earlier run; move it elsewhere`,
      );
    folders.add(dirname(path));
    await journal.add({ begin: path, files: [path] });
  };

  return {
    async recall(path) {
      const record = (await journal.recall(path))?.outcomes[0]?.record;
      if (!record) return undefined;
      for (const file of record.inputs) await refuseChanged(root, file, out);
      if (!(await isIntact(out, record))) return undefined;
      folders.add(dirname(path));
      return record;
    },

    async write(path, parts, describe) {
      await announce(path);
      const sha256 = await guarded(path, (file) => writeHashed(file, parts));
      const record = { path, sha256, ...describe() };
      await journal.add({ end: path, outcomes: [{ id: path, record }], read: [] });
      return record;
    },

    async finish(paths, files, tail) {
      await journal.read();
      await removeTemporaries(out);
      const written: HashedFile[] = [];
      for (const [path, text] of Object.entries(files)) {
        await announce(path);
        written.push({ path, sha256: await guarded(path, (file) => writeHashed(file, text)) });
      }
      await syncFolders(out, folders);
      await guarded(manifestName, (file) =>
        writeHashed(file, () => recordsText(head, recordsOf(journal, paths), () => ({ files: written, ...tail }))),
      );
      await syncFolders(out, []);
      await removeJournal(out, journalName).catch(() => {});
    },

    close: () => closeRun(out, journalName, journal, empty),
  };
}

async function* recordsOf(journal: Journal<PackHead, PackRecord>, paths: readonly string[]): AsyncGenerator<PackRecord> {
  for (const path of paths) {
    const record = (await journal.recall(path, true))?.outcomes[0]?.record;
    if (!record) throw new CopyPasteError('io', `${journalName}: archive ${path} is missing; run again`);
    yield record;
  }
}
