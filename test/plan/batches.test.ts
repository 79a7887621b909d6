import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { batchCount, batchesOf, shardOf } from '../../src/plan/batches.ts';

describe('batchesOf', () => {
  test('holds each sample once, in whatever order they arrive', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 40 }),
        fc.integer({ min: 1, max: 9 }),
        fc.nat(),
        (ids, size, seed) => {
          const samples = ids.map((id) => ({ id }));
          const batches = [...batchesOf(samples, size, 0, seed)];
          expect([...batchesOf(samples.reverse(), size, 0, seed)]).toEqual(batches);
          expect(
            batches
              .flat()
              .map(({ id }) => id)
              .sort(),
          ).toEqual([...ids].sort());
          const count = Math.max(1, Math.floor(ids.length / size));
          expect(batchCount(ids.length, size)).toBe(count);
          const more = ids.length % count;
          expect(batches.map(({ length }) => length)).toEqual(
            Array.from({ length: count }, (_, n) => Math.floor(ids.length / count) + (n < more ? 1 : 0)),
          );
        },
      ),
    );
  });

  test('leaves no sample alone, unless there is only one', () => {
    const sizes = (n: number, size: number): number[] =>
      Array.from(
        batchesOf(
          Array.from({ length: n }, (_, i) => ({ id: `${i}` })),
          size,
          0,
          0,
        ),
        ({ length }) => length,
      );
    expect(sizes(33, 16)).toEqual([17, 16]);
    expect(sizes(31, 16)).toEqual([31]);
    expect(sizes(17, 16)).toEqual([17]);
    expect(sizes(5, 2)).toEqual([3, 2]);
    expect(sizes(1, 16)).toEqual([1]);
    for (let n = 2; n < 60; n++) for (let size = 2; size < 20; size++) expect(Math.min(...sizes(n, size))).toBeGreaterThan(1);
  });

  test('changes with the copy', () => {
    const samples = Array.from({ length: 20 }, (_, i) => ({ id: `s${i}` }));
    expect(batchesOf(samples, 4, 1, 0)).not.toEqual(batchesOf(samples, 4, 0, 0));
  });
});

describe('shardOf', () => {
  /** Shards of pieces of work in order. */
  const shardsOf = (amounts: readonly number[], shards: number): number[] => {
    const total = amounts.reduce((sum, one) => sum + one, 0);
    let start = 0;
    return amounts.map((amount) => {
      const shard = shardOf(start, amount, total, shards);
      start += amount;
      return shard;
    });
  };

  test('keeps the order of the pieces, and no shard has more than its part and one piece', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 1e9 }), { maxLength: 60 }), fc.integer({ min: 1, max: 70 }), (amounts, shards) => {
        const found = shardsOf(amounts, shards);
        expect(found).toEqual([...found].sort((a, b) => a - b));
        const total = amounts.reduce((sum, one) => sum + one, 0);
        const sums = Array.from({ length: shards }, (_, shard) => amounts.reduce((sum, one, i) => sum + (found[i] === shard ? one : 0), 0));
        expect(Math.max(...sums)).toBeLessThanOrEqual(Math.ceil(total / shards + Math.max(0, ...amounts)));
        expect(found.every((shard) => shard >= 0 && shard < shards)).toBe(true);
      }),
    );
  });

  test('gives equal pieces in equal numbers', () => {
    expect(shardsOf([5, 5, 5, 5, 5, 5], 3)).toEqual([0, 0, 1, 1, 2, 2]);
    expect(shardsOf([5, 5], 4)).toEqual([1, 3]);
    expect(shardsOf([0, 0], 4)).toEqual([0, 0]);
  });
});
