/** The end of a run: the files that describe several samples, and the manifest, from the journals of its shards. */
import { dirname } from 'node:path';
import type { SourcedDataset } from '../dataset/sources.ts';
import { CopyPasteError } from '../errors.ts';
import type { AugmentOptions } from '../options.ts';
import type { Measures } from '../plan/measures.ts';
import { createOutputFolder, removeTemporaries, syncFolders, writeHashed } from './files.ts';
import { withMeasures } from './head.ts';
import type { ClosedJournal, JournalBatch } from './journal.ts';
import type { Manifest, ManifestHead, ManifestRecord } from './manifest.ts';
import { manifestName, writeManifest } from './manifest-file.ts';
import type { HashedFile } from './records.ts';
import type { Variants } from './variants.ts';
import { documentPlaces, inDocument, wholeFilesOf } from './whole-files.ts';

/** Stages of a run, in the order of its records: batches of the copies, then samples that are only copied. */
export type Stage = 'copies' | 'originals' | 'others';

/** Key in a journal of batch `n` of a copy, or of the `n`-th chunk of samples that are only copied. */
export function batchKey(stage: number | Exclude<Stage, 'copies'>, n: number): string {
  return `${stage}.${n}`;
}

function stageOf(key: string): Stage {
  return key.startsWith('originals.') ? 'originals' : key.startsWith('others.') ? 'others' : 'copies';
}

/** Tests if the samples of a batch are only copied. */
export function isCopied(key: string): boolean {
  return stageOf(key) !== 'copies';
}

/** A part of a run that is done: the keys of its batches, in order, in its journal. */
export interface DonePart {
  /** Name of the journal. */
  readonly name: string;
  readonly journal: Pick<ClosedJournal<ManifestRecord>, 'recall' | 'entry'>;
  readonly keys: readonly string[];
  /** What to do if the journal lacks something. */
  readonly remedy: string;
}

/** A run with the head of its manifest. */
export interface MeasuredRun {
  readonly dataset: SourcedDataset;
  readonly options: AugmentOptions;
  readonly head: ManifestHead;
  readonly measures: Measures;
}

/** Batches of the parts of a run in one stage, or in all. */
export async function* batchesIn(parts: readonly DonePart[], stage?: Stage): AsyncGenerator<JournalBatch> {
  for (const { name, journal, keys, remedy } of parts) {
    for (const key of keys) {
      if (stage !== undefined && stageOf(key) !== stage) continue;
      const batch = await journal.recall(key, true);
      if (!batch) throw missing({ name, remedy }, `batch ${key}`);
      yield batch;
    }
  }
}

/**
 * Writes the files that describe several samples, then the manifest.
 *
 * @param variants of each sample, for lists.
 * @param begin is told the paths of the files before the first is written.
 */
export async function finishRun(
  { dataset, options, head, measures }: MeasuredRun,
  parts: readonly DonePart[],
  totals: Pick<Manifest, 'classes' | 'skipped' | 'summary'>,
  variants: Variants,
  begin: (paths: readonly string[]) => Promise<void> = async () => {},
): Promise<void> {
  const { out } = options;
  const { guarded } = createOutputFolder(out);
  const placeOf = documentPlaces(dataset);
  const wholeFiles = wholeFilesOf(dataset, options, variants, () => entriesIn(parts, placeOf));
  await begin(wholeFiles.map(({ path }) => path));
  const documents: HashedFile[] = [];
  for (const { path, text } of wholeFiles) documents.push({ path, sha256: await guarded(path, (file) => writeHashed(file, text)) });
  await removeTemporaries(out);
  await syncFolders(out, new Set(documents.map(({ path }) => dirname(path))));
  const { classes, skipped, summary } = totals;
  const tail = { classes, skipped, documents, summary };
  await guarded(manifestName, (file) => writeManifest(file, withMeasures(head, measures), () => recordsIn(parts), tail));
  await syncFolders(out, []);
}

/** Records of a run, in the order of its manifest. Originals are sorted by id, in each part and in the manifest. */
async function* recordsIn(parts: readonly DonePart[]): AsyncGenerator<ManifestRecord> {
  const recordsOf = async function* (some: readonly DonePart[], stage: Stage): AsyncGenerator<ManifestRecord> {
    for await (const { outcomes } of batchesIn(some, stage)) for (const { record } of outcomes) if (record) yield record;
  };
  yield* recordsOf(parts, 'copies');
  yield* inOrderOfIds(parts.map((part) => recordsOf([part], 'originals')));
  yield* recordsOf(parts, 'others');
}

/** Merges records that are sorted by id. */
async function* inOrderOfIds(sorted: readonly AsyncGenerator<ManifestRecord>[]): AsyncGenerator<ManifestRecord> {
  const [only] = sorted;
  if (sorted.length < 2) {
    if (only) yield* only;
    return;
  }
  const half = sorted.length >> 1;
  const [some, others] = [inOrderOfIds(sorted.slice(0, half)), inOrderOfIds(sorted.slice(half))];
  let [one, other] = [await some.next(), await others.next()];
  while (!one.done || !other.done) {
    if (!one.done && (other.done || one.value.id < other.value.id)) {
      yield one.value;
      one = await some.next();
    } else if (!other.done) {
      yield other.value;
      other = await others.next();
    }
  }
}

/** Entries of the document that is written, in the order of the input document. */
async function* entriesIn(parts: readonly DonePart[], placeOf: ReadonlyMap<string, number>): AsyncGenerator<unknown> {
  const found: { part: DonePart; key: string; place: number; copy: number | undefined }[] = [];
  for (const part of placeOf.size > 0 ? parts : []) {
    for await (const { end, outcomes } of batchesIn([part])) {
      outcomes.forEach(({ id, record }, n) => {
        const place = placeOf.get(id);
        if (record && place !== undefined) found.push({ part, key: entryKey(end, n), place, copy: record.copy });
      });
    }
  }
  for (const { part, key } of found.sort(inDocument)) {
    const entry = await part.journal.entry(key);
    if (entry === undefined) throw missing(part, `document entry ${key}`);
    yield entry;
  }
}

/** Key of the document entry of the `n`-th outcome of a batch. */
export function entryKey(batch: string, n: number): string {
  return `${batch}.${n}`;
}

function missing({ name, remedy }: Pick<DonePart, 'name' | 'remedy'>, what: string): CopyPasteError {
  return new CopyPasteError('io', `${what} is missing; ${remedy}`, { path: name });
}
