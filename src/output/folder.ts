import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, mkdir, readdir, realpath, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { digestOf } from '../base/digest.ts';
import { inParts } from '../base/parts.ts';
import { codecs } from '../codecs/image.ts';
import { type Dataset, listName, wholeFiles } from '../dataset/open.ts';
import { filesOfSample } from '../dataset/sample-files.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import type { ClassCount, Outcome } from '../engine/job.ts';
import type { AugmentSummary } from '../engine/tally.ts';
import { CopyPasteError, messageOf } from '../errors.ts';
import { documentWriters } from '../formats/document-writers.ts';
import { classNamesFile, classNamesText } from '../formats/drawn-masks.ts';
import { type AugmentOptions, augmentOptions, type Option } from '../options.ts';
import { sourcePrefix } from '../types.ts';
import { version } from '../version.ts';
import { createFolders, foldsCase, isTemporary, removeTemporaries, syncFolders, writeHashed } from './files.ts';
import { type Journal, openJournal } from './journal.ts';
import { headSchema, type JournalBatch, type Manifest, type ManifestHead, type ManifestRecord, schemaVersion } from './manifest.ts';
import { readManifest } from './read-manifest.ts';
import { fromRecord, inputsOf, sourceInputsOf, writeManifest } from './records.ts';

export const manifestName = 'manifest.json';
export const journalName = 'run.jsonl';

/** The output folder of a run that is under way. */
export interface Output {
  /** Batches that were under way when an earlier run ended without a word. */
  readonly suspects: ReadonlySet<string>;
  /** Samples that took a process with them, and how. */
  readonly poison: ReadonlyMap<string, string>;
  /** Marks a sample that took a process with it. */
  addPoison(id: string, reason: string): Promise<void>;
  /**
   * A batch that an earlier run has done, if its files are there as they were written.
   *
   * @throws {CopyPasteError} `usage` where a file of the input has changed since.
   */
  recall(batch: string): Promise<{ outcomes: readonly Outcome[]; read: readonly ClassCount[] } | undefined>;
  begin(batch: string, files: readonly string[]): Promise<void>;
  end(batch: string, outcomes: readonly Outcome[], read: readonly ClassCount[]): Promise<void>;
  /** Writes what is written last. @param variants the ids that stand for a sample's in lists. */
  finish(summary: AugmentSummary, batches: readonly string[], variants: ReadonlyMap<string, readonly string[]>): Promise<void>;
  /** Nothing is under way any more, done or not. */
  close(): Promise<void>;
}

/**
 * Opens the output folder of a run: a new one, one to continue, or one that is complete.
 *
 * @param twins two files of the run whose names differ by case alone, where there are any.
 * @param files all that the run may write.
 * @throws {CopyPasteError} `cannotCreate` where the folder cannot be made or holds something else, `usage` where it holds another
 * run.
 */
export async function openOutput(
  dataset: SourcedDataset,
  options: AugmentOptions,
  twins: readonly string[],
  files: () => ReadonlySet<string>,
): Promise<Manifest | Output> {
  const { out } = options;
  const head = await headOf(dataset, options);
  let entries = await openFolder(out);
  if (twins.length > 0 && (await foldsCase(out))) {
    await rmdir(out).catch(() => {});
    throw new CopyPasteError(
      'cannotCreate',
      `--out ${out}: ${twins.join(' and ')} would be one file there; rename one, or choose another disk`,
    );
  }
  if (options.overwrite && (entries.has(manifestName) || entries.has(journalName))) {
    await removeRun(out, entries, files());
    entries = new Set();
  }
  if (entries.has(manifestName)) {
    const manifest = await readManifest(join(out, manifestName)).catch((cause: unknown) => {
      throw new CopyPasteError('cannotCreate', `--out ${out}: is not empty: ${messageOf(cause)}`, { cause });
    });
    refuseOther(manifest, head, out);
    // What a run that was killed at its very end has left.
    if (entries.has(journalName)) await unlink(join(out, journalName)).catch(() => {});
    return manifest;
  }
  const foreign = [...entries].find((name) => name !== journalName);
  const refuse = (): CopyPasteError =>
    new CopyPasteError('cannotCreate', `--out ${out}: is not empty (${foreign}); choose a new folder, or empty this one`);
  if (foreign !== undefined && !entries.has(journalName)) throw refuse();
  const journal = await openJournal(join(out, journalName));
  try {
    if (journal.head) refuseOther(journal.head, head, out);
    else if (foreign !== undefined) {
      // Another run may have ended in between, and have taken its journal away.
      if (!(await openFolder(out)).has(manifestName)) throw refuse();
      await journal.close();
      return openOutput(dataset, options, twins, files);
    } else {
      await journal.add({ head });
      await syncFolders(out, []);
      // Of two runs that begin at once the first line counts, for both.
      await journal.read();
      refuseOther(journal.head ?? head, head, out);
    }
  } catch (error) {
    await journal.close();
    throw error;
  }
  return createOutput(dataset, options, head, journal);
}

/** @throws {CopyPasteError} `cannotCreate` where the folder cannot be made or read. @returns what it holds. */
async function openFolder(out: string): Promise<Set<string>> {
  const refuse = (why: string, cause: unknown): CopyPasteError => new CopyPasteError('cannotCreate', `--out ${out}: ${why}`, { cause });
  if ((await lstat(out).catch(() => undefined)) === undefined) {
    await mkdir(out, { recursive: true }).catch((cause: unknown) => {
      throw refuse(`cannot be created: ${messageOf(cause)}`, cause);
    });
  }
  const entries = await readdir(out).catch((cause: unknown) => {
    throw refuse(`is not a folder that can be read: ${messageOf(cause)}`, cause);
  });
  return new Set(entries.filter((name) => !isTemporary(name)));
}

/** What output follows from: where it is the same, so are all bytes. */
async function headOf(dataset: SourcedDataset, options: AugmentOptions): Promise<ManifestHead> {
  const { sources } = dataset;
  const rows: Readonly<Record<string, Option>> = augmentOptions;
  const { seed, ...rest } = Object.fromEntries(Object.entries(options).filter(([name]) => rows[name]?.bytes !== false));
  const listing = createHash('sha256');
  const own = await listFiles(dataset, '', listing);
  const theirs = sources ? await listFiles(sources, sourcePrefix, listing) : { files: 0, bytes: 0 };
  for (const [id, name] of dataset.classNames) listing.update(`${id} ${name}\n`);
  return headSchema.parse({
    schema: schemaVersion,
    tool: { name: 'copypaste', version },
    codecs,
    seed,
    options: JSON.parse(JSON.stringify(rest)),
    layout: layoutOf(dataset),
    ...(sources && {
      sources: { ...layoutOf(sources), classes: { pairs: [...sources.classes.pairs], others: sources.classes.others } },
    }),
    input: {
      files: own.files + theirs.files,
      bytes: own.bytes + theirs.bytes,
      listing: listing.digest('hex'),
    },
  });
}

/** Hashes the sizes and paths of the files that are read. @param prefix goes before each path. */
async function listFiles(dataset: Dataset, prefix: string, listing: Hash): Promise<{ files: number; bytes: number }> {
  const paths = [...dataset.samples, ...dataset.others].flatMap(filesOfSample).map(({ path }) => path);
  const files = [...paths, ...wholeFiles(dataset)].sort().filter((path, i, sorted) => path !== sorted[i - 1]);
  const sizes = await inParts(files, 64, async (path) => (await stat(join(dataset.root, path)).catch(() => undefined))?.size ?? 0);
  for (const [i, path] of files.entries()) listing.update(`${sizes[i]} ${prefix}${path}\n`);
  return { files: files.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/** How a data set was understood. */
function layoutOf({ layout, split, folders, background, ignore, colours, documents }: Dataset): ManifestHead['layout'] {
  const digests = [...new Set(documents.values())].map(({ path, sha256 }) => ({ path, sha256 }));
  return {
    name: layout,
    folders: [...folders],
    split,
    background: [...background],
    ignore: [...ignore],
    ...(colours && { colours: colours.map(([red, green, blue]): [number, number, number] => [red, green, blue]) }),
    ...(digests.length > 0 && { documents: digests }),
  };
}

/** @throws {CopyPasteError} `usage` with the first difference. */
function refuseOther(there: ManifestHead, here: ManifestHead, out: string): void {
  const difference = firstDifference(there, here);
  if (difference === undefined) return;
  throw new CopyPasteError('usage', `--out ${out}: holds another run: ${difference}; choose another folder, or say --overwrite`);
}

function firstDifference(there: ManifestHead, here: ManifestHead): string | undefined {
  const flat = ({ tool, codecs, seed, options, layout: { folders, ...layout }, sources }: ManifestHead): Map<string, string> => {
    const theirs = Object.entries(sources ?? {}).map(([name, value]) => [`sources' ${name}`, value] as const);
    const own = Object.entries({ version: tool.version, ...codecs, seed, ...options, ...layout, folders });
    return new Map([...own, ...theirs].map(([name, value]) => [name, JSON.stringify(value)]));
  };
  const [was, is] = [flat(there), flat(here)];
  for (const name of new Set([...was.keys(), ...is.keys()])) {
    if (was.get(name) !== is.get(name)) return `${name} is ${was.get(name) ?? 'not given'} there, ${is.get(name) ?? 'not given'} here`;
  }
  if (there.input.listing === here.input.listing) return undefined;
  const data = ({ input }: ManifestHead): string => `${input.files} files of ${input.bytes} bytes`;
  return data(there) === data(here)
    ? 'its data had other file names or sizes'
    : `its data were ${data(there)}, --in now holds ${data(here)}`;
}

/**
 * Takes away all that a run has written, and nothing else. The journal goes last, so that this can be interrupted too.
 *
 * @param files that a new run may write: where one of them is not the old run's, it stays, and is named.
 */
async function removeRun(out: string, entries: ReadonlySet<string>, files: ReadonlySet<string>): Promise<void> {
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
    throw new CopyPasteError('cannotCreate', `--out ${out}: ${path} is not of the run that is overwritten, and would be; move it away`);
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

/** The files that a manifest names. */
export function filesOf({
  records,
  documents = [],
}: Pick<Manifest, 'records'> & Partial<Pick<Manifest, 'documents'>>): { path: string; sha256: string }[] {
  return [...records.flatMap(({ files }) => fromRecord<{ path: string; sha256: string }>(files)), ...documents];
}

function createOutput(dataset: SourcedDataset, options: AugmentOptions, head: ManifestHead, journal: Journal): Output {
  const { out } = options;
  const makeFolder = createFolders(out);
  const folders = new Set<string>();
  const placeOf = documentPlaces(dataset);
  // A run that could not begin leaves nothing.
  let empty = !journal.begun;
  const note = (outcomes: readonly Outcome[]): void => {
    for (const { record } of outcomes) for (const { path } of record?.files ? fromRecord(record.files) : []) folders.add(dirname(path));
  };
  return {
    suspects: journal.suspects,
    poison: journal.poison,
    addPoison: (poison, reason) => journal.add({ poison, reason }),

    async recall(key) {
      const batch = await journal.recall(key);
      if (!batch) return undefined;
      for (const [n, { id, record }] of batch.outcomes.entries()) {
        if (!record) continue;
        if (placeOf.has(id) && (await journal.entry(`${key}.${n}`)) === undefined) return undefined;
        const read = inputsOf(record).map((file) => ({ ...file, root: dataset.root }));
        const from = sourceInputsOf(record).map((file) => ({ ...file, root: dataset.sources?.root ?? dataset.root }));
        for (const { root, path, sha256 } of [...read, ...from]) {
          if ((await digestOf(join(root, path), path)) !== sha256) {
            throw new CopyPasteError('usage', `${path}: has changed since the run in ${out} began; say --overwrite to begin anew`);
          }
        }
        for (const { path, sha256 } of filesOf({ records: [record] })) {
          if ((await digestOf(join(out, path), path).catch(() => undefined)) !== sha256) return undefined;
        }
      }
      // What another run of this program has written is what this one would have.
      const outcomes = batch.outcomes as unknown as readonly Outcome[];
      note(outcomes);
      return { outcomes, read: batch.read };
    },

    begin: (batch, files) => {
      empty = false;
      return journal.add({ begin: batch, files: [...files] });
    },

    async end(batch, outcomes, read) {
      note(outcomes);
      const entries = outcomes.flatMap(({ entry }, n) => (entry === undefined ? [] : [{ entry: `${batch}.${n}`, of: entry }]));
      const rest = outcomes.map(({ entry: _, ...outcome }) => outcome) as unknown as JournalBatch['outcomes'];
      await journal.add(...entries, { end: batch, outcomes: rest, read: [...read] });
    },

    async finish(summary, batches, variants) {
      const documents = documentsOf(dataset, options, variants, () => entriesOf(placeOf, journal, batches));
      await journal.add({ begin: 'documents', files: documents.map(({ path }) => path) });
      await journal.read();
      const written: { path: string; sha256: string }[] = [];
      for (const { path, text } of documents) {
        await makeFolder(dirname(join(out, path)));
        written.push({ path, sha256: await writeHashed(join(out, path), text) });
        folders.add(dirname(path));
      }
      await removeTemporaries(out);
      await syncFolders(out, folders);
      const { classes, samples, augmented, unchanged, pasted, dropped } = summary;
      await writeManifest(join(out, manifestName), head, recordsOf(journal, batches), {
        classes: classes.map(({ stuff: _stuff, allowed: _allowed, ...row }) => row),
        skipped: [...summary.skipped],
        documents: written,
        summary: { samples, augmented, unchanged, pasted, dropped, skipped: summary.skipped.length },
      });
      await syncFolders(out, []);
      await unlink(join(out, journalName)).catch(() => {});
    },

    async close() {
      if (empty) {
        await unlink(join(out, journalName)).catch(() => {});
        await rmdir(out).catch(() => {});
      } else await journal.add({ stopped: true }).catch(() => {});
      await journal.close();
    },
  };
}

/** A file of several samples, and what it will hold. */
export interface WholeFile {
  readonly path: string;
  readonly text: () => AsyncIterable<string | Uint8Array>;
}

/**
 * The files of several samples that an output has: lists of ids, and documents of annotations.
 *
 * @param variants the ids that stand for a sample's in lists.
 * @param entries what the document of the split that is augmented has of its samples, always the same.
 */
export function documentsOf(
  dataset: Dataset,
  { onlySplit, maskFiles }: AugmentOptions,
  variants: ReadonlyMap<string, readonly string[]>,
  entries: () => AsyncIterable<unknown>,
): WholeFile[] {
  const { lists, documents, carried, split, root, classNames, rewritten } = dataset;
  const wanted = [...lists].filter(([file]) => !onlySplit || listName(file) === split);
  return [
    ...wanted.map(([path, ids]) => ({
      path,
      text: async function* () {
        for (const id of ids) for (const variant of variants.get(id.normalize('NFC')) ?? []) yield `${variant}\n`;
      },
    })),
    // Splits that are not augmented have theirs as it was.
    ...[...new Set(documents.values())].map((document) => ({
      path: document.path,
      text: () =>
        document === documents.get(split)
          ? documentWriters[document.format].text(document, entries)
          : createReadStream(join(root, document.path)),
    })),
    ...carried.map((path) => {
      const text = rewritten.get(path);
      return { path, text: () => (text === undefined ? createReadStream(join(root, path)) : Readable.from([text])) };
    }),
    ...(maskFiles ? [{ path: classNamesFile, text: () => Readable.from([classNamesText(classNames)]) }] : []),
  ];
}

/** What the document that is written has of its samples, in its own order. */
async function* entriesOf(placeOf: ReadonlyMap<string, number>, journal: Journal, batches: readonly string[]): AsyncGenerator<unknown> {
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
    if (entry === undefined) throw gone(`what a document has of ${key}`);
    yield entry;
  }
}

/** A document has its samples in its own order, each before its variants. */
export function inDocument(a: { place: number; copy?: number | undefined }, b: { place: number; copy?: number | undefined }): number {
  return a.place - b.place || (a.copy ?? -1) - (b.copy ?? -1);
}

/** Where the document that is written had its samples. */
export function documentPlaces({ documents, split, samples, others }: Dataset): Map<string, number> {
  const path = documents.get(split)?.path;
  const own = [...samples, ...others].filter(({ entry }) => entry?.document === path && path !== undefined);
  return new Map(own.map(({ id, entry }) => [id, entry?.places[0] as number]));
}

async function* recordsOf(journal: Journal, batches: readonly string[]): AsyncGenerator<ManifestRecord> {
  for (const key of batches) {
    const batch = await journal.recall(key, true);
    if (!batch) throw gone(`batch ${key}`);
    for (const { record } of batch.outcomes) if (record) yield record;
  }
}

function gone(what: string): CopyPasteError {
  return new CopyPasteError('io', `${journalName}: ${what} is not in it any more; run again`);
}
