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
  for (;;) {
    const { buffer: part, bytesRead } = await file.read(Buffer.allocUnsafe(1 << 18), 0, 1 << 18, end);
    if (bytesRead === 0) return;
    end += bytesRead;
    let from = 0;
    for (let at = part.indexOf(newline); at >= 0 && at < bytesRead; at = part.indexOf(newline, from)) {
      const line = Buffer.concat([...parts, part.subarray(from, at)]);
      yield { text: line.toString('utf8'), place: { start, length: line.length + 1 } };
      parts = [];
      start += line.length + 1;
      from = at + 1;
    }
    parts.push(part.subarray(from, bytesRead));
  }
}
