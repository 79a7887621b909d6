import { lstat, realpath, rmdir, unlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { CopyPasteError, messageOf } from '../errors.ts';
import { removeTemporaries } from './files.ts';
import { journalName, openJournal } from './journal.ts';
import { headSchema } from './manifest.ts';
import { manifestName, readManifest } from './manifest-file.ts';
import { filesOf } from './records.ts';

/**
 * Removes all files that a run has written, and nothing else. The journal goes last, so that this can be interrupted too.
 *
 * @param files that the new run may write.
 * @throws {CopyPasteError} `cannotCreate` where one of them is there and the old run has not written it.
 */
export async function removeRun(out: string, entries: ReadonlySet<string>, files: ReadonlySet<string>): Promise<void> {
  const manifest = entries.has(manifestName)
    ? await readManifest(join(out, manifestName)).catch((cause: unknown) => {
        throw new CopyPasteError('cannotCreate', `--out ${out}: ${messageOf(cause)}; choose another folder`, { cause });
      })
    : undefined;
  const journal = await openJournal(join(out, journalName));
  const written = await journal.files();
  try {
    if (manifest) {
      for (const { path } of filesOf(manifest)) written.add(path);
      // A strict reader takes a head alone for one.
      if (!journal.head) await journal.add({ head: headSchema.strip().parse(manifest) });
      await journal.add({ begin: 'overwritten', files: [...written] });
    }
  } finally {
    await journal.close();
  }
  for (const path of files) {
    if (written.has(path) || (await lstat(join(out, path)).catch(() => undefined)) === undefined) continue;
    throw new CopyPasteError(
      'cannotCreate',
      `--out ${out}: ${path} was not written by the run to overwrite, and would be replaced; move it away`,
    );
  }
  const remove = async (path: string): Promise<void> => {
    await unlink(join(out, path)).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'ENOENT' && cause.code !== 'ENOTDIR')
        throw new CopyPasteError('io', `${path}: cannot be removed: ${messageOf(cause)}`, { cause });
    });
  };
  await remove(manifestName);
  const root = await realpath(out);
  const folders = new Set<string>();
  for (const path of written) {
    // A link may lead out of the folder by now.
    const folder = await realpath(dirname(join(out, path))).catch(() => undefined);
    if (folder === undefined || relative(root, folder).startsWith('..')) continue;
    await remove(path);
    for (let above = dirname(path); above !== '.'; above = dirname(above)) folders.add(above);
  }
  await removeTemporaries(out);
  // The deepest first; one that holds something else stays.
  for (const folder of [...folders].sort().reverse()) await rmdir(join(out, folder)).catch(() => {});
  await remove(journalName);
}
