/** Ids in masks: those that occur, the largest that a file can hold, free ones for pastes, and those that stand for no object. */
import type { Box, Mask, ObjectIds, PixelsById } from '../types.ts';

/** Class id of pixels that belong to no shape. */
export const noCategory = 65535;

/** Ids of a data set that stand for no object, and the encoding of those that do. */
interface ObjectRules {
  readonly ignore: number | undefined;
  /** Background and ignore ids of class masks. */
  readonly leftOut: ReadonlySet<number>;
  /** Ids of instance masks that stand for no object; default `leftOut`. */
  readonly leftOutObjects?: ReadonlySet<number>;
  /** Encoding of the class in instance ids; without it, an object may have any free id. */
  readonly objectIds?: ObjectIds | undefined;
}

/** Id in an instance mask of pixels that have a class and belong to no object. */
export function bareId(classId: number, ids: ObjectIds | undefined): number {
  if (!ids) return 0;
  return ids.bare === 'class' ? classId : classId * ids.perClass;
}

/** Id of ignored pixels in an instance mask; it differs from the ignore id of the class mask if that id could be an object's. */
export function ignoreObject({ ignore = 0, objectIds, leftOut, leftOutObjects = leftOut }: ObjectRules): number {
  if (objectIds) return bareId(ignore, objectIds);
  return leftOutObjects.has(ignore) ? ignore : leftOutObjects.has(255) ? 255 : 0;
}

/** Tests if a class has separate instances, as opposed to stuff. */
export function isThing(classId: number, ids: ObjectIds | undefined): boolean {
  return ids?.things?.includes(classId) ?? true;
}

/** Number of further objects, of whatever class, for which an object mask has free ids. */
export function countFreeObjectIds(objects: Mask, held: PixelsById, leftOut: ReadonlySet<number>, ids?: ObjectIds): number {
  if (ids) return ids.perClass - 1 - Math.max(0, ...[...held.keys()].map((id) => (leftOut.has(id) ? 0 : id % ids.perClass)));
  const limit = largestId(objects);
  const taken = new Set<number>([0, ...leftOut, ...held.keys()]);
  return limit + 1 - [...taken].filter((id) => id <= limit).length;
}

/** The largest id that a mask's file can hold. */
export function largestId(mask: Mask): number {
  if (mask.colours) return mask.colours.byId.length - 1;
  if (mask.array) return mask.array.largest;
  return mask.ids instanceof Uint16Array && !mask.palette ? 0xffff : 0xff;
}

/** New object ids, one for each class: first above the largest in use, then the smallest free; `undefined` for an absent class. */
export function freeObjectIds(
  held: Iterable<number>,
  limit: number,
  leftOut: ReadonlySet<number>,
  classes: readonly (number | undefined)[],
  ids: ObjectIds | undefined,
): (number | undefined)[] {
  const objects = [...held].filter((id) => !leftOut.has(id));
  if (ids) {
    let number = Math.max(0, ...objects.map((id) => id % ids.perClass));
    return classes.map((id) => (id === undefined ? undefined : id * ids.perClass + ++number));
  }
  const taken = new Set<number>([0, ...leftOut, ...objects]);
  let next = Math.max(0, ...objects);
  return classes.map((id) => {
    if (id === undefined) return undefined;
    do next = (next + 1) % (limit + 1);
    while (taken.has(next));
    taken.add(next);
    return next;
  });
}

/** Ids of instance masks that stand for no object, in a layout whose ids encode the class. */
export function noObjects(ids: ObjectIds | undefined, leftOut: ReadonlySet<number>): ReadonlySet<number> {
  if (!ids) return leftOut;
  const { perClass, bare } = ids;
  return new Set(Array.from({ length: 0x10000 }, (_, id) => id).filter((id) => (bare === 'class' ? id < perClass : id % perClass === 0)));
}

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
