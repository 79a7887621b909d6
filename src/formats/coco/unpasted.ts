/** Finds the annotations of a COCO document that cannot be pasted, without rasterising those that can. */
import type { Reason } from '../../types.ts';
import { isEmpty, type Runs } from '../rle.ts';
import { type Undecided, undecided } from '../unpasted.ts';

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
    return isEmpty(segmentation) ? 'no area' : undefined;
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
