import type { Mask } from '../types.ts';

/**
 * Contradictions between a class mask and an instance mask: objects whose pixels are not all of one class.
 *
 * @param leftOut background and ignore ids.
 * @param leftOutObjects ids of the instance mask that stand for no object.
 * @param only objects to compare, with their expected classes; without it all objects are compared, and each needs a class.
 */
export function contradictionsOf(
  mask: Mask,
  objects: Mask,
  leftOut: ReadonlySet<number>,
  leftOutObjects: ReadonlySet<number>,
  only?: ReadonlyMap<number, number>,
): string[] {
  const pairs = new Map<number, number>();
  for (let i = 0; i < mask.ids.length; i++) {
    const key = (objects.ids[i] as number) * 0x10000 + (mask.ids[i] as number);
    pairs.set(key, (pairs.get(key) ?? 0) + 1);
  }
  const classes = new Map<number, Map<number, number>>();
  for (const [key, pixels] of pairs) {
    const object = Math.floor(key / 0x10000);
    const row = classes.get(object) ?? new Map<number, number>();
    row.set(key % 0x10000, pixels);
    classes.set(object, row);
  }
  const found: string[] = [];
  for (const [object, row] of [...classes].sort(([a], [b]) => a - b)) {
    const wanted = only?.get(object);
    if (only ? wanted === undefined : object === 0 || leftOutObjects.has(object)) continue;
    if (row.size === 1 && (wanted === undefined ? !leftOut.has([...row.keys()][0] as number) : row.has(wanted))) continue;
    const parts = [...row].map(([id, pixels]) => `${pixels} pixels of class ${id}${leftOut.has(id) ? ' (background or ignore)' : ''}`);
    found.push(`object ${object} has ${parts.join(', ')}${wanted === undefined ? '' : `; expected class ${wanted}`}`);
  }
  return found;
}
