/**
 * Rasterises polygons exactly like Supervisely's SDK, which draws with OpenCV (`fillPoly`): coordinates are truncated to pixels, the border
 * is included, and pixels inside an odd number of rings are filled. Holes are drawn likewise, with their border.
 */
import { spansOfPlane } from '../../masks/spans.ts';
import type { Box, Size } from '../../types.ts';

export type Ring = readonly (readonly number[])[];

/** A polygon with holes. */
export interface Polygon {
  readonly exterior: Ring;
  readonly interior?: readonly Ring[] | null;
}

type Point = readonly [x: number, y: number];

/** Draws the pixels of a row from `x0` to `x1`, both included; clips to the image. */
type Line = (y: number, x0: number, x1: number) => void;

/** Spans of a polygon. */
export function spansOfPolygon({ exterior, interior }: Polygon, size: Size): Int32Array {
  const box = boxOf(exterior, size);
  const [left, top, right, bottom] = box;
  const width = right - left;
  if (width <= 0 || bottom <= top) return new Int32Array(0);
  const pixels = new Uint8Array(width * (bottom - top));
  const lineOf =
    (value: number): Line =>
    (y, x0, x1) => {
      if (y < top || y >= bottom) return;
      const row = (y - top) * width - left;
      const [from, to] = [Math.max(left, x0), Math.min(right, x1 + 1)];
      if (from < to) pixels.fill(value, row + from, row + to);
    };
  fill([exterior], size, lineOf(1));
  if (interior && interior.length > 0) fill(interior, size, lineOf(0));
  return spansOfPlane({ box, pixels });
}

/** Box around a ring, clipped to the image. */
export function boxOf(ring: Ring, { width, height }: Size): Box {
  let [x0, y0, x1, y1] = [width, height, 0, 0];
  for (const [x, y] of ring.map(pixelOf)) [x0, y0, x1, y1] = [Math.min(x0, x), Math.min(y0, y), Math.max(x1, x + 1), Math.max(y1, y + 1)];
  return [Math.max(0, x0), Math.max(0, y0), Math.min(width, x1), Math.min(height, y1)];
}

function pixelOf([x = 0, y = 0]: readonly number[]): Point {
  return [Math.floor(x), Math.floor(y)];
}

/** An edge from its upper to its lower row; columns in units of 1/65536 pixel. */
interface Edge {
  readonly top: number;
  readonly bottom: number;
  readonly x: number;
  /** Columns per row. */
  readonly slope: number;
}

const unit = 65536;

/** Draws the borders of rings, and fills each row between pairs of crossings. */
function fill(rings: readonly Ring[], size: Size, line: Line): void {
  const edges = rings.flatMap((ring) => {
    const corners = ring.map(pixelOf);
    return corners.flatMap((to, i) => edgeOf(corners.at(i - 1) as Point, to, size, line));
  });
  const byTop = edges.sort((a, b) => a.top - b.top);
  const last = Math.min(
    size.height,
    edges.reduce((most, { bottom }) => Math.max(most, bottom), 0),
  );
  let active: Edge[] = [];
  let next = 0;
  for (let y = byTop[0]?.top ?? last; y < last; y++) {
    active = active.filter(({ bottom }) => bottom > y);
    for (; next < byTop.length && (byTop[next] as Edge).top <= y; next++) active.push(byTop[next] as Edge);
    if (y < 0) continue;
    const crossings = active.map(({ x, top, slope }) => x + (y - top) * slope).sort((a, b) => a - b);
    for (let i = 1; i < crossings.length; i += 2)
      line(y, Math.ceil((crossings[i - 1] as number) / unit), Math.floor((crossings[i] as number) / unit));
  }
}

/** Draws the line between two corners. @returns their edge, unless it is level. */
function edgeOf(from: Point, to: Point, size: Size, line: Line): Edge[] {
  const { start, end, visible } = clipped(from, to, size);
  if (visible) drawLine(start, end, line);
  if (from[1] === to[1]) return [];
  // Columns are those of the clipped ends, as in OpenCV; rows only if these differ.
  const [first, second] = start[1] === end[1] ? [from[1], to[1]] : [start[1], end[1]];
  const slope = Math.trunc(((end[0] - start[0]) * unit) / (second - first));
  const [top, bottom] = from[1] < to[1] ? [from[1], to[1]] : [to[1], from[1]];
  const [x, row] = from[1] < to[1] ? [start[0], first] : [end[0], second];
  return [{ top, bottom, x: x * unit + (top - row) * slope, slope }];
}

/** Clips a line to the image (Cohen and Sutherland), in whole pixels. */
function clipped(from: Point, to: Point, { width, height }: Size): { start: Point; end: Point; visible: boolean } {
  let [[x1, y1], [x2, y2]] = [from, to];
  const [right, bottom] = [width - 1, height - 1];
  const side = (x: number): number => (x < 0 ? 1 : x > right ? 2 : 0);
  const code = (x: number, y: number): number => side(x) + (y < 0 ? 4 : y > bottom ? 8 : 0);
  let [a, b] = [code(x1, y1), code(x2, y2)];
  const apart = (): boolean => (a & b) === 0 && (a | b) !== 0;
  if (apart()) {
    if (a & 12) {
      const y = a < 8 ? 0 : bottom;
      x1 += Math.trunc(((y - y1) * (x2 - x1)) / (y2 - y1));
      y1 = y;
      a = side(x1);
    }
    if (b & 12) {
      const y = b < 8 ? 0 : bottom;
      x2 += Math.trunc(((y - y2) * (x2 - x1)) / (y2 - y1));
      y2 = y;
      b = side(x2);
    }
    if (apart() && a) {
      const x = a === 1 ? 0 : right;
      y1 += Math.trunc(((x - x1) * (y2 - y1)) / (x2 - x1));
      [x1, a] = [x, 0];
    }
    if (apart() && b) {
      const x = b === 1 ? 0 : right;
      y2 += Math.trunc(((x - x2) * (y2 - y1)) / (x2 - x1));
      [x2, b] = [x, 0];
    }
  }
  return { start: [x1, y1], end: [x2, y2], visible: (a | b) === 0 };
}

/** Draws a line of pixels, from left to right (Bresenham). */
function drawLine(from: Point, to: Point, line: Line): void {
  const [[x0, y0], [x1, y1]] = from[0] <= to[0] ? [from, to] : [to, from];
  const [dx, dy] = [x1 - x0, Math.abs(y1 - y0)];
  const down = Math.sign(y1 - y0);
  const steep = dy > dx;
  const [long, short] = steep ? [dy, dx] : [dx, dy];
  let error = long - 2 * short;
  let [x, y] = [x0, y0];
  for (let n = 0; n <= long; n++) {
    line(y, x, x);
    const turn = error < 0;
    error += (turn ? 2 * long : 0) - 2 * short;
    if (steep || turn) y += down;
    if (!steep || turn) x++;
  }
}
