import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Meter } from '../base/meter.ts';
import { chunksFrom, inParts } from '../base/parts.ts';
import { createSorter, groupsOf, type Sorter } from '../base/sorter.ts';
import { cannotRead } from '../base/tree.ts';
import { whatOf } from '../errors.ts';
import { isRemote } from '../storage/store.ts';
import type { Difference } from './compare.ts';
import { createFinder, digestOfOwn, type Find, isMissing } from './files.ts';
import { type ManifestFrame, manifestName, type OpenManifest } from './manifest-file.ts';
import { type HashedFile, outputsOf } from './records.ts';
import { listStored } from './stored.ts';

/** Files that a manifest lists, and those of them that differ. */
interface CheckedFiles {
  readonly files: number;
  /** Files that the manifest lists twice. */
  readonly twice: Difference[];
  /** Files that are missing or differ. */
  readonly damaged: Difference[];
  /** Files that the manifest does not list. */
  readonly extra: Difference[];
}

/** Records and documents, whose files are listed. */
type Listed = Pick<OpenManifest, 'count' | 'records'> & { readonly frame: Pick<ManifestFrame, 'documents'> };

/** Compares the files of an output folder with the digests in its manifest, in memory that does not grow with their number. */
export async function checkFiles(out: string, { frame, count, records }: Listed, jobs: number, meter?: Meter): Promise<CheckedFiles> {
  const find = createFinder(out);
  const names = createSorter();
  const damaged: Difference[] = [];
  let files = 0;
  const check = async (listed: readonly HashedFile[]): Promise<Difference[]> => {
    const found: Difference[] = [];
    for (const file of listed) {
      names.add(`${file.path}\0listed`);
      files++;
      found.push(...(await compareDigest(find, file)));
    }
    return found;
  };
  meter?.begin('checking files', { count });
  for await (const chunk of chunksFrom(records())) {
    const found = await inParts(chunk, jobs, async (record) => {
      const own = await check(outputsOf(record));
      meter?.add();
      return own;
    });
    for (const own of found) damaged.push(...own);
  }
  for (const file of frame.documents) damaged.push(...(await check([file])));
  names.add(`${manifestName}\0listed`);
  await addFiles(out, '', names);
  const twice: Difference[] = [];
  const extra: Difference[] = [];
  for (const { key: path, rests } of groupsOf(names.sorted())) {
    let isListed = false;
    for (const rest of rests) {
      if (rest !== 'listed') continue;
      if (isListed) twice.push({ path, what: 'is listed twice in the manifest' });
      isListed = true;
    }
    if (!isListed) extra.push({ path, what: 'is not listed in the manifest' });
  }
  return { files, twice, damaged, extra };
}

/** True if a file of an output exists with the digest in its record. */
export async function isIntact(out: string, { path, sha256 }: HashedFile): Promise<boolean> {
  return (await digestOfOwn(createFinder(out), path).catch(() => undefined)) === sha256;
}

async function compareDigest(find: Find, { path, sha256 }: HashedFile): Promise<Difference[]> {
  try {
    return (await digestOfOwn(find, path)) === sha256 ? [] : [{ path, what: 'does not match its SHA-256 in the manifest' }];
  } catch (error) {
    return [{ path, what: isMissing(error) ? 'is missing' : whatOf(error, path) }];
  }
}

/** Adds the paths of all files below a folder, relative to the root, with `/`. */
async function addFiles(root: string, folder: string, names: Sorter): Promise<void> {
  if (isRemote(root)) {
    const { files, unreadable } = await listStored(root);
    for (const path of [...files, ...unreadable]) names.add(`${path}\0found`);
    return;
  }
  const opened = await opendir(join(root, folder), { bufferSize: 256 }).catch((cause: unknown) => {
    throw cannotRead(folder === '' ? root : folder, cause);
  });
  for await (const entry of opened) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) await addFiles(root, path, names);
    else names.add(`${path}\0found`);
  }
}
