import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { footOf, groundUnder, meetsClass } from '../../src/masks/ground.ts';
import { shapeOfSpans, spansOfPixels } from '../../src/masks/spans.ts';
import { maskOf } from '../make.ts';

const footIn = (...rows: string[]): readonly [number, number] => {
  const { width, height, ids } = maskOf(...rows);
  return footOf(shapeOfSpans(spansOfPixels([0, 0, width, height], (x, y) => ids[y * width + x] !== 0)));
};

describe('a foot', () => {
  test('is the middle pixel of the lowest row, of two the left one, and always a pixel of the shape', () => {
    expect(footIn('111..', '.1...')).toEqual([1, 1]);
    expect(footIn('.....', '11111')).toEqual([2, 1]);
    expect(footIn('1....', '.1111')).toEqual([2, 1]);
    // Two feet: the middle one of four pixels, not of the gap between them.
    expect(footIn('11111', '11.11')).toEqual([1, 1]);
    expect(footIn('11111', '1.111')).toEqual([2, 1]);
    expect(footIn('.1...', '.....')).toEqual([1, 0]);
  });

  test('stands on the pixel below it, or on its own in the last row', () => {
    const mask = maskOf('123', '456', '789');
    expect(groundUnder([1, 0], mask)).toBe(5);
    expect(groundUnder([2, 1], mask)).toBe(9);
    expect(groundUnder([0, 2], mask)).toBe(7);
  });
});

test('a shape lies on a class if one of its pixels has it', () => {
  const masks = fc.array(fc.nat(3), { minLength: 20, maxLength: 20 });
  const classes = fc.uniqueArray(fc.nat(3)).map((list) => new Set(list));
  fc.assert(
    fc.property(masks, masks, classes, (ids, plane, wanted) => {
      const mask = { width: 5, height: 4, ids: Uint8Array.from(ids) };
      const shape = shapeOfSpans(spansOfPixels([0, 0, 5, 4], (x, y) => plane[y * 5 + x] === 0));
      expect(meetsClass(shape, mask, wanted)).toBe(ids.some((id, i) => plane[i] === 0 && wanted.has(id)));
    }),
  );
});
