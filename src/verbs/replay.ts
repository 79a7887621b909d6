import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { digestOf, sha256 } from '../base/digest.ts';
import { joinPath } from '../base/paths.ts';
import { partsOfRegular } from '../base/regular.ts';
import { codecs } from '../codecs/image.ts';
import type { Hooks } from '../engine/hooks.ts';
import { imageBytesIn, openOrigin } from '../engine/origin.ts';
import { documentsAgain, type Entries, type Pass, remake } from '../engine/remake.ts';
import { CopyPasteError, codeOf, whatOf } from '../errors.ts';
import { type Given, replayOptions } from '../options.ts';
import { isIntact } from '../output/check-files.ts';
import { describeDifference } from '../output/compare.ts';
import {
  createFinder,
  createOutputFolder,
  digestOfOwn,
  isMissing,
  readOwn,
  removeTemporaries,
  syncFolders,
  writeAtomic,
  writeHashed,
} from '../output/files.ts';
import type { ManifestRecord } from '../output/manifest.ts';
import { filesOf, type ManifestFrame, manifestName, type OpenManifest, openManifest } from '../output/manifest-file.ts';
import { refuseOverlaps } from '../output/overlap.ts';
import { digestsOf, outputsOf } from '../output/records.ts';
import type { Use } from '../output/samples.ts';
import type { WholeFile } from '../output/whole-files.ts';
import { withBackend } from '../render/backend.ts';
import { resolveOptions } from '../schema.ts';
import type { SampleFile } from '../types.ts';
import { version } from '../version.ts';

/**
 * Rebuilds an output from its manifest and input. Files that already exist with the right digest are kept.
 *
 * @returns the number of samples.
 * @throws {CopyPasteError} `differs` when a rendered or existing file differs from the manifest.
 */
export async function replay(given: Given<typeof replayOptions>, hooks: Hooks = {}): Promise<{ samples: number }> {
  const own = resolveOptions(replayOptions, given);
  const { out, only } = own;
  await refuseOverlaps(own);
  const manifest = await openManifest(own.manifest);
  const digest = await digestOf(own.manifest, own.manifest);
  const origin = await openOrigin(manifest, own, hooks.meter);
  const isChosen = ({ id, files }: ManifestRecord): boolean => only === undefined || id === only || files.image.path === only;
  const bytesOf = imageBytesIn(origin.dataset);
  const { count, bytes } = await countRecords(manifest, isChosen, bytesOf);
  if (count === 0)
    throw new CopyPasteError('usage', `--only ${only}: the manifest has no such sample; pass an id such as ${await firstId(manifest)}`);
  if (only === undefined) await refuseOtherManifest(out, digest);
  hooks.opened?.(origin.dataset);
  const { meter } = hooks;
  meter?.begin('rebuilding', { count, bytes, pastes: true });

  const missing: Pass = async function* (copies) {
    for await (const record of manifest.records()) {
      if (!isChosen(record) || (record.copy !== undefined) !== copies) continue;
      // A document needs the entries of all samples, and an entry is made together with the files of its sample.
      if (origin.dataset.documents.size === 0 && (await areThere(out, record))) {
        meter?.recall(bytesOf(record));
        hooks.done?.(record.id, record);
      } else yield record;
    }
  };
  const writer = createWriter(out, manifest.frame);
  const use = (record: ManifestRecord): Use => {
    const digests = digestsOf(outputsOf(record));
    return (file, bytes) => writer.file(file, bytes, digests.get(file.path));
  };
  const entries: Entries = new Map();
  await withBackend(own.backend, async (backend) => {
    hooks.chosen?.(backend);
    for await (const { record } of remake(origin, missing, backend, use, entries, hooks)) hooks.done?.(record.id, record);
  });
  if (only === undefined) {
    for (const document of await documentsAgain(origin, entries)) await writer.document(document);
    await finish(out, own.manifest, manifest, digest);
  }
  return { samples: count };
}

/** Counts the records to rebuild, and the bytes of their decoded images. */
async function countRecords(
  { records }: OpenManifest,
  isChosen: (record: ManifestRecord) => boolean,
  bytesOf: (record: ManifestRecord) => number,
): Promise<{ count: number; bytes: number }> {
  let [count, bytes] = [0, 0];
  for await (const record of records()) {
    if (!isChosen(record)) continue;
    count++;
    bytes += bytesOf(record);
  }
  return { count, bytes };
}

/** Id in the first record. */
async function firstId({ records }: OpenManifest): Promise<string | undefined> {
  for await (const { id } of records()) return id;
  return undefined;
}

/** Refuses a folder of another run. @throws {CopyPasteError} `cannotCreate` when the folder holds a manifest of another digest. */
async function refuseOtherManifest(out: string, digest: string): Promise<void> {
  const there = await digestOfOwn(createFinder(out), manifestName).catch(() => undefined);
  if (there !== undefined && there !== digest)
    throw new CopyPasteError('cannotCreate', `--out ${out}: contains another run; choose a new folder`);
}

/** Writes the files of a manifest, and refuses any other content. */
interface Writer {
  file(file: SampleFile, bytes: Uint8Array, digest: string | undefined): Promise<void>;
  document(file: WholeFile): Promise<void>;
}

function createWriter(out: string, frame: ManifestFrame): Writer {
  const { guarded } = createOutputFolder(out);
  const find = createFinder(out);
  const documents = digestsOf(frame.documents);
  const differs = (path: string): CopyPasteError =>
    new CopyPasteError('differs', `${path}: the rendered file differs from the manifest${otherMaker(frame)}`);
  const exists = (path: string, what: string): CopyPasteError =>
    new CopyPasteError('differs', `${joinPath(out, path)}: already exists and ${what}; choose a new folder`);
  /** Nothing for a file that is missing. */
  const noneOf = (path: string) => (error: unknown) => {
    if (isMissing(error)) return undefined;
    const code = error instanceof CopyPasteError ? codeOf(error.cause) : undefined;
    throw code === 'ENOTREG' || code === 'ELOOP' ? exists(path, whatOf(error, path)) : error;
  };
  return {
    async file(file, bytes, digest) {
      const { path } = file;
      if (sha256(bytes) !== digest) throw differs(path);
      const there = await readOwn(find, path).catch(noneOf(path));
      const difference = there && (await describeDifference(file, there, bytes));
      if (difference !== undefined) throw exists(path, difference);
      if (there) return;
      await guarded(path, (file) => writeAtomic(file, bytes));
    },
    async document({ path, text }) {
      const known = documents.get(path);
      if (known === undefined) throw differs(path);
      const there = await digestOfOwn(find, path).catch(noneOf(path));
      if (there === known) return;
      if (there !== undefined) throw exists(path, 'has other content');
      const digest = await guarded(path, (file) => writeHashed(file, text));
      if (digest !== known) throw differs(path);
    },
  };
}

/** Copies the manifest once all files are on the disk. @param digest that it had. */
async function finish(out: string, path: string, manifest: OpenManifest, digest: string): Promise<void> {
  await removeTemporaries(out);
  const folders = new Set<string>();
  for await (const { path } of filesOf(manifest)) folders.add(dirname(path));
  await syncFolders(out, folders);
  await createOutputFolder(out).guarded(manifestName, (to) => writeAtomic(to, () => unchangedParts(path, digest)));
  await syncFolders(out, []);
}

/** Reads a file in parts. @throws {CopyPasteError} `data` at its end if it has another digest. */
async function* unchangedParts(path: string, digest: string): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  for await (const part of partsOfRegular(path)) {
    hash.update(part);
    yield part;
  }
  if (hash.digest('hex') !== digest) throw new CopyPasteError('data', 'has changed during the replay; run it again', { path });
}

async function areThere(out: string, record: ManifestRecord): Promise<boolean> {
  for (const file of outputsOf(record)) if (!(await isIntact(out, file))) return false;
  return true;
}

/** Likely cause of a difference, as the end of a message. */
function otherMaker({ tool, codecs: theirs }: ManifestFrame): string {
  if (tool.version !== version)
    return `; the manifest is from copypaste ${tool.version}, but this is ${version}; use version ${tool.version}`;
  const kind = Object.keys(codecs).find((name) => theirs[name] !== codecs[name as keyof typeof codecs]);
  return kind === undefined
    ? ''
    : `; its ${kind} files were encoded by ${theirs[kind]}, but this machine has ${codecs[kind as keyof typeof codecs]}; use the former`;
}
