import { array, assert, constantFrom, nat, option, property, record } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareClasses } from '../../src/engine/inspection.ts';

const row = (id: number, name: string | undefined, pixels: number, leftOut = false) => {
  return { id, ...(name !== undefined && { name }), leftOut, samples: 1, instances: leftOut ? 0 : 2, pixels };
};

describe('comparison of classes', () => {
  test('matches names in any case, and sums the ids of one name', () => {
    expect(compareClasses([row(1, 'car', 60), row(2, 'sky', 40)], [row(4, 'Car', 10), row(7, 'car', 20), row(9, 'bus', 10)])).toEqual([
      {
        name: 'car',
        leftOut: false,
        a: { ids: [1], samples: 1, instances: 2, pixels: 60, share: 0.6 },
        b: { ids: [4, 7], samples: 2, instances: 4, pixels: 30, share: 0.75 },
      },
      { name: 'sky', leftOut: false, a: { ids: [2], samples: 1, instances: 2, pixels: 40, share: 0.4 } },
      { name: 'bus', leftOut: false, b: { ids: [9], samples: 1, instances: 2, pixels: 10, share: 0.25 } },
    ]);
  });

  test('matches ids without names, and all ids if a data set has no names', () => {
    const named = [row(1, 'car', 5), row(255, undefined, 5, true)];
    expect(
      compareClasses(named, [row(1, 'bus', 5), row(255, undefined, 5)]).map(({ name, leftOut, a, b }) => [name, leftOut, !!a, !!b]),
    ).toEqual([
      ['car', false, true, false],
      [undefined, true, true, false],
      ['bus', false, false, true],
      [undefined, false, false, true],
    ]);
    expect(compareClasses(named, [row(1, undefined, 5)]).map(({ name, a, b }) => [name, a?.ids, b?.ids])).toEqual([
      ['car', [1], [1]],
      [undefined, [255], undefined],
    ]);
  });

  test('matches no class with background or ignored pixels', () => {
    const one = [row(0, undefined, 5, true), row(1, undefined, 5)];
    const other = [row(0, 'car', 5), row(1, 'Void', 5, true)];
    for (const theirs of [other, other.map(({ name: _, ...rest }) => rest)])
      expect(compareClasses(one, theirs).map(({ leftOut, a, b }) => [leftOut, a?.ids, b?.ids])).toEqual([
        [true, [0], undefined],
        [false, [1], undefined],
        [false, undefined, [0]],
        [true, undefined, [1]],
      ]);
  });

  test('counts every pixel and id once, and finds the same if the data sets change places', () => {
    const rows = array(
      record({ id: nat(20), name: option(constantFrom('car', 'Car', 'bus', 'sky'), { nil: undefined }), pixels: nat(99) }),
    ).map((all) => [...new Map(all.map((one) => [one.id, one])).values()].map(({ id, name, pixels }) => row(id, name, pixels)));
    assert(
      property(rows, rows, (first, second) => {
        const [there, back] = [compareClasses(first, second), compareClasses(second, first)];
        expect(there.flatMap(({ a }) => a?.ids ?? []).sort()).toEqual(first.map(({ id }) => id).sort());
        expect(there.reduce((sum, { b }) => sum + (b?.pixels ?? 0), 0)).toBe(second.reduce((sum, { pixels }) => sum + pixels, 0));
        const pairs = (all: typeof there, swap: boolean) => all.map(({ a, b }) => JSON.stringify(swap ? [b, a] : [a, b])).sort();
        expect(pairs(back, true)).toEqual(pairs(there, false));
      }),
    );
  });
});
