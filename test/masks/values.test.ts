import fc from 'fast-check';
import { expect, test } from 'vitest';
import { binaryValuesIn, strangeValuesIn } from '../../src/masks/values.ts';

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
