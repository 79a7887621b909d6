import type { Measures } from './measures.ts';
import type { Candidate } from './plan.ts';

/** Role of a measured sample: it may be pasted into, copied from, or both. */
export type Role = 'target' | 'source' | 'both';

/** A measurement over all samples of a data set. Threads read samples into parts, and one of them adds the parts. */
export interface Gauge<Part = unknown> {
  /** Measures one sample. @returns plain data, which crosses thread boundaries. */
  read(sample: Candidate, role: Role): Part;
  /** Adds the part of a sample. Parts come in the order of the data set, those of a separate source set last. */
  add(part: Part, id: string, role: Role): void;
  /** Result over all samples. */
  result(): Measures;
}
