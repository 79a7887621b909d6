import type { ClassNames, Instance, Size } from '../../types.ts';

/** A COCO annotation, or a panoptic segment. */
interface Stated {
  readonly id: number;
  readonly category_id: number;
  readonly segmentation?: unknown;
  readonly bbox?: readonly number[];
  readonly area?: number;
  readonly iscrowd?: number | boolean;
}

/** Finds an undefined category, and a box or an area that differs from the mask by more than rounding. */
export function contradictionsOfMask(stated: Stated, instance: Instance | undefined, classNames: ClassNames, size: Size): string[] {
  const { id, category_id: category, segmentation, bbox, area, iscrowd } = stated;
  const found: string[] = [];
  if (!classNames.has(category)) found.push(`annotation ${id} refers to category ${category}, which is not defined`);
  if (!instance) return found;
  const [x0, y0, x1, y1] = instance.box;
  const box = [x0, y0, x1 - x0, y1 - y0];
  const differs = (one: readonly number[]): boolean => one.some((value, i) => Math.abs(value - (bbox?.[i] as number)) > 2);
  // COCO's boxes are those of the corners, which may be larger than the mask.
  if (bbox?.length === 4 && differs(box) && boxesOfPolygons(segmentation, size).every(differs))
    found.push(`annotation ${id} states the box [${bbox}], but its mask has the box [${box}]`);
  // A polygon's area is geometric, and differs from its number of pixels; COCO's crowds state that of the polygons that they were made from.
  const isGeometric = Array.isArray(segmentation) || (segmentation && iscrowd);
  if (typeof area === 'number' && !isGeometric && area !== instance.area) {
    found.push(`annotation ${id} states the area ${area}, but its mask has ${instance.area} pixels`);
  }
  return found;
}

/** Boxes of the corners of polygons: of all corners, and of their part inside the image. */
function boxesOfPolygons(segmentation: unknown, { width, height }: Size): number[][] {
  if (!Array.isArray(segmentation)) return [];
  const corners = (segmentation as readonly (readonly number[])[]).filter(({ length }) => length >= 6).flat();
  let [x0, y0, x1, y1] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let n = 0; n < corners.length; n += 2) {
    const [x, y] = [corners[n] as number, corners[n + 1] as number];
    [x0, y0, x1, y1] = [Math.min(x0, x), Math.min(y0, y), Math.max(x1, x), Math.max(y1, y)];
  }
  const [left, top, right, bottom] = [Math.max(0, x0), Math.max(0, y0), Math.min(width, x1), Math.min(height, y1)];
  return [
    [x0, y0, x1 - x0, y1 - y0],
    [left, top, right - left, bottom - top],
  ];
}
