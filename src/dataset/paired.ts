import type { Sample } from '../types.ts';

/** A sample before its headers are read. Only documents state its size. */
export type Paired = Omit<Sample, 'format' | 'size'> & Partial<Pick<Sample, 'size'>>;
