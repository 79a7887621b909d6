import type { JournalBatch, SampleRecord } from './manifest.ts';

/** Result for one sample, as plain data: it may come from another thread. */
export interface Outcome {
  readonly id: string;
  /** Why the sample was left out. */
  readonly skipped?: string | undefined;
  /** Absent where the sample was left out; without files in a dry run. */
  readonly record?: SampleRecord | undefined;
  /** Part of a document of annotations that stands for the sample. */
  readonly entry?: unknown;
}

/** Instances of one class that were read: their number and pixels, and the pixels of those that touch their image's border. */
export type ClassCount = JournalBatch['read'][number];
