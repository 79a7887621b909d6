/** Regions of an annotation, and their pixels. */

import { spansOfBrush } from '../../masks/brush.ts';
import { outlineOfEllipse, spansOfPolygons, turned } from '../../masks/polygons.ts';
import type { Size } from '../../types.ts';
import type { Grouped } from '../stacks.ts';
import type { Result, TaskAnnotation } from './tasks.ts';

export interface Region {
  /** Indices of the results that describe it; the first one has its geometry. */
  readonly results: readonly number[];
  readonly labels: readonly string[];
  readonly form: Grouped['form'];
}

/** Kinds of geometry. A point has no area, as a vector has none. */
export type Geometry = 'brush' | 'polygon' | 'ellipse' | 'rectangle' | 'point';

/** Geometry of a result; undefined for choices, texts and relations. */
export function geometryOf({ value = {} }: Pick<Result, 'value'>): Geometry | undefined {
  if ('rle' in value) return 'brush';
  if ('points' in value) return 'polygon';
  if ('radiusX' in value) return 'ellipse';
  if ('width' in value && 'height' in value) return 'rectangle';
  return 'x' in value || 'vertices' in value ? 'point' : undefined;
}

/** Key of the labels in a value. */
export function labelsKey(value: object): string | undefined {
  return Object.keys(value).find((key) => /labels$/i.test(key));
}

/** Divides the results of an annotation into regions. All results of a region have its id; scripts also give one id to several regions. */
export function regionsOf({ result }: TaskAnnotation): Region[] {
  const results = result ?? [];
  const found = new Map<string, number[]>();
  const byId = new Map<string, number[]>();
  for (const [n, one] of results.entries()) {
    if (!geometryOf(one)) continue;
    const key = one.id === undefined ? `${n}` : placeOf(one);
    const region = found.get(key) ?? [];
    region.push(n);
    found.set(key, region);
    if (one.id !== undefined && !byId.has(one.id)) byId.set(one.id, region);
  }
  for (const [n, one] of results.entries()) if (!geometryOf(one) && one.id !== undefined) byId.get(one.id)?.push(n);
  return [...found.values()].map((indices) => {
    const parts = indices.map((n) => results[n] as Result);
    return { results: indices, labels: labelsOf(parts), form: formOf(parts[0] as Result) };
  });
}

/** Id and geometry of a result, as text. */
function placeOf({ id, value = {} }: Result): string {
  const { points, rle, x, y, width, height, radiusX, radiusY, rotation } = value;
  return JSON.stringify([id, points, rle, x, y, width, height, radiusX, radiusY, rotation]);
}

/** Labels of a region, which one of its results may have. */
function labelsOf(parts: readonly Result[]): readonly string[] {
  const named = parts.map(({ value = {} }) => (value[labelsKey(value) ?? ''] ?? []) as readonly string[]);
  return named.find(({ length }) => length > 0) ?? [];
}

function formOf(result: Result): Grouped['form'] {
  const { value = {} } = result;
  const geometry = geometryOf(result);
  if (geometry === 'rectangle') return value.rotation ? 'turned box' : 'box';
  if (geometry === 'polygon') return value.closed === false || (value.points?.length ?? 0) < 3 ? 'other' : 'area';
  return geometry === 'point' ? 'other' : 'area';
}

/** Outline of a polygon, an ellipse or a rectangle, in pixels `[x, y, …]`. */
export function outlineOf(result: Result, { width, height }: Size): number[] {
  const { value = {} } = result;
  if (value.points) return value.points.flatMap(([x = 0, y = 0]) => [(x * width) / 100, (y * height) / 100]);
  const across = (key: string): number => ((value[key] as number) * width) / 100;
  const down = (key: string): number => ((value[key] as number) * height) / 100;
  const [x, y] = [across('x'), down('y')];
  const degrees = value.rotation ?? 0;
  if ('radiusX' in value) return outlineOfEllipse([x, y], [across('radiusX'), down('radiusY')], degrees);
  const [right, bottom] = [x + across('width'), y + down('height')];
  // A rectangle turns about its first corner.
  return turned([x, y, right, y, right, bottom, x, bottom], [x, y], degrees);
}

/** Spans of a region with an area. @throws {Error} when the run lengths of a brush are invalid. */
export function spansOfRegion(result: Result, size: Size): Int32Array {
  const { rle } = result.value ?? {};
  return rle ? spansOfBrush(rle, size) : spansOfPolygons([outlineOf(result, size)], size);
}

/** Points in percent of the image, of an outline in pixels. */
export function percentOf(outline: readonly number[], { width, height }: Size): number[][] {
  return Array.from({ length: outline.length / 2 }, (_, n) => [
    ((outline[2 * n] as number) * 100) / width,
    ((outline[2 * n + 1] as number) * 100) / height,
  ]);
}
