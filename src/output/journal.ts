/**
 * The journal of a run, `run.jsonl` in its output folder, from which an interrupted run continues. It has a line with the head, a line
 * when a batch begins, and a line with its records once its files are written. An incomplete line is ignored, and a batch that is done
 * twice writes the same line twice.
 */
import { constants } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { z } from 'zod';
import { type ByteRange, completeLines, newline } from '../base/lines.ts';
import { openOnDisk } from '../base/regular.ts';
import { CopyPasteError, systemMessageOf } from '../errors.ts';
import { classIdSchema, countSchema, headSchema, type ManifestHead, type ManifestRecord, pathSchema, recordSchema } from './manifest.ts';

/** Key of the survey, which reads samples before the first batch. */
export const surveyKey = 'survey';

/** Checks of the parts of a journal that differ from one kind of run to another. They throw if the value is not valid. */
export interface JournalKind<H, R> {
  head(value: unknown): H;
  record(value: unknown): R;
}

/** Journals of `augment`. */
export const augmentJournal: JournalKind<ManifestHead, ManifestRecord> = { head: headSchema.parse, record: recordSchema.parse };

/** Head of the journal of a shard. */
const shardHeadSchema = z.strictObject({
  /** Digest of the run file. */
  run: z.string(),
  shard: z.int().min(1),
  of: z.int().min(1),
});
export type ShardHead = z.infer<typeof shardHeadSchema>;

/** Head of the journal of a shard, from its first line; `undefined` if it has none. */
export function shardHeadOf(line: string): ShardHead | undefined {
  const { head } = (parse(line, shardJournal) ?? {}) as { head?: ShardHead };
  return head;
}

/** Journals of the shards of `augment`. */
export const shardJournal: JournalKind<ShardHead, ManifestRecord> = { head: shardHeadSchema.parse, record: recordSchema.parse };

const outcome = z.strictObject({
  id: z.string(),
  skipped: z.string().optional(),
  record: z.unknown().optional(),
});
const classCount = z.strictObject({ classId: classIdSchema, instances: countSchema, pixels: countSchema, truncated: countSchema });
const batchSchema = z.strictObject({ end: z.string(), outcomes: z.array(outcome), read: z.array(classCount) });

/** Line of a journal, whose head and records are not checked. */
const lineSchema = z.union([
  z.strictObject({ head: z.unknown() }),
  z.strictObject({ begin: z.string(), files: z.array(pathSchema) }),
  // Document entry of a sample of a batch, written before the line that ends the batch.
  z.strictObject({ entry: z.string(), of: z.unknown() }),
  batchSchema,
  // Samples were read before the first batch, without a crash.
  z.strictObject({ surveyed: z.literal(true) }),
  z.strictObject({ poison: z.string(), reason: z.string() }),
  // All batches of a shard have ended; their keys are in order.
  z.strictObject({ done: z.array(z.string()) }),
  // The run was stopped cleanly; no batch is in progress.
  z.strictObject({ stopped: z.literal(true) }),
]);

/** One line of a run's journal. */
export type JournalLine<H = ManifestHead, R = ManifestRecord> =
  | Exclude<z.infer<typeof lineSchema>, { head: unknown } | { end: string }>
  | { head: H }
  | JournalBatch<R>;

/** A batch whose files are all written. */
export interface JournalBatch<R = ManifestRecord> extends Omit<z.infer<typeof batchSchema>, 'outcomes'> {
  outcomes: { id: string; skipped?: string | undefined; record?: R | undefined }[];
}

export interface Journal<H = ManifestHead, R = ManifestRecord> {
  /** Its file on this machine. */
  readonly path: string;
  /** Head of the run; `undefined` in a new journal. */
  readonly head: H | undefined;
  /** `true` if the first line is the head of a run of another kind. */
  readonly other: boolean;
  /** Keys of all batches in order, in the journal of a shard that is done. */
  readonly done: readonly string[] | undefined;
  /** `true` once a batch has begun. */
  readonly begun: boolean;
  /** Keys of batches that were in progress when the run died. */
  readonly suspects: ReadonlySet<string>;
  /** Reason to skip each sample that crashes a process, by id. */
  readonly poison: ReadonlyMap<string, string>;
  /** Appends lines, and flushes them if they contain the head, or the end of a batch or of all. */
  add(...lines: JournalLine<H, R>[]): Promise<void>;
  /** Reads the paths of all files that the run may have written, complete or not. */
  files(): Promise<Set<string>>;
  /** Reads the journal again, since another run may have written to it. */
  read(): Promise<void>;
  /**
   * Reads a batch that had ended when the journal was last read. @param own true if this run has written or checked the batch, which then
   * needs no validation.
   */
  recall(batch: string, own?: boolean): Promise<JournalBatch<R> | undefined>;
  /** Reads the document entry of a sample, if the journal had it when it was last read. */
  entry(key: string): Promise<unknown>;
  /** Reads all bytes of the open file, which may have lost its name. */
  bytes(): AsyncGenerator<Uint8Array>;
  close(): Promise<void>;
}

/**
 * Opens and reads a journal, which is created if it is missing.
 *
 * @param scratch true for a copy, which is removed when it is closed if nothing was added to it.
 * @throws {CopyPasteError} `io` with the cause, `cannotCreate` if the file is not a journal, since it would be deleted at the end of the
 * run.
 */
export function openJournal(path: string): Promise<Journal>;
export function openJournal<H, R>(path: string, kind: JournalKind<H, R>, scratch?: boolean): Promise<Journal<H, R>>;
export async function openJournal(
  path: string,
  kind: JournalKind<unknown, unknown> = augmentJournal,
  scratch = false,
): Promise<Journal<unknown, unknown>> {
  const guard = guardOf(path);
  // A symbolic link could lead to any file.
  const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW = 0 } = constants;
  const file = await guard(open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW));
  const index = emptyIndex();
  try {
    await guard(readJournal(path, file, index, kind));
    await guard(endLine(file));
  } catch (error) {
    await file.close();
    throw error;
  }
  return journalOf({ path, file, scratch }, index, kind, guard);
}

/** A journal to which nothing is added any more. */
export type ClosedJournal<R> = Pick<Journal<unknown, R>, 'done' | 'recall' | 'entry'>;

/**
 * Reads a journal to which nothing is added. Its file is open only while it is read, since a run may have thousands of journals.
 *
 * @throws {CopyPasteError} as `openJournal`; `io` if there is no such file.
 */
export async function readClosedJournal<H, R>(path: string, kind: JournalKind<H, R>): Promise<ClosedJournal<R>> {
  const guard = guardOf(path);
  const index = emptyIndex();
  const withFile = <T>(step: (file: FileHandle) => Promise<T>): Promise<T> =>
    guard(
      openOnDisk(path, true).then(async (file) => {
        try {
          return await step(file);
        } finally {
          await file.close();
        }
      }),
    );
  await withFile((file) => readJournal(path, file, index, kind));
  return {
    done: index.done,
    async recall(batch, own) {
      const place = index.ended.get(batch);
      return (place && batchIn(await withFile((file) => textAt(file, place)), own ? undefined : kind)) as JournalBatch<R> | undefined;
    },
    async entry(key) {
      const place = index.entries.get(key);
      return place && JSON.parse(await withFile((file) => textAt(file, place))).of;
    },
  };
}

/** Explains errors of the file system. */
type Guard = <T>(step: Promise<T>) => Promise<T>;

function guardOf(path: string): Guard {
  return async (step) => {
    try {
      return await step;
    } catch (cause) {
      if (cause instanceof CopyPasteError) throw cause;
      throw new CopyPasteError('io', `${path}: cannot be read or written: ${systemMessageOf(cause)}; fix the cause and run again`, {
        cause,
      });
    }
  };
}

/** Reads a file into an index. @throws {CopyPasteError} `cannotCreate` if it is no journal. */
async function readJournal(path: string, file: FileHandle, index: Index, kind: Kind): Promise<void> {
  if (!(await isJournal(file)))
    throw new CopyPasteError('cannotCreate', `${path}: is not a copypaste journal; choose a new folder or move this file elsewhere`);
  await readLines(file, index, kind);
}

function emptyIndex(): Index {
  return {
    head: undefined,
    other: false,
    begun: false,
    done: undefined,
    suspects: new Set(),
    poison: new Map(),
    ended: new Map(),
    entries: new Map(),
  };
}

/** Contents of a journal when it was last read. */
interface Index {
  head: unknown;
  other: boolean;
  begun: boolean;
  done: readonly string[] | undefined;
  readonly suspects: Set<string>;
  readonly poison: Map<string, string>;
  /** Places of ended batches, by key. */
  readonly ended: Map<string, ByteRange>;
  /** Places of document entries, by key. */
  readonly entries: Map<string, ByteRange>;
}

/** Reads the lines of a journal into its index. */
async function readLines(file: FileHandle, index: Index, kind: Kind): Promise<void> {
  const { suspects, poison, ended, entries } = index;
  suspects.clear();
  for await (const line of journalLines(file, kind)) {
    if ('place' in line) {
      if ('entry' in line) entries.set(line.entry, line.place);
      else {
        suspects.delete(line.end);
        ended.set(line.end, line.place);
      }
    } else if ('other' in line) index.other = index.head === undefined;
    else if ('head' in line) index.head ??= line.head;
    else if ('begin' in line) {
      index.begun = true;
      suspects.add(line.begin);
    } else if ('surveyed' in line) suspects.delete(surveyKey);
    else if ('poison' in line) poison.set(line.poison, line.reason);
    else if ('done' in line) index.done = line.done;
    else if ('stopped' in line) suspects.clear();
  }
}

/** Ends an incomplete last line, which a new line must not continue. */
async function endLine(file: FileHandle): Promise<void> {
  const { size } = await file.stat();
  if (size > 0 && (await file.read(Buffer.alloc(1), 0, 1, size - 1)).buffer[0] !== newline) await file.appendFile('\n');
}

type Kind = JournalKind<unknown, unknown>;

/** The open file of a journal. */
interface JournalFile {
  readonly path: string;
  readonly file: FileHandle;
  readonly scratch: boolean;
}

/** Journal of an open file. @param guard explains errors of the file system. */
function journalOf({ path, file, scratch }: JournalFile, index: Index, kind: Kind, guard: Guard): Journal<unknown, unknown> {
  let last: Promise<unknown> = Promise.resolve();
  let added = false;
  return {
    path,
    get head() {
      return index.head;
    },
    get other() {
      return index.other;
    },
    get begun() {
      return index.begun;
    },
    get done() {
      return index.done;
    },
    suspects: index.suspects,
    poison: index.poison,
    add(...lines) {
      added = true;
      const adding = last.then(async () => {
        await file.appendFile(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
        if (lines.some((line) => 'head' in line || 'end' in line || 'done' in line)) await file.datasync();
      });
      last = adding.catch(() => {});
      return guard(adding);
    },
    files: () => guard(filesBegun(file, kind)),
    read: () => guard(readLines(file, index, kind)),
    async recall(batch, own = false) {
      const place = index.ended.get(batch);
      return place && batchIn(await guard(textAt(file, place)), own ? undefined : kind);
    },
    async entry(key) {
      const place = index.entries.get(key);
      return place && JSON.parse(await guard(textAt(file, place))).of;
    },
    bytes: () => bytesIn(file),
    async close() {
      // Nothing is lost: ends of batches were flushed when they were added.
      await file.close().catch(() => {});
      if (scratch && !added) await unlink(path).catch(() => {});
    },
  };
}

async function* bytesIn(file: FileHandle): AsyncGenerator<Uint8Array> {
  for (let at = 0; ; ) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(1 << 18), 0, 1 << 18, at);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}

/** The batch of a line. */
function batchIn(text: string, kind: Kind | undefined): JournalBatch<unknown> | undefined {
  const line = parse(text, kind);
  return line && 'outcomes' in line ? line : undefined;
}

const firstBytes = Buffer.from('{"head":');

/** Returns `true` for a file that begins like a journal; its first line may be incomplete. */
async function isJournal(file: FileHandle): Promise<boolean> {
  if (!(await file.stat()).isFile()) return false;
  const { buffer, bytesRead } = await file.read(Buffer.alloc(firstBytes.length), 0, firstBytes.length, 0);
  return buffer.subarray(0, bytesRead).equals(firstBytes.subarray(0, bytesRead));
}

async function textAt(file: FileHandle, { start, length }: ByteRange): Promise<string> {
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, start);
  return buffer.toString();
}

/** Parses a line; `undefined` if it is not valid. @param kind checks the line; without it, the line is trusted. */
function parse(text: string, kind: Kind | undefined): JournalLine<unknown, unknown> | undefined {
  try {
    if (!kind) return JSON.parse(text);
    const line = lineSchema.parse(JSON.parse(text));
    if ('head' in line) return { head: kind.head(line.head) };
    if (!('outcomes' in line)) return line;
    const outcomes = line.outcomes.map(({ record, ...rest }) => (record === undefined ? rest : { ...rest, record: kind.record(record) }));
    return { ...line, outcomes };
  } catch {
    return undefined;
  }
}

type IndexedLine =
  | JournalLine<unknown, unknown>
  | { readonly end: string; readonly place: ByteRange }
  | { readonly entry: string; readonly place: ByteRange }
  | { readonly other: true };

/** Lines of a journal. The ends of batches, most of its bytes, are parsed only when they are recalled. */
async function* journalLines(file: FileHandle, kind: Kind): AsyncGenerator<IndexedLine> {
  for await (const { text, place } of completeLines(file)) {
    const [, type, key = ''] = /^\{"(end|entry|head)":(?:"([^"\\]*)")?/.exec(text) ?? [];
    const line = type === 'end' ? undefined : parse(text, type === 'entry' ? undefined : kind);
    if (type === 'end') yield { end: key, place };
    else if (line !== undefined) yield type === 'entry' ? { entry: key, place } : line;
    else if (type === 'head' && isJson(text)) yield { other: true };
  }
}

/** Tests if a line is complete. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

async function filesBegun(file: FileHandle, kind: Kind): Promise<Set<string>> {
  const files = new Set<string>();
  for await (const line of journalLines(file, kind)) if ('begin' in line) for (const name of line.files) files.add(name);
  return files;
}
