/** Values of masks that are not class ids: grey levels around objects of 255, numbers of objects, and 255 itself as the object. */
import type { PixelsById } from '../types.ts';

/** Number of different classes in one mask above which its values are not taken for classes. */
const mostClasses = 64;

/** Number of different values between 0 and 255 that make a rim. */
const fewestLevels = 4;

/** Pixels of values that are not class ids. */
export interface StrangeValues {
  readonly kind: 'rim' | 'many' | 'binary';
  /** Number of the values. */
  readonly values: number;
  /** Share of the pixels that hold them, from 0 to 1. */
  readonly share: number;
}

/** Share of the pixels of a mask that hold some of its values. */
function shareOf(pixels: PixelsById, some: Iterable<number>): number {
  let all = 0;
  for (const n of pixels.values()) all += n;
  let own = 0;
  for (const id of some) own += pixels.get(id) ?? 0;
  return all === 0 ? 0 : own / all;
}

/**
 * Finds values of a mask that are not class ids: levels between 0 and 255 on fewer pixels than 255 has, as resizing or JPEG leaves them
 * at the edge of an object, or more values than one image has classes.
 *
 * @param leftOut background and ignore ids.
 */
export function strangeValuesIn(pixels: PixelsById, leftOut: ReadonlySet<number>): StrangeValues | undefined {
  const ids = [...pixels.keys()].filter((id) => !leftOut.has(id));
  const between = ids.filter((id) => id > 0 && id < 255);
  const isRim =
    pixels.has(0) &&
    pixels.has(255) &&
    between.length >= fewestLevels &&
    between.some((id) => id < 128) &&
    between.some((id) => id >= 128) &&
    ids.every((id) => id <= 255) &&
    shareOf(pixels, between) < shareOf(pixels, [255]);
  if (isRim) return { kind: 'rim', values: between.length, share: shareOf(pixels, between) };
  if (ids.length > mostClasses) return { kind: 'many', values: ids.length, share: shareOf(pixels, ids) };
  return undefined;
}

/** Finds masks of 0 and 255 alone, in which 255 is the object and not an ignore id. @param pixels sum over all masks. */
export function binaryValuesIn(pixels: PixelsById, leftOut: ReadonlySet<number>): StrangeValues | undefined {
  const isBinary = pixels.size === 2 && pixels.has(0) && pixels.has(255) && leftOut.has(0) && leftOut.has(255);
  return isBinary ? { kind: 'binary', values: 1, share: shareOf(pixels, [255]) } : undefined;
}
