import type { Instance, PixelsById } from '../types.ts';

/** An instance, as far as it is counted. */
export type CountedInstance = Pick<Instance, 'classId' | 'area' | 'truncated' | 'crowd'>;

/** A sample, as far as it is counted. */
interface CountedSample {
  /** Pixels of its mask by class id. */
  readonly pixels: PixelsById;
  readonly instances: Iterable<CountedInstance>;
}

/** Counts of one class. */
export interface ClassCounts {
  /** Number of samples whose masks hold the class. */
  samples: number;
  /** Its pixels in those masks. */
  pixels: number;
  /** Number of its instances; crowds are not counted. */
  instances: number;
  /** Pixels of the instances, which may overlap. */
  area: number;
  /** Pixels of the truncated instances. */
  truncated: number;
}

/** Creates counts of samples by class: the only ones that summaries, reports and inspections show. */
export function createClassCounts() {
  const classes = new Map<number, ClassCounts>();
  const rowOf = (id: number): ClassCounts => {
    const row = classes.get(id) ?? { samples: 0, pixels: 0, instances: 0, area: 0, truncated: 0 };
    classes.set(id, row);
    return row;
  };
  return {
    classes,
    add({ pixels, instances }: CountedSample): void {
      for (const [id, n] of pixels) {
        const row = rowOf(id);
        row.samples++;
        row.pixels += n;
      }
      for (const { classId, area, truncated, crowd } of instances) {
        if (crowd) continue;
        const row = rowOf(classId);
        row.instances++;
        row.area += area;
        if (truncated) row.truncated += area;
      }
    },
  };
}

/** Counts samples by class. */
export function countClasses(samples: Iterable<CountedSample>): ReadonlyMap<number, ClassCounts> {
  const counts = createClassCounts();
  for (const sample of samples) counts.add(sample);
  return counts.classes;
}
