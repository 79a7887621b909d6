import { createHash } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { recordsText } from '../base/lines.ts';
import { readRegular } from '../base/regular.ts';
import { createSorter, groupsOf } from '../base/sorter.ts';
import { CopyPasteError, codeOf, kindOfUnread, messageOf, systemMessageOf } from '../errors.ts';
import { partsOf } from '../formats/json.ts';
import { unfinished } from '../formats/unfinished.ts';
import { isRemote } from '../storage/store.ts';
import { sourcePrefix } from '../types.ts';
import { writeAtomic } from './files.ts';
import { type Manifest, type ManifestHead, type ManifestRecord, manifestSchema, recordSchema } from './manifest.ts';
import { inputsOf, sourceInputsOf } from './records.ts';
import { namesIn, writeStored } from './stored.ts';

export const manifestName = 'manifest.json';

/**
 * Reads a manifest.
 *
 * @throws {CopyPasteError} `noInput` if it cannot be read, `data` with the first error in it.
 */
export async function readManifest(path: string): Promise<Manifest> {
  return parseManifest(await readManifestBytes(path), path);
}

/** Reads the bytes of a manifest. @throws {CopyPasteError} `noInput` if it cannot be read. */
export async function readManifestBytes(path: string): Promise<Uint8Array> {
  return readRegular(path).catch(async (cause: unknown) => {
    throw await noManifest(path, cause);
  });
}

/** Parses a manifest. @param path its name in messages. @throws {CopyPasteError} `data` with the first error in it. */
export function parseManifest(bytes: Uint8Array, path: string): Manifest {
  let value: unknown;
  let result: ReturnType<typeof manifestSchema.safeParse>;
  try {
    value = JSON.parse(Buffer.from(bytes).toString());
    result = manifestSchema.safeParse(value);
  } catch (cause) {
    // JSON that is nested too deeply overflows the stack, which is caught here too.
    throw notManifest(path, messageOf(cause), cause);
  }
  if (result.success) return result.data;
  throw otherManifest(path, value, result.error);
}

/** A manifest without its records. */
export type ManifestFrame = Omit<Manifest, 'records'>;

const frameSchema = manifestSchema.omit({ records: true });

/** A manifest whose records are read one by one. */
export interface OpenManifest {
  readonly frame: ManifestFrame;
  /** Number of its records. */
  readonly count: number;
  /** Starts a new pass over the records. */
  records(): AsyncIterable<ManifestRecord> | Iterable<ManifestRecord>;
}

/** Opens a manifest, to be read in bounded memory. @throws {CopyPasteError} as `readManifest`. */
export async function openManifest(path: string): Promise<OpenManifest> {
  const frame: Record<string, unknown> = {};
  let count = 0;
  const isWanted = (key: string, element: boolean): boolean => {
    if (key === 'records' && element) count++;
    return key !== 'records';
  };
  for await (const { key, element, value } of valuesOf(path, isWanted)) {
    if (!element) frame[key] = value;
    else ((frame[key] ??= []) as unknown[]).push(value);
  }
  const result = frameSchema.safeParse(frame);
  if (result.success) return { frame: result.data, count, records: () => readRecords(path) };
  throw otherManifest(path, frame, result.error);
}

/** A manifest in memory, as one that is read record by record. */
export function openedManifest({ records, ...frame }: Manifest): OpenManifest {
  return { frame, count: records.length, records: () => records };
}

/** Reads everything in a manifest but its records, in bounded memory. @throws {CopyPasteError} as `readManifest`. */
export async function readFrame(path: string): Promise<ManifestFrame> {
  return (await openManifest(path)).frame;
}

const optionsSchema = manifestSchema.pick({ tool: true, options: true, seed: true }).partial({ seed: true });

/** Reads the options of a manifest, of `augment` or `extract`, with the seed. @throws {CopyPasteError} as `readManifest`. */
export async function readOptions(path: string): Promise<ManifestHead['options']> {
  const read: Record<string, unknown> = {};
  const wanted = Object.keys(optionsSchema.shape);
  for await (const { key, element, value } of valuesOf(path, (key) => wanted.includes(key))) if (!element) read[key] = value;
  const result = optionsSchema.safeParse(read);
  if (!result.success) throw notManifest(path, firstIssue(result.error), result.error);
  const { options, seed } = result.data;
  return { ...options, ...(seed !== undefined && { seed }) };
}

/** Reads the records of a manifest one by one, in bounded memory. @throws {CopyPasteError} as `readManifest`. */
export async function* readRecords(path: string): AsyncGenerator<ManifestRecord> {
  let n = 0;
  for await (const { element, value } of valuesOf(path, (key) => key === 'records')) {
    if (!element) continue;
    const result = recordSchema.safeParse(value);
    if (!result.success) throw notManifest(path, `records.${n}.${firstIssue(result.error)}`, result.error);
    n++;
    yield result.data;
  }
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
  return new CopyPasteError(kindOfUnread(cause), `${path}: ${why}; check the path, or run augment first`, { cause });
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
