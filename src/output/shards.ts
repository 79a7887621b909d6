/**
 * Shards of a run in its output folder. A shard in progress has a journal; once all its files are on disk, the journal gets the name of the
 * shard's record file. From the record files of all shards, `merge` makes the rest of the output.
 */
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { firstLines, lastLine } from '../base/lines.ts';
import { inParts } from '../base/parts.ts';
import { joinPath } from '../base/paths.ts';
import { cannotRead } from '../base/tree.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { CopyPasteError, codeOf, kindOfUnread, systemMessageOf } from '../errors.ts';
import { isShardName } from '../formats/unfinished.ts';
import { isRemote } from '../storage/store.ts';
import { syncFolders } from './files.ts';
import type { DonePart } from './finish.ts';
import { notEmpty, openFolder } from './folder.ts';
import { refuseOther } from './head.ts';
import { type Journal, readClosedJournal, type ShardHead, shardHeadOf, shardJournal } from './journal.ts';
import { beginJournal, openJournalIn, recordCopy, removeJournal, uploadJournal } from './journal-place.ts';
import { headSchema, type ManifestRecord } from './manifest.ts';
import { manifestName, readFrame } from './manifest-file.ts';
import { createWork, type Output } from './run.ts';
import type { RunFile } from './run-file.ts';
import { isThere, namesIn, removeFile } from './stored.ts';

const redo = 'delete it, and do the shard again';

/** How the line begins that ends a record file. */
const doneLine = '{"done":';

/** Name of the record file of a shard, from 1. */
export function recordName(shard: number | string, of: number): string {
  return `shard-${shard}-of-${of}.jsonl`;
}

/** Name of the journal of a shard in progress. */
function openName(shard: number, of: number): string {
  return `shard-${shard}-of-${of}.open.jsonl`;
}

/** A shard to do: its number, from 1, and its part of the data. */
interface Shard {
  readonly shard: number;
  readonly out: string;
  readonly dataset: SourcedDataset;
}

/**
 * Opens the output of a shard, which may be new, interrupted or done.
 *
 * @returns `undefined` if it is done.
 * @throws {CopyPasteError} `cannotCreate` if the folder cannot be made or holds other files, `usage` if it holds another run.
 */
export async function openShard(run: RunFile, { shard, out, dataset }: Shard): Promise<Output | undefined> {
  const { shards, twins } = run.head;
  const head: ShardHead = { run: run.digest, shard, of: shards };
  const entries = await openFolder(out, twins);
  if (await isShardDone(run, shard, out)) return undefined;
  const foreign = [...entries].find((name) => !isShardName(name));
  const own = [...entries].filter(isShardName);
  if (foreign !== undefined && own.length === 0) throw notEmpty(out, foreign);
  const [record, open] = [recordName(shard, shards), openName(shard, shards)];
  // Two runs in one folder are found before they have written over one another: any other shard tells.
  const other = own.find((name) => name !== open);
  if (other !== undefined) await hasHead(run, out, other);
  const journal = await openJournalIn(out, open, shardJournal);
  try {
    if (!journal.head) await beginJournal(journal, out, open, head);
    if (journal.other || !isOfRun(journal.head, run)) throw otherRun(run, out, open);
  } catch (error) {
    await journal.close();
    throw error;
  }
  return createWork(dataset, out, journal, undefined, ({ keys }) => commit(run, out, journal, keys, [open, record]));
}

/** Ends a shard, whose files are on disk: its journal becomes its record file. */
async function commit(
  run: RunFile,
  out: string,
  journal: Journal<ShardHead, ManifestRecord>,
  keys: readonly string[],
  [open, record]: readonly [string, string],
): Promise<void> {
  await journal.add({ done: [...keys] });
  if (isRemote(out)) await commitStored(run, out, journal, [open, record]);
  else await commitOnDisk(out, [open, record]);
  // A process that has lost its machine's leave to run may end after the merge.
  if (await isThere(joinPath(out, manifestName))) await removeFile(joinPath(out, record)).catch(() => {});
}

/** Writes the record file of a shard, unless another process has done the same shard, and ends its journal. */
async function commitStored(
  run: RunFile,
  out: string,
  journal: Pick<Journal, 'bytes'>,
  [open, record]: readonly [string, string],
): Promise<void> {
  if (!(await uploadJournal(out, record, journal))) await hasRecords(run, out, record);
  await removeJournal(out, open);
}

async function commitOnDisk(out: string, [open, record]: readonly [string, string]): Promise<void> {
  await rename(join(out, open), join(out, record)).catch(async (cause: unknown) => {
    if (codeOf(cause) === 'ENOENT') {
      // Another process has done the same shard meanwhile.
      if ((await isThere(join(out, record))) || (await isThere(join(out, manifestName)))) return;
      throw new CopyPasteError('io', 'was removed while the shard was done; run again', { path: join(out, open), cause });
    }
    throw new CopyPasteError('io', `${join(out, record)}: cannot be written: ${systemMessageOf(cause)}; fix the cause and run again`, {
      cause,
    });
  });
  await syncFolders(out, []);
}

/** Tests if a run is merged. @throws {CopyPasteError} `usage` if the folder holds the output of another run. */
export async function isMerged({ head }: RunFile, out: string): Promise<boolean> {
  const path = joinPath(out, manifestName);
  if (!(await isThere(path))) return false;
  refuseOther(headSchema.strip().parse(await readFrame(path)), head.manifest, out, 'choose another folder');
  return true;
}

/** Tests if a shard is done, or the whole run. @throws {CopyPasteError} `usage` if the folder holds another run, `io` if a record file is incomplete. */
export async function isShardDone(run: RunFile, shard: number, out: string): Promise<boolean> {
  const name = recordName(shard, run.head.shards);
  if ((await isThere(joinPath(out, name))) && (await hasRecords(run, out, name))) return true;
  return isMerged(run, out);
}

/**
 * Shards of a run that are not done, from 1, in order.
 *
 * @throws {CopyPasteError} `usage` if a record file is that of another run, `io` if one is incomplete.
 */
export async function missingShards(run: RunFile, out: string): Promise<number[]> {
  const { shards } = run.head;
  const names = await namesOf(out);
  const missing: number[] = [];
  const all = Array.from({ length: shards }, (_, i) => i + 1);
  await inParts(all, 16, async (shard) => {
    const name = recordName(shard, shards);
    if (!names.has(name) || !(await hasRecords(run, out, name))) missing.push(shard);
  });
  // A merge may have removed them since the folder was listed.
  if (missing.length > 0 && (await isMerged(run, out))) return [];
  return missing.sort((a, b) => a - b);
}

/** Names in an output folder; none if there is no folder yet. @throws {CopyPasteError} `io` or `noInput` if it cannot be listed. */
async function namesOf(out: string): Promise<Set<string>> {
  const names = await namesIn(out).catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT') return [];
    throw new CopyPasteError(kindOfUnread(cause), `cannot be listed: ${systemMessageOf(cause)}; check the path and its permissions`, {
      path: out,
      cause,
    });
  });
  return new Set(names);
}

/** Shards of a run that have a journal: they are in progress, or were interrupted. */
export async function begunShards({ head: { shards } }: RunFile, out: string): Promise<number[]> {
  const names = await namesOf(out);
  return Array.from({ length: shards }, (_, i) => i + 1).filter((shard) => names.has(openName(shard, shards)));
}

/** Runs a step with the record files of all shards of a run, which are read one after the other. @throws {CopyPasteError} `io` if one is damaged. */
export async function withRecordFiles<T>(
  { head: { shards } }: RunFile,
  out: string,
  step: (parts: readonly DonePart[]) => Promise<T>,
): Promise<T> {
  const parts: DonePart[] = [];
  const removals: (() => Promise<void>)[] = [];
  try {
    for (let shard = 1; shard <= shards; shard++) {
      const name = joinPath(out, recordName(shard, shards));
      const { path, remove } = await recordCopy(out, recordName(shard, shards));
      removals.push(remove);
      const journal = await readClosedJournal(path, shardJournal);
      if (!journal.done) throw isIncomplete(name);
      parts.push({ name, journal, keys: journal.done, remedy: redo });
    }
    return await step(parts);
  } finally {
    for (const remove of removals) await remove();
  }
}

/** Removes the record files and journals of all shards from a folder whose run is merged. */
export async function removeShards(out: string): Promise<void> {
  for (const name of await namesOf(out)) if (isShardName(name)) await removeFile(joinPath(out, name)).catch(() => {});
}

/** Tests if a shard's file is there and has its first line; a crash of the machine may leave it empty. @throws {CopyPasteError} `usage` if it is of another run. */
async function hasHead(run: RunFile, out: string, name: string): Promise<boolean> {
  const path = joinPath(out, name);
  const [line] = await firstLines(path, 1, true).catch((cause: unknown) => {
    // A shard that is done meanwhile gets another name, and a merge removes all.
    if (codeOf(cause) === 'ENOENT') return [];
    throw cannotRead(path, cause);
  });
  if (line !== undefined && !isOfRun(shardHeadOf(line), run)) throw otherRun(run, out, name);
  return line !== undefined;
}

/**
 * Tests if a shard's record file is there, as `hasHead`.
 *
 * @throws {CopyPasteError} `usage` if it is of another run, `io` if it is incomplete, as a copy may be that was cut off.
 */
async function hasRecords(run: RunFile, out: string, name: string): Promise<boolean> {
  if (!(await hasHead(run, out, name))) return false;
  const path = joinPath(out, name);
  const line = await lastLine(path, true).catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw cannotRead(path, cause);
  });
  if (line !== undefined && !line.startsWith(doneLine) && !(await hasEnd(out, name))) throw isIncomplete(path);
  return line !== undefined;
}

/** Tests if a record file has the line of its end, after which another process that does the same shard may have added lines. */
async function hasEnd(out: string, name: string): Promise<boolean> {
  const { path, remove } = await recordCopy(out, name);
  try {
    return (await readClosedJournal(path, shardJournal)).done !== undefined;
  } finally {
    await remove();
  }
}

/** The error of a record file that lacks the line of its end. */
function isIncomplete(path: string): CopyPasteError {
  return new CopyPasteError('io', `is incomplete; ${redo}`, { path });
}

function isOfRun(head: ShardHead | undefined, run: RunFile): boolean {
  return head?.run === run.digest && head.of === run.head.shards;
}

function otherRun({ path }: RunFile, out: string, name: string): CopyPasteError {
  return new CopyPasteError('usage', `--out ${out}: ${name} is of another run than ${path}; choose another folder, or empty this one`);
}
