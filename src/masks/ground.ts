/** Classes of a mask under a shape and under its foot. */
import type { Mask } from '../types.ts';
import type { Shape } from './spans.ts';

/** A pixel of an image. */
export type Point = readonly [x: number, y: number];

/**
 * Foot of an instance: the middle pixel of its lowest row, counted over the pixels that the row has; of two middle pixels the left one.
 *
 * @param shape of at least one pixel.
 */
export function footOf({ spans, start, end }: Pick<Shape, 'spans' | 'start' | 'end'>): Point {
  const y = spans[end - 3]!;
  let first = end;
  let pixels = 0;
  while (first > start && spans[first - 3] === y) {
    first -= 3;
    pixels += spans[first + 2]! - spans[first + 1]!;
  }
  let left = (pixels - 1) >> 1;
  for (let s = first; ; s += 3) {
    const length = spans[s + 2]! - spans[s + 1]!;
    if (left < length) return [spans[s + 1]! + left, y];
    left -= length;
  }
}

/** Class id of the ground under a foot: of the pixel below it, or of its own pixel in the last row of the mask. */
export function groundUnder([x, y]: Point, { width, height, ids }: Mask): number {
  return ids[Math.min(y + 1, height - 1) * width + x]!;
}

/** Tests if a shape lies on a pixel of one of the classes. */
export function meetsClass(
  { spans, start, end }: Pick<Shape, 'spans' | 'start' | 'end'>,
  mask: Mask,
  classes: ReadonlySet<number>,
): boolean {
  const { width, ids } = mask;
  for (let s = start; s < end; s += 3) {
    const row = spans[s]! * width;
    const to = row + spans[s + 2]!;
    for (let i = row + spans[s + 1]!, last = -1; i < to; i++) {
      const id = ids[i]!;
      if (id !== last && classes.has(id)) return true;
      last = id;
    }
  }
  return false;
}
