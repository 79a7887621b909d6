import { joinPath } from '../base/paths.ts';
import { CopyPasteError, kindOfUnread, messageOf } from '../errors.ts';
import type { RunHead } from './head.ts';
import { augmentJournal, type JournalKind } from './journal.ts';
import { headSchema, type ManifestHead, type ManifestRecord } from './manifest.ts';
import { filesOf, manifestName, type OpenManifest, openManifest } from './manifest-file.ts';

/** Kind of the runs of one command in an output folder. `M` is their manifest. */
export interface RunKind<H extends RunHead, R, M> extends JournalKind<H, R> {
  /** Opens a manifest, and checks all its records. @throws {CopyPasteError} if the file is not a manifest of this kind. */
  read(path: string): Promise<M>;
  headOf(manifest: M): H;
  /** Paths of the files that a complete run has written. */
  filesOf(manifest: M): AsyncIterable<string> | Iterable<string>;
}

/** Runs of `augment`. */
export const augmentRun: RunKind<ManifestHead, ManifestRecord, OpenManifest> = {
  ...augmentJournal,
  read: (path) => openManifest(path, () => {}),
  // The strict schema of a journal line accepts a head, but not a whole manifest.
  headOf: ({ frame }) => headSchema.strip().parse(frame),
  filesOf: pathsOf,
};

/**
 * Reads the manifest of a complete output folder.
 *
 * @param refusal makes the message if the folder has no manifest of this kind, from the reason.
 * @throws {CopyPasteError} `cannotCreate` with this message, `io` if the manifest cannot be read.
 */
export async function readComplete<M>(
  { read }: { read(path: string): Promise<M> },
  out: string,
  refusal: (why: string) => string,
): Promise<M> {
  try {
    return await read(joinPath(out, manifestName));
  } catch (cause) {
    if (cause instanceof CopyPasteError && cause.code === 'io' && kindOfUnread(cause.cause) === 'io') throw cause;
    throw new CopyPasteError('cannotCreate', `--out ${out}: ${refusal(messageOf(cause))}`, { cause });
  }
}

async function* pathsOf(manifest: OpenManifest): AsyncGenerator<string> {
  for await (const { path } of filesOf(manifest)) yield path;
}
