import type { OpenFile } from '../storage/store.ts';
import { openRegular } from './regular.ts';

/** The byte that ends a line. */
export const newline = 10;

/** Byte range of a line in its file. */
export interface ByteRange {
  readonly start: number;
  readonly length: number;
}

/** Complete lines of a file, without the newlines that end them; the ranges include these. @param first byte of the first line. */
export async function* completeLines(file: OpenFile, first = 0): AsyncGenerator<{ text: string; place: ByteRange }> {
  /** Parts of a line whose end is not read yet. */
  let parts: Buffer[] = [];
  let [start, end] = [first, first];
  // One buffer for all parts: V8 would let garbage of some 60 MB gather.
  const whole = Buffer.allocUnsafe(partBytes);
  for (;;) {
    const { buffer, bytesRead } = await file.read(whole, 0, partBytes, end);
    if (bytesRead === 0) return;
    end += bytesRead;
    const part = buffer.subarray(0, bytesRead);
    let from = 0;
    for (let at = part.indexOf(newline); at >= 0; at = part.indexOf(newline, from)) {
      const line = parts.length === 0 ? part.subarray(from, at) : Buffer.concat([...parts, part.subarray(from, at)]);
      const length = line.length + 1;
      yield { text: line.toString('utf8'), place: { start, length } };
      parts = [];
      start += length;
      from = at + 1;
    }
    if (from < bytesRead) parts.push(Buffer.from(part.subarray(from)));
  }
}

/** First lines of a file; fewer if it has fewer complete ones. @param own as for `openRegular`. @throws {Error} with a code. */
export async function firstLines(path: string, most: number, own?: boolean): Promise<string[]> {
  const file = await openRegular(path, own);
  try {
    const lines: string[] = [];
    for await (const { text } of completeLines(file)) if (lines.push(text) === most) break;
    return lines;
  } finally {
    await file.close();
  }
}

/** Last line of a file; empty if no newline ends the file. @param own as for `openRegular`. @throws {Error} with a code. */
export async function lastLine(path: string, own?: boolean): Promise<string> {
  const file = await openRegular(path, own);
  try {
    const { size } = await file.stat();
    for (let length = 1 << 12; ; length *= 16) {
      const from = Math.max(0, size - length);
      const bytes = Buffer.alloc(size - from);
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await file.read(bytes, at, bytes.length - at, from + at);
        if (bytesRead === 0) return '';
        at += bytesRead;
      }
      if (bytes.at(-1) !== newline) return '';
      const before = bytes.lastIndexOf(newline, -2);
      if (before >= 0 || from === 0) return bytes.toString('utf8', before + 1, bytes.length - 1);
    }
  } finally {
    await file.close();
  }
}

/** Bytes that are read at once. */
const partBytes = 1 << 18;

/**
 * Text of a JSON object that has one record per line, in parts.
 *
 * @param head keys before the records.
 * @param tail keys after them; it is called once all records are written.
 */
export async function* recordsText(head: object, records: AsyncIterable<object>, tail: () => object): AsyncGenerator<string> {
  let separator = '\n';
  yield `${JSON.stringify(head).slice(0, -1)},"records":[`;
  for await (const record of records) {
    yield separator + JSON.stringify(record);
    separator = ',\n';
  }
  yield `\n],${JSON.stringify(tail()).slice(1)}\n`;
}
