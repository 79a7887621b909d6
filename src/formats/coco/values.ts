/** Checks of the values in COCO documents: a known key of the wrong type is a fault, never taken for absent. */
import { isCoordinate } from '../../masks/polygons.ts';
import type { Size } from '../../types.ts';
import { type Keys, length, list, optional, shown } from '../keys.ts';
import { problemOfRuns } from '../rle.ts';

export function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

type Kind = Keys[string];

const isNumber = (value: unknown): boolean => typeof value === 'number';
export const id: Kind = { expects: 'an integer from 0', fits: isId };
export const name: Kind = { expects: 'text', fits: (value) => typeof value === 'string' && value !== '' };
const number: Kind = { expects: 'a number', fits: isNumber };
const box: Kind = {
  expects: 'a list of four numbers',
  fits: (value) => Array.isArray(value) && (value.length === 0 || (value.length === 4 && value.every(isNumber))),
};
export const flag: Kind = optional({ expects: '0 or 1', fits: (value) => [0, 1, true, false].includes(value as number) });
export const someText: Kind = optional({ expects: 'text', fits: (value) => typeof value === 'string' });

export const imageKeys: Keys = { id, file_name: name, width: optional(length), height: optional(length) };

export const measureKeys: Keys = { area: optional(number), bbox: optional(box), iscrowd: flag };

export const annotationKeys: Keys = { id, image_id: id, category_id: id, ...measureKeys, keypoints: optional(list) };

/** Names what is wrong with a segmentation; `undefined` if it is right or absent. @param image size of the image, if it is known. */
export function problemOfSegmentation(value: unknown, image: Size | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return problemOfPolygons(value);
  if (typeof value !== 'object') return `segmentation is ${shown(value)}, not a list of polygons or run lengths`;
  const problem = problemOfRuns(value, image);
  return problem === undefined ? undefined : `segmentation: ${problem}`;
}

function problemOfPolygons(parts: readonly unknown[]): string | undefined {
  if (parts.length > 0 && parts.every(isNumber)) return 'the segmentation is a list of numbers, not of polygons; put it into another list';
  const points = (some: readonly unknown[]): boolean =>
    some.every((point) => Array.isArray(point) && point.length === 2 && point.every(isNumber));
  if (parts.length > 2 && points(parts)) return 'the segmentation is a list of points, not of polygons; write it as [[x, y, x, y, …]]';
  for (const polygon of parts) {
    const where = 'the segmentation is not a list of polygons';
    if (!Array.isArray(polygon)) return `${where}: it contains ${shown(polygon)}`;
    if (polygon.length > 0 && points(polygon)) return `${where}: a polygon is a list of points; write it as [x, y, x, y, …]`;
    const wrong = polygon.find((value) => !isCoordinate(value));
    if (wrong !== undefined || polygon.includes(undefined))
      return isNumber(wrong) ? 'the segmentation has coordinates far outside the image' : `${where}: a polygon contains ${shown(wrong)}`;
    if (polygon.length % 2 === 1) return `${where}: a polygon has ${polygon.length} numbers, which are not pairs`;
  }
  return undefined;
}
