/**
 * The journal of a run, `run.jsonl` in its output folder, from which an interrupted run continues. It has a line with the head, a line
 * when a batch begins, and a line with its records once its files are written. An incomplete line is ignored, and a batch that is done
 * twice writes the same line twice.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { CopyPasteError, messageOf } from '../errors.ts';
import { type JournalBatch, type JournalLine, journalLine, type ManifestHead } from './manifest.ts';

export const journalName = 'run.jsonl';

export interface Journal {
  /** Head of the run; `undefined` in a new journal. */
  readonly head: ManifestHead | undefined;
  /** `true` once a batch has begun. */
  readonly begun: boolean;
  /** Keys of batches that were in progress when the run died. */
  readonly suspects: ReadonlySet<string>;
  /** Reason to skip each sample that crashes a process, by id. */
  readonly poison: ReadonlyMap<string, string>;
  /** Appends lines, and flushes them if they contain the head or the end of a batch. */
  add(...lines: JournalLine[]): Promise<void>;
  /** Reads the paths of all files that the run may have written, complete or not. */
  files(): Promise<Set<string>>;
  /** Reads the journal again, since another run may have written to it. */
  read(): Promise<void>;
  /**
   * Reads a batch that had ended when the journal was last read. @param own true if this run has written or checked the batch, which then
   * needs no validation.
   */
  recall(batch: string, own?: boolean): Promise<JournalBatch | undefined>;
  /** Reads the document entry of a sample, if the journal had it when it was last read. */
  entry(key: string): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * Opens and reads a journal, which is created if it is missing.
 *
 * @throws {CopyPasteError} `io` with the cause, `cannotCreate` if the file is not a journal, since it would be deleted at the end of the
 * run.
 */
export async function openJournal(path: string): Promise<Journal> {
  const guard = async <T>(step: Promise<T>): Promise<T> => {
    try {
      return await step;
    } catch (cause) {
      throw new CopyPasteError('io', `${path}: cannot be read or written: ${messageOf(cause)}; fix the cause and run again`, { cause });
    }
  };
  // A symbolic link could lead to any file.
  const file = await guard(open(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0)));
  let head: ManifestHead | undefined;
  let begun = false;
  const suspects = new Set<string>();
  const poison = new Map<string, string>();
  const done = new Map<string, ByteRange>();
  const entries = new Map<string, ByteRange>();
  const read = async (): Promise<void> => {
    suspects.clear();
    for await (const line of journalLines(file)) {
      if ('place' in line) {
        if ('entry' in line) entries.set(line.entry, line.place);
        else {
          suspects.delete(line.end);
          done.set(line.end, line.place);
        }
      } else if ('head' in line) head ??= line.head;
      else if ('begin' in line) {
        begun = true;
        suspects.add(line.begin);
      } else if ('poison' in line) poison.set(line.poison, line.reason);
      else if ('stopped' in line) suspects.clear();
    }
  };
  try {
    if (!(await guard(isJournal(file)))) {
      throw new CopyPasteError('cannotCreate', `${path}: is not a copypaste journal; choose a new folder or move this file elsewhere`);
    }
    await guard(read());
    // A new line must not continue an incomplete one.
    const { size } = await guard(file.stat());
    if (size > 0 && (await guard(file.read(Buffer.alloc(1), 0, 1, size - 1))).buffer[0] !== newline) await guard(file.appendFile('\n'));
  } catch (error) {
    await file.close();
    throw error;
  }
  let last: Promise<unknown> = Promise.resolve();
  return {
    get head() {
      return head;
    },
    get begun() {
      return begun;
    },
    suspects,
    poison,
    add(...lines) {
      const adding = last.then(async () => {
        await file.appendFile(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
        if (lines.some((line) => 'head' in line || 'end' in line)) await file.datasync();
      });
      last = adding.catch(() => {});
      return guard(adding);
    },
    files: () => guard(filesBegun(file)),
    read: () => guard(read()),
    async recall(batch, own = false) {
      const place = done.get(batch);
      return place && (parse(await guard(textAt(file, place)), own) as JournalBatch | undefined);
    },
    async entry(key) {
      const place = entries.get(key);
      return place && JSON.parse(await guard(textAt(file, place))).of;
    },
    // Nothing is lost: ends of batches were flushed when they were added.
    close: () => file.close().catch(() => {}),
  };
}

const newline = 10;
const firstBytes = Buffer.from('{"head":');

/** Returns `true` for a file that begins like a journal; its first line may be incomplete. */
async function isJournal(file: FileHandle): Promise<boolean> {
  if (!(await file.stat()).isFile()) return false;
  const { buffer, bytesRead } = await file.read(Buffer.alloc(firstBytes.length), 0, firstBytes.length, 0);
  return buffer.subarray(0, bytesRead).equals(firstBytes.subarray(0, bytesRead));
}

/** Byte range of a line in the file. */
interface ByteRange {
  readonly start: number;
  readonly length: number;
}

async function textAt(file: FileHandle, { start, length }: ByteRange): Promise<string> {
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, start);
  return buffer.toString();
}

function parse(text: string, own = false): JournalLine | undefined {
  try {
    const line = JSON.parse(text);
    return own ? line : journalLine.parse(line);
  } catch {
    return undefined;
  }
}

/** Lines of a journal. The ends of batches, most of its bytes, are parsed only when they are recalled. */
async function* journalLines(
  file: FileHandle,
): AsyncGenerator<
  JournalLine | { readonly end: string; readonly place: ByteRange } | { readonly entry: string; readonly place: ByteRange }
> {
  for await (const { text, place } of completeLines(file)) {
    const [, kind, key = ''] = /^\{"(end|entry)":"([^"\\]*)"/.exec(text) ?? [];
    const line = kind === 'end' ? undefined : parse(text, kind === 'entry');
    if (kind === 'end') yield { end: key, place };
    else if (line !== undefined) yield kind === 'entry' ? { entry: key, place } : line;
  }
}

async function filesBegun(file: FileHandle): Promise<Set<string>> {
  const files = new Set<string>();
  for await (const line of journalLines(file)) if ('begin' in line) for (const name of line.files) files.add(name);
  return files;
}

/** Complete lines of a file. */
async function* completeLines(file: FileHandle): AsyncGenerator<{ text: string; place: ByteRange }> {
  const part = Buffer.alloc(1 << 18);
  let rest = Buffer.alloc(0);
  let start = 0;
  for (;;) {
    const { bytesRead } = await file.read(part, 0, part.length, start + rest.length);
    if (bytesRead === 0) return;
    rest = Buffer.concat([rest, part.subarray(0, bytesRead)]);
    for (let at = rest.indexOf(newline); at >= 0; at = rest.indexOf(newline)) {
      yield { text: rest.toString('utf8', 0, at), place: { start, length: at + 1 } };
      rest = rest.subarray(at + 1);
      start += at + 1;
    }
  }
}
