import { setFlagsFromString } from 'node:v8';

/**
 * A pool of buffers for pixels, masks and files. With a new buffer for each sample, garbage collection took as long as planning, pasting and
 * annotating together.
 */

const free: ArrayBuffer[] = [];
const issued = new WeakSet<ArrayBufferLike>();
/** Maximum number of free bytes that the pool keeps. */
let limit = 512 * 2 ** 20;
let freeBytes = 0;

/** Lowers the maximum number of free bytes that the pool keeps. */
export function limitPool(bytes: number): void {
  limit = Math.min(limit, bytes);
}

function take(bytes: number): ArrayBuffer {
  for (let i = free.length - 1; i >= 0; i--) {
    const { byteLength } = free[i] as ArrayBuffer;
    if (byteLength < bytes || byteLength > 2 * bytes) continue;
    freeBytes -= byteLength;
    return free.splice(i, 1)[0] as ArrayBuffer;
  }
  const buffer = new ArrayBuffer(4 * Math.ceil(bytes / 4));
  issued.add(buffer);
  return buffer;
}

/** Takes an array of 32-bit words from the pool; its content is undefined. */
export function takeWords(length: number): Int32Array {
  return new Int32Array(take(4 * length), 0, length);
}

/** Takes an array of bytes from the pool, aligned to a word; its content is undefined. */
export function takeBytes(length: number): Uint8Array {
  return new Uint8Array(take(length), 0, length);
}

/** Returns an array to the pool; it must not be used afterwards. An array that is not from the pool is left to the garbage collector. */
export function giveBack({ buffer }: Int32Array | Uint16Array | Uint8Array): void {
  if (!issued.has(buffer) || free.includes(buffer as ArrayBuffer)) return;
  freeBytes += buffer.byteLength;
  free.push(buffer as ArrayBuffer);
  while (freeBytes > limit) freeBytes -= (free.shift() as ArrayBuffer).byteLength;
}

/**
 * Lets the heap of each thread grow to four times its used size, the most that V8 allows, before a full garbage collection. The pixels that
 * codecs return count as growth: with V8's default of about 24 MB, one or two large images start a collection of a heap that holds none
 * of them.
 */
export function collectLessOften(): void {
  setFlagsFromString('--heap-growing-percent=300');
}
