import type { Box, Mask } from '../types.ts';

/** Pixels of each id of a mask, by ascending id. */
export function countIds({ ids }: Mask): Map<number, number> {
  const counts = new Uint32Array(ids instanceof Uint16Array ? 0x10000 : 0x100);
  for (let i = 0; i < ids.length; i++) counts[ids[i] as number] = (counts[ids[i] as number] as number) + 1;
  return presentIds(counts);
}

/** Ids that occur, with their counts, from counts by id. */
export function presentIds(counts: Uint32Array): Map<number, number> {
  const found = new Map<number, number>();
  for (let id = 0; id < counts.length; id++) if (counts[id]) found.set(id, counts[id] as number);
  return found;
}

/** The smallest box around all pixels of each id of a mask. */
export function boxesOfIds({ width, height, ids }: Mask): Map<number, Box> {
  const boxes = new Map<number, Box>();
  for (let y = 0, row = 0; y < height; y++, row += width) {
    for (let x = 0; x < width; ) {
      const from = x;
      const id = ids[row + x] as number;
      while (x < width && ids[row + x] === id) x++;
      const [x0, y0, x1] = boxes.get(id) ?? [from, y, x];
      boxes.set(id, [Math.min(x0, from), y0, Math.max(x1, x), y + 1]);
    }
  }
  return boxes;
}

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
