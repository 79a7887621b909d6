import { basename } from 'node:path';
import { outlineOfSpans } from '../shapes.ts';
import type { LabelmeDocument, LabelmeShape, Pasted, ShapeSet } from '../types.ts';

/**
 * The labelme file of an image that was pasted into: shapes that pastes left alone as they were, then polygons. An image that
 * the file had in itself is in its own file alone.
 *
 * @param image the path of the image in the output.
 */
export function labelmeText({ plan, original, source, shapes, classNames }: Pasted, image: string): string {
  const { document, shapes: before } = original.shapes as ShapeSet;
  const { kept, pasted } = shapes as NonNullable<Pasted['shapes']>;
  const from = source.inputs ? [] : (source.shapes?.shapes ?? []).filter(({ instance }) => instance);
  const polygon = (shape: LabelmeShape, spans: Int32Array): LabelmeShape => {
    const outline = outlineOfSpans(spans);
    const points = Array.from({ length: outline.length / 2 }, (_, i): [number, number] => [
      outline[2 * i] as number,
      outline[2 * i + 1] as number,
    ]);
    return { ...shape, points, group_id: null, shape_type: 'polygon' };
  };
  const all = [
    ...kept.flatMap(({ index, spans }) => {
      const parts = before[index]?.parts as readonly LabelmeShape[];
      return spans ? [polygon(parts[0] as LabelmeShape, spans)] : parts;
    }),
    ...pasted.map(({ placement, spans }) => {
      const { instance, classId } = plan.placements[placement] as Pasted['plan']['placements'][0];
      const own = from[instance]?.parts?.[0] ?? { label: classNames.get(classId) ?? String(classId), points: [], flags: {} };
      return polygon(own, spans);
    }),
  ];
  const { imagePath = '' } = document as LabelmeDocument;
  const folder = imagePath.slice(0, imagePath.length - basename(imagePath.replaceAll('\\', '/')).length);
  return `${JSON.stringify({ ...document, shapes: all, imagePath: folder + basename(image), imageData: null }, undefined, 2)}\n`;
}
