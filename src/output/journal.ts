/**
 * The journal of a run, `run.jsonl` in its output folder, is what an interrupted run is continued from: a line that says
 * what is run, a line when a batch begins, and one with its records when its files are written. A torn line is as good as
 * none, and a batch that is done twice gives the same line twice.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { CopyPasteError, messageOf } from '../errors.ts';
import { type JournalBatch, type JournalLine, journalLine, type ManifestHead } from './manifest.ts';

export const journalName = 'run.jsonl';

export interface Journal {
  /** What it says is run; absent in a new one. */
  readonly head: ManifestHead | undefined;
  /** Whether anything had begun. */
  readonly begun: boolean;
  /** Batches that were under way when the run ended without a word. */
  readonly suspects: ReadonlySet<string>;
  /** Samples that took a process with them, and how. */
  readonly poison: ReadonlyMap<string, string>;
  /** Adds lines, and flushes them where something is done. */
  add(...lines: JournalLine[]): Promise<void>;
  /** Files that may have been written, whole or not. */
  files(): Promise<Set<string>>;
  /** Reads the journal anew: others may have written in between. */
  read(): Promise<void>;
  /** A batch that was done when the journal was read. @param own this run has written it, or looked at it before. */
  recall(batch: string, own?: boolean): Promise<JournalBatch | undefined>;
  /** What a document will have of a sample, if that was in the journal when it was read. */
  entry(key: string): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * Opens the journal, and reads what it holds.
 *
 * @throws {CopyPasteError} `io` with the cause, `cannotCreate` where something else has its name: it is written to, and removed in the
 * end.
 */
export async function openJournal(path: string): Promise<Journal> {
  const guard = async <T>(step: Promise<T>): Promise<T> => {
    try {
      return await step;
    } catch (cause) {
      throw new CopyPasteError('io', `${path}: ${messageOf(cause)}; run again once that is mended`, { cause });
    }
  };
  // A link could lead anywhere.
  const file = await guard(open(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0)));
  let head: ManifestHead | undefined;
  let begun = false;
  const suspects = new Set<string>();
  const poison = new Map<string, string>();
  const done = new Map<string, Place>();
  const entries = new Map<string, Place>();
  const read = async (): Promise<void> => {
    suspects.clear();
    for await (const line of entriesOf(file)) {
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
      throw new CopyPasteError('cannotCreate', `${path}: is no journal of copypaste; choose a new folder, or move it away`);
    }
    await guard(read());
    // Whatever follows a torn line begins on a line of its own.
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
    files: () => guard(filesOf(file)),
    read: () => guard(read()),
    async recall(batch, own = false) {
      const place = done.get(batch);
      return place && (parse(await guard(textAt(file, place)), own) as JournalBatch | undefined);
    },
    async entry(key) {
      const place = entries.get(key);
      return place && JSON.parse(await guard(textAt(file, place))).of;
    },
    // What counts was flushed when it was added.
    close: () => file.close().catch(() => {}),
  };
}

const newline = 10;
const firstBytes = Buffer.from('{"head":');

/** Whether a file begins as a journal does, as far as it goes: its first line may be torn. */
async function isJournal(file: FileHandle): Promise<boolean> {
  if (!(await file.stat()).isFile()) return false;
  const { buffer, bytesRead } = await file.read(Buffer.alloc(firstBytes.length), 0, firstBytes.length, 0);
  return buffer.subarray(0, bytesRead).equals(firstBytes.subarray(0, bytesRead));
}

/** Where a line lies, without its end. */
interface Place {
  readonly start: number;
  readonly length: number;
}

async function textAt(file: FileHandle, { start, length }: Place): Promise<string> {
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

/** What the lines of a journal say; most of it is batches that are done, which are looked into when they are recalled. */
async function* entriesOf(
  file: FileHandle,
): AsyncGenerator<JournalLine | { readonly end: string; readonly place: Place } | { readonly entry: string; readonly place: Place }> {
  for await (const { text, place } of linesOf(file)) {
    const [, kind, key = ''] = /^\{"(end|entry)":"([^"\\]*)"/.exec(text) ?? [];
    const line = kind === 'end' ? undefined : parse(text, kind === 'entry');
    if (kind === 'end') yield { end: key, place };
    else if (line !== undefined) yield kind === 'entry' ? { entry: key, place } : line;
  }
}

async function filesOf(file: FileHandle): Promise<Set<string>> {
  const files = new Set<string>();
  for await (const line of entriesOf(file)) if ('begin' in line) for (const name of line.files) files.add(name);
  return files;
}

/** The complete lines of a file. */
async function* linesOf(file: FileHandle): AsyncGenerator<{ text: string; place: Place }> {
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
