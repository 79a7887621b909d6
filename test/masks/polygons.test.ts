import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { spansOfPolygons } from '../../src/masks/polygons.ts';
import { spansOfToggles } from '../../src/masks/run-lengths.ts';
import type { Size } from '../../src/types.ts';

/** Pixels of a polygon whose edges are followed from end to end, as in `rleFrPoly`. */
function spansOfWholeEdges(polygon: readonly number[], size: Size): Int32Array {
  const { width, height } = size;
  const fine = polygon.map((value) => Math.trunc(5 * value + 0.5));
  const path: [x: number, y: number][] = [];
  for (let corner = 0; corner < polygon.length; corner += 2) {
    const next = (corner + 2) % polygon.length;
    const [xs, ys, xe, ye] = [corner, corner + 1, next, next + 1].map((n) => fine[n] as number) as [number, number, number, number];
    const [dx, dy] = [Math.abs(xe - xs), Math.abs(ye - ys)];
    const flat = dx >= dy;
    const turned = flat ? xs > xe : ys > ye;
    const [x0, y0, x1, y1] = turned ? [xe, ye, xs, ys] : [xs, ys, xe, ye];
    const length = Math.max(dx, dy);
    const slope = length === 0 ? 0 : flat ? (y1 - y0) / dx : (x1 - x0) / dy;
    for (let d = 0; d <= length; d++) {
      const t = turned ? length - d : d;
      path.push(flat ? [x0 + t, Math.trunc(y0 + slope * t + 0.5)] : [Math.trunc(x0 + slope * t + 0.5), y0 + t]);
    }
  }
  const toggles: number[] = [];
  for (let n = 1; n < path.length; n++) {
    const [[ax, ay], [x, y]] = [path[n - 1] as [number, number], path[n] as [number, number]];
    const column = ((x < ax ? x : x - 1) + 0.5) / 5 - 0.5;
    if (x === ax || !Number.isInteger(column) || column < 0 || column > width - 1) continue;
    toggles.push(column * height + Math.ceil(Math.min(height, Math.max(0, (Math.min(y, ay) + 0.5) / 5 - 0.5))));
  }
  return spansOfToggles(Float64Array.from(toggles).sort(), size);
}

describe('a polygon with edges outside the image', () => {
  const coordinate = fc.oneof(
    fc.integer({ min: -10, max: 30 }),
    fc.double({ min: -10, max: 30, noNaN: true }),
    fc.double({ min: -3000, max: 3000, noNaN: true }),
  );
  const polygon = fc.array(coordinate, { minLength: 6, maxLength: 16 }).map((values) => values.slice(0, values.length & ~1));
  const size = fc.record({ width: fc.integer({ min: 1, max: 20 }), height: fc.integer({ min: 1, max: 20 }) });

  test('has the pixels that it has if each edge is followed from end to end', () => {
    fc.assert(
      fc.property(polygon, size, (corners, image) => {
        expect(spansOfPolygons([corners], image)).toEqual(spansOfWholeEdges(corners, image));
      }),
      { numRuns: Number(process.env.FUZZ ?? 1) * 100 },
    );
  });
});
