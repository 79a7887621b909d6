import { outlineOfSpans } from '../shapes.ts';
import type { Pasted, ShapeSet } from '../types.ts';

/** The label file of an image that was pasted into: lines that pastes left alone as they were, then those that changed. */
export function labelText({ plan, original, shapes }: Pasted): string {
  const { size, shapes: before } = original.shapes as ShapeSet;
  const { kept, pasted } = shapes as NonNullable<Pasted['shapes']>;
  const line = (classId: number, spans: Int32Array): string => {
    return [classId, ...outlineOfSpans(spans).map((value, i) => round(value / (i % 2 === 0 ? size.width : size.height)))].join(' ');
  };
  const lines = [
    ...kept.map(({ index, spans }) => {
      const { line: own, instance } = before[index] as ShapeSet['shapes'][0];
      return spans && instance ? line(instance.classId, spans) : (own as string);
    }),
    ...pasted.map(({ placement, spans }) => line(plan.placements[placement]?.classId as number, spans)),
  ];
  return lines.map((one) => `${one}\n`).join('');
}

/** To a thousandth of a pixel of a large image. */
function round(fraction: number): number {
  return Math.round(fraction * 1e7) / 1e7;
}
