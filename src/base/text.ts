/** Text of input files. Bytes that are not in the stated encoding are an error, since replacing them would change names. */
import { readFile } from 'node:fs/promises';
import { CopyPasteError, kindOfUnread, systemMessageOf } from '../errors.ts';
import { isRemote } from '../storage/store.ts';
import { readRegular } from './regular.ts';

/** Default encoding, a label of `TextDecoder`. */
export const utf8 = 'utf-8';

/** Maximum number of lists, objects and maps around a value, in JSON and YAML. */
export const mostNested = 100;

/**
 * Characters of the bytes 0x80 to 0x9F in windows-1252, which `latin1` means too (WHATWG Encoding Standard). Some versions of Node decode
 * these bytes as control characters.
 */
const windows1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

/** Encodings in which the second byte of a character may be an ASCII character, such as a backslash. */
const doubleByteEncodings = new Set(['gbk', 'gb18030', 'big5', 'shift_jis']);

/** Tests if a character may have two bytes, of which the second may be in the range of ASCII. */
export function isDoubleByte(encoding: string): boolean {
  return doubleByteEncodings.has(nameOf(encoding));
}

/** Tests if the encoding is one in which JSON, XML and lines can be found byte by byte. */
export function isKnownEncoding(label: string): boolean {
  try {
    return !nameOf(label).startsWith('utf-16');
  } catch {
    return false;
  }
}

/** Tests if two labels name the same encoding. */
export function isSameEncoding(one: string, other: string): boolean {
  return isKnownEncoding(one) && nameOf(one) === nameOf(other);
}

function nameOf(label: string): string {
  return new TextDecoder(label).encoding;
}

/**
 * Decodes text, without its byte order mark.
 *
 * @param file its name in messages.
 * @param offset position of the bytes in the file.
 * @throws {CopyPasteError} `data` with the first byte that is not in the encoding, and the likely encoding.
 */
export function decodeText(bytes: Uint8Array, file: string, encoding: string = utf8, offset = 0): string {
  if (nameOf(encoding) === 'windows-1252') {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    return text.replace(/[\u0080-\u009f]/g, (character) => windows1252[character.charCodeAt(0) - 0x80] as string);
  }
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    const at = firstInvalid(bytes, encoding);
    const byte = bytes[at]?.toString(16).toUpperCase().padStart(2, '0');
    const likely = likelyEncoding(bytes, encoding);
    const remedy = likely.startsWith('utf-16')
      ? `it looks like ${likely}; convert the file to UTF-8`
      : `it looks like ${likely}; pass --encoding ${likely}, or convert the file to UTF-8`;
    throw new CopyPasteError('data', `byte ${offset + at} (0x${byte}) is not ${encoding.toUpperCase()}; ${remedy}`, { path: file, cause });
  }
}

/** Number of bytes of the first characters of a text. @param bytes the encoded text. */
export function bytesOfCharacters(bytes: Uint8Array, text: string, characters: number, encoding: string): number {
  if (nameOf(encoding) === utf8) return Buffer.byteLength(text.slice(0, characters));
  if (!isDoubleByte(encoding)) return characters;
  let at = 0;
  for (let n = 0; n < characters; n++) at += (bytes[at] as number) > 0x80 ? 2 : 1;
  return at;
}

/** Position of the first byte that cannot be decoded. */
function firstInvalid(bytes: Uint8Array, encoding: string): number {
  const isValid = (length: number): boolean => {
    try {
      new TextDecoder(encoding, { fatal: true }).decode(bytes.subarray(0, length), { stream: true });
      return true;
    } catch {
      return false;
    }
  };
  // A longer part of invalid text is invalid too, so bisection finds the shortest one.
  let [valid, invalid] = [0, bytes.length];
  if (isValid(invalid)) return Math.max(0, bytes.length - 1);
  while (invalid - valid > 1) {
    const middle = (valid + invalid) >> 1;
    if (isValid(middle)) valid = middle;
    else invalid = middle;
  }
  return valid;
}

/** An encoding in which the bytes are likely to be text: UTF-16 by its mark, GBK if all bytes above 127 come in pairs, else Latin-1. */
function likelyEncoding(bytes: Uint8Array, tried: string): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  if (nameOf(tried) !== utf8) return utf8;
  for (let at = 0, high = 0; at <= bytes.length; at++) {
    if ((bytes[at] ?? 0) > 0x7f) high++;
    else if (high % 2 === 1) return 'latin1';
    else high = 0;
  }
  try {
    new TextDecoder('gbk', { fatal: true }).decode(bytes);
    return 'gbk';
  } catch {
    return 'latin1';
  }
}

/**
 * Reads a text file that an option names.
 *
 * @param what the option and the file, for messages.
 * @throws {CopyPasteError} `noInput` or `io` when the file cannot be read, `data` when it is not in the encoding.
 */
export async function readNamedText(path: string, what: string, encoding?: string): Promise<string> {
  const bytes = await (isRemote(path) ? readRegular(path) : readFile(path)).catch((cause: unknown) => {
    if (cause instanceof CopyPasteError) throw cause;
    throw new CopyPasteError(kindOfUnread(cause), `${what}: cannot be read: ${systemMessageOf(cause)}; check the path`, { cause });
  });
  return decodeText(bytes, what, encoding);
}
