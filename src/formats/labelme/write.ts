/** Writes labelme files. */
import { basename } from 'node:path';
import { encodeMask } from '../../codecs/png-masks.ts';
import { contoursOfSpans } from '../../masks/outlines.ts';
import { boxOfSpans, fillSpans } from '../../masks/spans.ts';
import type { Size } from '../../types.ts';
import { type NewPaths, type PastedShapes, provenanceOf, type WriteOptions } from '../format.ts';
import { jsonText, withValue } from '../json-text.ts';
import { type LabelmeShape, spansOfShapes } from './drawing.ts';
import type { LabelmeDocument, ShapeIndices } from './read.ts';

/**
 * Writes the labelme file of an image after pasting: its own shapes in their order, untouched ones unchanged, then pastes. Removes
 * embedded image data.
 */
export async function labelmeText(
  { before, kept, pasted }: PastedShapes<LabelmeDocument, ShapeIndices>,
  { image }: NewPaths,
  { classNames }: WriteOptions,
): Promise<string> {
  const { own: document, size } = before;
  let group = document.shapes.reduce((next, { group_id: id }) => (Number.isSafeInteger(id) ? Math.max(next, Number(id) + 1) : next), 0);
  const write = async (shape: LabelmeShape, spans: Int32Array): Promise<LabelmeShape[]> => {
    const parts = await shapesOfSpans(shape, spans, size);
    if (parts.length === 1 || typeof shape.group_id === 'number') return parts;
    const id = group++;
    return parts.map((part) => ({ ...part, group_id: id }));
  };
  // Later shapes cover earlier ones, so each keeps its position.
  const written: LabelmeShape[][] = document.shapes.map(() => []);
  for (const { shape, spans } of kept) {
    const [first] = shape.own as readonly [number];
    if (spans) written[first] = await write(document.shapes[first] as LabelmeShape, spans);
    else for (const index of shape.own) written[index] = [document.shapes[index] as LabelmeShape];
  }
  const all = written.flat();
  for (const one of pasted) {
    const { spans, classId, origin } = one;
    const copied = origin?.own.shapes[origin.shape.own[0] as number];
    const shape = copied ?? { label: classNames.get(classId) ?? String(classId), points: [], flags: {} };
    for (const part of await write({ ...shape, group_id: null, copypaste: provenanceOf(one) }, spans)) all.push(part);
  }
  const { imagePath } = document;
  return `${jsonText({ ...document, shapes: all, imagePath: renamedPath(imagePath, image), imageData: null }, '')}\n`;
}

/** Replaces the image name in a labelme file, and nothing else. */
export function renamedLabelmeText(text: string, image: string): string {
  return withValue(text, 'imagePath', (path) => (path === 'null' ? path : JSON.stringify(renamedPath(JSON.parse(path), image))));
}

/** Replaces the file name of a path. */
function renamedPath(path: string | null | undefined, image: string): string {
  const before = path ?? '';
  return before.slice(0, before.length - basename(before.replaceAll('\\', '/')).length) + basename(image);
}

/**
 * Shapes that labelme draws with exactly these pixels: one polygon per part, or one mask if polygons are not exact, for example
 * because of a hole.
 */
async function shapesOfSpans(shape: LabelmeShape, spans: Int32Array, size: Size): Promise<LabelmeShape[]> {
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
