/** Lists of millions of values: they are kept packed, in blocks, and unpacked when they are read. */
import { createSorter } from './sorter.ts';

/**
 * The part of an array's interface that packed lists have too. Positions count from 0; none is negative. What `filter`, `map` and `flatMap` return
 * is an array.
 */
export interface List<T> extends Iterable<T> {
  readonly length: number;
  at(n: number): T | undefined;
  /** Some of the values. */
  slice(start: number, end?: number): List<T>;
  some(test: (value: T, n: number) => boolean): boolean;
  every(test: (value: T, n: number) => boolean): boolean;
  find(test: (value: T, n: number) => boolean): T | undefined;
  filter(test: (value: T, n: number) => boolean): T[];
  map<R>(step: (value: T, n: number) => R): R[];
  flatMap<R>(step: (value: T, n: number) => R | readonly R[]): R[];
  reduce<R>(step: (sum: R, value: T, n: number) => R, first: R): R;
}

/** Values of a block. */
const blockSize = 64;

/** Blocks that are also kept as they are: all of a small list, and of a large one those that were unpacked last. */
const blocksKept = 1024;

/** A list as its values between two positions. */
abstract class Values<T> implements List<T> {
  abstract readonly length: number;
  abstract between(start: number, end: number): Generator<T>;
  abstract at(n: number): T | undefined;

  [Symbol.iterator](): Generator<T> {
    return this.between(0, this.length);
  }

  slice(start: number, end = this.length): List<T> {
    return new Part(this, start, Math.min(end, this.length));
  }

  some(test: (value: T, n: number) => boolean): boolean {
    let n = 0;
    for (const value of this) if (test(value, n++)) return true;
    return false;
  }

  every(test: (value: T, n: number) => boolean): boolean {
    return !this.some((value, n) => !test(value, n));
  }

  find(test: (value: T, n: number) => boolean): T | undefined {
    let n = 0;
    for (const value of this) if (test(value, n++)) return value;
    return undefined;
  }

  filter(test: (value: T, n: number) => boolean): T[] {
    return this.flatMap((value, n) => (test(value, n) ? [value] : []));
  }

  map<R>(step: (value: T, n: number) => R): R[] {
    return Array.from(this, step);
  }

  flatMap<R>(step: (value: T, n: number) => R | readonly R[]): R[] {
    const found: R[] = [];
    let n = 0;
    for (const value of this) {
      const own = step(value, n++);
      if (!Array.isArray(own)) found.push(own as R);
      else for (const one of own as readonly R[]) found.push(one);
    }
    return found;
  }

  reduce<R>(step: (sum: R, value: T, n: number) => R, first: R): R {
    let [sum, n] = [first, 0];
    for (const value of this) sum = step(sum, value, n++);
    return sum;
  }
}

/** Some values of a list. */
class Part<T> extends Values<T> {
  readonly length: number;
  readonly #of: Values<T>;
  readonly #start: number;

  constructor(of: Values<T>, start: number, end: number) {
    super();
    this.#of = of;
    this.#start = start;
    this.length = Math.max(0, end - start);
  }

  at(n: number): T | undefined {
    return n >= 0 && n < this.length ? this.#of.at(this.#start + n) : undefined;
  }

  between(start: number, end: number): Generator<T> {
    return this.#of.between(this.#start + start, this.#start + end);
  }
}

/** Form in which a block of values is kept. */
export interface Packing<T, P> {
  pack(values: readonly T[]): P;
  unpack(packed: P): T[];
}

/** A list that grows at its end. */
export class PackedList<T, P = unknown> extends Values<T> {
  length = 0;
  readonly #packing: Packing<T, P>;
  readonly #packed: P[] = [];
  /** Blocks as they are, by number. */
  readonly #kept = new Map<number, T[]>();
  #last: T[] = [];

  constructor(packing: Packing<T, P>) {
    super();
    this.#packing = packing;
  }

  push(value: T): void {
    if (this.#last.length === blockSize || this.length === 0) this.#keep(Math.floor(this.length / blockSize), (this.#last = []));
    this.#last.push(value);
    this.length++;
  }

  at(n: number): T | undefined {
    if (n < 0 || n >= this.length) return undefined;
    const number = Math.floor(n / blockSize);
    let block = this.#kept.get(number);
    if (block === undefined) this.#keep(number, (block = this.#packing.unpack(this.#packed[number] as P)));
    return block[n % blockSize];
  }

  *between(start: number, end: number): Generator<T> {
    for (let n = start; n < end; ) {
      const number = Math.floor(n / blockSize);
      const block = this.#kept.get(number) ?? this.#packing.unpack(this.#packed[number] as P);
      for (let i = n % blockSize; i < block.length && n < end; i++, n++) yield block[i] as T;
    }
  }

  /** Keeps a block as it is, and packs the one that was kept first. The last block is never packed, since it may still grow. */
  #keep(number: number, block: T[]): void {
    this.#kept.set(number, block);
    if (this.#kept.size <= blocksKept) return;
    for (const [first, values] of this.#kept) {
      if (values === this.#last) continue;
      this.#kept.delete(first);
      this.#packed[first] ??= this.#packing.pack(values);
      return;
    }
  }
}

/** Paths, of which those of a block share their start. */
const paths: Packing<string, { readonly start: string; readonly rests: string }> = {
  pack(values) {
    const [first = ''] = values;
    let shared = first.length;
    for (const path of values) while (shared > 0 && !path.startsWith(first.slice(0, shared))) shared--;
    return { start: first.slice(0, shared), rests: values.map((path) => path.slice(shared)).join('\0') };
  },
  unpack: ({ start, rests }) => rests.split('\0').map((rest) => start + rest),
};

/** Creates a list of paths. */
export function pathList(): PackedList<string> {
  return new PackedList(paths);
}

/** Index of the first of sorted texts that does not come before another text. */
export function firstFrom(sorted: List<string>, text: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted.at(middle) as string) < text) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Creates a function that finds the places of sorted texts; it is fast for texts that are asked for in order. */
export function finderIn(sorted: List<string>): (text: string) => number | undefined {
  let next = 0;
  return (text) => {
    const n = sorted.at(next) === text ? next : firstFrom(sorted, text);
    if (sorted.at(n) !== text) return undefined;
    next = n + 1;
    return n;
  };
}

/** Sorts paths. Those that are in order stay as they are. */
export function sortedPaths(given: List<string>): List<string> {
  let before = '';
  const isSorted = given.every((path) => {
    const isNext = before <= path;
    before = path;
    return isNext;
  });
  if (isSorted) return given;
  const sorter = createSorter();
  for (const path of given) sorter.add(path);
  const sorted = pathList();
  for (const path of sorter.sorted()) sorted.push(path);
  return sorted;
}
