/** Polygons and ellipses as masks, rasterised exactly like pycocotools (`rleFrPoly` in `maskApi.c`). */
import type { Size } from '../types.ts';
import { spansOfToggles } from './run-lengths.ts';
import { union } from './spans.ts';

/** Points per side of a pixel at which pycocotools samples an edge. */
const steps = 5;

/** Spans of the union of polygons `[x0, y0, x1, y1, …]`, in pixels. */
export function spansOfPolygons(polygons: readonly (readonly number[])[], size: Size): Int32Array {
  return union(
    polygons.map((polygon) => spansOfToggles(togglesOfPolygon(polygon, size), size)),
    size,
  );
}

/** Crossings of a polygon's edges with the centres of columns, as ascending positions in column-major order. */
function togglesOfPolygon(polygon: readonly number[], { width, height }: Size): Float64Array {
  const toggles: number[] = [];
  const corners = polygon.length >> 1;
  const fine = (n: number): number => Math.trunc(steps * polygon[n]! + 0.5);
  let last: { x: number; y: number } | undefined;
  const visit = (x: number, y: number): void => {
    if (last && last.x !== x) {
      const column = ((x < last.x ? x : x - 1) + 0.5) / steps - 0.5;
      if (Number.isInteger(column) && column >= 0 && column <= width - 1) {
        const row = Math.ceil(Math.min(height, Math.max(0, (Math.min(y, last.y) + 0.5) / steps - 0.5)));
        toggles.push(column * height + row);
      }
    }
    last = { x, y };
  };
  for (let corner = 0; corner < corners; corner++) {
    const next = (corner + 1) % corners;
    const [xs, ys, xe, ye] = [fine(2 * corner), fine(2 * corner + 1), fine(2 * next), fine(2 * next + 1)];
    const [dx, dy] = [Math.abs(xe - xs), Math.abs(ye - ys)];
    // An edge is followed along its longer axis from its smaller end, whatever its direction, so that neighbours share it.
    const flat = dx >= dy;
    const turned = flat ? xs > xe : ys > ye;
    const [x0, y0, x1, y1] = turned ? [xe, ye, xs, ys] : [xs, ys, xe, ye];
    const length = Math.max(dx, dy);
    const slope = length === 0 ? 0 : flat ? (y1 - y0) / dx : (x1 - x0) / dy;
    for (let d = 0; d <= length; d++) {
      const t = turned ? length - d : d;
      if (flat) visit(x0 + t, Math.trunc(y0 + slope * t + 0.5));
      else visit(Math.trunc(x0 + slope * t + 0.5), y0 + t);
    }
  }
  return Float64Array.from(toggles).sort();
}

/** Corners `[x, y, …]`, rotated clockwise about a point. */
export function turned(corners: readonly number[], [cx, cy]: readonly [x: number, y: number], degrees: number): number[] {
  const angle = (Math.PI * degrees) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return Array.from({ length: corners.length / 2 }, (_, n) => [corners[2 * n]! - cx, corners[2 * n + 1]! - cy]).flatMap(
    ([x = 0, y = 0]) => [cx + x * cos - y * sin, cy + x * sin + y * cos],
  );
}

/** Outline of an ellipse, rotated clockwise, with enough corners that no edge is off by a tenth of a pixel. */
export function outlineOfEllipse(
  [cx, cy]: readonly [x: number, y: number],
  [rx, ry]: readonly [x: number, y: number],
  degrees: number,
): number[] {
  const corners = Math.max(16, Math.ceil(8 * Math.sqrt(Math.max(rx, ry))));
  const outline = Array.from({ length: corners }, (_, i) => (2 * Math.PI * i) / corners).flatMap((angle) => [
    cx + rx * Math.cos(angle),
    cy + ry * Math.sin(angle),
  ]);
  return turned(outline, [cx, cy], degrees);
}

/** Tests if a value is a coordinate in or near an image. Edges are followed step by step, so a distant corner would take too long. */
export function isCoordinate(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) < 2 ** 20;
}
