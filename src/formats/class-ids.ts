import type { ClassNames } from '../types.ts';

/** Largest class id: masks have 8 or 16 bits. */
export const largestClassId = 0xffff;

/** Tests if a mask can hold a value as a class id. */
export function isClassId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= largestClassId;
}

const known = new WeakMap<ClassNames, ReadonlyMap<string, number>>();

/** Class ids by name; made once for a data set, since each of its images asks for them. */
export function idsByName(classNames: ClassNames): ReadonlyMap<string, number> {
  const ids = known.get(classNames) ?? new Map([...classNames].map(([id, name]) => [name, id]));
  known.set(classNames, ids);
  return ids;
}
