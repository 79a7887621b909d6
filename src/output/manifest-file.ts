import { createHash } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { recordsText } from '../base/lines.ts';
import { createSorter, groupsOf } from '../base/sorter.ts';
import { CopyPasteError, codeOf, kindOfUnread, messageOf, systemMessageOf } from '../errors.ts';
import { partsOf } from '../formats/json.ts';
import { unfinished } from '../formats/unfinished.ts';
import { isRemote } from '../storage/store.ts';
import { sourcePrefix } from '../types.ts';
import { writeAtomic } from './files.ts';
import { type Manifest, type ManifestHead, type ManifestRecord, manifestSchema, recordSchema } from './manifest.ts';
import { type HashedFile, inputsOf, outputsOf, sourceInputsOf } from './records.ts';
import { namesIn, writeStored } from './stored.ts';

export const manifestName = 'manifest.json';

/** A manifest without its records. */
export type ManifestFrame = Omit<Manifest, 'records'>;

/** A manifest whose records are read one by one. */
export interface OpenManifest {
  readonly frame: ManifestFrame;
  /** Number of its records. */
  readonly count: number;
  /** Starts a new pass over the records. */
  records(): AsyncIterable<ManifestRecord>;
}

/**
 * Opens a manifest, to be read in bounded memory: as one string, it could be longer than V8 allows.
 *
 * @param each receives every record, checked; without it, records are checked when they are read.
 * @throws {CopyPasteError} `noInput` if there is none, `io` if it cannot be read, `data` with the first error in it.
 */
export async function openManifest(path: string, each?: (record: ManifestRecord) => void): Promise<OpenManifest> {
  // Without a prototype, no key has a value before it is read.
  const document: Record<string, unknown> = Object.create(null);
  let count = 0;
  let damaged: unknown;
  const isWanted = (key: string, element: boolean): boolean => {
    if (key !== 'records' || !element) return true;
    document.records ??= [];
    count++;
    return each !== undefined && damaged === undefined;
  };
  const take = (value: unknown): void => {
    try {
      each?.(recordOf(value, count - 1, path));
    } catch (error) {
      damaged = error;
    }
  };
  for await (const { key, element, value } of valuesOf(path, isWanted)) {
    if (!element) document[key] = value;
    else if (key === 'records') take(value);
    else ((document[key] ??= []) as unknown[]).push(value);
  }
  let result: ReturnType<typeof manifestSchema.safeParse>;
  try {
    result = manifestSchema.safeParse(document);
  } catch (cause) {
    // JSON that is nested too deeply overflows the stack.
    throw notManifest(path, messageOf(cause), cause);
  }
  if (!result.success) throw otherManifest(path, document, result.error);
  // Records of another version may differ, but its number says more.
  if (damaged !== undefined) throw damaged;
  const { records: _, ...frame } = result.data;
  return { frame, count, records: () => readRecords(path) };
}

/** Output files of a manifest. */
export async function* filesOf({ frame, records }: OpenManifest): AsyncGenerator<HashedFile> {
  for await (const record of records()) yield* outputsOf(record);
  yield* frame.documents;
}

/** Reads everything in a manifest but its records, in bounded memory. @throws {CopyPasteError} as `openManifest`. */
export async function readFrame(path: string): Promise<ManifestFrame> {
  return (await openManifest(path)).frame;
}

const optionsSchema = manifestSchema.pick({ tool: true, options: true, seed: true }).partial({ seed: true });

/** Reads the options of a manifest, of `augment` or `extract`, with the seed. @throws {CopyPasteError} as `openManifest`. */
export async function readOptions(path: string): Promise<ManifestHead['options']> {
  const read: Record<string, unknown> = {};
  const wanted = Object.keys(optionsSchema.shape);
  for await (const { key, element, value } of valuesOf(path, (key) => wanted.includes(key))) if (!element) read[key] = value;
  const result = optionsSchema.safeParse(read);
  if (!result.success) throw notManifest(path, firstIssue(result.error), result.error);
  const { options, seed } = result.data;
  return { ...options, ...(seed !== undefined && { seed }) };
}

/** Reads the records of a manifest one by one, in bounded memory. @throws {CopyPasteError} as `openManifest`. */
export async function* readRecords(path: string): AsyncGenerator<ManifestRecord> {
  let n = 0;
  for await (const { element, value } of valuesOf(path, (key) => key === 'records')) {
    if (element) yield recordOf(value, n++, path);
  }
}

/** Checks the n-th record of a manifest. @throws {CopyPasteError} `data` if it is none. */
function recordOf(value: unknown, n: number, path: string): ManifestRecord {
  const result = recordSchema.safeParse(value);
  if (result.success) return result.data;
  throw notManifest(path, `records.${n}.${firstIssue(result.error)}`, result.error);
}

/** Values of the wanted keys of a manifest; lists come element by element. */
async function* valuesOf(path: string, wanted: (key: string, element: boolean) => boolean) {
  try {
    for await (const { key, element, bytes } of partsOf(dirname(path), basename(path)))
      if (wanted(key, element)) yield { key, element, value: JSON.parse(Buffer.from(bytes).toString()) as unknown };
  } catch (cause) {
    if (cause instanceof CopyPasteError) throw cause;
    throw codeOf(cause) === undefined ? notManifest(path, messageOf(cause), cause) : await noManifest(path, cause);
  }
}

/** The error of a manifest that cannot be read, which is not written yet if its run is not complete. */
async function noManifest(path: string, cause: unknown): Promise<CopyPasteError> {
  if (cause instanceof CopyPasteError) return cause;
  if (codeOf(cause) === 'ENOENT' && basename(path) === manifestName) {
    const folder = dirname(path);
    const begun = unfinished('noInput', folder, await namesIn(folder).catch(() => []), cause);
    if (begun) return begun;
  }
  const why = codeOf(cause) === 'ENOENT' ? 'there is no such manifest' : `the manifest cannot be read: ${systemMessageOf(cause)}`;
  const kind = kindOfUnread(cause);
  const remedy = kind === 'io' ? 'fix the cause and run again' : 'check the path, or run augment first';
  return new CopyPasteError(kind, `${path}: ${why}; ${remedy}`, { cause });
}

function notManifest(path: string, why: string, cause: unknown): CopyPasteError {
  return new CopyPasteError('data', `${path}: is not a copypaste manifest: ${why}`, { cause });
}

/** The error of a document that is not the manifest of an output. */
function otherManifest(path: string, value: unknown, error: Invalid): CopyPasteError {
  if ((value as { kind?: unknown } | null)?.kind !== 'pack') return notManifest(path, firstIssue(error), error);
  return new CopyPasteError('data', `${path}: is the manifest of packed data; to check its digests, run the same pack again`, {
    cause: error,
  });
}

/** An error of a schema. */
interface Invalid {
  readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
}

function firstIssue({ issues: [issue] }: Invalid): string {
  return `${issue?.path.join('.') || 'document'}: ${issue?.message}`;
}

type Tail = Omit<Manifest, 'records' | 'inputDigest' | keyof ManifestHead>;

/**
 * Writes `manifest.json` as a stream, one record per line, so that memory does not grow with its size. The file appears under its name
 * when it is complete.
 *
 * @param records starts a new pass over the records at each call, since a file may have to be written again.
 * @throws {CopyPasteError} `data` if records have different digests of one input file, `io` with the cause.
 */
export async function writeManifest(
  path: string,
  head: ManifestHead,
  records: () => AsyncIterable<ManifestRecord>,
  tail: Tail,
): Promise<void> {
  const text = async function* () {
    const inputs = createInputs();
    const noted = async function* () {
      for await (const record of records()) {
        inputs.add(record);
        yield record;
      }
    };
    yield* recordsText(head, noted(), () => {
      const { sha256, changed } = inputs.digest();
      if (changed !== undefined)
        throw new CopyPasteError('data', `${changed}: changed during the run; start over (augment: --overwrite; shards: an empty folder)`);
      return { ...tail, inputDigest: sha256 };
    });
  };
  if (isRemote(path)) await writeStored(path, text, true);
  else await writeAtomic(path, text);
}

/** Collects the input files of records, in bounded memory. */
export function createInputs() {
  const inputs = createSorter();
  return {
    add(record: ManifestRecord): void {
      for (const { path, sha256 } of inputsOf(record)) inputs.add(`${path}\0${sha256}`);
      for (const { path, sha256 } of sourceInputsOf(record, sourcePrefix)) inputs.add(`${path}\0${sha256}`);
    },
    /** SHA-256 of lines "sha256 path", sorted by path; `changed` is a file that two records have with different digests. */
    digest(): { sha256: string; changed: string | undefined } {
      const digest = createHash('sha256');
      let changed: string | undefined;
      for (const { key, rests } of groupsOf(inputs.sorted())) {
        let first: string | undefined;
        for (const sha256 of rests) {
          first ??= sha256;
          if (sha256 !== first) changed ??= key;
        }
        digest.update(`${first} ${key}\n`);
      }
      return { sha256: digest.digest('hex'), changed };
    },
  };
}

/** Digest of the input files of all records, as a manifest holds it. */
export function inputDigestOf(records: readonly ManifestRecord[]): string {
  const inputs = createInputs();
  for (const record of records) inputs.add(record);
  return inputs.digest().sha256;
}
