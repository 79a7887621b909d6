import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { digestOf, sha256 } from '../base/digest.ts';
import { codecs } from '../codecs/image.ts';
import type { Hooks } from '../engine/hooks.ts';
import { openOrigin } from '../engine/origin.ts';
import { documentsAgain, type Entries, passAgain, type Remaker, remake } from '../engine/remake.ts';
import { CopyPasteError } from '../errors.ts';
import { type Given, replayOptions } from '../options.ts';
import { describeDifference } from '../output/compare.ts';
import { createFolders, removeTemporaries, syncFolders, writeAtomic, writeHashed } from '../output/files.ts';
import type { Manifest, ManifestRecord } from '../output/manifest.ts';
import { manifestName, readManifest } from '../output/manifest-file.ts';
import { refuseOverlap } from '../output/overlap.ts';
import { filesOf, outputsOf } from '../output/records.ts';
import { encodeSample } from '../output/samples.ts';
import { withBackend } from '../render/backend.ts';
import { resolveOptions } from '../schema.ts';
import { version } from '../version.ts';

/**
 * Builds the output of a manifest anew from the manifest and its input. Files that are there already and right are left.
 *
 * @returns how many samples it has.
 * @throws {CopyPasteError} `differs` where what comes out, or is there, is not what the manifest says.
 */
export async function replay(given: Given<typeof replayOptions>, hooks: Hooks = {}): Promise<{ samples: number }> {
  const own = resolveOptions(replayOptions, given as Readonly<Record<string, unknown>>);
  const { out, only } = own;
  await refuseOverlap(own.in, out);
  if (own.sources !== undefined) await refuseOverlap(own.sources, out, '--sources');
  const manifest = await readManifest(own.manifest);
  const origin = await openOrigin(manifest, own, { out, jobs: own.jobs, memory: own.memory });
  const { dataset, options } = origin;
  const chosen = manifest.records.filter(({ id, files }) => only === undefined || id === only || files.image.path === only);
  if (chosen.length === 0) {
    throw new CopyPasteError('usage', `--only ${only}: the manifest has no such sample; ids are as ${manifest.records[0]?.id}`);
  }
  const other = only === undefined && (await readFile(join(out, manifestName)).catch(() => undefined));
  if (other && !other.equals(await readFile(own.manifest)))
    throw new CopyPasteError('cannotCreate', `--out ${out}: holds another run; choose a new folder`);
  hooks.started?.(chosen.length, dataset);

  const missing: ManifestRecord[] = [];
  for (const record of chosen) {
    if (dataset.documents.size === 0 && (await areThere(out, record))) hooks.done?.(record.id, record);
    else missing.push(record);
  }
  const makeFolder = createFolders(out);
  const entries: Entries = new Map();
  const write = async (path: string, bytes: Uint8Array, digest: string | undefined): Promise<void> => {
    if (sha256(bytes) !== digest)
      throw new CopyPasteError('differs', `${path}: comes out otherwise than the manifest says${otherMaker(manifest)}`);
    const there = await readFile(join(out, path)).catch(() => undefined);
    const difference = there && (await describeDifference(path, there, bytes));
    if (difference !== undefined)
      throw new CopyPasteError('differs', `${join(out, path)}: is there, and ${difference}; choose a new folder`);
    if (there) return;
    await makeFolder(dirname(join(out, path)));
    await writeAtomic(join(out, path), bytes);
  };
  const remaker: Remaker<ManifestRecord> = {
    paste: async (pasted, record, suffix) => {
      const digests = digestsOf(record);
      await encodeSample(pasted, suffix, dataset, options, ({ path }, bytes) => write(path, bytes, digests.get(path)));
      return record;
    },
    pass: async (sample, record) => {
      const digests = digestsOf(record);
      await passAgain(origin, sample, record, ({ path }, bytes) => write(path, bytes, digests.get(path)));
      return record;
    },
  };
  await withBackend(own.backend, async (backend) => {
    hooks.chosen?.(backend);
    for await (const record of remake(origin, missing, backend, remaker, entries, hooks.stop)) hooks.done?.(record.id, record);
  });
  if (only !== undefined) return { samples: chosen.length };

  const digests = new Map(manifest.documents.map(({ path, sha256 }) => [path, sha256]));
  for (const { path, text } of documentsAgain(origin, entries)) {
    const known = digests.get(path);
    const there = known && (await digestOf(join(out, path), path).catch(() => undefined));
    if (there === known && known !== undefined) continue;
    if (there !== undefined) throw new CopyPasteError('differs', `${join(out, path)}: is there, and is another; choose a new folder`);
    await makeFolder(dirname(join(out, path)));
    const digest = await writeHashed(join(out, path), text);
    if (known !== undefined && digest !== known)
      throw new CopyPasteError('differs', `${path}: comes out otherwise than the manifest says${otherMaker(manifest)}`);
  }
  await removeTemporaries(out);
  await syncFolders(out, new Set(filesOf(manifest).map(({ path }) => dirname(path))));
  await writeAtomic(join(out, manifestName), await readFile(own.manifest));
  await syncFolders(out, []);
  return { samples: chosen.length };
}

/** The files of a record, with their digests. */
function digestsOf(record: ManifestRecord): Map<string, string> {
  return new Map(outputsOf(record).map(({ path, sha256 }) => [path, sha256]));
}

async function areThere(out: string, record: ManifestRecord): Promise<boolean> {
  for (const { path, sha256 } of outputsOf(record)) {
    if ((await digestOf(join(out, path), path).catch(() => undefined)) !== sha256) return false;
  }
  return true;
}

/** What is likely to make the difference. */
function otherMaker({ tool, codecs: theirs }: Manifest): string {
  if (tool.version !== version) return `; it was made by copypaste ${tool.version}, this is ${version}`;
  const kind = Object.keys(codecs).find((name) => theirs[name] !== codecs[name as keyof typeof codecs]);
  return kind === undefined ? '' : `; its ${kind} files were written by ${theirs[kind]}, here by ${codecs[kind as keyof typeof codecs]}`;
}
