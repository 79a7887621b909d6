/** Finds the annotations of a COCO document that cannot be pasted, without rasterising those that can. */
import { unpackCounts } from '../../masks/run-lengths.ts';
import type { Reason } from '../../types.ts';
import { type Undecided, undecided } from '../unpasted.ts';

/** Run lengths of a mask. */
export interface Runs {
  readonly size: readonly number[];
  readonly counts: string | readonly number[];
}

/** Fields of an annotation that decide if it can be pasted. */
export interface Segmented {
  readonly segmentation?: readonly (readonly number[])[] | Runs;
  readonly iscrowd?: number | boolean;
}

/** Reason why an annotation cannot be pasted; a function of the size of its image if that decides. */
export function reasonOf({ segmentation, iscrowd }: Segmented): Reason | undefined | Undecided {
  if (!segmentation) return 'box';
  if (!isPolygons(segmentation)) {
    if (iscrowd) return 'crowd of run lengths';
    return isEmpty(segmentation.counts) ? 'no area' : undefined;
  }
  // A polygon of four numbers counts as a box, as in COCO's tools.
  if (segmentation.every(({ length }) => length === 4)) return 'box';
  const polygons = segmentation.filter(({ length }) => length >= 6);
  if (polygons.length === 0) return 'too few points';
  return iscrowd ? 'crowd' : undecided(polygons);
}

function isPolygons(segmentation: object): segmentation is readonly (readonly number[])[] {
  return Array.isArray(segmentation);
}

/** Tests if run lengths have no run of ones. */
function isEmpty(counts: string | readonly number[]): boolean {
  // Longer text has more runs.
  if (typeof counts === 'string' && counts.length > 16) return false;
  const numbers = typeof counts === 'string' ? unpackCounts(counts) : counts;
  return numbers?.every((count, n) => n % 2 === 0 || count === 0) ?? false;
}
