import type { Fault } from '../errors.ts';
import type { Sample } from '../types.ts';

/** A sample before its headers are read. Only documents state its size. */
export type Paired = Omit<Sample, 'format' | 'size'> & Partial<Pick<Sample, 'size'>>;

/** Sorts samples by id. A second sample of the same id is bad, since their outputs would collide. */
export function unique(samples: readonly Paired[], bad: Map<string, Fault>): Paired[] {
  const byId = new Map<string, Paired>();
  for (const sample of samples) {
    const twin = byId.get(sample.id);
    if (twin === undefined) byId.set(sample.id, sample);
    else {
      const what =
        twin.image === sample.image && sample.entry
          ? `is the file of two images in ${sample.entry.document}; keep one of them`
          : `has the same sample id as ${twin.image}; rename one of them`;
      bad.set(sample.image, { path: sample.image, what, split: sample.split });
    }
  }
  return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}
