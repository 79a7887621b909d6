/**
 * Values of masks that are not class ids: grey levels around objects in white, numbers of objects, and white itself as the object, also with
 * other levels for other classes.
 */
import type { PixelsById } from '../types.ts';

/** Number of different classes in one mask above which its values are not taken for classes. */
const mostClasses = 64;

/** Number of different values between 0 and white that make a rim. */
const fewestLevels = 4;

/** White of 8 and of 16 bits. */
const whites = [0xff, 0xffff] as const;
type White = (typeof whites)[number];

/** Pixels of values that are not class ids. */
export interface StrangeValues {
  readonly kind: 'rim' | 'many' | 'binary' | 'even' | 'numbers';
  /** Value of the object, if it is white. */
  readonly white?: White;
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
 * Finds values of a mask that are not class ids: levels between 0 and white on fewer pixels than white has, as resizing or JPEG leaves them
 * at the edge of an object, or more values than one image has classes.
 *
 * @param leftOut background and ignore ids.
 */
export function strangeValuesIn(pixels: PixelsById, leftOut: ReadonlySet<number>): StrangeValues | undefined {
  const ids = [...pixels.keys()].filter((id) => !leftOut.has(id));
  for (const white of whites) {
    const between = ids.filter((id) => id > 0 && id < white);
    const isRim =
      pixels.has(0) &&
      pixels.has(white) &&
      between.length >= fewestLevels &&
      between.some((id) => 2 * id < white) &&
      between.some((id) => 2 * id >= white) &&
      ids.every((id) => id <= white) &&
      shareOf(pixels, between) < shareOf(pixels, [white]);
    if (isRim) return { kind: 'rim', white, values: between.length, share: shareOf(pixels, between) };
  }
  if (ids.length > mostClasses) return { kind: 'many', values: ids.length, share: shareOf(pixels, ids) };
  return undefined;
}

/** Finds masks of 0 and white alone, in which white is the object and not an ignore id. @param pixels sum over all masks. */
export function binaryValuesIn(pixels: PixelsById, leftOut: ReadonlySet<number>): StrangeValues | undefined {
  if (pixels.size !== 2 || !pixels.has(0) || !leftOut.has(0)) return undefined;
  const white = whites.find((id) => pixels.has(id) && leftOut.has(id));
  return white && { kind: 'binary', white, values: 1, share: shareOf(pixels, [white]) };
}

/** Largest number of levels that stand for classes. */
const mostLevels = 17;

/** Finds masks of three or more levels at equal distances from 0 to white, in which white is a class and not an ignore id. @param pixels sum over all masks. */
export function evenValuesIn(pixels: PixelsById, leftOut: ReadonlySet<number>): StrangeValues | undefined {
  const levels = [...pixels.keys()].sort((a, b) => a - b);
  const white = whites.find((id) => id === levels.at(-1) && leftOut.has(id));
  if (white === undefined || levels.length < 3 || levels.length > mostLevels) return undefined;
  const step = white / (levels.length - 1);
  if (levels.some((level, n) => Math.abs(level - n * step) >= 1)) return undefined;
  return { kind: 'even', white, values: levels.length, share: shareOf(pixels, [white]) };
}

/** Fewest masks, and fewest ids in one of them, that show numbers of objects. */
const [fewestMasks, fewestNumbers] = [4, 10];

/** Fewest different numbers of ids; a class that some masks lack makes two. */
const fewestLengths = 3;

/** Share of the masks that must have all numbers; a few may have lost an object that others cover. */
const leastComplete = 0.9;

/** Creates a count of masks that hold the ids from 1 to a number that differs between masks, as numbers of objects do. */
export function createNumberedMasks(leftOut: ReadonlySet<number>) {
  let [masks, complete, largest] = [0, 0, 0];
  const lengths = new Set<number>();
  return {
    add(pixels: PixelsById): void {
      const ids = [...pixels.keys()].filter((id) => id > 0 && !leftOut.has(id));
      if (ids.length === 0) return;
      masks++;
      lengths.add(ids.length);
      largest = Math.max(largest, ids.length);
      if (ids.every((id) => id <= ids.length)) complete++;
    },
    /** @param pixels sum over all masks. */
    result(pixels: PixelsById): StrangeValues | undefined {
      const differ = lengths.size >= Math.max(fewestLengths, Math.min(masks / 2, fewestNumbers));
      if (masks < fewestMasks || largest < fewestNumbers || complete < leastComplete * masks || !differ) return undefined;
      const ids = [...pixels.keys()].filter((id) => id > 0 && !leftOut.has(id));
      return { kind: 'numbers', values: largest, share: shareOf(pixels, ids) };
    },
  };
}
