/** Polygons and ellipses as masks, rasterised exactly like pycocotools (`rleFrPoly` in `maskApi.c`). */
import type { Size } from '../types.ts';
import { spansOfToggles } from './run-lengths.ts';
import { union } from './spans.ts';

/** Points per side of a pixel at which pycocotools samples an edge. */
const steps = 5;

/** Distance from the image, in steps, beyond which only the order of columns matters: points there toggle no pixel or whole columns. */
const margin = 3;

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
  const [right, bottom] = [steps * width + margin, steps * height + margin];
  /** Visits columns in order, all of them above or all below the image. */
  const pass = (from: number, to: number, y: number): void => {
    let x = Math.min(right, Math.max(-margin, from));
    const end = Math.min(right, Math.max(-margin, to));
    for (; x !== end; x += Math.sign(end - x)) visit(x, y);
    visit(x, y);
  };
  for (let corner = 0; corner < corners; corner++) {
    const next = (corner + 1) % corners;
    const [xs, ys, xe, ye] = [fine(2 * corner), fine(2 * corner + 1), fine(2 * next), fine(2 * next + 1)];
    if (Math.max(xs, xe) < -margin || Math.min(xs, xe) > right) continue;
    const [dx, dy] = [Math.abs(xe - xs), Math.abs(ye - ys)];
    // An edge is followed along its longer axis from its smaller end, whatever its direction, so that neighbours share it.
    const flat = dx >= dy;
    const turned = flat ? xs > xe : ys > ye;
    const [x0, y0, x1, y1] = turned ? [xe, ye, xs, ys] : [xs, ys, xe, ye];
    const length = Math.max(dx, dy);
    const slope = length === 0 ? 0 : flat ? (y1 - y0) / dx : (x1 - x0) / dy;
    const column = (t: number): number => Math.trunc(x0 + slope * t + 0.5);
    const follow = (from: number, to: number): void => {
      for (let d = from; d <= to; d++) {
        const t = turned ? from + to - d : d;
        if (flat) visit(x0 + t, Math.trunc(y0 + slope * t + 0.5));
        else visit(column(t), y0 + t);
      }
    };
    // The first and the last step in or near the image, along the longer axis.
    const first = Math.max(0, -margin - (flat ? x0 : y0));
    const last = Math.min(length, flat ? right - x0 : bottom - y0);
    if (flat) {
      follow(first, last);
      continue;
    }
    const above = (): void => passBetween(0, Math.min(first - 1, length), -margin);
    const below = (): void => passBetween(Math.max(last + 1, 0), length, bottom);
    const passBetween = (from: number, to: number, y: number): void => {
      if (from > to) return;
      if (turned) pass(column(to), column(from), y);
      else pass(column(from), column(to), y);
    };
    (turned ? below : above)();
    if (first <= last) follow(first, last);
    (turned ? above : below)();
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

/** Tests if a value is a coordinate in or near an image; a distant one is a mistake, such as an angle or an id. */
export function isCoordinate(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) < 2 ** 20;
}
