import type { ClassNames, Instance } from '../../types.ts';

/** An annotation of COCO's, or a segment of a panoptic one. */
interface Stated {
  readonly id: number;
  readonly category_id: number;
  readonly segmentation?: unknown;
  readonly bbox?: readonly number[];
  readonly area?: number;
}

/** An annotation of no category, and a box and an area that are not those of its mask, but for rounding. */
export function contradictionsOfMask(stated: Stated, instance: Instance | undefined, classNames: ClassNames): string[] {
  const { id, category_id: category, segmentation, bbox, area } = stated;
  const found: string[] = [];
  if (!classNames.has(category)) found.push(`annotation ${id} refers to category ${category}, which is not defined`);
  if (!instance) return found;
  const [x0, y0, x1, y1] = instance.box;
  const box = [x0, y0, x1 - x0, y1 - y0];
  if (bbox && box.some((value, i) => Math.abs(value - (bbox[i] as number)) > 2))
    found.push(`annotation ${id} has the box [${bbox}], its mask [${box}]`);
  // The area of a polygon is another thing than its pixels.
  if (area !== undefined && !Array.isArray(segmentation) && area !== instance.area) {
    found.push(`annotation ${id} has the area ${area}, its mask ${instance.area} pixels`);
  }
  return found;
}
