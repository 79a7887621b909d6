import { lstat, rmdir } from 'node:fs/promises';
import type { SourcedDataset } from '../dataset/sources.ts';
import { CopyPasteError, systemMessageOf } from '../errors.ts';
import { journalName } from '../formats/unfinished.ts';
import type { AugmentOptions } from '../options.ts';
import { isRemote } from '../storage/store.ts';
import { refuseChangedAugmentation } from './complete.ts';
import { foldsCase, isTemporary, makeFolders } from './files.ts';
import { headOf, type RunHead, refuseOther } from './head.ts';
import type { Journal } from './journal.ts';
import { beginJournal, openJournalIn, removeJournal } from './journal-place.ts';
import { augmentRun, type RunKind, readComplete } from './kinds.ts';
import { manifestName, type OpenManifest } from './manifest-file.ts';
import { filesOfRun } from './names.ts';
import { removeRun } from './remove.ts';
import { createOutput, type Output } from './run.ts';
import { namesIn } from './stored.ts';

/**
 * Opens the output folder of `augment`, which may be new, interrupted or complete.
 *
 * @param twins two files of the run whose names differ only in case; empty if there are none.
 * @throws {CopyPasteError} `cannotCreate` if the folder cannot be made or contains other files, `usage` if it contains another run, or a
 * complete one whose files have changed; `io` if its manifest cannot be read.
 */
export async function openOutput(
  dataset: SourcedDataset,
  options: AugmentOptions,
  twins: readonly string[],
): Promise<OpenManifest | Output> {
  const head = await headOf(dataset, options);
  const opened = await openRun(augmentRun, head, { ...options, twins, files: () => filesOfRun(dataset, options) });
  if ('journal' in opened) return createOutput(dataset, options, head, opened.journal);
  await refuseChangedAugmentation(opened.complete, dataset, options);
  return opened.complete;
}

/** Output folder of a run. */
interface RunFolder {
  readonly out: string;
  readonly overwrite: boolean;
  /** Two files of the run whose names differ only in case; empty if there are none. */
  readonly twins: readonly string[];
  /** Paths that the run may write, as far as they are known. */
  files(): ReadonlySet<string>;
}

/**
 * Opens the output folder of a run, which may be new, interrupted or complete.
 *
 * @returns the manifest of a complete run, or the journal of one to begin or continue.
 * @throws {CopyPasteError} `cannotCreate` if the folder cannot be made or contains other files, `usage` if it contains another run, `io` if a
 * manifest or journal cannot be read.
 */
export async function openRun<H extends RunHead, R, M>(
  kind: RunKind<H, R, M>,
  head: H,
  place: RunFolder,
): Promise<{ readonly complete: M } | { readonly journal: Journal<H, R> }> {
  const { out, twins } = place;
  const entries = await openFolder(out, twins);
  if (place.overwrite && (entries.has(manifestName) || entries.has(journalName))) {
    await removeRun(kind, out, entries, place.files());
    entries.clear();
  }
  if (entries.has(manifestName)) return { complete: await openComplete(kind, out, entries, head) };
  const foreign = [...entries].find((name) => name !== journalName);
  if (foreign !== undefined && !entries.has(journalName)) throw notEmpty(out, foreign);
  const journal = await openJournalIn(out, journalName, kind);
  try {
    if (journal.other) throw notEmpty(out, `${journalName} of another command or version`);
    if (!journal.head && foreign !== undefined) {
      // Another run may have ended since the folder was read, and removed its journal.
      if (!(await openFolder(out)).has(manifestName)) throw notEmpty(out, foreign);
      await journal.close();
      return openRun(kind, head, place);
    }
    if (!journal.head) await beginJournal(journal, out, journalName, head);
    refuseOther(journal.head ?? head, head, out);
  } catch (error) {
    await journal.close();
    throw error;
  }
  return { journal };
}

/** Reads the manifest of a complete output folder. */
async function openComplete<H extends RunHead, R, M>(
  kind: RunKind<H, R, M>,
  out: string,
  entries: ReadonlySet<string>,
  head: H,
): Promise<M> {
  const manifest = await readComplete(kind, out, (why) => `not empty (${why}); choose a new folder`);
  refuseOther(kind.headOf(manifest), head, out);
  // A run that is killed after it has written the manifest leaves its journal.
  if (entries.has(journalName)) await removeJournal(out, journalName).catch(() => {});
  return manifest;
}

/** Error of a folder that holds other files than those of a run. @param foreign name of one. */
export function notEmpty(out: string, foreign: string): CopyPasteError {
  return new CopyPasteError('cannotCreate', `--out ${out}: not empty (${foreign}); choose a new folder or empty this one`);
}

/**
 * Names in an output folder, which is created if it is missing.
 *
 * @param twins two files to be written whose names differ only in case; empty if there are none.
 * @throws {CopyPasteError} `cannotCreate` if it cannot be created or read, or would hold the two as one file.
 */
export async function openFolder(out: string, twins: readonly string[] = []): Promise<Set<string>> {
  const refuse = (why: string, cause: unknown): CopyPasteError =>
    new CopyPasteError('cannotCreate', `--out ${out}: ${why}: ${systemMessageOf(cause)}; choose another folder`, { cause });
  if (!isRemote(out) && (await lstat(out).catch(() => undefined)) === undefined) {
    await makeFolders(out).catch((cause: unknown) => {
      throw refuse('cannot be created', cause);
    });
  }
  const entries = await namesIn(out).catch((cause: unknown) => {
    throw refuse('cannot be read as a folder', cause);
  });
  if (twins.length > 0 && (await foldsCase(out))) {
    await rmdir(out).catch(() => {});
    throw new CopyPasteError(
      'cannotCreate',
      `--out ${out}: ${twins.join(' and ')} would be the same file on this case-insensitive disk; rename one or choose another disk`,
    );
  }
  return new Set(entries.filter((name) => !isTemporary(name)));
}
