/** Outlines of masks, along the edges or through the outermost of their pixels. */
import { boxOfSpans, connectedSpans, fillSpans } from './spans.ts';

/** Points of a closed line, in whole pixels. */
export type Contour = readonly (readonly [x: number, y: number])[];

/**
 * One outline `[x, y, x, y, …]` around all parts and holes of spans: it goes to each further ring and back along the same line, which
 * encloses no area. Filled, it gives the same pixels.
 */
export function outlineOfSpans(spans: Int32Array): number[] {
  const [first = [], ...rest] = ringsOfSpans(spans);
  const start = first.slice(0, 2);
  return [...first, ...rest.flatMap((ring) => [...start, ...ring, ...ring.slice(0, 2)]), ...(rest.length > 0 ? start : [])];
}

/** One outline for each part of spans; filled, they give the same pixels. @returns `undefined` if a part has a hole. */
export function outlinesOfSpans(spans: Int32Array): number[][] | undefined {
  const rings = ringsOfSpans(spans);
  return rings.every(isOuter) ? rings : undefined;
}

/** The outline of spans that are one part without holes; filled, it gives the same pixels. */
export function singleOutline(spans: Int32Array): number[] | undefined {
  const outlines = outlinesOfSpans(spans);
  return outlines?.length === 1 ? outlines[0] : undefined;
}

/** Tests if a ring runs clockwise, as outer rings do. */
function isOuter(ring: readonly number[]): boolean {
  let twice = 0;
  for (let n = 0; n < ring.length; n += 2) {
    const next = (n + 2) % ring.length;
    twice += ring[n]! * ring[next + 1]! - ring[next]! * ring[n + 1]!;
  }
  return twice > 0;
}

/**
 * Contours of spans through their outermost pixels, `[x, y]` in whole pixels. The contour of a hole runs through the pixels around it.
 */
export function contoursOfSpans(spans: Int32Array): Contour[] {
  return ringsOfSpans(spans).map(contourOfRing);
}

/** Contours of the connected parts of spans, each with those of its holes, through the outermost pixels of the part or the hole. */
export function partsOfSpans(spans: Int32Array): { readonly outer: Contour; readonly holes: readonly Contour[] }[] {
  return connectedSpans(spans).map((part) => {
    const [outer = [], ...holes] = ringsOfSpans(part);
    return { outer: contourOfRing(outer), holes: holes.map((ring) => contourOfRing(reversed(ring))) };
  });
}

/** A ring in the opposite direction, with the same first corner. */
function reversed(ring: readonly number[]): number[] {
  return Array.from({ length: ring.length }, (_, i) => ring[(ring.length - i + (i % 2 === 0 ? 0 : 2)) % ring.length]!);
}

/** Contour through the outermost pixels on the right of a ring. */
function contourOfRing(ring: readonly number[]): Contour {
  const contour: [number, number][] = [];
  for (let i = 0; i < ring.length; i += 2) {
    const [x, y] = [ring[i]!, ring[i + 1]!];
    const [nextX, nextY] = [ring[(i + 2) % ring.length]!, ring[(i + 3) % ring.length]!];
    // The first and the last pixel on the right of the edge from one corner to the next.
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
}

/**
 * Closed rings `[x, y, x, y, …]` of corners along the edges of pixels. The pixels are always on the right, so that outer rings run
 * clockwise and holes anticlockwise.
 */
// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: the loop that follows an edge shares its state with the loops that look for edges.
export function ringsOfSpans(spans: Int32Array): number[][] {
  if (spans.length === 0) return [];
  const [left, top, right, bottom] = boxOfSpans(spans);
  // With one pixel of padding on each side. A corner has the index of the pixel to its lower right.
  const width = right - left + 2;
  const pixels = new Uint8Array(width * (bottom - top + 2));
  fillSpans(spans, [left - 1, top - 1, right + 1, bottom + 1], pixels, 1);
  /** For each corner, bits of the directions in which an edge leaves it: right, down, left, up. */
  const leaving = new Uint8Array(pixels.length);
  const add = (corner: number, direction: number): void => {
    leaving[corner]! |= 1 << direction;
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
        const open = leaving[corner]!;
        // Where two edges leave, a right turn separates pixels that touch at a corner only.
        const turns = before < 0 ? [0, 1, 2, 3] : [(before + 1) % 4, before, (before + 3) % 4];
        const direction = turns.find((one) => open & (1 << one)) as number;
        if (direction !== before) ring.push((corner % width) + left - 1, Math.floor(corner / width) + top - 1);
        leaving[corner] = open & ~(1 << direction);
        before = direction;
        corner += steps[direction]!;
      } while (corner !== start);
      rings.push(ring);
    }
  }
  return rings;
}
