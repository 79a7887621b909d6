import { describe, expect, test } from 'vitest';
import { visibility } from '../../src/render/visibility.ts';
import type { Box } from '../../src/types.ts';

const box: Box = [100, 100, 200, 200];
const kept = (minVisible: number | 'official', before: number, after: number, boxAfter: Box = box): boolean =>
  visibility(minVisible)({ before, after }, () => [box, boxAfter]);

describe('visibility', () => {
  test('a fraction keeps an instance with at least so much left, and never one without pixels', () => {
    expect([kept(0.5, 100, 50), kept(0.5, 100, 49), kept(0, 100, 1), kept(0, 100, 0), kept(1, 100, 100)]).toEqual([
      true,
      false,
      true,
      false,
      true,
    ]);
  });

  test.each<[string, number, Box, boolean]>([
    ['300 pixels and a side that moved by 11', 300, [111, 100, 200, 200], false],
    ['301 pixels, whatever moved', 301, [190, 190, 200, 200], true],
    ['sides that moved by 10 each', 1, [110, 110, 190, 190], true],
    ['a lower side that moved by 11', 200, [100, 100, 200, 189], false],
    ['no pixel', 0, box, false],
  ])('official: %s', (_, after, boxAfter, expected) => {
    expect(kept('official', 9000, after, boxAfter)).toBe(expected);
  });
});
