import type { ClassNames, Instance } from '../../types.ts';

/** A COCO annotation, or a panoptic segment. */
interface Stated {
  readonly id: number;
  readonly category_id: number;
  readonly segmentation?: unknown;
  readonly bbox?: readonly number[];
  readonly area?: number;
}

/** Finds an undefined category, and a box or an area that differs from the mask by more than rounding. */
export function contradictionsOfMask(stated: Stated, instance: Instance | undefined, classNames: ClassNames): string[] {
  const { id, category_id: category, segmentation, bbox, area } = stated;
  const found: string[] = [];
  if (!classNames.has(category)) found.push(`annotation ${id} refers to category ${category}, which is not defined`);
  if (!instance) return found;
  const [x0, y0, x1, y1] = instance.box;
  const box = [x0, y0, x1 - x0, y1 - y0];
  if (bbox && box.some((value, i) => Math.abs(value - (bbox[i] as number)) > 2))
    found.push(`annotation ${id} states the box [${bbox}], but its mask has the box [${box}]`);
  // A polygon's area is geometric, and differs from its number of pixels.
  if (area !== undefined && !Array.isArray(segmentation) && area !== instance.area) {
    found.push(`annotation ${id} states the area ${area}, but its mask has ${instance.area} pixels`);
  }
  return found;
}
