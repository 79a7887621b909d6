import type { RunHead } from './head.ts';
import { augmentJournal, type JournalKind } from './journal.ts';
import { headSchema, type Manifest, type ManifestHead, type ManifestRecord } from './manifest.ts';
import { readManifest } from './manifest-file.ts';
import { filesOf } from './records.ts';

/** Kind of the runs of one command in an output folder. `M` is their manifest. */
export interface RunKind<H extends RunHead, R, M> extends JournalKind<H, R> {
  /** Reads a manifest. @throws {CopyPasteError} if the file is not a manifest of this kind. */
  read(path: string): Promise<M>;
  headOf(manifest: M): H;
  /** Paths of the files that a complete run has written. */
  filesOf(manifest: M): Iterable<string>;
}

/** Runs of `augment`. */
export const augmentRun: RunKind<ManifestHead, ManifestRecord, Manifest> = {
  ...augmentJournal,
  read: readManifest,
  // The strict schema of a journal line accepts a head, but not a whole manifest.
  headOf: (manifest) => headSchema.strip().parse(manifest),
  filesOf: (manifest) => filesOf(manifest).map(({ path }) => path),
};
