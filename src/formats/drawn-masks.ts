import { vocPalette } from '../masks/palette.ts';
import { fillSpans } from '../masks/spans.ts';
import type { Instance, LabelmeShape, Mask, Pasted, ShapeSet } from '../types.ts';
import { noClass, spansOfShapes } from './labelme/drawing.ts';

/** The file that names the ids of drawn masks of classes. */
export const classNamesFile = 'class_names.txt';

/** Names of the ids of drawn masks of classes, a line each from id 0, which is the background. */
export function classNamesText(classNames: ReadonlyMap<number, string>): string {
  return ['_background_', ...inOrder(classNames).map((id) => classNames.get(id))].map((name) => `${name}\n`).join('');
}

function inOrder(classNames: ReadonlyMap<number, string>): number[] {
  return [...classNames.keys()].sort((a, b) => a - b);
}

/** What is drawn: pixels of a class, or a labelme shape that may have none. */
interface Drawn extends Pick<ShapeSet['shapes'][0], 'parts'> {
  readonly instance?: Pick<Instance, 'classId' | 'spans'>;
}

interface Drawing extends Pick<ShapeSet, 'size' | 'document'> {
  readonly shapes: readonly Drawn[];
}

/**
 * Draws the masks of shapes as labelme's own converter to VOC does: of classes, from 1 in the order of their ids, and of objects,
 * from 1 in the order of shapes; later ones lie on top, and parts of a group where they are in their file. What has no class is void,
 * and no object.
 */
export function drawMasks({ size, document, shapes }: Drawing, classNames: ReadonlyMap<number, string>): [classes: Mask, objects: Mask] {
  const { width, height } = size;
  const places = new Map(document?.shapes.map((shape, place) => [shape, place]));
  const ids = new Map(inOrder(classNames).map((id, i) => [id, i + 1]));
  const wide = ids.size >= 0xff;
  const voidId = wide ? 0xffff : 0xff;
  const plane = (wide: boolean): Mask['ids'] => new (wide ? Uint16Array : Uint8Array)(width * height);
  const [classes, objects] = [plane(wide), plane(shapes.length > 0xff)];
  const layers = shapes.flatMap(({ instance, parts = [] }, i) => {
    const none = noClass.get(parts[0]?.label as string);
    const id = instance ? (ids.get(instance.classId) ?? voidId) : none === 'background' ? 0 : voidId;
    const layer = (part: LabelmeShape | undefined, spans: Int32Array) => {
      return { place: (part && places.get(part)) ?? Number.MAX_SAFE_INTEGER, spans, id, object: id === voidId ? 0 : i + 1 };
    };
    if (parts.length > 1 || none) return parts.map((part) => layer(part, spansOfShapes([part], size)));
    return instance ? [layer(parts[0], instance.spans)] : [];
  });
  for (const { spans, id, object } of layers.sort((a, b) => a.place - b.place)) {
    fillSpans(spans, [0, 0, width], classes, id);
    fillSpans(spans, [0, 0, width], objects, object);
  }
  const mask = (ids: Mask['ids']): Mask => ({ width, height, ids, ...(ids instanceof Uint8Array && { palette: vocPalette(256) }) });
  return [mask(classes), mask(objects)];
}

/** The shapes of an image that was pasted into, in the order of its file. */
export function pastedShapes({ plan, original, shapes }: Pasted): Drawing {
  const { shapes: before, ...rest } = original.shapes as ShapeSet;
  const { kept, pasted } = shapes as NonNullable<Pasted['shapes']>;
  const drawn = (classId: number, spans: Int32Array, parts: Drawn['parts'] = []): Drawn => ({ instance: { classId, spans }, parts });
  const all = [
    ...kept.map(({ index, spans }) => {
      const shape = before[index] as Drawn;
      // What changed is in the place of its first part.
      return spans && shape.instance ? drawn(shape.instance.classId, spans, shape.parts?.slice(0, 1)) : shape;
    }),
    ...pasted.map(({ placement, spans }) => drawn(plan.placements[placement]?.classId as number, spans)),
  ];
  return { ...rest, shapes: all };
}
