import type { ClassNames } from '../types.ts';

const known = new WeakMap<ClassNames, ReadonlyMap<string, number>>();

/** Class ids by name; made once for a data set, since each of its images asks for them. */
export function idsByName(classNames: ClassNames): ReadonlyMap<string, number> {
  const ids = known.get(classNames) ?? new Map([...classNames].map(([id, name]) => [name, id]));
  known.set(classNames, ids);
  return ids;
}
