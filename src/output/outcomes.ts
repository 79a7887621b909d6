import type { JournalBatch } from './journal.ts';
import type { SampleRecord } from './manifest.ts';

/** Result for one sample, as plain data, since it may come from another thread. */
export interface Outcome {
  readonly id: string;
  /** Reason why the sample was skipped. */
  readonly skipped?: string | undefined;
  /** Absent if the sample was skipped; without files in a dry run. */
  readonly record?: SampleRecord | undefined;
  /** The sample's entry of an annotation document. */
  readonly entry?: unknown;
}

/** Instances of one class that were read: their number, their pixels, and the pixels of truncated ones. */
export type ClassCount = JournalBatch['read'][number];
