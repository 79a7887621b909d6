import { printable } from '../errors.ts';
import type { Layer } from '../formats/format.ts';
import { vocPalette } from '../masks/palette.ts';
import { fillSpans } from '../masks/spans.ts';
import type { ClassNames, Mask, Size } from '../types.ts';

/** Name of the file that lists the class names of drawn class masks. */
export const classNamesFile = 'class_names.txt';

/** Class names of drawn class masks, one per line, starting with the background at id 0; control characters are escaped. */
export function classNamesText(classNames: ClassNames): string {
  return ['_background_', ...sortedIds(classNames).map((id) => classNames.get(id))].map((name) => `${printable(String(name))}\n`).join('');
}

function sortedIds(classNames: ClassNames): number[] {
  return [...classNames.keys()].sort((a, b) => a - b);
}

/**
 * Draws a class mask and an object mask as labelme's VOC converter (`labelme2voc.py`) does. Classes are numbered from 1 in the order
 * of their ids, objects from 1 in the order of shapes. Pixels without a class have the ignore id, and belong to no object.
 *
 * @param shapes layers of each shape.
 */
export function drawMasks(
  { width, height }: Size,
  shapes: readonly (readonly Layer[])[],
  classNames: ClassNames,
): [classes: Mask, objects: Mask] {
  const ids = new Map(sortedIds(classNames).map((id, i) => [id, i + 1]));
  const wide = ids.size >= 0xff;
  const ignoreId = wide ? 0xffff : 0xff;
  const plane = (wide: boolean): Mask['ids'] => new (wide ? Uint16Array : Uint8Array)(width * height);
  const [classes, objects] = [plane(wide), plane(shapes.length > 0xff)];
  const idOf = (paint: Layer['paint']): number => {
    if (paint === 'background') return 0;
    return paint === 'ignore' ? ignoreId : (ids.get(paint) ?? ignoreId);
  };
  const all = shapes.flatMap((layers, i) => layers.map((layer) => ({ ...layer, id: idOf(layer.paint), object: i + 1 })));
  for (const { spans, id, object } of all.sort((a, b) => a.height - b.height)) {
    fillSpans(spans, [0, 0, width], classes, id);
    fillSpans(spans, [0, 0, width], objects, id === ignoreId ? 0 : object);
  }
  const mask = (ids: Mask['ids']): Mask => ({ width, height, ids, ...(ids instanceof Uint8Array && { palette: vocPalette(256) }) });
  return [mask(classes), mask(objects)];
}
