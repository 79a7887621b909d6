/** Ids of masks: which there may be, which are free, which stand for no object. */
import type { Mask, ObjectIds, PixelsById } from '../types.ts';

/** The class id of pixels that no shape has. */
export const noCategory = 65535;

/** Ids of a data set that are no objects. */
interface ObjectRules {
  readonly ignore: number | undefined;
  /** Class ids that never stand for an object. */
  readonly leftOut: ReadonlySet<number>;
  /** The same of instance masks. */
  readonly leftOutObjects?: ReadonlySet<number>;
  /** How ids of instance masks are made; else any that is free will do. */
  readonly objectIds?: ObjectIds | undefined;
}

/** The id in an instance mask of pixels of a class that belong to no object. */
export function bareId(classId: number, ids: ObjectIds | undefined): number {
  if (!ids) return 0;
  return ids.bare === 'class' ? classId : classId * ids.perClass;
}

/** The id of void in an instance mask: not that of the class mask where it may be an object's. */
export function voidObject({ ignore = 0, objectIds, leftOut, leftOutObjects = leftOut }: ObjectRules): number {
  if (objectIds) return bareId(ignore, objectIds);
  return leftOutObjects.has(ignore) ? ignore : leftOutObjects.has(255) ? 255 : 0;
}

/** Whether a class has instances of its own. */
export function isThing(classId: number, ids: ObjectIds | undefined): boolean {
  return ids?.things?.includes(classId) ?? true;
}

/** Ids that an object mask can still give out, of any one class. */
export function countFreeObjectIds(objects: Mask, held: PixelsById, leftOut: ReadonlySet<number>, ids?: ObjectIds): number {
  if (ids) return ids.perClass - 1 - Math.max(0, ...[...held.keys()].map((id) => (leftOut.has(id) ? 0 : id % ids.perClass)));
  const limit = largestId(objects);
  const taken = new Set<number>([0, ...leftOut, ...held.keys()]);
  return limit + 1 - [...taken].filter((id) => id <= limit).length;
}

/** The largest id that a mask's file can hold. */
export function largestId(mask: Mask): number {
  if (mask.colours) return mask.colours.byId.length - 1;
  return mask.ids instanceof Uint16Array && !mask.palette ? 0xffff : 0xff;
}

/** New ids after the largest that is taken, then from the smallest that is free; none where there is no class. */
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

/** Ids of instance masks that stand for no object. */
export function noObjects(ids: ObjectIds | undefined, leftOut: ReadonlySet<number>): ReadonlySet<number> {
  if (!ids) return leftOut;
  const { perClass, bare } = ids;
  return new Set(Array.from({ length: 0x10000 }, (_, id) => id).filter((id) => (bare === 'class' ? id < perClass : id % perClass === 0)));
}
