import { open } from 'node:fs/promises';

/** Where a JSON value lies in a file, in bytes. */
export interface Place {
  readonly start: number;
  readonly length: number;
}

/** A value of a JSON document's outermost object: as a whole, or an element of a list. */
export interface Part {
  readonly key: string;
  /** Whether it is an element of a list. */
  readonly element: boolean;
  readonly bytes: Buffer;
  readonly place: Place;
}

const [quote, backslash, comma, colon, openList, closeList, openObject, closeObject] = Buffer.from('"\\,:[]{}');
const isSpace = (byte: number): boolean => byte === 32 || byte === 10 || byte === 13 || byte === 9;

/**
 * Reads a JSON document whose outermost value is an object, part by part, so that memory holds one part at a time:
 * a parser that wants it as one string stops at 512 MB. Finds where parts begin and end, no more; `JSON.parse` reads them.
 *
 * @param seen is given all bytes, one after another.
 * @throws {Error} where brackets or quotes do not match.
 */
export async function* partsOf(path: string, chunkBytes = 1 << 20, seen?: (bytes: Uint8Array) => void): AsyncGenerator<Part> {
  const file = await open(path);
  try {
    let rest = Buffer.alloc(0);
    let offset = 0;
    let read = 0;
    let depth = 0;
    let key = '';
    let keyNext = true;
    let inList = false;
    let text = false;
    let escaped = false;
    let start = -1;
    let ended = false;
    let elements = 0;
    const part = (end: number): Part | undefined => {
      if (start < 0) return undefined;
      let last = end;
      while (last > start && isSpace(rest[last - 1] as number)) last--;
      const bytes = rest.subarray(start, last);
      const place = { start: offset + start, length: last - start };
      if (inList) elements++;
      start = -1;
      return { key, element: inList, bytes, place };
    };
    for (let at = 0; ; ) {
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes, read);
      if (bytesRead === 0) break;
      seen?.(buffer.subarray(0, bytesRead));
      read += bytesRead;
      // What was read before the part that is under way is done with.
      const keep = start < 0 ? at : start;
      rest = Buffer.concat([rest.subarray(keep), buffer.subarray(0, bytesRead)]);
      offset += keep;
      at -= keep;
      if (start >= 0) start = 0;
      for (; at < rest.length; at++) {
        const byte = rest[at] as number;
        if (text) {
          if (escaped) escaped = false;
          else if (byte === backslash) escaped = true;
          else if (byte === quote) {
            text = false;
            if (depth === 1 && keyNext) {
              key = JSON.parse(rest.toString('utf8', start, at + 1));
              start = -1;
            }
          }
          continue;
        }
        if (isSpace(byte) || (offset + at < 3 && byte >= 0xbb)) continue;
        if (ended) throw new Error(`something follows the document at byte ${offset + at}`);
        const outer = depth === (inList ? 2 : 1);
        if (byte === quote) {
          text = true;
          if (start < 0 && outer) start = at;
        } else if (byte === openObject || byte === openList) {
          if (depth === 0 && byte === openList) throw new Error('the outermost value is not an object');
          if (depth === 1 && byte === openList && start < 0) inList = true;
          else if (start < 0 && outer && depth > 0) start = at;
          depth++;
        } else if (byte === closeObject || byte === closeList) {
          if (outer) {
            const done = part(at);
            if (done) yield done;
          }
          if (inList && depth === 2) {
            inList = false;
            if (elements === 0) yield { key, element: false, bytes: Buffer.from('[]'), place: { start: offset + at, length: 0 } };
            elements = 0;
          }
          depth--;
          if (depth < 0) throw new Error(`a bracket is closed that was not opened, at byte ${offset + at}`);
          ended = depth === 0;
        } else if (byte === comma && outer) {
          const done = part(at);
          if (done) yield done;
          if (depth === 1) keyNext = true;
        } else if (byte === colon && depth === 1) {
          keyNext = false;
        } else if (start < 0 && outer) {
          if (depth === 0) throw new Error('the outermost value is not an object');
          start = at;
        } else if (depth === 0) throw new Error('the outermost value is not an object');
      }
    }
    if (!ended) throw new Error(read === 0 ? 'it is empty' : 'it is cut short');
  } finally {
    await file.close();
  }
}
