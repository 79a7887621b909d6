import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Axis, nearestTable, weightTable } from '../../src/masks/tables.ts';

const axis = fc
  .record({ limit: fc.integer({ min: 1, max: 60 }), target: fc.integer({ min: 1, max: 120 }), flip: fc.boolean() })
  .chain((rest) =>
    fc.record({
      start: fc.integer({ min: 0, max: rest.limit - 1 }),
      from: fc.integer({ min: 0, max: rest.target - 1 }),
      rest: fc.constant(rest),
    }),
  )
  .chain(({ start, from, rest }) =>
    fc.record({
      ...Object.fromEntries(Object.entries({ ...rest, start }).map(([key, value]) => [key, fc.constant(value)])),
      length: fc.integer({ min: 1, max: rest.limit - start }),
      visible: fc.integer({ min: from + 1, max: rest.target }).map((to) => [from, to]),
    }),
  ) as unknown as fc.Arbitrary<Axis>;

/** Rows as first source pixel and weights. */
function rowsOf({ taps, data }: { taps: number; data: Int32Array }): { first: number; weights: number[] }[] {
  return Array.from({ length: data.length / (1 + taps) }, (_, i) => ({
    first: data[i * (1 + taps)] as number,
    weights: [...data.subarray(i * (1 + taps) + 1, (i + 1) * (1 + taps))],
  }));
}

describe('weightTable', () => {
  test('gives integer weights that sum to 256, on pixels inside the image', () => {
    fc.assert(
      fc.property(axis, (a) => {
        const table = weightTable(a);
        const rows = rowsOf(table);
        expect(rows).toHaveLength(a.visible[1] - a.visible[0]);
        for (const { first, weights } of rows) {
          expect(weights.reduce((sum, w) => sum + w, 0)).toBe(256);
          expect(Math.min(...weights)).toBeGreaterThanOrEqual(0);
          expect(first).toBeGreaterThanOrEqual(0);
          expect(first + table.taps).toBeLessThanOrEqual(a.limit);
        }
      }),
    );
  });

  test('a flip reverses it, and a visible part is a slice of the whole', () => {
    fc.assert(
      fc.property(axis, (a) => {
        const weigh = (axis: Axis): string[] =>
          rowsOf(weightTable(axis)).map(({ first, weights }) => {
            const used = weights.map((w, t) => [first + t, w]).filter(([, w]) => w !== 0);
            return JSON.stringify(used);
          });
        const whole = weigh({ ...a, visible: [0, a.target] });
        expect(weigh(a)).toEqual(whole.slice(...a.visible));
        expect(weigh({ ...a, flip: !a.flip, visible: [0, a.target] })).toEqual([...whole].reverse());
      }),
    );
  });

  test('at scale 1 it takes each pixel as it is', () => {
    const rows = rowsOf(weightTable({ start: 3, length: 4, limit: 10, target: 4, flip: false, visible: [0, 4] }));
    expect(rows.map(({ first, weights }) => first + weights.indexOf(256))).toEqual([3, 4, 5, 6]);
  });

  test('shrinking averages all that is covered: every source pixel has weight', () => {
    const { data, taps } = weightTable({ start: 0, length: 100, limit: 100, target: 10, flip: false, visible: [0, 10] });
    const weight = new Array(100).fill(0);
    for (const { first, weights } of rowsOf({ data, taps })) for (const [t, w] of weights.entries()) weight[first + t] += w;
    expect(Math.min(...weight)).toBeGreaterThan(0);
  });
});

describe('nearestTable', () => {
  test('takes the source pixel that a target pixel lies in', () => {
    expect([...nearestTable({ start: 0, length: 2, target: 4, flip: false, visible: [0, 4] })]).toEqual([0, 0, 1, 1]);
    expect([...nearestTable({ start: 0, length: 4, target: 2, flip: false, visible: [0, 2] })]).toEqual([1, 3]);
    expect([...nearestTable({ start: 0, length: 3, target: 3, flip: true, visible: [1, 3] })]).toEqual([1, 0]);
  });
});
