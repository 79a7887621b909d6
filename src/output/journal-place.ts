/**
 * Where the journal of an output folder is: in that folder, if it is on a disk. Nothing can be appended to a file in a store; there, the
 * store has a file of its name with its first line, the head, which claims the folder for the run. The journal is in the user's cache on this
 * machine. Each process has a file of its own there, which begins as a copy of the largest one of the same claim: processes of one run then
 * never write, replace or remove what another one reads.
 */
import { createHash, randomUUID } from 'node:crypto';
import { copyFile, open, readdir, stat, unlink, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstLines } from '../base/lines.ts';
import { joinPath } from '../base/paths.ts';
import { partsOfRegular, readRegular } from '../base/regular.ts';
import { cannotRead } from '../base/tree.ts';
import { CopyPasteError, codeOf, systemMessageOf } from '../errors.ts';
import { isRemote } from '../storage/store.ts';
import { cacheFolder } from './cache-folder.ts';
import { makeFolders, syncFolders } from './files.ts';
import { type Journal, type JournalKind, openJournal } from './journal.ts';
import { cannotWrite, removeFile, writeStored } from './stored.ts';

/** Opens the journal of an output folder, as `openJournal`. @param name of the journal. */
export async function openJournalIn<H, R>(out: string, name: string, kind: JournalKind<H, R>): Promise<Journal<H, R>> {
  if (!isRemote(out)) return openJournal(join(out, name), kind);
  const folder = await localFolder(out);
  // They are listed before the claim is read: a journal with a head is younger than its claim.
  const earlier = await localJournals(folder, name);
  const claim = await claimOf(out, name);
  const own = join(folder, `${name}.${randomUUID()}`);
  if (claim === undefined) {
    // Those of a run that has ended, or whose output was removed, are not continued.
    for (const path of earlier) await unlink(path).catch(() => {});
  } else await copyJournal(earlier, claim, own);
  return openJournal(own, kind, true);
}

/** Copies the first of some journals that has the claim, or else the claim itself. */
async function copyJournal(earlier: readonly string[], claim: string, own: string): Promise<void> {
  const head = firstLineOf(claim);
  for (const path of earlier) {
    if ((await firstLine(path)) !== head) continue;
    // Another process may have ended the run, and removed it.
    const isCopied = await copyFile(path, own).then(
      () => true,
      () => false,
    );
    if (isCopied) return;
  }
  await writeFile(own, claim).catch((cause: unknown) => {
    throw cannotWrite(own, cause);
  });
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
  for (let attempt = 1; ; attempt++) {
    try {
      await writeStored(joinPath(out, name), `${JSON.stringify({ head })}\n`, true);
      return head;
    } catch (error) {
      if (!(error instanceof CopyPasteError) || codeOf(error.cause) !== 'EEXIST') throw error;
      const theirs = await claimOf(out, name);
      if (theirs !== undefined) return (JSON.parse(firstLineOf(theirs)) as { head: H }).head;
      // Their run has ended meanwhile.
      if (attempt === 5) throw error;
    }
  }
}

/** Adds a journal to its folder, as a record file. @returns false if another process has written it. */
export async function uploadJournal(out: string, record: string, journal: Pick<Journal, 'bytes'>): Promise<boolean> {
  try {
    await writeStored(joinPath(out, record), journal.bytes, true);
    return true;
  } catch (error) {
    if (error instanceof CopyPasteError && codeOf(error.cause) === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the journal of an output folder, as far as it exists. */
export async function removeJournal(out: string, name: string): Promise<void> {
  if (!isRemote(out)) {
    await unlink(join(out, name)).catch(() => {});
    return;
  }
  await removeFile(joinPath(out, name)).catch((cause: unknown) => {
    throw cannotWrite(joinPath(out, name), cause);
  });
  // A process that has one of them open keeps its bytes.
  for (const path of await localJournals(await localFolder(out), name)) await unlink(path).catch(() => {});
}

/** A record file on this machine. One of a store is copied, since it is read in small pieces. @throws {CopyPasteError} `io`. */
export async function recordCopy(out: string, name: string): Promise<{ readonly path: string; remove(): Promise<void> }> {
  if (!isRemote(out)) return { path: join(out, name), async remove() {} };
  const path = join(await localFolder(out), `${name}${copyMark}${process.pid}.${randomUUID()}`);
  const remove = (): Promise<void> => unlink(path).catch(() => {});
  const guarded = <T>(step: Promise<T>): Promise<T> =>
    step.catch((cause: unknown) => {
      throw cannotWrite(path, cause);
    });
  const file = await guarded(open(path, 'wx'));
  try {
    for await (const part of partsOfRegular(joinPath(out, name))) await guarded(file.writeFile(part));
  } catch (cause) {
    await remove();
    throw cannotRead(joinPath(out, name), cause);
  } finally {
    await file.close();
  }
  return { path, remove };
}

/** Mark in the name of a copy of a record file, before the number of the process that reads it. */
const copyMark = `.copy-${hostname()}-`;

/** Removes copies of record files that a process of this machine has left behind, since it was killed. */
export async function removeLostCopies(out: string): Promise<void> {
  if (!isRemote(out)) return;
  const folder = await localFolder(out);
  for (const name of await readdir(folder).catch(() => [])) {
    const [, process] = name.split(copyMark);
    if (process !== undefined && !isRunning(Number.parseInt(process, 10))) await unlink(join(folder, name)).catch(() => {});
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** Folder of the journals of an output in a store. @throws {CopyPasteError} `cannotCreate` if it cannot be made. */
async function localFolder(out: string): Promise<string> {
  const folder = join(cacheFolder('journals') ?? join(tmpdir(), 'copypaste-journals'), createHash('sha256').update(out).digest('hex'));
  await makeFolders(folder, 0o700).catch((cause: unknown) => {
    const why = `the folder of journals cannot be created: ${systemMessageOf(cause)}; set XDG_CACHE_HOME to a folder that can be written`;
    throw new CopyPasteError('cannotCreate', why, { path: folder, cause });
  });
  return folder;
}

/** Journals of a name in a folder that have a head, the largest first. */
async function localJournals(folder: string, name: string): Promise<string[]> {
  const found: { path: string; size: number }[] = [];
  for (const entry of await readdir(folder).catch(() => [])) {
    if (!entry.startsWith(`${name}.`)) continue;
    const path = join(folder, entry);
    const { size } = (await stat(path).catch(() => undefined)) ?? { size: 0 };
    if (size > 0) found.push({ path, size });
  }
  return found.sort((a, b) => b.size - a.size).map(({ path }) => path);
}

/** Text of the file that claims a folder; `undefined` if there is none. @throws {CopyPasteError} `cannotCreate` if it is no journal. */
async function claimOf(out: string, name: string): Promise<string | undefined> {
  const path = joinPath(out, name);
  const bytes = await readRegular(path, true).catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw cannotRead(path, cause);
  });
  const text = bytes?.toString();
  if (text !== undefined && !isClaim(text))
    throw new CopyPasteError('cannotCreate', 'is not a copypaste journal; choose a new folder or move this file elsewhere', { path });
  return text;
}

function isClaim(text: string): boolean {
  try {
    return (JSON.parse(firstLineOf(text)) as { head?: unknown }).head !== undefined;
  } catch {
    return false;
  }
}

/** First line of a text, with its end. */
function firstLineOf(text: string): string {
  return text.slice(0, text.indexOf('\n') + 1);
}

/** First line of a file on this machine, with its end; `undefined` if there is none. */
async function firstLine(path: string): Promise<string | undefined> {
  const [line] = await firstLines(path, 1, true).catch(() => []);
  return line === undefined ? undefined : `${line}\n`;
}
