import { dirname } from 'node:path';
import { sha256 } from '../base/digest.ts';
import { joinPath } from '../base/paths.ts';
import { codecs } from '../codecs/image.ts';
import type { Hooks } from '../engine/hooks.ts';
import { imageBytesIn, openOrigin } from '../engine/origin.ts';
import { documentsAgain, type Entries, remake } from '../engine/remake.ts';
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
import type { Manifest, ManifestRecord } from '../output/manifest.ts';
import { manifestName, parseManifest, readManifestBytes } from '../output/manifest-file.ts';
import { refuseOverlaps } from '../output/overlap.ts';
import { digestsOf, filesOf, outputsOf } from '../output/records.ts';
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
  const bytes = await readManifestBytes(own.manifest);
  const manifest = parseManifest(bytes, own.manifest);
  const origin = await openOrigin(manifest, own, hooks.meter);
  const chosen = chooseRecords(manifest, only);
  if (only === undefined) await refuseOtherManifest(out, bytes);
  hooks.opened?.(origin.dataset);
  const { meter } = hooks;
  const bytesOf = imageBytesIn(origin.dataset);
  meter?.begin('rebuilding', { count: chosen.length, bytes: chosen.reduce((sum, record) => sum + bytesOf(record), 0), pastes: true });

  const missing: ManifestRecord[] = [];
  for (const record of chosen) {
    // A document needs the entries of all samples, and an entry is made together with the files of its sample.
    if (origin.dataset.documents.size === 0 && (await areThere(out, record))) {
      meter?.recall(bytesOf(record));
      hooks.done?.(record.id, record);
    } else missing.push(record);
  }
  const writer = createWriter(out, manifest);
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
    for (const document of documentsAgain(origin, entries)) await writer.document(document);
    await finish(out, bytes, manifest);
  }
  return { samples: chosen.length };
}

/** Chooses the records to rebuild: all, or those of one sample. @throws {CopyPasteError} `usage` when the sample has no record. */
function chooseRecords({ records }: Manifest, only: string | undefined): readonly ManifestRecord[] {
  const chosen = records.filter(({ id, files }) => only === undefined || id === only || files.image.path === only);
  if (chosen.length === 0)
    throw new CopyPasteError('usage', `--only ${only}: the manifest has no such sample; pass an id such as ${records[0]?.id}`);
  return chosen;
}

/** Refuses a folder of another run. @throws {CopyPasteError} `cannotCreate` when the folder holds another manifest. */
async function refuseOtherManifest(out: string, manifest: Uint8Array): Promise<void> {
  const there = await readOwn(createFinder(out), manifestName).catch(() => undefined);
  if (there && !there.equals(manifest)) throw new CopyPasteError('cannotCreate', `--out ${out}: contains another run; choose a new folder`);
}

/** Writes the files of a manifest, and refuses any other content. */
interface Writer {
  file(file: SampleFile, bytes: Uint8Array, digest: string | undefined): Promise<void>;
  document(file: WholeFile): Promise<void>;
}

function createWriter(out: string, manifest: Manifest): Writer {
  const { guarded } = createOutputFolder(out);
  const find = createFinder(out);
  const documents = digestsOf(manifest.documents);
  const differs = (path: string): CopyPasteError =>
    new CopyPasteError('differs', `${path}: the rendered file differs from the manifest${otherMaker(manifest)}`);
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

/** Writes the manifest once all files are on the disk. */
async function finish(out: string, bytes: Uint8Array, manifest: Manifest): Promise<void> {
  await removeTemporaries(out);
  await syncFolders(out, new Set(filesOf(manifest).map(({ path }) => dirname(path))));
  await createOutputFolder(out).guarded(manifestName, (to) => writeAtomic(to, bytes));
  await syncFolders(out, []);
}

async function areThere(out: string, record: ManifestRecord): Promise<boolean> {
  for (const file of outputsOf(record)) if (!(await isIntact(out, file))) return false;
  return true;
}

/** Likely cause of a difference, as the end of a message. */
function otherMaker({ tool, codecs: theirs }: Manifest): string {
  if (tool.version !== version)
    return `; the manifest is from copypaste ${tool.version}, but this is ${version}; use version ${tool.version}`;
  const kind = Object.keys(codecs).find((name) => theirs[name] !== codecs[name as keyof typeof codecs]);
  return kind === undefined
    ? ''
    : `; its ${kind} files were encoded by ${theirs[kind]}, but this machine has ${codecs[kind as keyof typeof codecs]}; use the former`;
}
