import { describe, expect, test } from 'vitest';
import { spansOfPolygons } from '../../src/masks/polygons.ts';
import { smallestRectangle } from '../../src/masks/rectangles.ts';

const size = { width: 60, height: 40 };

describe('the smallest rectangle around spans', () => {
  test('is the box of an upright rectangle, to the pixel', () => {
    expect(smallestRectangle(Int32Array.of(3, 5, 9, 4, 5, 9), size)).toEqual([5, 3, 9, 3, 9, 5, 5, 5]);
    expect(smallestRectangle(Int32Array.of(0, 0, 1), size)).toEqual([0, 0, 1, 0, 1, 1, 0, 1]);
  });

  test('is within a pixel of a turned rectangle', () => {
    for (const [dx, dy] of [
      [20, 10],
      [24, 7],
      [9, 12],
    ] as const) {
      const corners = [15, 5, 15 + dx, 5 + dy, 15 + dx - dy / 2, 5 + dy + dx / 2, 15 - dy / 2, 5 + dx / 2];
      const found = smallestRectangle(spansOfPolygons([corners], size), size);
      for (let i = 0; i < 8; i += 2) {
        const near = [0, 2, 4, 6].some(
          (k) => Math.hypot((found[k] as number) - (corners[i] as number), (found[k + 1] as number) - (corners[i + 1] as number)) < 1.5,
        );
        expect(near, `${corners} ${found}`).toBe(true);
      }
    }
  });

  test('contains the centres of all pixels, and lies in the image', () => {
    for (let n = 0; n < 40; n++) {
      const points = Array.from({ length: 6 }, (_, i) => ((n * 37 + i * 91 + n * i * 13) % 97) * (i % 2 === 0 ? 0.7 : 0.45) - 3);
      const spans = spansOfPolygons([points], size);
      if (spans.length === 0) continue;
      const corners = smallestRectangle(spans, size);
      corners.forEach((value, i) => {
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(i % 2 === 0 ? size.width : size.height);
      });
      for (let i = 0; i < spans.length; i += 3) {
        const [y, x0, x1] = spans.subarray(i, i + 3) as unknown as [number, number, number];
        for (const x of [x0 + 0.5, x1 - 0.5])
          for (let k = 0; k < 8; k += 2) {
            const [ax, ay, bx, by] = [0, 1, 2, 3].map((at) => corners[(k + at) % 8]) as [number, number, number, number];
            expect((bx - ax) * (y + 0.5 - ay) - (by - ay) * (x - ax)).toBeGreaterThan(-1e-9);
          }
      }
    }
  });
});
