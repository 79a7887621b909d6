/** Total work of a stage. */
export interface Total {
  /** Number of samples, or of files. */
  readonly count: number;
  readonly unit?: 'samples' | 'files';
  /** Bytes of the decoded images, to which the time is proportional; absent if each sample or file takes about the same time. */
  readonly bytes?: number;
  /** True if instances are pasted in this stage. */
  readonly pastes?: true;
}

/** Work of a stage so far. */
export interface Reading {
  /** Number of stages that have begun; 0 before the first. */
  readonly stages: number;
  readonly stage: string;
  /** Time when it began, in milliseconds of `performance.now`. */
  readonly began: number;
  /** Absent if nobody knows. */
  readonly total?: Total | undefined;
  readonly count: number;
  readonly bytes: number;
  /** Number of instances that were pasted. */
  readonly pasted: number;
  /** Part of the work that an earlier run had done. */
  readonly reused: { readonly count: number; readonly bytes: number };
}

/** Adds up the work of a command, stage by stage; worker threads add to the same counters. */
export interface Meter {
  /** Counters that threads share. */
  readonly counters: Counters;
  /** Begins a stage. @param total of its work, if it is known. */
  begin(stage: string, total?: Total): void;
  /** Adds a sample or a file that is done. @param bytes of its decoded image. @param pasted number of instances that were pasted into it. */
  add(bytes?: number, pasted?: number): void;
  /** Adds a sample that an earlier run had done. */
  recall(bytes?: number): void;
  read(): Reading;
}

/** Shared numbers: count, bytes, pasted, and count and bytes of an earlier run. */
export type Counters = BigInt64Array<SharedArrayBuffer>;

/** Creates a meter. @param counters those of another thread's meter, if the work belongs to it. */
export function createMeter(counters: Counters = new BigInt64Array(new SharedArrayBuffer(5 * 8))): Meter {
  let stages = 0;
  let stage = '';
  let began = performance.now();
  let total: Total | undefined;
  const add = (...amounts: readonly number[]): void => {
    for (const [n, amount] of amounts.entries()) Atomics.add(counters, n, BigInt(amount));
  };
  return {
    counters,
    begin(name, amount) {
      stages++;
      stage = name;
      began = performance.now();
      total = amount;
      for (const n of counters.keys()) Atomics.store(counters, n, 0n);
    },
    add: (bytes = 0, pasted = 0) => add(1, bytes, pasted),
    recall: (bytes = 0) => add(1, bytes, 0, 1, bytes),
    read() {
      const [count, bytes, pasted, reused, reusedBytes] = Array.from(counters, Number) as [number, number, number, number, number];
      return { stages, stage, began, total, count, bytes, pasted, reused: { count: reused, bytes: reusedBytes } };
    },
  };
}
