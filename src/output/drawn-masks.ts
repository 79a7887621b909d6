import type { Layer } from '../formats/format.ts';
import { vocPalette } from '../masks/palette.ts';
import { fillSpans } from '../masks/spans.ts';
import type { ClassNames, Mask, Size } from '../types.ts';

/** The file that names the ids of drawn masks of classes. */
export const classNamesFile = 'class_names.txt';

/** Names of the ids of drawn masks of classes, a line each from id 0, which is the background. */
export function classNamesText(classNames: ClassNames): string {
  return ['_background_', ...inOrder(classNames).map((id) => classNames.get(id))].map((name) => `${name}\n`).join('');
}

function inOrder(classNames: ClassNames): number[] {
  return [...classNames.keys()].sort((a, b) => a - b);
}

/**
 * Draws masks as labelme's own converter to VOC does: of classes, from 1 in the order of their ids, and of objects, from 1 in the
 * order of shapes. Pixels without a class are void, and no object.
 *
 * @param shapes layers of each.
 */
export function drawMasks(
  { width, height }: Size,
  shapes: readonly (readonly Layer[])[],
  classNames: ClassNames,
): [classes: Mask, objects: Mask] {
  const ids = new Map(inOrder(classNames).map((id, i) => [id, i + 1]));
  const wide = ids.size >= 0xff;
  const voidId = wide ? 0xffff : 0xff;
  const plane = (wide: boolean): Mask['ids'] => new (wide ? Uint16Array : Uint8Array)(width * height);
  const [classes, objects] = [plane(wide), plane(shapes.length > 0xff)];
  const idOf = (paint: Layer['paint']): number => {
    if (paint === 'background') return 0;
    return paint === 'void' ? voidId : (ids.get(paint) ?? voidId);
  };
  const all = shapes.flatMap((layers, i) => layers.map((layer) => ({ ...layer, id: idOf(layer.paint), object: i + 1 })));
  for (const { spans, id, object } of all.sort((a, b) => a.height - b.height)) {
    fillSpans(spans, [0, 0, width], classes, id);
    fillSpans(spans, [0, 0, width], objects, id === voidId ? 0 : object);
  }
  const mask = (ids: Mask['ids']): Mask => ({ width, height, ids, ...(ids instanceof Uint8Array && { palette: vocPalette(256) }) });
  return [mask(classes), mask(objects)];
}
