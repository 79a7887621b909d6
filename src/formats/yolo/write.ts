import { outlineOfSpans } from '../../masks/outlines.ts';
import { boxOfSpans } from '../../masks/spans.ts';
import type { Pasted, ShapeSet } from '../../types.ts';

/**
 * The label file of an image that was pasted into: lines that pastes left alone as they were, then those that changed. A file of
 * boxes stays one, since Ultralytics refuses a file that mixes boxes and outlines.
 */
export function labelText({ plan, original, shapes }: Pasted): string {
  const { size, shapes: before } = original.shapes as ShapeSet;
  const { kept, pasted } = shapes as NonNullable<Pasted['shapes']>;
  const boxes = before.length > 0 && before.every(({ line }) => line?.split(/\s+/).length === 5);
  const line = (classId: number, spans: Int32Array): string => {
    const values = boxes ? centredBox(spans) : outlineOfSpans(spans);
    return [classId, ...values.map((value, i) => round(value / (i % 2 === 0 ? size.width : size.height)))].join(' ');
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

/** The centre of a box and its size, as YOLO has them. */
function centredBox(spans: Int32Array): number[] {
  const [x0, y0, x1, y1] = boxOfSpans(spans);
  return [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0];
}

/** To a thousandth of a pixel of a large image. */
function round(fraction: number): number {
  return Math.round(fraction * 1e7) / 1e7;
}
