/**
 * Philox4x32-10, the counter-based generator of Salmon et al., "Parallel Random Numbers: As Easy as
 * 1, 2, 3" (SC 2011): ten rounds that turn a counter of four words and a key of two into four words.
 */
export function philox4x32(counter: readonly number[], key: readonly number[]): number[] {
  let [c0, c1, c2, c3] = counter as [number, number, number, number];
  let [k0, k1] = key as [number, number];
  for (let round = 0; round < 10; round++) {
    const h0 = multiplyHigh(0xd2511f53, c0);
    const h1 = multiplyHigh(0xcd9e8d57, c2);
    const l0 = Math.imul(0xd2511f53, c0);
    const l1 = Math.imul(0xcd9e8d57, c2);
    c0 = h1 ^ c1 ^ k0;
    c1 = l1;
    c2 = h0 ^ c3 ^ k1;
    c3 = l0;
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  return [c0 >>> 0, c1 >>> 0, c2 >>> 0, c3 >>> 0];
}

/** The high word of a 32 × 32 bit product, from 16-bit halves. */
function multiplyHigh(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const low = a0 * b1 + (middle % 0x10000);
  return (a1 * b1 + Math.floor(middle / 0x10000) + Math.floor(low / 0x10000)) >>> 0;
}

const encoder = new TextEncoder();

/** 64-bit FNV-1a hash of a text's UTF-8 bytes (Fowler, Noll and Vo), as a low and a high word. */
function fnv1a(text: string): [number, number] {
  let low = 0x84222325;
  let high = 0xcbf29ce4;
  for (const byte of encoder.encode(text)) {
    // Multiply by the prime 2^40 + 0x1b3; products of words have at most 41 bits, which a double holds.
    const mixed = (low ^ byte) >>> 0;
    const product = mixed * 0x1b3;
    high = (high * 0x1b3 + Math.floor(product / 0x100000000) + ((mixed << 8) >>> 0)) % 0x100000000;
    low = product % 0x100000000;
  }
  return [low, high];
}

/** Random numbers that plans are drawn with. */
export type RandomNumbers = Pick<Stream, 'uniform' | 'between' | 'below'>;

/** Random numbers for one sample and one purpose. (A class, since V8 would compile closures again for each stream.) */
export class Stream {
  readonly #key: readonly number[];
  readonly #counter: [block: number, copy: number, low: number, high: number];
  #block: readonly number[] = [];
  #next = 0;

  constructor(key: readonly [number, number], copy: number, hash: readonly [number, number]) {
    this.#key = key;
    this.#counter = [0, copy, ...hash];
  }

  #word(): number {
    if (this.#next === this.#block.length) {
      this.#block = philox4x32(this.#counter, this.#key);
      this.#counter[0]++;
      this.#next = 0;
    }
    return this.#block[this.#next++]!;
  }

  /** A number in `[0, 1)` with 53 random bits. */
  uniform(): number {
    const high26 = this.#word() >>> 6;
    const low27 = this.#word() >>> 5;
    return (high26 * 0x8000000 + low27) / 0x20000000000000;
  }

  /** A number in `[low, high)`. */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** An integer in `[0, n)`. */
  below(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** The integers from 0 to n − 1 in random order (Fisher and Yates), one at a time. */
  *permutation(n: number): Generator<number> {
    const moved = new Map<number, number>();
    for (let i = n - 1; i >= 0; i--) {
      const j = this.below(i + 1);
      yield moved.get(j) ?? j;
      moved.set(j, moved.get(i) ?? i);
    }
  }

  /** A shuffled copy of `values` (Fisher and Yates). */
  shuffle<T>(values: readonly T[]): T[] {
    const result = [...values];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const moved = result[i] as T;
      result[i] = result[j] as T;
      result[j] = moved;
    }
    return result;
  }
}

/**
 * The stream of `(seed, copy, sample, purpose)`. The seed is Philox's key; the counter holds the number of the block, the copy, and a
 * hash of sample and purpose, so that streams do not overlap.
 */
export function stream(seed: number, copy: number, sample: string, purpose: string): Stream {
  return new Stream([seed >>> 0, Math.floor(seed / 0x100000000) >>> 0], copy, fnv1a(`${purpose}\0${sample}`));
}

/** Random numbers of a stream, which can be read again from the first one. */
export function replayOf(source: Stream): RandomNumbers & { rewind(): void } {
  const numbers: number[] = [];
  let at = 0;
  const uniform = (): number => {
    if (at === numbers.length) numbers.push(source.uniform());
    return numbers[at++]!;
  };
  return {
    uniform,
    between: (low, high) => low + (high - low) * uniform(),
    below: (n) => Math.floor(uniform() * n),
    rewind: () => {
      at = 0;
    },
  };
}
