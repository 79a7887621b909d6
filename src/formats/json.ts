import { joinPath } from '../base/paths.ts';
import { openRegular } from '../base/regular.ts';
import { decodeText, isDoubleByte, mostNested, utf8 } from '../base/text.ts';
import type { OpenFile } from '../storage/store.ts';

/** Position of a JSON value in a file, in bytes. */
export interface Place {
  readonly start: number;
  readonly length: number;
}

interface Value {
  readonly bytes: Buffer;
  readonly place: Place;
  /** Set if lists and objects are nested too deeply in it to be read. */
  readonly deep?: true;
}

/** Description of a value that is nested too deeply. */
export const tooDeep = `lists and objects are nested more than ${mostNested} deep`;

/** A value of the outermost object, an element of a list that is such a value, or a value of an object that is read member by member. */
export interface Part extends Value {
  readonly key: string;
  readonly element: boolean;
  /** Position of the key; absent for elements. */
  readonly keyStart?: number;
  /** Key of the object that is read member by member, for its values. */
  readonly within?: string;
}

interface ReadOptions {
  readonly chunkBytes?: number;
  readonly encoding?: string;
  /** Receives all bytes in order, for a digest. */
  readonly seen?: (bytes: Uint8Array) => void;
  /** Keys of objects that are read member by member, like the outermost object; an empty one is a part by itself. */
  readonly within?: readonly string[];
}

/** A pull reader of the JSON tokens of a file. */
interface Reader {
  /** Consumes the first byte. @throws {Error} when the file is empty, or its outermost value is not `what`. */
  begin(byte: number, what: string): Promise<void>;
  /** Skips space and a byte order mark. @returns the next byte, or `end`. */
  peek(): Promise<number>;
  /** Consumes a byte if it comes next. */
  take(byte: number): Promise<boolean>;
  /** Consumes a byte. @throws {Error} when another byte comes next. */
  need(byte: number): Promise<void>;
  value(): Promise<Value>;
  /** Makes an error with the position of the next byte. */
  wrong(what: string): Error;
  /** @returns the number of bytes consumed so far. */
  position(): number;
  /** Expects the end of the file. @throws {Error} when text comes next. */
  finish(): Promise<void>;
}

const code = (character: string): number => character.charCodeAt(0);
const [quote, backslash, comma, colon] = [code('"'), code('\\'), code(','), code(':')];
const [openList, closeList, openObject, closeObject] = [code('['), code(']'), code('{'), code('}')];
const end = -1;
const cutShort = 'the file is cut short';

/**
 * Reads a JSON document whose outermost value is an object, part by part. Memory holds one part at a time; a parser that needs the
 * document as one string fails at 512 MB. Only finds where parts begin and end; the caller parses them.
 *
 * @throws {Error} when brackets, commas or quotes do not match, or a key of the outermost object occurs twice: what the caller has made of the
 * parts of the first one could not be undone.
 */
export async function* partsOf(root: string, path: string, options: ReadOptions = {}): AsyncGenerator<Part> {
  const file = await openRegular(joinPath(root, path), false, true);
  try {
    const reader = createReader(file, options);
    await reader.begin(openObject, 'an object');
    yield* membersOf(reader, path, options, new Set());
    await reader.finish();
  } finally {
    await file.close();
  }
}

/**
 * Reads a JSON document whose outermost value is a list, element by element, like `partsOf`.
 *
 * @throws {Error} when brackets, commas or quotes do not match.
 */
export async function* elementsOf(root: string, path: string, options: ReadOptions = {}): AsyncGenerator<Value> {
  const file = await openRegular(joinPath(root, path), false, true);
  try {
    const { begin, take, need, value, finish } = createReader(file, options);
    await begin(openList, 'a list');
    if (!(await take(closeList))) {
      do yield await value();
      while (await take(comma));
      await need(closeList);
    }
    await finish();
  } finally {
    await file.close();
  }
}

/** Description of a key that occurs twice. @param at position of the second one. */
export function twice(key: string, at: number): string {
  return `the key '${key.slice(0, 200)}' occurs twice, the second time at byte ${at}; keep one`;
}

/**
 * Parts of an object whose opening brace is consumed.
 *
 * @param keys collects the keys, of which none may occur twice; absent for objects that may have millions.
 */
async function* membersOf(reader: Reader, path: string, { encoding, within = [] }: ReadOptions, keys?: Set<string>): AsyncGenerator<Part> {
  const { peek, take, need, value, wrong, position } = reader;
  if (await take(closeObject)) return;
  do {
    if ((await peek()) !== quote) throw wrong('a key is missing');
    const { bytes, place } = await value();
    const key: string = JSON.parse(decodeText(bytes, path, encoding, place.start));
    const keyStart = place.start;
    if (keys?.has(key)) throw new Error(twice(key, keyStart));
    keys?.add(key);
    await need(colon);
    if (within.includes(key) && (await take(openObject))) {
      if ((await peek()) === closeObject)
        yield { key, keyStart, element: false, bytes: Buffer.from('{}'), place: { start: position(), length: 0 } };
      for await (const part of membersOf(reader, path, { ...(encoding !== undefined && { encoding }) })) yield { ...part, within: key };
    } else if (!(await take(openList))) yield { key, keyStart, element: false, ...(await value()) };
    else if (await take(closeList)) {
      yield { key, keyStart, element: false, bytes: Buffer.from('[]'), place: { start: position() - 1, length: 0 } };
    } else {
      do yield { key, element: true, ...(await value()) };
      while (await take(comma));
      await need(closeList);
    }
  } while (await take(comma));
  await need(closeObject);
}

function createReader(file: OpenFile, { chunkBytes = 1 << 20, encoding = utf8, seen }: ReadOptions): Reader {
  const wide = isDoubleByte(encoding);
  let bytes = Buffer.alloc(0);
  let offset = 0;
  let at = 0;

  // An incomplete value is scanned again from its start; doubling the buffer bounds that at twice the work.
  const fill = async (): Promise<boolean> => {
    const rest = bytes.length - at;
    const length = Math.max(chunkBytes, rest);
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(rest + length), rest, length, offset + bytes.length);
    seen?.(buffer.subarray(rest, rest + bytesRead));
    bytes.copy(buffer, 0, at);
    bytes = buffer.subarray(0, rest + bytesRead);
    offset += at;
    at = 0;
    return bytesRead > 0;
  };
  const peek = async (): Promise<number> => {
    do {
      for (; at < bytes.length; at++) {
        const byte = bytes[at] as number;
        const isMark = byte >= 0xbb && byte < 0xf0 && offset + at < 3;
        if (!isSpace(byte) && !isMark) return byte;
      }
    } while (await fill());
    return end;
  };
  const wrong = (what: string): Error => new Error(at < bytes.length ? `${what} at byte ${offset + at}` : cutShort);
  const take = async (byte: number): Promise<boolean> => {
    const next = (await peek()) === byte;
    if (next) at++;
    return next;
  };
  const need = async (byte: number): Promise<void> => {
    if (!(await take(byte))) throw wrong(`${String.fromCharCode(byte)} is missing`);
  };
  const value = async (): Promise<Value> => {
    await peek();
    let { to, deepest } = endOfValue(bytes, at, wide);
    while (to === end && (await fill())) ({ to, deepest } = endOfValue(bytes, at, wide));
    if (to === end) throw new Error(cutShort);
    if (to === at) throw wrong('a value is missing');
    const place = { start: offset + at, length: to - at };
    const found: Value = { bytes: bytes.subarray(at, to), place, ...(deepest > mostNested && { deep: true }) };
    at = to;
    return found;
  };
  const begin = async (byte: number, what: string): Promise<void> => {
    const first = await peek();
    if (first === end) throw new Error('the file is empty');
    if (first >= 0xfe) throw new Error('it looks like UTF-16; convert the file to UTF-8');
    if (!(await take(byte))) throw new Error(`the outermost value is not ${what}`);
  };
  const finish = async (): Promise<void> => {
    if ((await peek()) !== end) throw wrong('unexpected text after the document');
  };
  return { begin, peek, take, need, value, wrong, position: () => offset + at, finish };
}

function isSpace(byte: number): boolean {
  return byte === 32 || byte === 10 || byte === 13 || byte === 9;
}

/** Position after the value that begins at `start`, or -1 if the bytes end first; and how deeply lists and objects are nested in it. */
function endOfValue(bytes: Uint8Array, start: number, wide: boolean): { to: number; deepest: number } {
  let [depth, deepest] = [0, 0];
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === quote) {
      at = endOfString(bytes, at, wide);
      if (at === end) return { to: end, deepest };
      if (depth === 0) return { to: at + 1, deepest };
    } else if (byte === openObject || byte === openList) {
      depth++;
      deepest = Math.max(deepest, depth);
    } else if (byte === closeObject || byte === closeList) {
      if (depth === 0) return { to: at, deepest };
      depth--;
      if (depth === 0) return { to: at + 1, deepest };
    } else if (depth === 0 && (byte === comma || isSpace(byte))) return { to: at, deepest };
  }
  return { to: end, deepest };
}

/**
 * Position of the closing quote of the string that begins at `start`, or -1 if the bytes end first.
 *
 * @param wide skips the second byte of characters of two bytes.
 */
function endOfString(bytes: Uint8Array, start: number, wide: boolean): number {
  for (let at = start + 1; at < bytes.length; at++) {
    if (bytes[at] === backslash || (wide && (bytes[at] as number) > 0x80)) at++;
    else if (bytes[at] === quote) return at;
  }
  return end;
}
