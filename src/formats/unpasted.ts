/** Finds polygons that cannot be pasted, without rasterising those that can. */
import { spansOfPolygons } from '../masks/polygons.ts';
import type { Reason, Size } from '../types.ts';

/** Left and upper end of the polygons of an annotation, with the polygons themselves if they may have no pixel. */
export interface Undecided {
  readonly corner: readonly [x: number, y: number];
  readonly polygons?: readonly (readonly number[])[];
}

/** Finds polygons outside any image; the rest is undecided. */
export function undecided(polygons: readonly (readonly number[])[]): Reason | Undecided {
  let [x0, y0, x1, y1] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let area = 0;
  for (const polygon of polygons) {
    let twice = 0;
    let before = polygon[polygon.length - 2] as number;
    let above = polygon[polygon.length - 1] as number;
    for (let n = 0; n < polygon.length; n += 2) {
      const x = polygon[n] as number;
      const y = polygon[n + 1] as number;
      if (x < x0) x0 = x;
      if (x > x1) x1 = x;
      if (y < y0) y0 = y;
      if (y > y1) y1 = y;
      twice += before * y - x * above;
      before = x;
      above = y;
    }
    area += Math.abs(twice) / 2;
  }
  if (x1 <= 0 || y1 <= 0) return 'outside the image';
  // Only a polygon that is thinner than a pixel may miss all centres of pixels.
  const thin = area <= x1 - x0 + (y1 - y0);
  return { corner: [x0, y0], ...(thin && { polygons }) };
}

/** Decides with the size of the image. */
export function reasonIn({ corner: [x, y], polygons }: Undecided, size: Size): Reason | undefined {
  if (x >= size.width || y >= size.height) return 'outside the image';
  return polygons && spansOfPolygons(polygons, size).length === 0 ? 'no area' : undefined;
}
