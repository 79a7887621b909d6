import { rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { digestOf } from '../base/digest.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { CopyPasteError } from '../errors.ts';
import type { AugmentOptions } from '../options.ts';
import type { Measures } from '../plan/measures.ts';
import { isIntact } from './check-files.ts';
import { createOutputFolder, type OutputFolder, removeTemporaries, syncFolders, writeHashed } from './files.ts';
import { withMeasures } from './head.ts';
import { type Journal, type JournalBatch, journalName, surveyKey } from './journal.ts';
import type { Manifest, ManifestHead, ManifestRecord, SampleRecord } from './manifest.ts';
import { manifestName, writeManifest } from './manifest-file.ts';
import type { ClassCount, Outcome } from './outcomes.ts';
import { type HashedFile, inputsOf, outputsOf, sourceInputsOf } from './records.ts';
import type { Variants } from './variants.ts';
import { documentPlaces, inDocument, type WholeFile, wholeFilesOf } from './whole-files.ts';

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
  /** Writes the files that describe several samples, then the manifest. @param variants of each sample, for lists. */
  finish(
    totals: Pick<Manifest, 'classes' | 'skipped' | 'summary'>,
    batches: readonly string[],
    variants: Variants,
    measures: Measures,
  ): Promise<void>;
  /** Records that no batch is in progress, and closes the journal. */
  close(): Promise<void>;
}

/** Creates the output of a run whose journal is open. */
export async function createOutput(
  dataset: SourcedDataset,
  options: AugmentOptions,
  head: ManifestHead,
  journal: Journal,
): Promise<Output> {
  const { out } = options;
  const folders = new Set<string>();
  const place = createOutputFolder(out);
  const placeOf = documentPlaces(dataset);
  // A run that stops before its first batch leaves nothing behind.
  let empty = !journal.begun;
  const noteFolders = (outcomes: readonly Outcome[]): void => {
    for (const { record } of outcomes) for (const { path } of record ? outputsOf(record) : []) folders.add(dirname(path));
  };
  return {
    home: await place.identity(),
    suspects: journal.suspects,
    poison: journal.poison,
    addPoison: (poison, reason) => journal.add({ poison, reason }),

    async recall(key) {
      const batch = await journal.recall(key);
      if (!batch) return undefined;
      for (const [n, { id, record }] of batch.outcomes.entries()) {
        if (!record) continue;
        if (placeOf.has(id) && (await journal.entry(`${key}.${n}`)) === undefined) return undefined;
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
      const entries = outcomes.flatMap(({ entry }, n) => (entry === undefined ? [] : [{ entry: `${batch}.${n}`, of: entry }]));
      const rest = outcomes.map(({ entry: _, ...outcome }) => outcome) as JournalBatch['outcomes'];
      await journal.add(...entries, { end: batch, outcomes: rest, read: [...read] });
    },

    async finish(totals, batches, variants, measures) {
      const wholeFiles = wholeFilesOf(dataset, options, variants, () => journalEntries(placeOf, journal, batches));
      await journal.add({ begin: 'documents', files: wholeFiles.map(({ path }) => path) });
      await journal.read();
      const documents = await writeWholeFiles(place, wholeFiles);
      for (const { path } of documents) folders.add(dirname(path));
      await removeTemporaries(out);
      await syncFolders(out, folders);
      const { classes, skipped, summary } = totals;
      const tail = { classes, skipped, documents, summary };
      const whole = withMeasures(head, measures);
      await place.guarded(manifestName, (file) => writeManifest(file, whole, () => recordsOf(journal, batches), tail));
      await syncFolders(out, []);
      await unlink(join(out, journalName)).catch(() => {});
    },

    close: () => closeRun(out, journal, empty),
  };
}

/** Records that nothing is in progress, and closes the journal. @param empty true if nothing was begun, so that the folder is removed. */
export async function closeRun<H, R>(out: string, journal: Journal<H, R>, empty: boolean): Promise<void> {
  if (empty) {
    await unlink(join(out, journalName)).catch(() => {});
    await rmdir(out).catch(() => {});
  } else await journal.add({ stopped: true }).catch(() => {});
  await journal.close();
}

async function writeWholeFiles({ guarded }: OutputFolder, files: readonly WholeFile[]): Promise<HashedFile[]> {
  const written: HashedFile[] = [];
  for (const { path, text } of files) {
    written.push({ path, sha256: await guarded(path, (file) => writeHashed(file, text)) });
  }
  return written;
}

/** Refuses to continue a run whose input has changed. @throws {CopyPasteError} `usage` with the first file that has. */
async function refuseChangedInputs(record: SampleRecord, { root, sources }: SourcedDataset, out: string): Promise<void> {
  for (const file of inputsOf(record)) await refuseChanged(root, file, out);
  for (const file of sourceInputsOf(record)) await refuseChanged(sources?.root ?? root, file, out);
}

/** Refuses to continue a run if an input file has changed. @throws {CopyPasteError} `usage` if so. */
export async function refuseChanged(folder: string, { path, sha256 }: HashedFile, out: string): Promise<void> {
  if ((await digestOf(join(folder, path), path)) !== sha256)
    throw new CopyPasteError('usage', `${path}: has changed since the run in ${out} began; start over with --overwrite`);
}

/** Entries of the document that is written, in the order of the input document. */
async function* journalEntries(
  placeOf: ReadonlyMap<string, number>,
  journal: Journal,
  batches: readonly string[],
): AsyncGenerator<unknown> {
  const found: { key: string; place: number; copy: number | undefined }[] = [];
  for (const batch of placeOf.size > 0 ? batches : []) {
    const { outcomes = [] } = (await journal.recall(batch, true)) ?? {};
    outcomes.forEach(({ id, record }, n) => {
      const place = placeOf.get(id);
      if (record && place !== undefined) found.push({ key: `${batch}.${n}`, place, copy: record.copy });
    });
  }
  for (const { key } of found.sort(inDocument)) {
    const entry = await journal.entry(key);
    if (entry === undefined) throw missing(`document entry ${key}`);
    yield entry;
  }
}

async function* recordsOf(journal: Journal, batches: readonly string[]): AsyncGenerator<ManifestRecord> {
  for (const key of batches) {
    const batch = await journal.recall(key, true);
    if (!batch) throw missing(`batch ${key}`);
    for (const { record } of batch.outcomes) if (record) yield record;
  }
}

function missing(what: string): CopyPasteError {
  return new CopyPasteError('io', `${journalName}: ${what} is missing; run again`);
}
