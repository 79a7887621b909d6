import type { SourcedDataset } from '../dataset/sources.ts';
import type { CopyPasteError } from '../errors.ts';
import type { SampleRecord } from '../output/manifest.ts';
import type { Backend } from '../types.ts';

/** Callbacks of a verb while it runs, and a signal that stops it. */
export interface Hooks {
  /** The data set, where the verb opens one, was opened and checked; so many samples follow. */
  started?(total: number, dataset?: SourcedDataset): void;
  /** A backend was opened to render. */
  chosen?(backend: Backend): void;
  /** The backend failed, and the CPU goes on. */
  fellBack?(error: CopyPasteError): void;
  /** A sample is done. @param record absent where the verb makes none, or the sample was skipped; without files in a dry run. */
  done?(id: string, record?: SampleRecord): void;
  /** Once it aborts, nothing more is begun; what is under way is finished, and the verb throws `interrupted`. */
  readonly stop?: AbortSignal;
}
