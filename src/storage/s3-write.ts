/** Writing to S3. An object appears when all its bytes are there; a large one is sent in parts. */
import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { codeOf } from '../errors.ts';
import { changedCode, conflictCode, type Place, placeOf, requested } from './s3-client.ts';
import { forget, open } from './s3-read.ts';

/** Bytes of a part of a large object; there are at most 10,000 parts. */
const partBytes = 8 << 20;

/** Parts that are sent at the same time. */
const partsAtOnce = 4;

/** Attempts of a write that meets others of the same object. */
const attempts = 6;

type Data = Uint8Array | (() => AsyncIterable<string | Uint8Array>);

/** Writes an object, as `Store.write`. */
export async function write(path: string, data: Data, once: boolean): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await writeOnce(path, data, once);
      return;
    } catch (error) {
      if (codeOf(error) !== conflictCode || attempt === attempts) throw error;
      await setTimeout(100 * 2 ** attempt * (1 + Math.random()));
    }
  }
}

/** Writes an object with one attempt. @throws {Error} `conflictCode` if it should be tried again. */
async function writeOnce(path: string, data: Data, once: boolean): Promise<void> {
  forget(path);
  const hash = createHash('sha256');
  const condition = once ? { IfNoneMatch: '*' } : {};
  try {
    if (typeof data === 'function') await writeStream(path, data(), hash, condition);
    else await put(path, data, hash, condition);
  } catch (error) {
    if (!once || codeOf(error) !== changedCode) throw error;
    // An answer that was lost is asked for again, and two processes may do the same work.
    const there = await digestOf(path).catch((cause: unknown) => {
      if (codeOf(cause) !== 'ENOENT') throw cause;
      throw Object.assign(new Error('another process writes and removes it; try later'), { code: conflictCode });
    });
    if (there === hash.digest('hex')) return;
    throw Object.assign(new Error('it exists already, with other content'), { code: 'EEXIST' });
  }
}

type Hash = ReturnType<typeof createHash>;
type Condition = { readonly IfNoneMatch?: string };

/** Writes an object with one request; the store compares its bytes with their digest. */
async function put(path: string, Body: Uint8Array, hash: Hash, condition: Condition): Promise<void> {
  const ChecksumSHA256 = hash.update(Body).copy().digest('base64');
  await requested(path, ({ sdk, client }) =>
    client.send(new sdk.PutObjectCommand({ ...placeOf(path), Body, ContentLength: Body.length, ChecksumSHA256, ...condition })),
  );
}

/** Writes an object of unknown size: with one request if it is small, else in parts. */
async function writeStream(path: string, data: AsyncIterable<string | Uint8Array>, hash: Hash, condition: Condition): Promise<void> {
  let upload: Upload | undefined;
  try {
    for await (const { bytes, last } of partsOf(data)) {
      if (!upload && last) return await put(path, bytes, hash, condition);
      hash.update(bytes);
      upload ??= await beginUpload(path);
      await upload.add(bytes);
    }
    await upload?.complete(condition);
  } catch (error) {
    await upload?.abort();
    throw error;
  }
}

/** Cuts data into parts of equal size; the last one may be smaller. */
async function* partsOf(data: AsyncIterable<string | Uint8Array>): AsyncGenerator<{ bytes: Buffer; last: boolean }> {
  let waiting: Buffer[] = [];
  let length = 0;
  for await (const piece of data) {
    waiting.push(Buffer.from(piece as Uint8Array));
    length += (waiting.at(-1) as Buffer).length;
    if (length <= partBytes) continue;
    const all = Buffer.concat(waiting);
    let at = 0;
    for (; all.length - at > partBytes; at += partBytes) yield { bytes: all.subarray(at, at + partBytes), last: false };
    waiting = [all.subarray(at)];
    length = all.length - at;
  }
  yield { bytes: Buffer.concat(waiting), last: true };
}

interface Upload {
  /** Sends a part, once few enough others are on their way. */
  add(bytes: Buffer): Promise<void>;
  complete(condition: Condition): Promise<void>;
  abort(): Promise<void>;
}

async function beginUpload(path: string): Promise<Upload> {
  const place: Place = placeOf(path);
  const { UploadId } = await requested(path, ({ sdk, client }) =>
    client.send(new sdk.CreateMultipartUploadCommand({ ...place, ChecksumAlgorithm: 'SHA256' })),
  );
  const sent: Promise<{ ETag: string | undefined; PartNumber: number; ChecksumSHA256: string }>[] = [];
  const send = async (Body: Buffer, PartNumber: number) => {
    const ChecksumSHA256 = createHash('sha256').update(Body).digest('base64');
    const { ETag } = await requested(path, ({ sdk, client }) =>
      client.send(new sdk.UploadPartCommand({ ...place, UploadId, PartNumber, Body, ContentLength: Body.length, ChecksumSHA256 })),
    );
    return { ETag, PartNumber, ChecksumSHA256 };
  };
  return {
    async add(bytes) {
      const sending = send(bytes, sent.length + 1);
      // Its error is thrown when it is waited for.
      sending.catch(() => {});
      sent.push(sending);
      await sent[sent.length - partsAtOnce];
    },
    async complete(condition) {
      const Parts = await Promise.all(sent);
      await requested(path, ({ sdk, client }) =>
        client.send(new sdk.CompleteMultipartUploadCommand({ ...place, UploadId, MultipartUpload: { Parts }, ...condition })),
      );
    },
    async abort() {
      await Promise.allSettled(sent);
      // Parts that stay are removed by the rules of the bucket.
      await requested(path, ({ sdk, client }) => client.send(new sdk.AbortMultipartUploadCommand({ ...place, UploadId }))).catch(() => {});
    },
  };
}

/** Removes an object. */
export async function remove(path: string): Promise<void> {
  forget(path);
  await requested(path, ({ sdk, client }) => client.send(new sdk.DeleteObjectCommand(placeOf(path))));
}

/** SHA-256 that S3 has computed of an object, in hexadecimal; `undefined` if it has none of the whole object. */
export async function digest(path: string): Promise<string | undefined> {
  const { ChecksumSHA256, ETag = '' } = await requested(path, ({ sdk, client }) =>
    client.send(new sdk.HeadObjectCommand({ ...placeOf(path), ChecksumMode: 'ENABLED' })),
  );
  // The checksum of an object in parts is one of theirs; the tag of such an object ends with their number, and mostly the checksum does.
  const isOfParts = /-\d+"?$/.test(ETag) || ChecksumSHA256?.includes('-');
  return ChecksumSHA256 === undefined || isOfParts ? undefined : Buffer.from(ChecksumSHA256, 'base64').toString('hex');
}

async function digestOf(path: string): Promise<string> {
  return (await digest(path)) ?? (await digestOfBytes(path));
}

async function digestOfBytes(path: string): Promise<string> {
  const hash = createHash('sha256');
  const file = open(path, true);
  const buffer = Buffer.allocUnsafe(1 << 20);
  try {
    for (let at = 0; ; ) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
}
