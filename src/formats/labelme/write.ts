import { basename } from 'node:path';
import { encodeMask } from '../../codecs/png.ts';
import { contoursOfSpans } from '../../masks/outlines.ts';
import { boxOfSpans, fillSpans } from '../../masks/spans.ts';
import type { LabelmeDocument, LabelmeShape, Pasted, ShapeSet, Size } from '../../types.ts';
import { spansOfShapes } from './drawing.ts';

/**
 * The labelme file of an image that was pasted into: shapes that pastes left alone as they were, then those that changed. An image
 * that the file had in itself is in its own file alone.
 *
 * @param image the path of the image in the output.
 */
export async function labelmeText(
  { plan, original, source, shapes }: Pasted,
  image: string,
  classNames: ReadonlyMap<number, string>,
): Promise<string> {
  const { document, size, shapes: before } = original.shapes as ShapeSet;
  const { kept, pasted } = shapes as NonNullable<Pasted['shapes']>;
  // Shapes of another data set have labels of their own.
  const from = source.inputs ? [] : (source.shapes?.shapes ?? []).filter(({ instance }) => instance);
  const { shapes: own } = document as LabelmeDocument;
  let group = own.reduce((next, { group_id: id }) => (Number.isSafeInteger(id) ? Math.max(next, Number(id) + 1) : next), 0);
  const write = async (shape: LabelmeShape, spans: Int32Array): Promise<LabelmeShape[]> => {
    const parts = await partsOf(shape, spans, size);
    if (parts.length === 1 || typeof shape.group_id === 'number') return parts;
    const id = group++;
    return parts.map((part) => ({ ...part, group_id: id }));
  };
  // Later shapes lie on top: each keeps its place.
  const placeOf = new Map(own.map((shape, place) => [shape, place]));
  const places: LabelmeShape[][] = own.map(() => []);
  for (const { index, spans } of kept) {
    const parts = before[index]?.parts as readonly LabelmeShape[];
    const [first] = parts as [LabelmeShape];
    if (spans) places[placeOf.get(first) as number] = await write(first, spans);
    else for (const part of parts) places[placeOf.get(part) as number] = [part];
  }
  const all = places.flat();
  for (const { placement, spans } of pasted) {
    const { instance, classId } = plan.placements[placement] as Pasted['plan']['placements'][0];
    const shape = from[instance]?.parts?.[0] ?? { label: classNames.get(classId) ?? String(classId), points: [], flags: {} };
    all.push(...(await write({ ...shape, group_id: null }, spans)));
  }
  const { imagePath } = document as LabelmeDocument;
  return `${JSON.stringify({ ...document, shapes: all, imagePath: renamed(imagePath, image), imageData: null }, undefined, 2)}\n`;
}

/** The labelme file of an image that has another name now, else as it was. */
export function renamedLabelmeText(text: string, image: string): string {
  return text.replace(/("imagePath"\s*:\s*)("(?:[^"\\]|\\.)*")/, (_, key: string, path: string) => {
    return key + JSON.stringify(renamed(JSON.parse(path), image));
  });
}

/** A path as it was, with another file's name. */
function renamed(path = '', image: string): string {
  return path.slice(0, path.length - basename(path.replaceAll('\\', '/')).length) + basename(image);
}

/**
 * What has exactly these pixels where labelme draws it: a polygon for each part, or, where polygons cannot say it, as a hole, one
 * shape that is a mask.
 */
async function partsOf(shape: LabelmeShape, spans: Int32Array, size: Size): Promise<LabelmeShape[]> {
  const polygons = contoursOfSpans(spans).map((points): LabelmeShape => {
    return { ...shape, points, shape_type: 'polygon', ...('mask' in shape && { mask: null }) };
  });
  const exact = polygons.every(({ points }) => points.length > 2) && same(spansOfShapes(polygons, size), spans);
  if (exact) return polygons;
  const [x0, y0, x1, y1] = boxOfSpans(spans);
  const ids = new Uint8Array((x1 - x0) * (y1 - y0));
  fillSpans(spans, [x0, y0, x1, y1], ids, 1);
  const png = await encodeMask({ width: x1 - x0, height: y1 - y0, ids });
  const points = [
    [x0, y0],
    [x1 - 1, y1 - 1],
  ] as const;
  return [{ ...shape, points, shape_type: 'mask', mask: Buffer.from(png).toString('base64') }];
}

function same(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
