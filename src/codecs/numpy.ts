/** Masks in NumPy's files: an array in `.npy` (NEP 1), or one of the arrays in an `.npz`, which is a zip archive of them. */
import { constants, crc32, deflateRawSync } from 'node:zlib';
import { CopyPasteError, messageOf } from '../errors.ts';
import type { ArchivedFile, ArrayCoding, Mask, Size } from '../types.ts';
import { maskValuesOf } from './mask-values.ts';
import { maxPixels } from './png.ts';
import { inflateEntry, readZip, startOfEntry, writeZip } from './zip.ts';

/** Number of bytes that hold the header of an array; NumPy refuses longer headers, too. */
export const arrayStart = 10_012;

/** Names of the array that is the mask, if an archive has several. */
const maskNames = ['mask', 'label', 'arr_0'];

const magic = Buffer.from('\x93NUMPY', 'latin1');

/** Header of an array, and what is known of its values. */
interface ArrayHeader extends Size {
  readonly coding: ArrayCoding;
  /** Position of the first value. */
  readonly start: number;
}

/** The error for a damaged file. */
function damaged(why: string, file: string, cause?: unknown): CopyPasteError {
  return new CopyPasteError('data', `cannot decode this mask: damaged NumPy file, ${why}`, { path: file, cause });
}

/**
 * Reads the size of the array in a `.npy` file.
 *
 * @param bytes at least the first `arrayStart` bytes of the file, or all of a shorter one.
 * @throws {CopyPasteError} `data` if the file is damaged, or holds no ids.
 */
export function arraySize(bytes: Uint8Array, file: string): Size {
  const { width, height } = headerOf(bytes, file);
  return { width, height };
}

/** Reads the size of the mask in an `.npz` file. @throws {CopyPasteError} `data` if the file is damaged, or holds no mask. */
export function archivedSize(bytes: Uint8Array, file: string): Size {
  const { chosen } = archiveOf(bytes, file);
  return arraySize(startOf(chosen, file), file);
}

/**
 * Decodes a `.npy` file.
 *
 * @param ignore ids of ignored pixels, one of which stands for -1; without them -1 is no id.
 * @throws {CopyPasteError} `data` if the file is damaged, or holds no ids.
 */
export function decodeArray(bytes: Uint8Array, file: string, ignore: Iterable<number> = []): Mask {
  const { width, height, start, coding } = headerOf(bytes, file);
  const length = start + width * height * bytesOf(coding);
  if (bytes.length !== length) throw damaged(bytes.length < length ? 'it is cut short' : 'it is longer than its array', file);
  const { ids, minusOne } = idsOfArray(bytes.subarray(start), { width, height }, coding, ignoreOf(ignore), file);
  return { width, height, ids, array: { ...coding, ...(minusOne !== undefined && { minusOne }) } };
}

/** Id of ignored pixels that stands for -1: 255 if it is one, else the first. */
function ignoreOf(ignore: Iterable<number>): number | undefined {
  const ids = [...ignore];
  return ids.includes(255) ? 255 : ids[0];
}

/** Decodes the mask in an `.npz` file. @param ignore as for `decodeArray`. @throws {CopyPasteError} `data` if the file is damaged, or holds no mask. */
export function decodeArchive(bytes: Uint8Array, file: string, ignore?: Iterable<number>): Mask {
  const { chosen, others } = archiveOf(bytes, file);
  const { width, height, start, coding } = headerOf(startOf(chosen, file), file);
  if (chosen.size !== start + width * height * bytesOf(coding)) throw damaged('its array has another size than it says', file);
  try {
    const { array, ...mask } = decodeArray(inflateEntry(chosen), file, ignore);
    const { name, deflated } = chosen;
    // The buffer of the file is reused.
    const kept = others.map((entry) => ({ ...entry, data: Uint8Array.from(entry.data) }));
    return { ...mask, array: { ...(array ?? coding), archive: { name, deflated, others: kept } } };
  } catch (cause) {
    throw cause instanceof CopyPasteError ? cause : damaged(messageOf(cause), file, cause);
  }
}

/** Chooses the array of an archive that is the mask. */
function archiveOf(bytes: Uint8Array, file: string): { chosen: ArchivedFile; others: ArchivedFile[] } {
  let entries: ArchivedFile[];
  try {
    entries = readZip(bytes);
  } catch (cause) {
    throw damaged(messageOf(cause), file, cause);
  }
  const nameOf = ({ name }: ArchivedFile): string => name.replace(/\.npy$/, '');
  const named = entries.length === 1 ? entries : entries.filter((entry) => maskNames.includes(nameOf(entry)));
  const [chosen] = named;
  if (!chosen || named.length > 1) {
    const held = entries.length === 0 ? 'no array' : `the arrays ${entries.map(nameOf).join(', ')}`;
    throw new CopyPasteError('data', `holds ${held}; save the mask alone, or name it mask`, { path: file });
  }
  return { chosen, others: entries.filter((entry) => entry !== chosen) };
}

function startOf(entry: ArchivedFile, file: string): Uint8Array {
  try {
    return startOfEntry(entry);
  } catch (cause) {
    throw damaged(messageOf(cause), file, cause);
  }
}

/** Reads a header: a dictionary in Python's notation after the version and its length. */
function headerOf(bytes: Uint8Array, file: string): ArrayHeader {
  if (bytes.length < 12 || magic.some((byte, i) => bytes[i] !== byte)) {
    const isZip = bytes[0] === 0x50 && bytes[1] === 0x4b;
    throw damaged(isZip ? 'it is an .npz; rename it' : 'its header is cut short', file);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6] as number;
  if (version < 1 || version > 3) throw damaged(`its version is ${version}`, file);
  const from = version === 1 ? 10 : 12;
  const start = from + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (start > bytes.length || start > arrayStart) throw damaged('its header is cut short', file);
  const { descr, fortran, shape } = fieldsOf(Buffer.from(bytes.subarray(from, start)).toString('latin1'), file);
  const coding = { ...typeOf(descr, file), fortran, version };
  const [height, width, more] = shape;
  if (height === undefined || width === undefined || more !== undefined)
    throw new CopyPasteError(
      'data',
      `mask has the shape (${shape.join(', ')}), not rows and columns; save one array of two dimensions, such as mask[0]`,
      { path: file },
    );
  if (width < 1 || height < 1) throw damaged(`its shape is (${shape.join(', ')})`, file);
  if (width * height > maxPixels)
    throw new CopyPasteError('data', `mask is ${width}×${height}; the limit is 64 megapixels`, { path: file });
  return { width, height, start, coding };
}

/** Values of a header. @throws {CopyPasteError} `data` if one is missing, or is not written as NumPy writes it. */
function fieldsOf(text: string, file: string): { descr: string; fortran: boolean; shape: number[] } {
  const field = (name: string, value: string): string | undefined => new RegExp(`(['"])${name}\\1\\s*:\\s*${value}`).exec(text)?.[2];
  const descr = field('descr', '[\'"]([^\'"]+)[\'"]');
  const order = field('fortran_order', '(True|False)');
  const shape = field('shape', '\\(([\\d\\s,]*)\\)');
  if (descr === undefined && field('descr', '(\\[)') !== undefined)
    throw new CopyPasteError('data', 'mask holds records, not ids; save one array of integers', { path: file });
  if (!/^\s*\{.*\}\s*$/s.test(text) || descr === undefined || order === undefined || shape === undefined)
    throw damaged('its header is not that of an array', file);
  const sizes = shape.split(',').map((size) => size.trim());
  return { descr, fortran: order === 'True', shape: sizes.filter((size) => size !== '').map(Number) };
}

/** Type of integers: its name and largest id. @throws {CopyPasteError} `data` for any other type. */
function typeOf(descr: string, file: string): Pick<ArrayCoding, 'type' | 'largest'> {
  const refuse = (why: string): CopyPasteError => new CopyPasteError('data', why, { path: file });
  const [, kind = '', size = ''] = /^[<>|=]?([a-zA-Z])(\d*)/.exec(descr) ?? [];
  if (kind === 'O') throw refuse('mask holds Python objects, which are never read; save an array of integers');
  const isInteger = kind === 'b' ? size === '1' : 'ui'.includes(kind) && ['1', '2', '4', '8'].includes(size);
  if (!isInteger || !/^[<>|=]?[bui]\d$/.test(descr))
    throw refuse(`mask has values of type ${nameOfType(kind, size, descr)}, not ids; convert it with mask.astype("uint16") or similar`);
  if (kind === 'b') return { type: descr, largest: 1 };
  return { type: descr, largest: Math.min(0xffff, 2 ** (8 * Number(size) - (kind === 'i' ? 1 : 0)) - 1) };
}

/** NumPy's name of a type, such as `float32`. */
function nameOfType(kind: string, size: string, descr: string): string {
  const name = { f: 'float', c: 'complex', i: 'int', u: 'uint' }[kind];
  return name === undefined ? descr : `${name}${8 * Number(size)}`;
}

/** Bytes of a value. */
function bytesOf({ type }: ArrayCoding): number {
  return Number(type.at(-1));
}

/** Position of a value's lowest byte, and the step to the next higher one. */
function orderOf(coding: ArrayCoding): [low: number, step: number] {
  return coding.type.startsWith('>') ? [bytesOf(coding) - 1, -1] : [0, 1];
}

/**
 * Ids of the values of an array, row by row.
 *
 * @param ignore id that stands for -1.
 * @returns the ids, and the id that stands for -1 if that occurs.
 * @throws {CopyPasteError} `data` for the first value that is no id.
 */
function idsOfArray(data: Uint8Array, { width, height }: Size, coding: ArrayCoding, ignore: number | undefined, file: string) {
  const size = bytesOf(coding);
  const [low, step] = orderOf(coding);
  const ids = new (size === 1 ? Uint8Array : Uint16Array)(width * height);
  const [across, down] = coding.fortran ? [size * height, size] : [size, size * width];
  let minusOne: number | undefined;
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0, at = y * down + low; x < width; x++, i++, at += across) {
      let id = data[at] as number;
      if (size > 1) id |= (data[at + step] as number) << 8;
      let rest = 0;
      for (let byte = 2; byte < size; byte++) rest |= data[at + step * byte] as number;
      if (rest !== 0 || id > coding.largest) {
        if (ignore === undefined || ignore >= 256 ** size || valueAt(data, at, coding) !== -1n)
          throw noId(data, at, coding, `(${x}, ${y})`, file);
        id = minusOne = ignore;
      }
      ids[i] = id;
    }
  }
  if (minusOne !== undefined && minusOne <= coding.largest && holds(data, minusOne, low, step, size))
    throw new CopyPasteError('data', `holds both -1 and ${minusOne}, which stand for ignored pixels; change one into the other`, {
      path: file,
    });
  return { ids, minusOne };
}

/** Tests if an array holds an id. */
function holds(data: Uint8Array, id: number, low: number, step: number, size: number): boolean {
  for (let at = low; at < data.length; at += size) {
    let rest = (data[at] as number) ^ (id & 255);
    for (let byte = 1; byte < size; byte++) rest |= (data[at + step * byte] as number) ^ (byte === 1 ? id >> 8 : 0);
    if (rest === 0) return true;
  }
  return false;
}

/** Value of an array. @param at position of its lowest byte. */
function valueAt(data: Uint8Array, at: number, coding: ArrayCoding): bigint {
  const [size, [, step]] = [bytesOf(coding), orderOf(coding)];
  let value = 0n;
  for (let byte = size - 1; byte >= 0; byte--) value = (value << 8n) | BigInt(data[at + step * byte] as number);
  return coding.type.includes('i') ? BigInt.asIntN(8 * size, value) : value;
}

/** The error for a value that is no id. @param at position of its lowest byte. */
function noId(data: Uint8Array, at: number, coding: ArrayCoding, where: string, file: string): CopyPasteError {
  const ids = coding.largest === 1 ? '0 or 1' : 'ids from 0 to 65535';
  const remedy = 'change it, for example to 255 for ignored pixels';
  return new CopyPasteError('data', `holds ${valueAt(data, at, coding)} at pixel ${where}, but may hold ${ids}; ${remedy}`, { path: file });
}

/** Type of a mask that was read from no array. */
function plainCoding({ ids }: Pick<Mask, 'ids'>): ArrayCoding {
  const isWide = ids instanceof Uint16Array;
  return { type: isWide ? '<u2' : '|u1', largest: isWide ? 0xffff : 0xff, fortran: false, version: 1 };
}

/**
 * Encodes a mask as a `.npy` file, in the type, order and version of the array that it was read from.
 *
 * @throws {CopyPasteError} `data` if the type cannot hold an id.
 */
export function encodeArray(mask: Mask, file: string): Uint8Array {
  const { width, height, array: coding = plainCoding(mask) } = mask;
  const { values } = maskValuesOf(mask);
  const size = bytesOf(coding);
  const header = headerText(mask, coding);
  const bytes = new Uint8Array(header.length + values.length * size);
  bytes.set(header);
  const [low, step] = orderOf(coding);
  const [across, down] = coding.fortran ? [size * height, size] : [size, size * width];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0, at = header.length + y * down + low; x < width; x++, i++, at += across) {
      const value = values[i] as number;
      if (value === coding.minusOne && !mask.colours) bytes.fill(255, at - (step < 0 ? size - 1 : 0), at + (step < 0 ? 1 : size));
      else if (value > coding.largest)
        throw new CopyPasteError('data', `id ${value} does not fit into its type ${coding.type}; convert the masks to uint16`, {
          path: file,
        });
      else {
        bytes[at] = value & 255;
        if (size > 1) bytes[at + step] = value >> 8;
      }
    }
  }
  return bytes;
}

/** Header of an array, filled up to a multiple of 64 bytes, as NumPy does. */
function headerText({ width, height }: Size, { type, fortran, version }: ArrayCoding): Buffer {
  const text = `{'descr': '${type}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${height}, ${width}), }`;
  const from = version === 1 ? 10 : 12;
  const length = 64 * Math.ceil((from + text.length + 1) / 64) - from;
  const start = Buffer.alloc(from);
  start.set([...magic, version, 0]);
  if (version === 1) start.writeUInt16LE(length, 8);
  else start.writeUInt32LE(length, 8);
  return Buffer.concat([start, Buffer.from(`${text.padEnd(length - 1)}\n`, 'latin1')]);
}

/**
 * Encodes a mask as an `.npz` file, deflated if the one that it was read from was, with the other arrays of that file as they were.
 *
 * @throws {CopyPasteError} `data` if the type cannot hold an id.
 */
export async function encodeArchive(mask: Mask, file: string): Promise<Uint8Array> {
  const { name = 'arr_0.npy', deflated = true, others = [] } = mask.array?.archive ?? {};
  const array = encodeArray(mask, file);
  return writeZip([
    { name, deflated, crc: crc32(array), size: array.length, data: deflated ? await deflatedArray(array, mask) : array },
    ...others,
  ]);
}

/**
 * Deflates an array to bytes that do not depend on the zlib build: by run lengths alone, as for PNG, or in JavaScript if a value has several
 * bytes, of which run lengths find nothing.
 */
async function deflatedArray(array: Uint8Array, mask: Mask): Promise<Uint8Array> {
  if (bytesOf(mask.array ?? plainCoding(mask)) > 1) return (await import('fflate')).deflateSync(array);
  return deflateRawSync(array, { strategy: constants.Z_RLE, memLevel: 9 });
}
