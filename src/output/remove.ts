import { realpath, rmdir } from 'node:fs/promises';
import { basename, dirname, join, posix } from 'node:path';
import { isInside, joinPath } from '../base/paths.ts';
import { CopyPasteError, codeOf, systemMessageOf } from '../errors.ts';
import { journalName } from '../formats/unfinished.ts';
import { isRemote } from '../storage/store.ts';
import { removeTemporaries } from './files.ts';
import type { RunHead } from './head.ts';
import { openJournalIn, removeJournal } from './journal-place.ts';
import { type RunKind, readComplete } from './kinds.ts';
import { manifestName } from './manifest-file.ts';
import { isTaken, listStored, namesIn, removeFile } from './stored.ts';

/** End of a path that stands for all paths that begin so. */
export const anyName = '*';

/** Paths of a journal; those that end in `anyName` are replaced by the files that begin so. */
async function withFoundFiles(out: string, paths: ReadonlySet<string>): Promise<Set<string>> {
  const found = new Set([...paths].filter((path) => !path.endsWith(anyName)));
  for (const path of paths) {
    if (found.has(path)) continue;
    const [folder, start] = [dirname(path), basename(path).slice(0, -anyName.length)];
    for (const name of await namesIn(joinPath(out, folder)).catch(() => []))
      if (name.startsWith(start)) found.add(posix.join(folder, name));
  }
  return found;
}

/**
 * Removes all files that an earlier run has written, and no others. The journal is removed last, so that the removal can be
 * interrupted and continued.
 *
 * @param files paths that the new run may write.
 * @throws {CopyPasteError} `cannotCreate` if one of them exists and was not written by the earlier run, or that run is of another kind;
 * `io` if its manifest cannot be read.
 */
export async function removeRun<H extends RunHead, R, M>(
  kind: RunKind<H, R, M>,
  out: string,
  entries: ReadonlySet<string>,
  files: ReadonlySet<string>,
): Promise<void> {
  const manifest = entries.has(manifestName) ? await readComplete(kind, out, (why) => `${why}; choose another folder`) : undefined;
  const journal = await openJournalIn(out, journalName, kind);
  const written = await journal.files();
  try {
    if (journal.other)
      throw new CopyPasteError('cannotCreate', `--out ${out}: contains a run of another command or version; choose another folder`);
    const unknown = isRemote(out) && !manifest ? await unknownFile(out, written) : undefined;
    if (unknown !== undefined)
      throw new CopyPasteError(
        'cannotCreate',
        `--out ${out}: holds an interrupted run of another machine, which alone knows its files, as ${unknown}; empty the folder, or choose another`,
      );
    if (manifest) {
      for await (const path of kind.filesOf(manifest)) written.add(path);
      if (!journal.head) await journal.add({ head: kind.headOf(manifest) });
      await journal.add({ begin: 'overwritten', files: [...written] });
    }
  } finally {
    await journal.close();
  }
  for (const path of files) {
    if (written.has(path) || !(await isTaken(joinPath(out, path)))) continue;
    throw new CopyPasteError(
      'cannotCreate',
      `--out ${out}: ${path} would be replaced, but was not written by the earlier run; move it elsewhere`,
    );
  }
  const remove = async (path: string): Promise<void> => {
    await removeFile(joinPath(out, path)).catch((cause: unknown) => {
      if (!['ENOENT', 'ENOTDIR'].includes(codeOf(cause) ?? ''))
        throw new CopyPasteError('io', `${path}: cannot be removed: ${systemMessageOf(cause)}; fix the cause and run again`, { cause });
    });
  };
  await remove(manifestName);
  const isOwn = isRemote(out) ? async () => true : await insideOf(out);
  const folders = new Set<string>();
  for (const path of await withFoundFiles(out, written)) {
    if (!(await isOwn(path))) continue;
    await remove(path);
    for (let above = dirname(path); above !== '.'; above = dirname(above)) folders.add(above);
  }
  await removeTemporaries(out);
  // Deepest folders first; rmdir() fails on a folder with other files, which stays.
  for (const folder of isRemote(out) ? [] : [...folders].sort().reverse()) await rmdir(join(out, folder)).catch(() => {});
  await removeJournal(out, journalName);
}

/** A file of an interrupted run in a store that is not in the journal of this machine: other machines may have done parts of the run. */
async function unknownFile(out: string, written: ReadonlySet<string>): Promise<string | undefined> {
  const known = await withFoundFiles(out, written);
  return (await listStored(out)).files.find((path) => path !== journalName && !known.has(path));
}

/** Creates a test of a path in a folder of the disk: a symbolic link may lead out of it by now. */
async function insideOf(out: string): Promise<(path: string) => Promise<boolean>> {
  const root = await realpath(out);
  return async (path) => {
    const folder = await realpath(dirname(join(out, path))).catch(() => undefined);
    return folder !== undefined && isInside(folder, root);
  };
}
