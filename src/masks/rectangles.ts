/** Rectangles around masks, at any angle. */
import type { Size } from '../types.ts';
import { boxOfSpans } from './spans.ts';

/**
 * The smallest rectangle around spans that lies in the image, as four corners `[x, y, x, y, …]`, clockwise. Like the smallest rectangle
 * around any points, it has a side along an edge of their convex hull (Freeman and Shapira 1975). The points are the centres of pixels,
 * and the rectangle is half a pixel larger on each side.
 */
export function smallestRectangle(spans: Int32Array, { width, height }: Size): number[] {
  const [left, top, right, bottom] = boxOfSpans(spans);
  let best = [left, top, right, top, right, bottom, left, bottom];
  let least = (right - left) * (bottom - top);
  const hull = hullOf(spans);
  for (let i = 0; i < hull.length && hull.length > 4; i += 2) {
    const n = (i + 2) % hull.length;
    const [dx, dy] = [hull[n]! - hull[i]!, hull[n + 1]! - hull[i + 1]!];
    const length = Math.sqrt(dx * dx + dy * dy);
    const [ux, uy] = [dx / length, dy / length];
    let [u0, u1, v0, v1] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let k = 0; k < hull.length; k += 2) {
      const [u, v] = [hull[k]! * ux + hull[k + 1]! * uy, hull[k + 1]! * ux - hull[k]! * uy];
      [u0, u1, v0, v1] = [Math.min(u0, u), Math.max(u1, u), Math.min(v0, v), Math.max(v1, v)];
    }
    [u0, u1, v0, v1] = [u0 - 0.5, u1 + 0.5, v0 - 0.5, v1 + 0.5];
    const area = (u1 - u0) * (v1 - v0);
    const corners = [u0, v0, u1, v0, u1, v1, u0, v1];
    const turned = corners.map((_, k) => {
      const [u, v] = [corners[k - (k % 2)]!, corners[k - (k % 2) + 1]!];
      return k % 2 === 0 ? u * ux - v * uy : u * uy + v * ux;
    });
    const isInside = turned.every((value, k) => value >= 0 && value <= (k % 2 === 0 ? width : height));
    if (area < least && isInside) [least, best] = [area, turned];
  }
  return best;
}

/** Corners of the convex hull of the centres of pixels, `[x, y, x, y, …]`, clockwise (Andrew's monotone chain). */
function hullOf(spans: Int32Array): number[] {
  const points: [number, number][] = [];
  for (let i = 0; i < spans.length; i += 3) {
    points.push([spans[i + 1]! + 0.5, spans[i]! + 0.5]);
    if (spans[i + 2]! > spans[i + 1]! + 1) points.push([spans[i + 2]! - 0.5, spans[i]! + 0.5]);
  }
  points.sort(([ax, ay], [bx, by]) => ax - bx || ay - by);
  const chain = (list: readonly [number, number][]): [number, number][] => {
    const kept: [number, number][] = [];
    for (const [x, y] of list) {
      while (kept.length > 1) {
        const [[ax, ay], [bx, by]] = kept.slice(-2) as [[number, number], [number, number]];
        if ((bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0) break;
        kept.pop();
      }
      kept.push([x, y]);
    }
    kept.pop();
    return kept;
  };
  return [...chain(points), ...chain(points.toReversed())].flat();
}
