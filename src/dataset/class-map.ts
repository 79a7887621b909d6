/** Classes of a source set as those of the target data set. Threads load this file without the code that opens data sets. */
import type { Instance } from '../types.ts';
import { foreignClass } from './classes.ts';
import type { Dataset } from './open.ts';

/** Maps class ids of a source set to class ids of the target data set. */
export interface ClassMap {
  /** Target class id by source class id; null for a class that is not pasted. */
  readonly pairs: ReadonlyMap<number, number | null>;
  /** Meaning of ids that are not among the pairs. */
  readonly others: 'same' | 'none';
}

/** Stuff of a data set, and of the set of its sources. */
interface Known extends Pick<Dataset, 'stuff'> {
  readonly sources?: Pick<Dataset, 'stuff'> & { readonly classes: ClassMap };
}

/** Class ids of stuff among the classes that are pasted, by what either data set knows; `undefined` if neither knows any. */
export function knownStuff({ stuff, sources }: Known): ReadonlySet<number> | undefined {
  const theirs = sources?.stuff;
  if (stuff || !theirs) return stuff;
  return new Set([...sources.classes.pairs].flatMap(([id, ours]) => (ours !== null && theirs.has(id) ? [ours] : [])));
}

/** Maps instances of a source set to the classes of the target data set. */
export function mapInstances(instances: readonly Instance[], classes: ClassMap): Instance[] {
  return instances.map((instance) => ({ ...instance, classId: classIn(classes, instance.classId) }));
}

/** Class id in the target data set of a class of the source set; `foreignClass` if it is not pasted. */
export function classIn({ pairs, others }: ClassMap, classId: number): number {
  return pairs.get(classId) ?? (others === 'same' && !pairs.has(classId) ? classId : foreignClass);
}
