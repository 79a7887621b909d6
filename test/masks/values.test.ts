import fc from 'fast-check';
import { expect, test } from 'vitest';
import { binaryValuesIn, createNumberedMasks, evenValuesIn, strangeValuesIn } from '../../src/masks/values.ts';

const usual = new Set([0, 255]);

test.each([255, 65_535] as const)('levels between 0 and %i are no classes if it has more pixels', (white) => {
  const levels = fc.uniqueArray(fc.integer({ min: 1, max: white - 1 }), { minLength: 4, maxLength: 60 });
  fc.assert(
    fc.property(levels, fc.integer({ min: 1, max: 9 }), (values, n) => {
      fc.pre(values.some((value) => value < white / 2) && values.some((value) => value > white / 2) && !values.includes(255));
      const pixels = new Map([[0, 5000], [white, values.length * n + 1], ...values.map((value) => [value, n] as const)]);
      expect(strangeValuesIn(pixels, usual)).toEqual({ kind: 'rim', white, values: values.length, share: expect.any(Number) });
      // Levels that are left out are never pasted.
      expect(strangeValuesIn(pixels, new Set([...usual, ...values]))).toBeUndefined();
    }),
  );
});

test.each<[string, Map<number, number>]>([
  [
    'few classes with a void border',
    new Map([
      [0, 900],
      [15, 60],
      [255, 40],
    ]),
  ],
  [
    'scribbles of small ids in a void image',
    new Map([
      [0, 9],
      [1, 4],
      [2, 4],
      [3, 4],
      [9, 4],
      [255, 900],
    ]),
  ],
  ['many classes with little void', new Map([[0, 90], ...[3, 40, 97, 128, 150, 170].map((id) => [id, 50] as const), [255, 9]])],
  [
    'objects with numbers of 16 bits beside a void of 65535',
    new Map([[0, 900], ...[1, 2, 3, 300, 400].map((id) => [id, 10] as const), [65_535, 400]]),
  ],
  [
    'a trimap',
    new Map([
      [0, 90],
      [128, 10],
      [255, 50],
    ]),
  ],
])('%s is a mask of ids', (_, pixels) => {
  expect(strangeValuesIn(pixels, usual)).toBeUndefined();
});

test('hundreds of ids are no classes', () => {
  const pixels = new Map([[0, 100], ...Array.from({ length: 300 }, (_, n) => [7 * n + 1, 1] as const)]);
  expect(strangeValuesIn(pixels, usual)).toEqual({ kind: 'many', values: 300, share: 0.75 });
});

test.each([255, 65_535] as const)('%i beside 0 alone is the object, if it is left out', (white) => {
  const pixels = new Map([
    [0, 75],
    [white, 25],
  ]);
  expect(binaryValuesIn(pixels, new Set([0, white]))).toEqual({ kind: 'binary', white, values: 1, share: 0.25 });
  expect(binaryValuesIn(pixels, new Set([0]))).toBeUndefined();
  expect(binaryValuesIn(new Map([...pixels, [1, 1]]), new Set([0, white]))).toBeUndefined();
});

test.each([
  [[0, 127, 255], true],
  [[0, 128, 255], true],
  [[0, 85, 170, 255], true],
  [[0, 63, 127, 191, 255], true],
  [[0, 255], false],
  [[0, 1, 255], false],
  [[0, 85, 255], false],
  [[127, 255], false],
  [[0, 85, 170], false],
  [Array.from({ length: 256 }, (_, id) => id), false],
])('values %j are levels of classes at equal distances up to white: %s', (values, holds) => {
  const pixels = new Map(values.map((id) => [id, 10]));
  expect(evenValuesIn(pixels, usual) !== undefined).toBe(holds);
  expect(evenValuesIn(pixels, new Set([0]))).toBeUndefined();
});

const to = (n: number): number[] => Array.from({ length: n }, (_, id) => id + 1);
test.each<[string, number[][], boolean]>([
  ['1 to the number of objects', [to(7), to(12), to(9), to(20), []], true],
  ['the same with a number missing in few masks', [...to(19).map((n) => to(n + 3)), [1, 3]], true],
  ['the same with a number missing in many masks', [to(7), [1, 2, 4], to(9), to(20)], false],
  ['the same classes in all masks', [to(12), to(12), to(12), to(12)], false],
  ['the same classes in all masks, of which some lack the last', [to(10), to(9), to(10), to(10)], false],
  ['few classes', [to(2), to(3), to(5), to(7)], false],
  ['classes', [[3, 15], to(2), [1, 20], [7]], false],
  ['too few masks', [to(12), to(20)], false],
])('ids are numbers of objects: %s', (_, masks, holds) => {
  const numbered = createNumberedMasks(usual);
  const sum = new Map<number, number>([[0, 100]]);
  for (const ids of masks) {
    numbered.add(new Map([0, ...ids].map((id) => [id, 10])));
    for (const id of ids) sum.set(id, 10 + (sum.get(id) ?? 0));
  }
  expect(numbered.result(sum)?.kind).toBe(holds ? 'numbers' : undefined);
});
