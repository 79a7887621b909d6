/** Reads and writes small zip archives (APPNOTE.TXT of PKWARE) without ZIP64, encryption and comments. */
import { constants, crc32, inflateRawSync } from 'node:zlib';
import type { ArchivedFile } from '../types.ts';

const [localHeader, centralHeader, centralEnd] = [0x04034b50, 0x02014b50, 0x06054b50];

/** Lengths of the three headers without names and what else may follow. */
const [localLength, centralLength, endLength] = [30, 46, 22];

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Reads the directory of an archive. @throws {Error} if it is damaged or uses a feature that is not read. */
export function readZip(bytes: Uint8Array): ArchivedFile[] {
  const view = viewOf(bytes);
  let end = bytes.length - endLength;
  while (end >= 0 && (view.getUint32(end, true) !== centralEnd || end + endLength + view.getUint16(end + 20, true) !== bytes.length)) end--;
  if (end < 0) throw new Error('it is cut short');
  const entries: ArchivedFile[] = [];
  let at = view.getUint32(end + 16, true);
  for (let n = view.getUint16(end + 10, true); n > 0; n--) {
    if (at + centralLength > end || view.getUint32(at, true) !== centralHeader) throw new Error('its directory is damaged');
    const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
    const [crc, packed, size] = [view.getUint32(at + 16, true), view.getUint32(at + 20, true), view.getUint32(at + 24, true)];
    const nameLength = view.getUint16(at + 28, true);
    const name = Buffer.from(bytes.subarray(at + centralLength, at + centralLength + nameLength)).toString('utf8');
    if (flags & 1) throw new Error('it is encrypted');
    if (method !== 0 && method !== 8) throw new Error(`it uses compression ${method}`);
    const start = dataStart(view, view.getUint32(at + 42, true), end);
    if (start + packed > end) throw new Error('it is cut short');
    entries.push({ name, deflated: method === 8, crc, size, data: bytes.subarray(start, start + packed) });
    at += centralLength + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return entries;
}

/** Start of the data that follows a local header. */
function dataStart(view: DataView, at: number, end: number): number {
  if (at + localLength > end || view.getUint32(at, true) !== localHeader) throw new Error('its directory is damaged');
  return at + localLength + view.getUint16(at + 26, true) + view.getUint16(at + 28, true);
}

/** First bytes of a file in an archive: those in its first 4096 stored bytes, so that no bomb is inflated. */
export function startOfEntry({ deflated, data }: ArchivedFile): Uint8Array {
  const start = data.subarray(0, 4096);
  // With this flush, data may end anywhere.
  return deflated ? inflateRawSync(start, { finishFlush: constants.Z_SYNC_FLUSH }) : start;
}

/** Data of a file in an archive, never more than its size. @throws {Error} if it is damaged. */
export function inflateEntry({ deflated, data, size, crc }: ArchivedFile): Uint8Array {
  const bytes = deflated ? inflateRawSync(data, { maxOutputLength: Math.max(1, size), chunkSize: size + 64 }) : data;
  if (bytes.length !== size) throw new Error('its data is cut short');
  if (crc32(bytes) !== crc) throw new Error('it has a wrong CRC');
  return bytes;
}

/** Writes an archive; every file has the date 1980-01-01, so that equal files give equal bytes. */
export function writeZip(entries: readonly ArchivedFile[]): Uint8Array {
  const [locals, centrals]: [Buffer[], Buffer[]] = [[], []];
  let offset = 0;
  for (const { name, deflated, crc, size, data } of entries) {
    const path = Buffer.from(name);
    // Version 2.0, names in UTF-8, the method, the time and the date, then the sums and lengths.
    const shared = Buffer.alloc(26);
    for (const [i, value] of [20, 0x800, deflated ? 8 : 0, 0, 0x21].entries()) shared.writeUInt16LE(value, 2 * i);
    for (const [i, value] of [crc, data.length, size].entries()) shared.writeUInt32LE(value, 10 + 4 * i);
    shared.writeUInt16LE(path.length, 22);
    const local = Buffer.concat([Buffer.alloc(4), shared, path]);
    local.writeUInt32LE(localHeader);
    const central = Buffer.concat([Buffer.alloc(6), shared, Buffer.alloc(14), path]);
    central.writeUInt32LE(centralHeader);
    central.writeUInt16LE(20, 4);
    central.writeUInt32LE(offset, 42);
    locals.push(local, Buffer.from(data));
    centrals.push(central);
    offset += local.length + data.length;
  }
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(endLength);
  end.writeUInt32LE(centralEnd);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}
