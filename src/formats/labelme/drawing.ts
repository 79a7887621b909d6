/**
 * Rasterises shapes exactly like labelme. labelme draws with Pillow (`ImageDraw`, `Draw.c`), which truncates coordinates to integers and
 * includes the border.
 */

import { pngHeader } from '../../codecs/png.ts';
import { decodeMask } from '../../codecs/png-masks.ts';
import { spansOfPixels } from '../../masks/spans.ts';
import type { Box, Reason, Size } from '../../types.ts';
import type { Provenance } from '../format.ts';

/** A shape in a labelme file. */
export interface LabelmeShape {
  readonly label: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly group_id?: number | string | null;
  readonly shape_type?: string | null;
  /** Base64 PNG of a mask; its points are opposite corners of its box. */
  readonly mask?: string | null;
  /** Source of a paste. */
  readonly copypaste?: Provenance;
}

/** Labels that are not classes, with the value of their pixels in drawn masks, as in labelme's converters. */
export const noClass: ReadonlyMap<string, 'ignore' | 'background'> = new Map([
  ['__ignore__', 'ignore'],
  ['_background_', 'background'],
]);

type Point = readonly [x: number, y: number];

/** Draws the pixels of a row from `x0` to `x1`, both included; clips to the image. */
type Line = (y: number, x0: number, x1: number) => void;

/** Numbers of points of the types with an area; X-AnyLabeling writes rectangles of four corners and its own types of four. */
const pointsOf: ReadonlyMap<string, (n: number) => boolean> = new Map([
  ['polygon', (n) => n > 2],
  ['rectangle', (n) => n === 2 || n === 4],
  ['circle', (n) => n === 2],
  ['mask', (n) => n === 2],
  ['oriented_rectangle', (n) => n === 4],
  ['rotation', (n) => n === 4],
  ['quadrilateral', (n) => n === 4],
]);

/** Tests if a shape has an area; lines and points have none. */
export function hasArea({ shape_type: type, points }: Pick<LabelmeShape, 'shape_type' | 'points'>): boolean {
  return pointsOf.get(type ?? 'polygon')?.(points.length) ?? false;
}

/** Reason why a shape is never pasted; undefined if it can be. @param size of the image, if the file states it. */
export function unpastedReason(shape: LabelmeShape, size: Size | undefined): Reason | undefined {
  const type = shape.shape_type ?? 'polygon';
  if (!pointsOf.has(type)) return `of type '${type}'`;
  if (noClass.has(shape.label)) return `labelled '${shape.label}'`;
  if (!hasArea(shape)) return 'wrong number of points';
  if (!size) return undefined;
  const [x0, y0, x1, y1] = boxOf([shape], size);
  if (x0 >= x1 || y0 >= y1) return 'outside the image';
  // Only small circles have no pixel.
  return type === 'circle' && x1 - x0 <= 2 && spansOfShapes([shape], size).length === 0 ? 'no area' : undefined;
}

/**
 * Spans of the union of shapes.
 *
 * @throws {Error} when a mask is invalid, or reaches outside the image.
 */
export function spansOfShapes(shapes: readonly LabelmeShape[], size: Size): Int32Array {
  const drawn = shapes.filter(hasArea);
  const box = boxOf(drawn, size);
  const [left, top, right, bottom] = box;
  const width = right - left;
  if (width <= 0 || bottom <= top) return new Int32Array(0);
  const pixels = new Uint8Array(width * (bottom - top));
  const line: Line = (y, x0, x1) => {
    if (y < top || y >= bottom) return;
    const row = (y - top) * width - left;
    const [from, to] = [Math.max(left, x0), Math.min(right, x1 + 1)];
    if (from < to) pixels.fill(1, row + from, row + to);
  };
  for (const shape of drawn) draw(shape, size, line);
  return spansOfPixels(box, (x, y) => pixels[(y - top) * width + x - left] !== 0);
}

/** Box around shapes, clipped to the image. */
function boxOf(shapes: readonly LabelmeShape[], { width, height }: Size): Box {
  let [x0, y0, x1, y1] = [width, height, 0, 0];
  for (const { points, shape_type: type } of shapes) {
    const radius = type === 'circle' ? distance(points[0] as Point, points[1] as Point) : 0;
    for (const [x, y] of type === 'circle' ? points.slice(0, 1) : points) {
      x0 = Math.min(x0, Math.trunc(x - radius));
      y0 = Math.min(y0, Math.trunc(y - radius));
      x1 = Math.max(x1, Math.trunc(x + radius) + 1);
      y1 = Math.max(y1, Math.trunc(y + radius) + 1);
    }
  }
  return [Math.max(0, x0), Math.max(0, y0), Math.min(width, x1), Math.min(height, y1)];
}

function distance([ax, ay]: Point, [bx, by]: Point): number {
  return Math.sqrt((ax - bx) * (ax - bx) + (ay - by) * (ay - by));
}

function draw({ shape_type: type, points, mask }: LabelmeShape, size: Size, line: Line): void {
  const [first, second] = points as [Point, Point];
  const corners = points.map(([x, y]): Point => [Math.trunc(x), Math.trunc(y)]);
  if (type === 'circle') {
    const radius = distance(first, second);
    const [x0, y0, x1, y1] = [first[0] - radius, first[1] - radius, first[0] + radius, first[1] + radius].map(Math.trunc) as [
      number,
      number,
      number,
      number,
    ];
    drawEllipse([x0, y0, x1, y1], size.height, line);
  } else if ((type === 'rectangle' || type === 'mask') && points.length === 2) {
    const [[ax, ay], [bx, by]] = corners as [Point, Point];
    const rows = [Math.max(0, Math.min(ay, by)), Math.min(size.height - 1, Math.max(ay, by))] as const;
    if (type === 'mask') drawMask(mask, [ax, ay, bx + 1, by + 1], size, line);
    else for (let y = rows[0]; y <= rows[1]; y++) line(y, Math.min(ax, bx), Math.max(ax, bx));
  } else drawPolygon(corners, size.height, line);
}

/** Draws the nonzero pixels of a mask shape. */
function drawMask(mask: unknown, [x0, y0, x1, y1]: Box, { width, height }: Size, line: Line): void {
  if (typeof mask !== 'string') throw new Error('the mask is missing');
  if (x0 < 0 || y0 < 0 || x1 > width || y1 > height) throw new Error('the mask reaches outside the image');
  const bytes = Buffer.from(mask, 'base64');
  const header = pngHeader(bytes);
  if (!header) throw new Error('the mask is not a PNG');
  if (header.width !== x1 - x0 || header.height !== y1 - y0)
    throw new Error(`the mask is ${header.width}×${header.height}, but its box is ${x1 - x0}×${y1 - y0}`);
  const { ids } = decodeMask(bytes, 'the mask');
  for (let i = 0; i < ids.length; i++) {
    const x = x0 + (i % header.width);
    if (ids[i] !== 0) line(y0 + Math.floor(i / header.width), x, x);
  }
}

/** Rows between the first row that is followed and the image; after them, the outline is the same as from the centre. */
const rowsBefore = 32;

/**
 * Draws an ellipse in a box of whole pixels, both edges included. Follows the outline from the centre row outwards, in half pixels
 * from the centre; each step goes to the nearest of three candidates. Only rows in the image are drawn, so rows far from it are left out.
 */
function drawEllipse([x0, y0, x1, y1]: Box, height: number, line: Line): void {
  const [a, b] = [x1 - x0, y1 - y0];
  if (a + b === 0) return;
  const off = (x: number, y: number): number => Math.abs(a * a * y * y + b * b * x * x - a * a * b * b);
  // Distances of the image's nearest and farthest rows from the centre.
  const [upper, lower] = [y0 + y1, 2 * (height - 1) - y0 - y1];
  const nearest = Math.max(-upper, -lower) - 2 * rowsBefore;
  const farthest = Math.max(upper, lower);
  const parity = b % 2;
  let [x, y] = [a, parity];
  if (nearest > parity) {
    y = Math.min(nearest - ((nearest - parity) % 2), b);
    x = (a % 2) + 2 * Math.round((a * Math.sqrt(Math.max(0, 1 - (y / b) ** 2)) - (a % 2)) / 2);
  }
  let row = -1;
  while (y <= Math.min(b, farthest)) {
    // The first point in a row is the widest.
    if (y !== row) {
      for (const side of y === 0 ? [0] : [-y, y]) line(y0 + (side + b) / 2, x0 + (a - x) / 2, x0 + (a + x) / 2);
      row = y;
    }
    if (x === a % 2 && y === b) return;
    let next = [x, y + 2] as const;
    if (x > 1) {
      if (off(...next) > off(x - 2, y + 2)) next = [x - 2, y + 2];
      if (off(...next) > off(x - 2, y)) next = [x - 2, y];
    }
    [x, y] = next;
  }
}

interface Edge {
  readonly top: number;
  readonly bottom: number;
  /** Columns per row, as a 32-bit float. */
  readonly slope: number;
  readonly x: number;
  readonly y: number;
  readonly order: number;
}

const { fround } = Math;

/** Column where an edge crosses a row, rounded to single precision at each step as in Pillow. */
function crossing({ x, y, slope }: Edge, row: number): number {
  return fround(fround(fround(row - y) * slope) + x);
}

/** Rounds to the nearest integer, halves away from 0. */
function round(x: number): number {
  return Math.sign(x) * Math.floor(Math.abs(x) + 0.5);
}

/**
 * Draws a polygon of whole pixels. Each row is filled between pairs of crossings with the edges, both included. At a sharp corner,
 * the crossing moves to the position of the edges in the next row, so that the corner is not cut off.
 *
 * One function, like Pillow's `polygon_generic`, so that the two can be compared line by line.
 */
// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: can be compared with Pillow line by line.
function drawPolygon(corners: readonly Point[], height: number, line: Line): void {
  const edges: Edge[] = [];
  let [first, last] = [height - 1, 0];
  corners.forEach(([x, y], i) => {
    const [nextX, nextY] = corners[(i + 1) % corners.length] as Point;
    first = Math.min(first, y, nextY);
    last = Math.max(last, y, nextY);
    if (y === nextY) line(y, Math.min(x, nextX), Math.max(x, nextX));
    else {
      const slope = fround(fround(nextX - x) / fround(nextY - y));
      edges.push({ top: Math.min(y, nextY), bottom: Math.max(y, nextY), slope, x, y, order: edges.length });
    }
  });
  const waiting = [...edges].sort((a, b) => a.top - b.top || a.order - b.order);
  let next = 0;
  let active: Edge[] = [];
  const end = Math.min(last, height);
  const found = new Float32Array(2 * edges.length);
  for (let row = Math.max(0, first); row <= end; row++) {
    if (active.some(({ bottom }) => bottom < row)) active = active.filter(({ bottom }) => bottom >= row);
    const before = next;
    for (; next < waiting.length && (waiting[next] as Edge).top <= row; next++) {
      const edge = waiting[next] as Edge;
      if (edge.bottom >= row) active.push(edge);
    }
    if (next > before) active.sort((a, b) => a.order - b.order);
    // The first edge that ends at a column of this row, by the side on which it lies.
    const ends = new Map<string, Edge>();
    let count = 0;
    for (const edge of active) {
      let x = crossing(edge, row);
      const twice = row === edge.bottom && row < end;
      if ((row === edge.top || row === edge.bottom) && edge.slope !== 0) {
        const side = row === edge.bottom ? -1 : 1;
        const key = `${side} ${round(x)}`;
        const other = ends.get(key);
        if (other && !twice) {
          const [mine, its] = [crossing(edge, row + side), crossing(other, row + side)];
          if (x > fround(mine + 1) && x > fround(its + 1)) x = round(Math.max(mine, its)) + 1;
          else if (x < fround(mine - 1) && x < fround(its - 1)) x = round(Math.min(mine, its)) - 1;
        }
        if (!other) ends.set(key, edge);
      }
      found[count++] = x;
      if (twice) found[count++] = x;
    }
    const crossings = found.subarray(0, count).sort();
    for (let i = 1; i < count; i += 2) {
      const [from, to] = [crossings[i - 1] as number, crossings[i] as number];
      line(
        row,
        from >= 0 ? Math.floor(fround(from + 0.5)) : -Math.floor(0.5 - from),
        to >= 0 ? Math.ceil(fround(to - 0.5)) : -Math.ceil(-to - 0.5),
      );
    }
  }
}
