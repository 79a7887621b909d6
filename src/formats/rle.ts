/** Run lengths in COCO's form, as several formats store masks: an object of size and counts. */
import { areRunsOf, unpackCounts } from '../masks/run-lengths.ts';
import type { Size } from '../types.ts';
import { shown } from './keys.ts';

/** Run lengths of a mask. */
export interface Runs {
  readonly size: readonly number[];
  readonly counts: string | readonly number[];
}

/** Names what is wrong with run lengths. @param image size of the image, if it is known. */
export function problemOfRuns({ size, counts }: { size?: unknown; counts?: unknown }, image: Size | undefined): string | undefined {
  if (!Array.isArray(size) || size.length !== 2 || !size.every((length) => Number.isSafeInteger(length) && length >= 0))
    return `size is ${shown(size)}, not a list of height and width`;
  if (typeof counts !== 'string' && !(Array.isArray(counts) && counts.every((count) => typeof count === 'number')))
    return `counts is ${shown(counts)}, not text or a list of numbers`;
  const [height, width] = size as [number, number];
  if (image && (height !== image.height || width !== image.width))
    return `the run lengths have the size ${width}×${height}, but the image is ${image.width}×${image.height}`;
  return areRunsOf(counts, width * height) ? undefined : 'the run lengths do not add up to the pixels of the image';
}

/** Tests if run lengths have no run of ones. */
export function isEmpty({ counts }: Runs): boolean {
  // Longer text has more runs.
  if (typeof counts === 'string' && counts.length > 16) return false;
  const numbers = typeof counts === 'string' ? unpackCounts(counts) : counts;
  return numbers?.every((count, n) => n % 2 === 0 || count === 0) ?? false;
}
