import { noClass, spansOfShapes } from '../drawing.ts';
import { vocPalette } from '../palette.ts';
import { fillSpans } from '../shapes.ts';
import type { Instance, Mask, Pasted, ShapeSet, Size } from '../types.ts';

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

/**
 * Draws the masks of shapes as labelme's own converter to VOC does: of classes, from 1 in the order of their ids, and of objects,
 * from 1 in the order of shapes; later ones lie on top. What has no class is void, and no object.
 */
export function drawMasks(size: Size, shapes: readonly Drawn[], classNames: ReadonlyMap<number, string>): [classes: Mask, objects: Mask] {
  const { width, height } = size;
  const ids = new Map(inOrder(classNames).map((id, i) => [id, i + 1]));
  const wide = ids.size >= 0xff;
  const voidId = wide ? 0xffff : 0xff;
  const plane = (wide: boolean): Mask['ids'] => new (wide ? Uint16Array : Uint8Array)(width * height);
  const [classes, objects] = [plane(wide), plane(shapes.length > 0xff)];
  shapes.forEach(({ instance, parts = [] }, i) => {
    const none = noClass.get(parts[0]?.label as string);
    const id = instance ? (ids.get(instance.classId) ?? voidId) : none === 'background' ? 0 : voidId;
    const spans = instance?.spans ?? (none ? spansOfShapes(parts, size) : new Int32Array(0));
    fillSpans(spans, [0, 0, width], classes, id);
    fillSpans(spans, [0, 0, width], objects, id === voidId ? 0 : i + 1);
  });
  const mask = (ids: Mask['ids']): Mask => ({ width, height, ids, ...(ids instanceof Uint8Array && { palette: vocPalette(256) }) });
  return [mask(classes), mask(objects)];
}

/** The shapes of an image that was pasted into, in the order of its file. */
export function pastedShapes({ plan, original, shapes }: Pasted): Drawn[] {
  const { shapes: before } = original.shapes as ShapeSet;
  const { kept, pasted } = shapes as NonNullable<Pasted['shapes']>;
  const drawn = (classId: number, spans: Int32Array): Drawn => ({ instance: { classId, spans } });
  return [
    ...kept.map(({ index, spans }) => {
      const shape = before[index] as Drawn;
      return spans && shape.instance ? drawn(shape.instance.classId, spans) : shape;
    }),
    ...pasted.map(({ placement, spans }) => drawn(plan.placements[placement]?.classId as number, spans)),
  ];
}
