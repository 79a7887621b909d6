import type { OpenFile } from '../storage/store.ts';

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
