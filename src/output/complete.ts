import { createHash } from 'node:crypto';
import { chunksFrom, inParts } from '../base/parts.ts';
import { joinPath } from '../base/paths.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { CopyPasteError, codeOf, whatOf } from '../errors.ts';
import type { AugmentOptions } from '../options.ts';
import { isRemote } from '../storage/store.ts';
import { type Digests, openDigests } from './digest-cache.ts';
import { createFinder, isMissing } from './files.ts';
import type { ManifestFrame, OpenManifest } from './manifest-file.ts';
import { digestsOf, type HashedFile, inputsOf, outputsOf, sourceInputsOf } from './records.ts';
import { listStored } from './stored.ts';
import { createVariants, type Variants } from './variants.ts';
import { type WholeFile, wholeFilesOf } from './whole-files.ts';

/** A file in the output or the input of a run, with the digest that it had when the run was complete. */
interface Recorded extends HashedFile {
  /** Folder of its data set; absent for a file of the output. */
  readonly root?: string;
}

/** A complete run: its output folder, the folders of its input, and the files in all of them, of which some may come again and again. */
export interface CompleteRun {
  readonly out: string;
  readonly roots: readonly string[];
  readonly files: AsyncIterable<Recorded> | Iterable<Recorded>;
}

/** Files that are hashed at the same time. */
const filesAtOnce = 16;

/**
 * Refuses a complete run if its input or its output has changed since.
 *
 * @param rescan true to read every file again, instead of believing sizes and times.
 * @throws {CopyPasteError} `usage` with all files that have changed.
 */
export async function refuseChangedRun({ out, roots, files }: CompleteRun, rescan: boolean): Promise<void> {
  const digests = await openDigests(out, rescan);
  // One listing tells the states of all files, which would take a request for each.
  for (const root of new Set([out, ...roots])) if (isRemote(root)) await listStored(root);
  const compare = comparison(digests, out);
  const changed: string[] = [];
  for await (const chunk of chunksFrom(distinctFiles(files))) changed.push(...(await inParts(chunk, filesAtOnce, compare)).flat());
  await digests.save();
  refuse(out, changed);
}

/** Refuses a complete run of `augment` if its input or its output has changed since, as `refuseChangedRun` does. */
export async function refuseChangedAugmentation(
  { frame, records }: OpenManifest,
  dataset: SourcedDataset,
  options: AugmentOptions,
): Promise<void> {
  const { out, rescan } = options;
  const { root } = dataset;
  const from = dataset.sources?.root ?? root;
  const variants = createVariants(dataset, options);
  const files = async function* (): AsyncGenerator<Recorded> {
    for await (const record of records()) {
      variants.add(record);
      yield* outputsOf(record);
      for (const file of inputsOf(record)) yield { ...file, root };
      for (const file of sourceInputsOf(record)) yield { ...file, root: from };
    }
    yield* frame.documents;
  };
  await refuseChangedRun({ out, roots: [root, from], files: files() }, rescan);
  refuse(out, await changedLists(variants.variants(), frame, dataset, options));
}

function refuse(out: string, changed: readonly string[]): void {
  if (changed.length === 0) return;
  const what = changed.length === 1 ? 'a file has' : `${changed.length} files have`;
  throw new CopyPasteError(
    'usage',
    `--out ${out}: ${what} changed since this run was complete; restore the original, choose another folder, or pass --overwrite`,
    { offenders: changed },
  );
}

/** Leaves out files that have come before. */
async function* distinctFiles(files: CompleteRun['files']): AsyncGenerator<Recorded> {
  const seen = new Map<string | undefined, Set<string>>();
  for await (const file of files) {
    const known = seen.get(file.root) ?? new Set();
    if (known.has(file.path)) continue;
    seen.set(file.root, known.add(file.path));
    yield file;
  }
}

/** Creates a function that compares a file. @returns what has changed; nothing if it is as it was. */
function comparison(digests: Digests, out: string): (file: Recorded) => Promise<string[]> {
  const find = createFinder(out);
  return async ({ root, path, sha256 }) => {
    const own = root === undefined;
    const name = joinPath(own ? out : root, path);
    try {
      return (await digests.of(own ? await find(path) : name, path, own)) === sha256 ? [] : [`${name}: has other content`];
    } catch (error) {
      if (isMissing(error)) return [`${name}: is missing`];
      const code = error instanceof CopyPasteError ? codeOf(error.cause) : undefined;
      if (code === 'ENOTREG' || code === 'ELOOP') return [`${name}: ${whatOf(error, path)}`];
      throw error;
    }
  };
}

/** Lists and other files of several samples that would be written with other content now. Documents are compared by the head of the run. */
async function changedLists(
  variants: Variants,
  frame: Pick<ManifestFrame, 'documents'>,
  dataset: SourcedDataset,
  options: AugmentOptions,
): Promise<string[]> {
  const documents = new Set([...dataset.documents.values()].map(({ path }) => path));
  const written = digestsOf(frame.documents);
  const changed: string[] = [];
  for (const file of wholeFilesOf(dataset, options, variants, noEntries)) {
    if (!documents.has(file.path) && (await digestOfText(file)) !== written.get(file.path))
      changed.push(`${joinPath(dataset.root, file.path)}: has other content`);
  }
  return changed;
}

async function* noEntries(): AsyncGenerator<unknown> {}

async function digestOfText({ text }: WholeFile): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of text()) hash.update(part);
  return hash.digest('hex');
}
