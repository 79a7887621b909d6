/** Masks of single instances as spans: triples `(y, x0, x1)`, half-open, in raster order. */
import type { Box, Instance, Size, Turn } from '../types.ts';

/** Box and spans of an instance. */
export type Shape = Pick<Instance, 'box' | 'spans' | 'start' | 'end'>;

/** The pixels of a box, one byte each, row by row. */
interface Plane {
  readonly box: Box;
  readonly pixels: Uint8Array;
}

/** Spans of the non-zero pixels of a plane. */
export function spansOfPlane({ box, pixels }: Plane): Int32Array {
  const [x0, y0, x1] = box;
  return spansOfPixels(box, (x, y) => pixels[(y - y0) * (x1 - x0) + x - x0] !== 0);
}

/** Spans of the pixels of a box for which `holds` is true. */
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

/** The smallest half-open box around spans; empty if there are none. */
export function boxOfSpans(spans: Int32Array): Box {
  let [x0, x1] = [Number.POSITIVE_INFINITY, 0];
  for (let i = 0; i < spans.length; i += 3) {
    x0 = Math.min(x0, spans[i + 1]!);
    x1 = Math.max(x1, spans[i + 2]!);
  }
  return spans.length === 0 ? [0, 0, 0, 0] : [x0, spans[0]!, x1, spans[spans.length - 3]! + 1];
}

/** A shape with the axes of its placement. */
export function turned(shape: Shape, { transpose }: Pick<Turn, 'transpose'>): Shape {
  return transpose ? transposed(shape) : shape;
}

/** A shape with its axes exchanged: pixel `(x, y)` becomes `(y, x)`. */
export function transposed({ box: [x0, y0, x1, y1], spans, start, end }: Shape): Shape {
  const box: Box = [y0, x0, y1, x1];
  const height = y1 - y0;
  const pixels = new Uint8Array((x1 - x0) * height);
  for (let i = start; i < end; i += 3) {
    const column = spans[i]! - y0;
    for (let x = spans[i + 1]!; x < spans[i + 2]!; x++) pixels[(x - x0) * height + column] = 1;
  }
  const exchanged = spansOfPlane({ box, pixels });
  return { box, spans: exchanged, start: 0, end: exchanged.length };
}

/** Number of pixels in spans. */
export function areaOfSpans(spans: Int32Array): number {
  let area = 0;
  for (let i = 0; i < spans.length; i += 3) area += spans[i + 2]! - spans[i + 1]!;
  return area;
}

/** Spans of the union of several masks. */
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
  return spansOfPlane({ box, pixels });
}

/** Divides spans into parts that are connected along edges of pixels, in the order of their first spans. */
export function connectedSpans(spans: Int32Array): Int32Array[] {
  const first = Array.from({ length: spans.length / 3 }, (_, n) => n);
  const rootOf = (n: number): number => {
    let root = n;
    while (first[root] !== root) root = first[root] = first[first[root]!]!;
    return root;
  };
  for (let i = 0, above = 0; i < first.length; i++) {
    const [y, from, to] = [spans[3 * i]!, spans[3 * i + 1]!, spans[3 * i + 2]!];
    while (spans[3 * above]! < y - 1 || (spans[3 * above] === y - 1 && spans[3 * above + 2]! <= from)) above++;
    for (let n = above; spans[3 * n] === y - 1 && spans[3 * n + 1]! < to; n++) {
      const [one, other] = [rootOf(n), rootOf(i)];
      first[Math.max(one, other)] = Math.min(one, other);
    }
  }
  const parts = new Map<number, number[]>();
  for (let i = 0; i < first.length; i++) {
    const root = rootOf(i);
    const part = parts.get(root) ?? [];
    part.push(spans[3 * i]!, spans[3 * i + 1]!, spans[3 * i + 2]!);
    parts.set(root, part);
  }
  return [...parts.values()].map((part) => Int32Array.from(part));
}

/** Writes a value into the pixels of spans, in a plane that begins at the top of a box and is as wide. */
export function fillSpans(
  spans: Int32Array,
  [left, top, right]: readonly [left: number, top: number, right: number, ...rest: number[]],
  pixels: Uint8Array | Uint16Array | Int32Array,
  value: number,
): void {
  const width = right - left;
  for (let i = 0; i < spans.length; i += 3) {
    const row = (spans[i]! - top) * width - left;
    pixels.fill(value, row + spans[i + 1]!, row + spans[i + 2]!);
  }
}

/** Spans of the pixels for which `keep` is true, given their index in the image. */
export function filterSpans(spans: Int32Array, width: number, keep: (index: number) => boolean): Int32Array {
  const kept: number[] = [];
  for (let i = 0; i < spans.length; i += 3) {
    const y = spans[i]!;
    const end = spans[i + 2]!;
    for (let x = spans[i + 1]!; x < end; x++) {
      if (!keep(y * width + x)) continue;
      const from = x;
      while (x < end && keep(y * width + x)) x++;
      kept.push(y, from, x);
    }
  }
  return Int32Array.from(kept);
}

/** Index of the first span of each row of a shape's box, then the end of the last row. */
export function rowStarts({ box: [, top, , bottom], spans, start, end }: Shape): Int32Array {
  const starts = new Int32Array(bottom - top + 1);
  for (let n = 0, s = start; n < starts.length; starts[n++] = s) while (s < end && spans[s]! < top + n) s += 3;
  return starts;
}

/** A shape of spans that belong to it alone. */
export function shapeOfSpans(spans: Int32Array): Shape {
  return { box: boxOfSpans(spans), spans, start: 0, end: spans.length };
}

/** Tests if two boxes have a pixel in common. */
export function boxesMeet(a: Box, b: Box): boolean {
  return a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
}

/** Number of pixels that two shapes have in common. */
export function countCommon(a: Shape, b: Shape): number {
  if (!boxesMeet(a.box, b.box)) return 0;
  const top = Math.max(a.box[1], b.box[1]);
  let pixels = 0;
  for (let i = firstFrom(a, top), j = firstFrom(b, top); i < a.end && j < b.end; ) {
    const later = a.spans[i]! - b.spans[j]!;
    if (later === 0) {
      const from = Math.max(a.spans[i + 1]!, b.spans[j + 1]!);
      const to = Math.min(a.spans[i + 2]!, b.spans[j + 2]!);
      if (from < to) pixels += to - from;
    }
    if (later < 0 || (later === 0 && a.spans[i + 2]! < b.spans[j + 2]!)) i += 3;
    else j += 3;
  }
  return pixels;
}

/** Spans of the pixels of one shape that another lacks. */
export function difference(a: Shape, b: Shape): Int32Array {
  if (!boxesMeet(a.box, b.box)) return a.spans.slice(a.start, a.end);
  const left: number[] = [];
  let j = firstFrom(b, a.box[1]);
  for (let i = a.start; i < a.end; i += 3) {
    const [y, end] = [a.spans[i]!, a.spans[i + 2]!];
    let from = a.spans[i + 1]!;
    while (j < b.end && (b.spans[j]! < y || (b.spans[j] === y && b.spans[j + 2]! <= from))) j += 3;
    for (; j < b.end && b.spans[j] === y && b.spans[j + 1]! < end; j += 3) {
      if (b.spans[j + 1]! > from) left.push(y, from, b.spans[j + 1]!);
      from = b.spans[j + 2]!;
      // The next span of `a` may meet it too.
      if (from >= end) break;
    }
    if (from < end) left.push(y, from, end);
  }
  return Int32Array.from(left);
}

/** Index of the first span of a shape that does not lie above a row. */
function firstFrom({ spans, start, end }: Shape, top: number): number {
  let [low, high] = [0, (end - start) / 3];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (spans[start + 3 * middle]! < top) low = middle + 1;
    else high = middle;
  }
  return start + 3 * low;
}
