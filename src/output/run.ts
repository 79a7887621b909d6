import { rmdir, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { digestOf } from '../base/digest.ts';
import { joinPath } from '../base/paths.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { CopyPasteError } from '../errors.ts';
import { journalName } from '../formats/unfinished.ts';
import type { AugmentOptions } from '../options.ts';
import type { Measures } from '../plan/measures.ts';
import { isRemote } from '../storage/store.ts';
import { isIntact } from './check-files.ts';
import { createOutputFolder, syncFolders } from './files.ts';
import { entryKey, finishRun } from './finish.ts';
import { type Journal, type JournalBatch, surveyKey } from './journal.ts';
import { removeJournal } from './journal-place.ts';
import type { Manifest, ManifestHead, ManifestRecord, SampleRecord } from './manifest.ts';
import type { ClassCount, Outcome } from './outcomes.ts';
import { type HashedFile, inputsOf, outputsOf, sourceInputsOf } from './records.ts';
import type { Variants } from './variants.ts';
import { documentPlaces } from './whole-files.ts';

/** Output folder of a run in progress. */
export interface Output {
  /** Identity of the output folder, which the run must not leave. */
  readonly home: string;
  /** Keys of batches that were in progress when an earlier run died. */
  readonly suspects: ReadonlySet<string>;
  /** Reason to skip each sample that crashes a process, by id. */
  readonly poison: ReadonlyMap<string, string>;
  /** Records a sample that crashes a process. */
  addPoison(id: string, reason: string): Promise<void>;
  /**
   * Recalls a batch of an earlier run, if all its output files still exist unchanged.
   *
   * @throws {CopyPasteError} `usage` if an input file has changed since.
   */
  recall(batch: string): Promise<{ outcomes: readonly Outcome[]; read: readonly ClassCount[] } | undefined>;
  /** Runs a step that reads samples before any batch begins; if the process dies in it, `surveyKey` is among the suspects of the next run. */
  survey<T>(step: () => Promise<T>): Promise<T>;
  /** Records that a batch begins. @param files all paths that it may write. */
  begin(batch: string, files: readonly string[]): Promise<void>;
  /** Records that a batch has ended. */
  end(batch: string, outcomes: readonly Outcome[], read: readonly ClassCount[]): Promise<void>;
  /** Commits the work: writes the rest of the output, or ends the shard. */
  finish(result: Result): Promise<void>;
  /** Records that no batch is in progress, and closes the journal. */
  close(): Promise<void>;
}

/** What a run has done, once all its batches have ended. */
export interface Result {
  readonly totals: Pick<Manifest, 'classes' | 'skipped' | 'summary'>;
  /** Keys of the batches, in order. */
  readonly keys: readonly string[];
  /** Variants of each sample, for lists. */
  readonly variants: Variants;
  readonly measures: Measures;
}

/** Creates the output of a run whose journal is open. */
export async function createOutput(
  dataset: SourcedDataset,
  options: AugmentOptions,
  head: ManifestHead,
  journal: Journal,
): Promise<Output> {
  const { out } = options;
  const path = joinPath(out, journalName);
  return createWork(dataset, out, journal, journalName, async ({ totals, keys, variants, measures }) => {
    await journal.read();
    await finishRun({ dataset, options, head, measures }, [{ name: path, journal, keys, remedy: 'run again' }], totals, variants, (files) =>
      journal.add({ begin: 'documents', files: [...files] }),
    );
    await removeJournal(out, journalName).catch(() => {});
  });
}

/**
 * Creates the output of a run, or of a shard of it.
 *
 * @param name of the journal, which is removed if nothing is begun; absent for a shard, whose journal another process may share.
 * @param commit is called once all files are on disk.
 */
export async function createWork<H>(
  dataset: SourcedDataset,
  out: string,
  journal: Journal<H, ManifestRecord>,
  name: string | undefined,
  commit: (result: Result) => Promise<void>,
): Promise<Output> {
  const folders = new Set<string>();
  const placeOf = documentPlaces(dataset);
  // A run that stops before its first batch leaves nothing behind.
  let empty = !journal.begun;
  let committed = false;
  const noteFolders = (outcomes: readonly Outcome[]): void => {
    for (const { record } of outcomes) for (const { path } of record ? outputsOf(record) : []) folders.add(dirname(path));
  };
  return {
    home: await createOutputFolder(out).identity(),
    suspects: journal.suspects,
    poison: journal.poison,
    addPoison: (poison, reason) => journal.add({ poison, reason }),

    async recall(key) {
      const batch = await journal.recall(key);
      if (!batch) return undefined;
      for (const [n, { id, record }] of batch.outcomes.entries()) {
        if (!record) continue;
        if (placeOf.has(id) && (await journal.entry(entryKey(key, n))) === undefined) return undefined;
        await refuseChangedInputs(record, dataset, out);
        for (const file of outputsOf(record)) if (!(await isIntact(out, file))) return undefined;
      }
      noteFolders(batch.outcomes);
      return batch;
    },

    async survey(step) {
      await journal.add({ begin: surveyKey, files: [] });
      const result = await step();
      await journal.add({ surveyed: true });
      return result;
    },

    begin(batch, files) {
      empty = false;
      return journal.add({ begin: batch, files: [...files] });
    },

    async end(batch, outcomes, read) {
      noteFolders(outcomes);
      const entries = outcomes.flatMap(({ entry }, n) => (entry === undefined ? [] : [{ entry: entryKey(batch, n), of: entry }]));
      const rest = outcomes.map(({ entry: _, ...outcome }) => outcome) as JournalBatch['outcomes'];
      await journal.add(...entries, { end: batch, outcomes: rest, read: [...read] });
    },

    async finish(result) {
      await syncFolders(out, folders);
      await commit(result);
      committed = true;
    },

    close: () => (committed ? journal.close() : closeRun(out, name, journal, empty)),
  };
}

/**
 * Records that nothing is in progress, and closes the journal.
 *
 * @param name of the journal; absent if it is never removed.
 * @param empty true if nothing was begun, so that the journal is removed, and its folder if that is empty.
 */
export async function closeRun<H, R>(out: string, name: string | undefined, journal: Journal<H, R>, empty: boolean): Promise<void> {
  if (empty && (name !== undefined || isRemote(out))) {
    // Another process may have joined the run by its claim in a store, which stays.
    await unlink(journal.path).catch(() => {});
    if (!isRemote(out)) await rmdir(out).catch(() => {});
  } else if (!empty) await journal.add({ stopped: true }).catch(() => {});
  await journal.close();
}

/** Refuses to continue a run whose input has changed. @throws {CopyPasteError} `usage` with the first file that has. */
async function refuseChangedInputs(record: SampleRecord, { root, sources }: SourcedDataset, out: string): Promise<void> {
  for (const file of inputsOf(record)) await refuseChanged(root, file, out);
  for (const file of sourceInputsOf(record)) await refuseChanged(sources?.root ?? root, file, out);
}

/** Refuses to continue a run if an input file has changed. @throws {CopyPasteError} `usage` if so. */
export async function refuseChanged(folder: string, { path, sha256 }: HashedFile, out: string): Promise<void> {
  if ((await digestOf(joinPath(folder, path), path)) !== sha256)
    throw new CopyPasteError(
      'usage',
      `${path}: has changed since the run in ${out} began; restore it, or start over (augment: --overwrite; shards: an empty folder)`,
    );
}
