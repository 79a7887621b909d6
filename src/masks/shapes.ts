/**
 * Masks of single instances as spans, triples `(y, x0, x1)` in raster order, and as COCO writes them: run lengths of
 * 0 and 1 in turn, column by column, also packed into text; and polygons, filled as COCO's own tools do (pycocotools,
 * `maskApi.c`), so that every pixel is the one that others see.
 */
import type { Box, Size } from '../types.ts';

/** The pixels of a box, one byte each, row by row. */
interface Plane {
  readonly box: Box;
  readonly pixels: Uint8Array;
}

/** Spans of the pixels of a plane that are not 0. */
function spansOf({ box, pixels }: Plane): Int32Array {
  const [x0, y0, x1] = box;
  return spansOfPixels(box, (x, y) => pixels[(y - y0) * (x1 - x0) + x - x0] !== 0);
}

/** Spans of the pixels of a box that hold. */
export function spansOfPixels([x0, y0, x1, y1]: Box, holds: (x: number, y: number) => boolean): Int32Array {
  const spans: number[] = [];
  for (let y = y0; y < y1; y++) {
    for (let x = x0; x < x1; x++) {
      if (!holds(x, y)) continue;
      const from = x;
      while (x < x1 && holds(x, y)) x++;
      spans.push(y, from, x);
    }
  }
  return Int32Array.from(spans);
}

/** The smallest half-open box that holds spans; empty where there are none. */
export function boxOfSpans(spans: Int32Array): Box {
  let [x0, x1] = [Number.POSITIVE_INFINITY, 0];
  for (let i = 0; i < spans.length; i += 3) {
    x0 = Math.min(x0, spans[i + 1] as number);
    x1 = Math.max(x1, spans[i + 2] as number);
  }
  return spans.length === 0 ? [0, 0, 0, 0] : [x0, spans[0] as number, x1, (spans.at(-3) as number) + 1];
}

/** Pixels that spans hold. */
export function areaOfSpans(spans: Int32Array): number {
  let area = 0;
  for (let i = 0; i < spans.length; i += 3) area += (spans[i + 2] as number) - (spans[i + 1] as number);
  return area;
}

/** Spans from places in column-major order at which a mask changes between 0 and 1, ascending. */
function spansOfToggles(toggles: ArrayLike<number>, { width, height }: Size): Int32Array {
  if (toggles.length === 0) return new Int32Array(0);
  const end = (n: number): number => Math.min(toggles[n] ?? width * height, width * height);
  const left = Math.floor((toggles[0] as number) / height);
  const right = Math.min(width, Math.ceil(end(toggles.length - 1 + (toggles.length % 2)) / height));
  const columns = right - left;
  const pixels = new Uint8Array(Math.max(0, columns) * height);
  for (let n = 0; n < toggles.length; n += 2) {
    for (let at = toggles[n] as number; at < end(n + 1); ) {
      const x = Math.floor(at / height);
      const y = at - x * height;
      const last = Math.min(height, y + end(n + 1) - at);
      for (let row = y; row < last; row++) pixels[row * columns + x - left] = 1;
      at += last - y;
    }
  }
  return spansOf({ box: [left, 0, Math.max(left, right), height], pixels });
}

/**
 * Spans of run lengths.
 *
 * @returns `undefined` where they are not the pixels of an image of that size.
 */
export function spansOfCounts(counts: ArrayLike<number>, size: Size): Int32Array | undefined {
  const toggles: number[] = [];
  let at = 0;
  for (let n = 0; n < counts.length; n++) {
    const count = counts[n] as number;
    if (!Number.isInteger(count) || count < 0) return undefined;
    at += count;
    toggles.push(at);
  }
  if (at !== size.width * size.height) return undefined;
  // Where the last run is of ones, it ends where the image does.
  if (counts.length % 2 === 1) toggles.pop();
  return spansOfToggles(toggles, size);
}

/**
 * Spans of run lengths of a box, row by row, beginning with zeros, as CVAT has them.
 *
 * @returns `undefined` where they are not its pixels.
 */
export function spansOfRuns(counts: ArrayLike<number>, [x0, y0, x1, y1]: Box): Int32Array | undefined {
  const width = x1 - x0;
  const spans: number[] = [];
  let at = 0;
  for (let n = 0; n < counts.length; n++) {
    const count = counts[n] as number;
    if (!Number.isInteger(count) || count < 0 || at + count > width * (y1 - y0)) return undefined;
    for (const end = at + count; n % 2 === 1 && at < end; ) {
      const [y, x] = [Math.floor(at / width), at % width];
      const last = Math.min(width, x + end - at);
      // A run of ones after an empty one of zeros goes on.
      if (spans.at(-3) === y0 + y && spans.at(-1) === x0 + x) spans[spans.length - 1] = x0 + last;
      else spans.push(y0 + y, x0 + x, x0 + last);
      at += last - x;
    }
    if (n % 2 === 0) at += count;
  }
  return at === width * (y1 - y0) ? Int32Array.from(spans) : undefined;
}

/** Run lengths of spans in their own box, row by row, beginning with zeros. */
export function runsOfSpans(spans: Int32Array): { counts: number[]; box: Box } {
  const box = boxOfSpans(spans);
  const [x0, y0, x1, y1] = box;
  const toggles: number[] = [];
  for (let i = 0; i < spans.length; i += 3) {
    const row = ((spans[i] as number) - y0) * (x1 - x0) - x0;
    const [from, to] = [row + (spans[i + 1] as number), row + (spans[i + 2] as number)];
    // A run that reaches the right edge goes on at the left one.
    if (toggles.at(-1) === from) toggles[toggles.length - 1] = to;
    else toggles.push(from, to);
  }
  const end = (x1 - x0) * (y1 - y0);
  if (toggles.at(-1) !== end) toggles.push(end);
  return { counts: toggles.map((at, n) => at - (toggles[n - 1] ?? 0)), box };
}

/** Run lengths of spans, column by column, beginning with zeros. */
export function countsOfSpans(spans: Int32Array, { width, height }: Size): number[] {
  const [x0, y0, x1, y1] = boxOfSpans(spans);
  const rows = y1 - y0;
  const columns = new Uint8Array((x1 - x0) * rows);
  for (let i = 0; i < spans.length; i += 3) {
    const y = (spans[i] as number) - y0;
    for (let x = (spans[i + 1] as number) - x0; x < (spans[i + 2] as number) - x0; x++) columns[x * rows + y] = 1;
  }
  const toggles: number[] = [];
  for (let x = 0; x < x1 - x0; x++) {
    for (let y = 0; y < rows; y++) {
      if (columns[x * rows + y] === 0) continue;
      const from = y;
      while (y < rows && columns[x * rows + y] !== 0) y++;
      const top = (x0 + x) * height + y0;
      // A run that reaches the bottom goes on at the top of the next column.
      if (toggles.at(-1) === top + from) toggles[toggles.length - 1] = top + y;
      else toggles.push(top + from, top + y);
    }
  }
  if (toggles.at(-1) !== width * height) toggles.push(width * height);
  return toggles.map((at, n) => at - (toggles[n - 1] ?? 0));
}

/** Run lengths as text: differences to the run before the last, five bits a character. */
export function packCounts(counts: readonly number[]): string {
  let text = '';
  counts.forEach((count, i) => {
    let rest = i > 2 ? count - (counts[i - 2] as number) : count;
    for (let more = true; more; ) {
      const bits = rest & 31;
      rest >>= 5;
      more = bits & 16 ? rest !== -1 : rest !== 0;
      text += String.fromCharCode(48 + (more ? bits | 32 : bits));
    }
  });
  return text;
}

/** @returns `undefined` where the text is not one of run lengths. */
export function unpackCounts(text: string): number[] | undefined {
  const counts: number[] = [];
  for (let at = 0; at < text.length; ) {
    let value = 0;
    for (let shift = 0, more = true; more; shift += 5) {
      const bits = text.charCodeAt(at++) - 48;
      if (!(bits >= 0 && bits < 64) || shift > 30) return undefined;
      value |= (bits & 31) << shift;
      more = (bits & 32) !== 0;
      if (!more && bits & 16 && shift + 5 < 32) value |= -1 << (shift + 5);
    }
    counts.push(counts.length > 2 ? value + (counts.at(-2) as number) : value);
  }
  return counts;
}

/** Five points to a pixel's side: how finely COCO's tools follow an edge. */
const steps = 5;

/** Spans of polygons `[x0, y0, x1, y1, …]` in pixels, together. */
export function spansOfPolygons(polygons: readonly (readonly number[])[], size: Size): Int32Array {
  return union(
    polygons.map((polygon) => spansOfToggles(togglesOfPolygon(polygon, size), size)),
    size,
  );
}

/** Where a polygon's edges cross the centres of columns, as places in column-major order. */
function togglesOfPolygon(polygon: readonly number[], { width, height }: Size): Float64Array {
  const toggles: number[] = [];
  const corners = polygon.length >> 1;
  const fine = (n: number): number => Math.trunc(steps * (polygon[n] as number) + 0.5);
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
    // An edge is walked along its longer axis from its smaller end, whatever its direction, so that neighbours share it.
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

/** Spans of all that any of several spans hold. */
export function union(parts: readonly Int32Array[], size: Size): Int32Array {
  if (parts.length === 1) return parts[0] as Int32Array;
  const boxes = parts.filter((spans) => spans.length > 0).map(boxOfSpans);
  const edge = (n: 0 | 1 | 2 | 3, pick: (a: number, b: number) => number): number =>
    boxes.reduce((best, box) => pick(best, box[n]), boxes[0]?.[n] as number);
  if (boxes.length === 0) return new Int32Array(0);
  const box: Box = [edge(0, Math.min), edge(1, Math.min), Math.min(size.width, edge(2, Math.max)), edge(3, Math.max)];
  const width = box[2] - box[0];
  const pixels = new Uint8Array(width * (box[3] - box[1]));
  for (const spans of parts) fillSpans(spans, box, pixels, 1);
  return spansOf({ box, pixels });
}

/** Writes a value into the pixels of spans in a plane of a box's columns, whose rows begin at its top. */
export function fillSpans(
  spans: Int32Array,
  [left, top, right]: readonly [left: number, top: number, right: number, ...rest: number[]],
  pixels: Uint8Array | Uint16Array | Int32Array,
  value: number,
): void {
  const width = right - left;
  for (let i = 0; i < spans.length; i += 3) {
    const row = ((spans[i] as number) - top) * width - left;
    pixels.fill(value, row + (spans[i + 1] as number), row + (spans[i + 2] as number));
  }
}

/** Corners `[x, y, …]` turned clockwise about a point. */
export function turned(corners: readonly number[], [cx, cy]: readonly [x: number, y: number], degrees: number): number[] {
  const angle = (Math.PI * degrees) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return Array.from({ length: corners.length / 2 }, (_, n) => [
    (corners[2 * n] as number) - cx,
    (corners[2 * n + 1] as number) - cy,
  ]).flatMap(([x = 0, y = 0]) => [cx + x * cos - y * sin, cy + x * sin + y * cos]);
}

/** The outline of an ellipse that is turned clockwise: corners so near that no edge is off by a tenth of a pixel. */
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

/** A coordinate that an image may have, or nearly: edges are walked step by step, and what is far away would take for ever. */
export function isCoordinate(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) < 2 ** 20;
}

/** The spans of those pixels of spans for which `keep` holds at their index in the image. */
export function filterSpans(spans: Int32Array, width: number, keep: (index: number) => boolean): Int32Array {
  const kept: number[] = [];
  for (let i = 0; i < spans.length; i += 3) {
    const y = spans[i] as number;
    const end = spans[i + 2] as number;
    for (let x = spans[i + 1] as number; x < end; x++) {
      if (!keep(y * width + x)) continue;
      const from = x;
      while (x < end && keep(y * width + x)) x++;
      kept.push(y, from, x);
    }
  }
  return Int32Array.from(kept);
}

/**
 * One outline `[x, y, x, y, …]` of spans: it goes to each further part or hole and back along the same line, where it encloses
 * nothing. Filled it is the same pixels again.
 */
export function outlineOfSpans(spans: Int32Array): number[] {
  const [first = [], ...rest] = ringsOfSpans(spans);
  const start = first.slice(0, 2);
  return [...first, ...rest.flatMap((ring) => [...start, ...ring, ...ring.slice(0, 2)]), ...(rest.length > 0 ? start : [])];
}

/** The outlines of the parts of spans, which together fill to the same pixels; `undefined` where a part has a hole. */
export function outlinesOfSpans(spans: Int32Array): number[][] | undefined {
  const rings = ringsOfSpans(spans);
  return rings.every(isOuter) ? rings : undefined;
}

/** Whether a ring has its pixels on its right. */
function isOuter(ring: readonly number[]): boolean {
  let twice = 0;
  for (let n = 0; n < ring.length; n += 2) {
    const next = (n + 2) % ring.length;
    twice += (ring[n] as number) * (ring[next + 1] as number) - (ring[next] as number) * (ring[n + 1] as number);
  }
  return twice > 0;
}

/**
 * The outlines of spans through the outermost pixels of each, `[x, y]` in whole pixels: holes have outlines too, through the pixels
 * around them.
 */
export function contoursOfSpans(spans: Int32Array): [x: number, y: number][][] {
  return ringsOfSpans(spans).map((ring) => {
    const contour: [number, number][] = [];
    for (let i = 0; i < ring.length; i += 2) {
      const [x, y] = [ring[i] as number, ring[i + 1] as number];
      const [nextX, nextY] = [ring[(i + 2) % ring.length] as number, ring[(i + 3) % ring.length] as number];
      // The pixels on the right of the edge that leads from one corner to the next, the first and the last.
      const [right, down] = [Math.sign(nextX - x), Math.sign(nextY - y)];
      const [left, above] = [right < 0 || down > 0 ? -1 : 0, down < 0 || right < 0 ? -1 : 0];
      for (const point of [
        [x + left, y + above],
        [nextX - right + left, nextY - down + above],
      ] as [number, number][]) {
        if (String(contour.at(-1)) !== String(point)) contour.push(point);
      }
    }
    if (contour.length > 1 && String(contour[0]) === String(contour.at(-1))) contour.pop();
    return contour;
  });
}

/**
 * The outlines of spans along the edges of their pixels, as closed rings `[x, y, x, y, …]` of corners: outer ones with the
 * pixels on their right, holes the other way round.
 */
function ringsOfSpans(spans: Int32Array): number[][] {
  if (spans.length === 0) return [];
  const [left, top, right, bottom] = boxOfSpans(spans);
  // A frame of one pixel lies around, and a corner is named by its place in it.
  const width = right - left + 2;
  const pixels = new Uint8Array(width * (bottom - top + 2));
  fillSpans(spans, [left - 1, top - 1, right + 1, bottom + 1], pixels, 1);
  /** For each corner, bits of the directions in which an edge leaves it: right, down, left, up. */
  const leaving = new Uint8Array(pixels.length);
  const add = (corner: number, direction: number): void => {
    leaving[corner] = (leaving[corner] as number) | (1 << direction);
  };
  for (let at = width; at < pixels.length; at++) {
    if (pixels[at] !== pixels[at - width]) {
      if (pixels[at]) add(at, 0);
      else add(at + 1, 2);
    }
    if (pixels[at] !== pixels[at - 1]) {
      if (pixels[at]) add(at + width, 3);
      else add(at, 1);
    }
  }
  const steps = [1, width, -1, -width];
  const rings: number[][] = [];
  for (let start = 0; start < leaving.length; start++) {
    while (leaving[start]) {
      const ring: number[] = [];
      let before = -1;
      let corner = start;
      do {
        const open = leaving[corner] as number;
        // Where two edges leave, turning right keeps to the pixels that touch by a corner alone apart.
        const turns = before < 0 ? [0, 1, 2, 3] : [(before + 1) % 4, before, (before + 3) % 4];
        const direction = turns.find((one) => open & (1 << one)) as number;
        if (direction !== before) ring.push((corner % width) + left - 1, Math.floor(corner / width) + top - 1);
        leaving[corner] = open & ~(1 << direction);
        before = direction;
        corner += steps[direction] as number;
      } while (corner !== start);
      rings.push(ring);
    }
  }
  return rings;
}
