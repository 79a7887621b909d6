/**
 * Where the journal of an output folder is: in that folder, if it is on a disk. Nothing can be appended to a file in a store; there, the
 * journal is in the user's cache on this machine, and the store has a file of its name with its first line, the head. That file claims the
 * folder for the run. Without it, the journal is one of an earlier run, and is not continued.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { completeLines } from '../base/lines.ts';
import { joinPath } from '../base/paths.ts';
import { openOnDisk, partsOfRegular, readRegular } from '../base/regular.ts';
import { cannotRead } from '../base/tree.ts';
import { CopyPasteError, codeOf } from '../errors.ts';
import { isRemote } from '../storage/store.ts';
import { cacheFolder } from './cache-folder.ts';
import { syncFolders } from './files.ts';
import { type Journal, type JournalKind, openJournal } from './journal.ts';
import { cannotWrite, removeFile, writeStored } from './stored.ts';

/** Opens the journal of an output folder, as `openJournal`. @param name of the journal. */
export async function openJournalIn<H, R>(out: string, name: string, kind: JournalKind<H, R>): Promise<Journal<H, R>> {
  const path = await journalPath(out, name);
  if (isRemote(out)) {
    const claim = await claimOf(out, name);
    if (claim !== (await firstLine(path))) {
      await unlink(path).catch(() => {});
      if (claim !== undefined) await writeFile(path, claim);
    }
  }
  return openJournal(path, kind);
}

/** Begins a new journal with the head of a run, or with that of another run that has begun in the same folder meanwhile. */
export async function beginJournal<H, R>(journal: Journal<H, R>, out: string, name: string, head: H): Promise<void> {
  await journal.add({ head: isRemote(out) ? await claimed(out, name, head) : head });
  await syncFolders(out, []);
  // If two runs start at the same time, the first line of the journal decides for both.
  await journal.read();
}

/** Claims a folder of a store for a run. @returns the head of the run that has it. */
async function claimed<H>(out: string, name: string, head: H): Promise<H> {
  const path = joinPath(out, name);
  try {
    await writeStored(path, `${JSON.stringify({ head })}\n`, true);
    return head;
  } catch (error) {
    if (!(error instanceof CopyPasteError) || codeOf(error.cause) !== 'EEXIST') throw error;
    const theirs = await claimOf(out, name);
    return (JSON.parse(theirs ?? '{}') as { head: H }).head;
  }
}

/** Adds the rest of a journal to its folder, as a record file. @returns false if another process has written it. */
export async function uploadJournal(out: string, name: string, record: string): Promise<boolean> {
  const path = await journalPath(out, name);
  try {
    await writeStored(joinPath(out, record), () => partsOfRegular(path), true);
    return true;
  } catch (error) {
    if (error instanceof CopyPasteError && codeOf(error.cause) === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the journal of an output folder, as far as it exists. */
export async function removeJournal(out: string, name: string): Promise<void> {
  if (isRemote(out)) {
    await removeFile(joinPath(out, name)).catch((cause: unknown) => {
      throw cannotWrite(joinPath(out, name), cause);
    });
  }
  await unlink(await journalPath(out, name)).catch(() => {});
}

/** Path of a record file on this machine. One of a store is copied, since it is read in small pieces. @throws {CopyPasteError} `io`. */
export async function recordCopy(out: string, name: string): Promise<string> {
  const path = await journalPath(out, name);
  if (!isRemote(out)) return path;
  try {
    const file = await open(path, 'w');
    try {
      for await (const part of partsOfRegular(joinPath(out, name))) await file.writeFile(part);
    } finally {
      await file.close();
    }
    return path;
  } catch (cause) {
    throw cannotRead(joinPath(out, name), cause);
  }
}

/** Removes a record file, and its copy on this machine. */
export async function removeRecord(out: string, name: string): Promise<void> {
  await removeFile(joinPath(out, name));
  if (isRemote(out)) await unlink(await journalPath(out, name)).catch(() => {});
}

/** Path of a journal on this machine. */
async function journalPath(out: string, name: string): Promise<string> {
  if (!isRemote(out)) return join(out, name);
  const folder = join(cacheFolder('journals') ?? join(tmpdir(), 'copypaste-journals'), createHash('sha256').update(out).digest('hex'));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return join(folder, name);
}

/** Text of the file that claims a folder; `undefined` if there is none. */
async function claimOf(out: string, name: string): Promise<string | undefined> {
  const path = joinPath(out, name);
  const bytes = await readRegular(path).catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw cannotRead(path, cause);
  });
  return bytes?.toString();
}

/** First line of a file on this machine, with its end; `undefined` if there is none. */
async function firstLine(path: string): Promise<string | undefined> {
  const file = await openOnDisk(path, true).catch(() => undefined);
  try {
    if (file) for await (const { text } of completeLines(file)) return `${text}\n`;
    return undefined;
  } finally {
    await file?.close();
  }
}
