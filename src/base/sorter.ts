/** Sorting of more texts than memory holds: they are sorted in chunks, which are merged at the end (an external merge sort). */
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { CopyPasteError, systemMessageOf } from '../errors.ts';

/** Texts of a chunk, which is sorted in memory. */
const chunkSize = 1 << 14;

/** Texts that are read at once from each chunk. */
const blockSize = 128;

/** Sorts texts by their UTF-16 code units, as `sort` does. */
export interface Sorter {
  /** Adds a text. @throws {CopyPasteError} `io` if there is no space for temporary files. */
  add(text: string): void;
  /** Takes all texts out in order; equal ones stay. Nothing can be added afterwards. */
  sorted(): Generator<string>;
}

/** Closes the temporary files of sorters that an error left unsorted. */
const unsorted = new FinalizationRegistry<Spool>((spool) => spool.close());

/** Creates a sorter. Its memory does not grow with the number of texts: from the second chunk on, they are in a temporary file. */
export function createSorter(): Sorter {
  let texts: string[] = [];
  const chunks: Block[][] = [];
  let spool: Spool | undefined;
  return {
    add(text) {
      if (texts.length === chunkSize) {
        if (!spool) {
          spool = openSpool();
          unsorted.register(chunks, spool, chunks);
        }
        chunks.push(spoolChunk(texts.sort(), spool));
        texts = [];
      }
      texts.push(text);
    },
    *sorted() {
      const last = texts.sort();
      texts = [];
      try {
        if (spool) yield* merged([...chunks.map((blocks) => textsOf(blocks, spool as Spool)), last[Symbol.iterator]()]);
        else yield* last;
      } finally {
        unsorted.unregister(chunks);
        spool?.close();
      }
    },
  };
}

/** Place of some texts in a temporary file. */
interface Block {
  readonly start: number;
  readonly length: number;
}

interface Spool {
  write(bytes: Uint8Array): Block;
  read(block: Block): Uint8Array;
  close(): void;
}

/** Opens a temporary file without a name, so that nothing is left of it if the process is killed. */
function openSpool(): Spool {
  const path = join(tmpdir(), `copypaste-${process.pid}-${performance.now()}.tmp`);
  const guarded = <T>(step: () => T): T => {
    try {
      return step();
    } catch (cause) {
      const what = `no temporary file: ${systemMessageOf(cause)}; free some space there, or name another folder in TMPDIR`;
      throw new CopyPasteError('io', what, { path: tmpdir(), cause });
    }
  };
  const file = guarded(() => openSync(path, 'wx+', 0o600));
  let end = 0;
  try {
    unlinkSync(path);
  } catch {
    // Some systems remove no file that is open.
  }
  return {
    write(bytes) {
      const block = { start: end, length: bytes.length };
      guarded(() => {
        for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at, end + at);
      });
      end += bytes.length;
      return block;
    },
    read({ start, length }) {
      const bytes = Buffer.allocUnsafe(length);
      guarded(() => {
        for (let at = 0; at < length; ) {
          const read = readSync(file, bytes, at, length - at, start + at);
          if (read === 0) throw new Error('it was truncated');
          at += read;
        }
      });
      return bytes;
    },
    close: () => {
      closeSync(file);
      try {
        unlinkSync(path);
      } catch {
        // It has no name any more.
      }
    },
  };
}

function spoolChunk(texts: readonly string[], spool: Spool): Block[] {
  const blocks: Block[] = [];
  for (let i = 0; i < texts.length; i += blockSize)
    blocks.push(spool.write(deflateRawSync(JSON.stringify(texts.slice(i, i + blockSize)), { level: 1 })));
  return blocks;
}

function* textsOf(blocks: readonly Block[], spool: Spool): Generator<string> {
  for (const block of blocks) yield* JSON.parse(inflateRawSync(spool.read(block)).toString()) as string[];
}

/** First text of a source of sorted texts. */
interface Head {
  text: string;
  readonly source: Iterator<string>;
}

/** Merges sorted texts with a heap, whose first entry has the smallest text. */
function* merged(sources: readonly Iterator<string>[]): Generator<string> {
  const heap: Head[] = [];
  const textAt = (at: number): string => (heap[at] as Head).text;
  const sink = (from: number): void => {
    for (let at = from; ; ) {
      const left = 2 * at + 1;
      const least = left + 1 < heap.length && textAt(left + 1) < textAt(left) ? left + 1 : left;
      if (least >= heap.length || textAt(at) <= textAt(least)) return;
      [heap[at], heap[least]] = [heap[least] as Head, heap[at] as Head];
      at = least;
    }
  };
  for (const source of sources) {
    const { done, value } = source.next();
    if (!done) heap.push({ text: value, source });
  }
  for (let at = heap.length >> 1; at >= 0; at--) sink(at);
  while (heap.length > 0) {
    const first = heap[0] as Head;
    yield first.text;
    const { done, value } = first.source.next();
    if (done) {
      const last = heap.pop() as Head;
      if (heap.length > 0) heap[0] = last;
    } else first.text = value;
    if (heap.length > 1) sink(0);
  }
}

/**
 * Groups of sorted texts that begin with the same key; each text is a key, the character 0, and the rest. The rests of a group are read as they
 * are taken, and only before the next group.
 */
export function* groupsOf(sorted: Iterable<string>): Generator<Group> {
  const texts = sorted[Symbol.iterator]();
  const read = (): { key: string; rest: string } | undefined => {
    const { done, value: text } = texts.next();
    if (done) return;
    const end = text.lastIndexOf('\0');
    return { key: text.slice(0, end), rest: text.slice(end + 1) };
  };
  try {
    let next = read();
    const restsOf = function* (key: string): Generator<string> {
      for (; next?.key === key; next = read()) yield next.rest;
    };
    while (next) {
      const { key } = next;
      yield { key, rests: restsOf(key) };
      while (next?.key === key) next = read();
    }
  } finally {
    texts.return?.();
  }
}

/** Texts with the same key. */
export interface Group {
  readonly key: string;
  /** What follows the key, in order. */
  readonly rests: Iterable<string>;
}

/** Sorted texts without those that are there twice. */
export function* distinct(sorted: Iterable<string>): Generator<string> {
  let before: string | undefined;
  for (const text of sorted) {
    if (text !== before) yield text;
    before = text;
  }
}
