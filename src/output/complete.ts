import { createHash } from 'node:crypto';
import { inParts } from '../base/parts.ts';
import { joinPath } from '../base/paths.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { CopyPasteError, codeOf, whatOf } from '../errors.ts';
import type { AugmentOptions } from '../options.ts';
import { isRemote } from '../storage/store.ts';
import { type Digests, openDigests } from './digest-cache.ts';
import { createFinder, type Find, isMissing } from './files.ts';
import type { Manifest } from './manifest.ts';
import { digestsOf, filesOf, type HashedFile, inputsOf, sourceInputsOf } from './records.ts';
import { listStored } from './stored.ts';
import { createVariants } from './variants.ts';
import { type WholeFile, wholeFilesOf } from './whole-files.ts';

/** Files in one folder, with the digests that they had when a run was complete. */
export interface Recorded {
  readonly root: string;
  readonly files: Iterable<HashedFile>;
}

/** A complete run: its output folder, and its files in the output and in the input. */
export interface CompleteRun {
  readonly out: string;
  readonly outputs: Iterable<HashedFile>;
  readonly inputs: readonly Recorded[];
}

/** Files that are hashed at the same time. */
const filesAtOnce = 16;

/**
 * Refuses a complete run if its input or its output has changed since.
 *
 * @param rescan true to read every file again, instead of believing sizes and times.
 * @throws {CopyPasteError} `usage` with all files that have changed.
 */
export async function refuseChangedRun({ out, outputs, inputs }: CompleteRun, rescan: boolean): Promise<void> {
  const digests = await openDigests(out, rescan);
  // One listing tells the states of all files, which would take a request for each.
  for (const root of new Set([out, ...inputs.map((folder) => folder.root)])) if (isRemote(root)) await listStored(root);
  const changed = await changedFiles(digests, { root: out, files: outputs }, createFinder(out));
  for (const folder of inputs) changed.push(...(await changedFiles(digests, folder)));
  await digests.save();
  refuse(out, changed);
}

/** Refuses a complete run of `augment` if its input or its output has changed since, as `refuseChangedRun` does. */
export async function refuseChangedAugmentation(manifest: Manifest, dataset: SourcedDataset, options: AugmentOptions): Promise<void> {
  const { out, rescan } = options;
  const { records } = manifest;
  const inputs = [
    { root: dataset.root, files: records.flatMap(inputsOf) },
    { root: dataset.sources?.root ?? dataset.root, files: records.flatMap((record) => sourceInputsOf(record)) },
  ];
  await refuseChangedRun({ out, outputs: filesOf(manifest), inputs }, rescan);
  refuse(out, await changedLists(manifest, dataset, options));
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

/** Changed files of a folder, each with what has changed. @param find finds files that the tool has written. */
async function changedFiles(digests: Digests, { root, files }: Recorded, find?: Find): Promise<string[]> {
  const unique = new Map([...files].map((file) => [file.path, file]));
  const compare = async ({ path, sha256 }: HashedFile): Promise<string[]> => {
    try {
      const file = find ? await find(path) : joinPath(root, path);
      return (await digests.of(file, path, find !== undefined)) === sha256 ? [] : [`${joinPath(root, path)}: has other content`];
    } catch (error) {
      if (isMissing(error)) return [`${joinPath(root, path)}: is missing`];
      const code = error instanceof CopyPasteError ? codeOf(error.cause) : undefined;
      if (code === 'ENOTREG' || code === 'ELOOP') return [`${joinPath(root, path)}: ${whatOf(error, path)}`];
      throw error;
    }
  };
  return (await inParts([...unique.values()], filesAtOnce, compare)).flat();
}

/** Lists and other files of several samples that would be written with other content now. Documents are compared by the head of the run. */
async function changedLists(manifest: Manifest, dataset: SourcedDataset, options: AugmentOptions): Promise<string[]> {
  const variants = createVariants(dataset, options);
  for (const record of manifest.records) variants.add(record);
  const documents = new Set([...dataset.documents.values()].map(({ path }) => path));
  const written = digestsOf(manifest.documents);
  const changed: string[] = [];
  for (const file of wholeFilesOf(dataset, options, variants.variants(), noEntries)) {
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
