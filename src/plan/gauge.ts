import type { Measures } from './measures.ts';
import type { Candidate } from './plan.ts';

/** Role of a measured sample: it may be pasted into, copied from, or both. */
export type Role = 'target' | 'source' | 'both';

/** A measurement over all samples of a data set. */
export interface Gauge {
  /** Adds a sample. Samples come in the order of the data set, those of a separate source set last. */
  add(sample: Candidate, role: Role): void;
  /** Result over all samples. */
  result(): Measures;
}
