import { areaOfSpans, boxOfSpans, fillSpans, filterSpans, spansOfPixels } from '../masks/spans.ts';
import type { Covered, Instance, Mask, PastePlan, Scene, ShapeSet, ShapesAfter, Size } from '../types.ts';
import { resampleMask } from './annotate.ts';
import { type MinVisible, visibility } from './visibility.ts';

/**
 * Subtracts pastes from the masks of a document's annotations, and finds the visible pixels of each paste. Each instance has a mask of
 * its own, so that instances still overlap as they do in the document.
 *
 * @param minVisible limit below which an annotation is dropped; a crowd is kept to its last pixel.
 */
export function annotateShapes(
  { shapes }: ShapeSet,
  { width, height }: Size,
  plan: PastePlan,
  owner: Int32Array,
  minVisible: MinVisible,
): { shapes: ShapesAfter; covered: Covered[] } {
  const kept: { index: number; spans?: Int32Array }[] = [];
  const covered: Covered[] = [];
  const scene = plan.scenes?.target;
  const [keeps, keepsCrowd] = [visibility(minVisible), visibility(0)];
  shapes.forEach(({ id, instance }, index) => {
    if (!instance) {
      // An annotation without a mask cannot follow a jittered scene; it would be at the wrong position.
      if (!scene) kept.push({ index });
      return;
    }
    const spansBefore = scene ? sceneSpans(instance, { width, height }, scene) : instance.spans;
    const spans = filterSpans(spansBefore, width, (i) => owner[i]! <= 0);
    const after = areaOfSpans(spans);
    if (!scene && after === instance.area) {
      kept.push({ index });
      return;
    }
    const before = areaOfSpans(spansBefore);
    const dropped = !(instance.crowd ? keepsCrowd : keeps)({ before, after }, () => [boxOfSpans(spansBefore), boxOfSpans(spans)]);
    if (after < before || dropped) covered.push({ object: id, before, after, dropped });
    if (!dropped) kept.push({ index, spans });
  });
  const pasted = plan.placements.flatMap(({ targetBox: [x0, y0, x1, y1] }, placement) => {
    const spans = spansOfPixels(
      [Math.max(0, x0), Math.max(0, y0), Math.min(width, x1), Math.min(height, y1)],
      (x, y) => owner[y * width + x] === placement + 1,
    );
    return spans.length > 0 ? [{ placement, spans }] : [];
  });
  return { shapes: { kept, pasted }, covered };
}

/** Spans of an instance after the jitter of its whole scene. */
function sceneSpans({ spans }: Instance, { width, height }: Size, scene: Scene): Int32Array {
  const ids = new Uint8Array(width * height);
  fillSpans(spans, [0, 0, width], ids, 1);
  const mask: Mask = { width, height, ids };
  const after = resampleMask(mask, scene, 0).ids;
  return spansOfPixels([0, 0, width, height], (x, y) => after[y * width + x] === 1);
}
