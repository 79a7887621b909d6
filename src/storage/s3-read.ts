/** Reading from S3: every read is a request of a range of bytes, so that one that is cut short goes on from where it broke. */
import { setMaxListeners } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { codeOf } from '../errors.ts';
import { changedCode, placeOf, requested } from './s3-client.ts';
import type { Listing, OpenFile } from './store.ts';

/** Bytes that are read at once of a file that is read from its start to its end. */
const partBytes = 4 << 20;

/** Parts that are read ahead of the caller. */
const partsAhead = 2;

/** Broken connections in a row that bring no byte, before a read is given up. */
const mostBreaks = 8;

/** State of an object, when it was listed or read. */
interface ObjectState {
  readonly size: number;
  readonly etag: string | undefined;
  readonly time: number;
}

/** States of the objects of folders that this thread has listed: they need no request of their own, and must not change meanwhile. */
const listed = new Map<string, ObjectState>();

/** Forgets an object that is written anew. */
export function forget(path: string): void {
  listed.delete(path);
}

/** A range of an object. */
interface Part {
  readonly bytes: Buffer;
  readonly state: ObjectState;
}

/**
 * Reads a range, which ends early at the end of the object. A connection that breaks is replaced by another from the first byte that is
 * missing, of the same version of the object.
 *
 * @throws {Error} with a code; `changedCode` if the object is another one than expected.
 */
async function readPart(
  path: string,
  start: number,
  length: number,
  expected: ObjectState | undefined,
  signal?: AbortSignal,
): Promise<Part> {
  const chunks: Buffer[] = [];
  let state = expected;
  let breaks = 0;
  for (let at = start; ; ) {
    const answer = await requestRange(path, at, start + length - at, state?.etag, signal);
    if (!answer) return { bytes: Buffer.concat(chunks), state: state ?? { size: at, etag: undefined, time: 0 } };
    state ??= answer.state;
    const end = Math.min(start + length, answer.state.size);
    try {
      for await (const chunk of answer.body) {
        chunks.push(chunk);
        at += chunk.length;
        breaks = 0;
      }
    } catch (cause) {
      if (signal?.aborted) throw cause;
    }
    if (at >= end) return { bytes: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks), state };
    if (++breaks > mostBreaks) throw Object.assign(new Error('the connection breaks again and again; try later'), { code: 'ECONNRESET' });
    await setTimeout(Math.min(100 * 2 ** breaks, 5000), undefined, { ref: true });
  }
}

/** Requests a range; `undefined` if the object ends before it. */
async function requestRange(path: string, start: number, length: number, IfMatch: string | undefined, abortSignal?: AbortSignal) {
  try {
    const Range = `bytes=${start}-${start + length - 1}`;
    const answer = await requested(path, ({ sdk, client }) =>
      client.send(new sdk.GetObjectCommand({ ...placeOf(path), Range, ...(IfMatch !== undefined && { IfMatch }) }), {
        ...(abortSignal && { abortSignal }),
      }),
    );
    const size = Number(/\/(\d+)$/.exec(answer.ContentRange ?? '')?.[1] ?? answer.ContentLength);
    const state: ObjectState = { size, etag: answer.ETag, time: answer.LastModified?.getTime() ?? 0 };
    return { body: answer.Body as unknown as AsyncIterable<Buffer>, state };
  } catch (error) {
    if (codeOf(error) === changedCode)
      throw Object.assign(new Error('it has changed since it was listed or begun; run again'), { code: changedCode });
    if (/InvalidRange|HTTP 416/.test(String(error))) return undefined;
    throw error;
  }
}

/** State of an object. @throws {Error} with a code. */
export async function objectState(path: string): Promise<ObjectState> {
  const known = listed.get(path);
  if (known) return known;
  const { ContentLength, ETag, LastModified } = await requested(path, ({ sdk, client }) =>
    client.send(new sdk.HeadObjectCommand(placeOf(path))),
  );
  return { size: ContentLength ?? 0, etag: ETag, time: LastModified?.getTime() ?? 0 };
}

export function open(path: string, ahead: boolean): OpenFile {
  const abort = new AbortController();
  // An archive is read by many at once, of which Node would warn as a leak.
  setMaxListeners(0, abort.signal);
  let state = listed.get(path);
  /** Parts that are read or being read, by number. */
  const parts = new Map<number, Promise<Buffer>>();
  const range = async (start: number, length: number): Promise<Buffer> => {
    const part = await readPart(path, start, length, state, abort.signal);
    state ??= part.state;
    return part.bytes;
  };
  const part = (n: number): Promise<Buffer> => {
    const reading = parts.get(n) ?? range(n * partBytes, partBytes);
    parts.set(n, reading);
    // Whoever needs the part gets its error.
    reading.catch(() => {});
    return reading;
  };
  /** A part, while the next ones are on their way. */
  const partAhead = async (n: number): Promise<Buffer> => {
    for (const old of parts.keys()) if (old < n) parts.delete(old);
    if (!state) await part(n);
    for (let next = n + 1; next <= n + partsAhead && next * partBytes < (state?.size ?? 0); next++) part(next);
    return part(n);
  };
  return {
    async read(buffer, offset, length, position) {
      if (length === 0 || (state && position >= state.size)) return { bytesRead: 0, buffer };
      const n = Math.floor(position / partBytes);
      const bytes = ahead ? (await partAhead(n)).subarray(position - n * partBytes) : await range(position, length);
      const bytesRead = Math.min(length, bytes.length);
      buffer.set(bytes.subarray(0, bytesRead), offset);
      return { bytesRead, buffer };
    },
    async stat() {
      if (!state && ahead) await part(0);
      state ??= await objectState(path);
      return { size: state.size };
    },
    async readFile() {
      const read = [await partAhead(0)];
      for (let n = 1; n * partBytes < (state?.size ?? 0); n++) read.push(await partAhead(n));
      return read.length === 1 ? (read[0] as Buffer) : Buffer.concat(read);
    },
    async close() {
      abort.abort();
      parts.clear();
    },
  };
}

/** Lists the objects below a folder. @throws {Error} with a code. */
async function* objectsBelow(folder: string): AsyncGenerator<{ readonly path: string } & ObjectState> {
  const { Bucket, Key } = placeOf(folder);
  const Prefix = Key === '' ? '' : `${Key}/`;
  for (let ContinuationToken: string | undefined, more = true; more; ) {
    const page = await requested(folder, ({ sdk, client }) =>
      client.send(new sdk.ListObjectsV2Command({ Bucket, Prefix, ...(ContinuationToken !== undefined && { ContinuationToken }) })),
    );
    for (const { Key: key = '', Size = 0, ETag, LastModified } of page.Contents ?? [])
      yield { path: key.slice(Prefix.length), size: Size, etag: ETag, time: LastModified?.getTime() ?? 0 };
    ContinuationToken = page.NextContinuationToken;
    more = page.IsTruncated === true && ContinuationToken !== undefined;
  }
}

export async function list(folder: string): Promise<Listing> {
  const files: string[] = [];
  const folders = new Set<string>();
  const unreadable: string[] = [];
  let any = false;
  for await (const { path, ...state } of objectsBelow(folder)) {
    any = true;
    const names = path.split('/');
    // An object whose key ends with a slash stands for an empty folder.
    const name = names.pop() as string;
    if (names.some((one) => one === '' || one === '.' || one === '..') || name === '.' || name === '..') unreadable.push(path);
    else if ([...names, name].some((one) => one.startsWith('.'))) continue;
    else {
      for (let n = names.length; n > 0; n--) {
        const above = names.slice(0, n).join('/');
        if (folders.has(above)) break;
        folders.add(above);
      }
      if (name === '') continue;
      files.push(path);
      listed.set(`${folder}/${path}`, state);
    }
  }
  if (!any) throw Object.assign(new Error('there are no objects'), { code: 'ENOENT' });
  return { files, folders: [...folders], unreadable };
}
