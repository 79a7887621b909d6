/** Reads tar archives: ustar, pax and GNU tar. The index is made from the headers alone. */
import { isUtf8 } from 'node:buffer';
import { normalize } from 'node:path/posix';
import { type Archive, Damaged, isCompressed, Members, type Ranges } from './archive.ts';

/** Bytes of a header, and of the unit that data is padded to. */
export const block = 512;

/** Bytes that are read for a header, as the next ones may follow soon. */
const window = 1 << 15;

/** Largest size of the data of a header, which holds a name. */
const longestName = 1 << 20;

/** A header, and the place of the data that follows it. */
interface Entry {
  readonly name: string;
  /** False if its name is not UTF-8, and has other characters here. */
  readonly isNamed: boolean;
  /** Kind of the member, a character. */
  readonly type: string;
  readonly start: number;
  readonly size: number;
}

/** Opens a tar archive. @throws {Damaged} if it is cut off or damaged, or a member is no plain file. */
export async function openTar(file: Ranges): Promise<Archive> {
  const members = new Members<Pick<Entry, 'start' | 'size'>>();
  for await (const entry of entriesOf(file)) {
    const name = normalize(entry.name);
    // Names that begin with a dot are not read in folders either.
    const isHidden = name.split('/').some((part) => part.startsWith('.') && part !== '..');
    if (entry.type === '5' || isHidden) continue;
    if (!'07\0'.includes(entry.type)) {
      const what = `its member ${name} is ${kinds[entry.type] ?? 'not a file'}; pack the file itself (tar --dereference --hard-dereference)`;
      throw new Damaged(what);
    }
    members.add(name, { start: entry.start, size: entry.size });
  }
  return {
    names: members.names(),
    size: (name) => members.get(name).size,
    async read(name, range) {
      const { start, size } = members.get(name);
      const [from, to] = range ? [Math.min(range.start, size), Math.min(range.end, size)] : [0, size];
      const bytes = await file.read(start + from, to - from);
      if (bytes.length < to - from) throw new Damaged('is cut off: its archive has become shorter');
      return bytes;
    },
  };
}

/** Type of a sparse file of GNU tar, whose data lack the holes. */
const sparse = 'S';

const kinds: Readonly<Record<string, string>> = { 1: 'a hard link', 2: 'a symbolic link', [sparse]: 'a sparse file' };

/** Members of an archive, with the names and sizes that headers before them state. */
async function* entriesOf(file: Ranges): AsyncGenerator<Entry> {
  let stated: Stated = {};
  for await (const entry of headersOf(file, () => stated)) {
    if (!'xgLK'.includes(entry.type)) {
      const { name = entry.name, isNamed = entry.isNamed, isSparse } = stated;
      if (!isNamed) throw new Damaged(`has a member whose name is not UTF-8, ${name}; rename it`);
      yield { ...entry, name, type: isSparse ? sparse : entry.type };
      stated = {};
      continue;
    }
    const { start, size, type } = entry;
    if (size > longestName) throw new Damaged(`is damaged: the name at byte ${start} has ${size} bytes; copy it again`);
    const data = await file.read(start, size);
    if (type === 'L') stated = { ...stated, name: textOf(data), isNamed: isText(data) };
    if (type !== 'x') continue;
    const records = paxRecords(data);
    const [name, length] = [records?.get('path'), records?.get('size')];
    // A size below zero would lead back to an earlier header.
    if (records === undefined || (length && !/^\d{1,15}$/.test(textOf(length))))
      throw new Damaged(`is damaged: the pax header at byte ${start} is invalid; copy it again`);
    stated = {
      ...stated,
      ...(name && { name: textOf(name), isNamed: isText(name) }),
      ...(length && { size: Number(textOf(length)) }),
      ...([...records.keys()].some((key) => key.startsWith('GNU.sparse')) && { isSparse: true }),
    };
  }
}

/** Name and size of the next member, as headers before it state them. */
interface Stated {
  readonly name?: string;
  readonly isNamed?: boolean;
  readonly size?: number;
  readonly isSparse?: boolean;
}

/** Headers of an archive up to its end. @param stated name and size of the next member, if headers before it state them. */
async function* headersOf(file: Ranges, stated: () => Stated): AsyncGenerator<Entry> {
  const { size } = file;
  const read = windowed(file);
  let at = 0;
  for (;;) {
    const bytes = await read(at, block);
    if (bytes.length === 0) throw new Damaged('has no end: it is cut off behind a member; copy it again');
    if (bytes.length < block) throw new Damaged(`is cut off at byte ${size}, in a header; copy it again`);
    if (isZero(bytes)) break;
    if (at === 0 && bytes[0] === 0x1f && bytes[1] === 0x8b) throw isCompressed();
    const header = headerOf(bytes);
    if (header === undefined)
      throw new Damaged(`is not a tar archive, or is damaged: the header at byte ${at} does not fit its checksum; copy it again`);
    const start = at + block;
    const { name = header.name, size: own = header.size } = 'xgLK'.includes(header.type) ? {} : stated();
    if (!(start + own <= size)) throw new Damaged(`is cut off at byte ${size}, in its member ${name}; copy it again`);
    yield { ...header, start, size: own };
    at = start + block * Math.ceil(own / block);
  }
  if (!isZero(await file.read(at, window)))
    throw new Damaged(`goes on behind its end at byte ${at}, as tars do that are only joined; join them with tar --concatenate`);
}

/** Reads small ranges that follow one another, with few reads of the file. */
function windowed(file: Ranges): (start: number, length: number) => Promise<Uint8Array> {
  let first = 0;
  let bytes: Uint8Array = new Uint8Array(0);
  return async (start, length) => {
    if (start < first || start + length > first + bytes.length) {
      bytes = await file.read(start, Math.max(length, window));
      first = start;
    }
    return bytes.subarray(start - first, start - first + length);
  };
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Reads a header; `undefined` if its checksum or a number is wrong. */
function headerOf(bytes: Uint8Array): Omit<Entry, 'start'> | undefined {
  const sum = numberOf(bytes, 148, 8);
  const size = numberOf(bytes, 124, 12);
  if (sum !== checksumOf(bytes) || size === undefined) return undefined;
  const [first, second] = [bytes.subarray(345, 500), bytes.subarray(0, 100)];
  const [prefix, own] = [textOf(first), textOf(second)];
  // GNU tar keeps times at the place of the prefix.
  const isUstar = textOf(bytes.subarray(257, 265), false) === 'ustar\u000000';
  const type = String.fromCharCode(bytes[156] as number);
  // Before ustar, a folder was a name with a slash at its end.
  const isFolder = own.endsWith('/') && '0\0'.includes(type);
  const isWhole = !isUstar || prefix === '';
  const isNamed = isText(second) && (isWhole || isText(first));
  return { name: isWhole ? own : `${prefix}/${own}`, isNamed, size, type: isFolder ? '5' : type };
}

/** Sum of the bytes of a header, in which its own field counts as spaces. */
export function checksumOf(header: Uint8Array): number {
  return header.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 32 : byte), 0);
}

/** A number of a header, in octal digits, or in binary if its first bit is set; `undefined` if it is neither. */
function numberOf(bytes: Uint8Array, start: number, length: number): number | undefined {
  if (bytes[start] === 0x80) {
    const value = bytes.subarray(start + 1, start + length).reduce((sum, byte) => sum * 256 + byte, 0);
    return Number.isSafeInteger(value) ? value : undefined;
  }
  const digits = textOf(bytes.subarray(start, start + length)).trim();
  return /^[0-7]*$/.test(digits) ? Number.parseInt(digits || '0', 8) : undefined;
}

/** Text of bytes in UTF-8. @param ends true if a zero ends it. */
function textOf(bytes: Uint8Array, ends = true): string {
  return Buffer.from(ends ? upToZero(bytes) : bytes).toString('utf8');
}

/** Tests if bytes up to a zero are UTF-8. */
function isText(bytes: Uint8Array): boolean {
  return isUtf8(upToZero(bytes));
}

function upToZero(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

/** Records of a pax header, `LENGTH KEY=VALUE\n` each; `undefined` if it is invalid. */
function paxRecords(data: Uint8Array): Map<string, Uint8Array> | undefined {
  const records = new Map<string, Uint8Array>();
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(32, at);
    const length = Number(textOf(data.subarray(at, Math.max(at, space)), false));
    const record = data.subarray(space + 1, at + length);
    const equals = record.indexOf(61);
    const isWhole = space > at && length > 0 && at + length <= data.length && equals > 0 && record.at(-1) === 10;
    if (!isWhole) return undefined;
    records.set(textOf(record.subarray(0, equals), false), record.subarray(equals + 1, -1));
    at += length;
  }
  return records;
}
