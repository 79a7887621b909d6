import { setFlagsFromString } from 'node:v8';

/**
 * Buffers of pixels, masks and files that are used again. A fresh one for each sample is memory that only V8's collector frees: measured,
 * collecting took as long as planning, pasting and annotating together.
 */

const free: ArrayBuffer[] = [];
const issued = new WeakSet<ArrayBufferLike>();
/** Bytes that may wait for use; more would only hold memory. */
let most = 512 * 2 ** 20;

/** Keeps at most so many bytes waiting from now on. */
export function keepWaiting(bytes: number): void {
  most = Math.min(most, bytes);
}

let waiting = 0;

function take(bytes: number): ArrayBuffer {
  for (let i = free.length - 1; i >= 0; i--) {
    const { byteLength } = free[i] as ArrayBuffer;
    if (byteLength < bytes || byteLength > 2 * bytes) continue;
    waiting -= byteLength;
    return free.splice(i, 1)[0] as ArrayBuffer;
  }
  const buffer = new ArrayBuffer(4 * Math.ceil(bytes / 4));
  issued.add(buffer);
  return buffer;
}

/** An array of words with whatever was in it before. */
export function takeWords(length: number): Int32Array {
  return new Int32Array(take(4 * length), 0, length);
}

/** An array of bytes with whatever was in it before, that begins on a word. */
export function takeBytes(length: number): Uint8Array {
  return new Uint8Array(take(length), 0, length);
}

/** Gives an array back, which nobody may use any more; one that was not taken here is left to the collector. */
export function giveBack({ buffer }: Int32Array | Uint16Array | Uint8Array): void {
  if (!issued.has(buffer) || free.includes(buffer as ArrayBuffer)) return;
  waiting += buffer.byteLength;
  free.push(buffer as ArrayBuffer);
  // The longest waiting go first.
  while (waiting > most) waiting -= (free.shift() as ArrayBuffer).byteLength;
}

/**
 * Lets the heap of each thread of this process grow to four times what is in use, V8's own most, before all of it is marked. Pixels that
 * codecs return count as growth: at V8's default of some 24 MB a large image or two make it mark the whole heap, which holds none of them.
 */
export function markSeldom(): void {
  setFlagsFromString('--heap-growing-percent=300');
}
