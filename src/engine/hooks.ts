import type { Meter } from '../base/meter.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import type { CopyPasteError } from '../errors.ts';
import type { SampleRecord } from '../output/manifest.ts';
import type { Backend } from '../render/backends.ts';

/** Callbacks of a verb while it runs, and a signal that stops it. */
export interface Hooks {
  /** A data set was opened and checked. */
  opened?(dataset: SourcedDataset): void;
  /** The backend that renders was opened. */
  chosen?(backend: Backend): void;
  /** The backend failed, and the run continues on the CPU. */
  fellBack?(error: CopyPasteError): void;
  /** A sample is done. @param record absent if the verb makes none or the sample was skipped; without files in a dry run. */
  done?(id: string, record?: SampleRecord): void;
  /** Adds up the work, stage by stage; ask it at any time. */
  readonly meter?: Meter;
  /** Stops the verb: samples in progress are finished, no others begin, and the verb throws `interrupted`. */
  readonly stop?: AbortSignal;
}
