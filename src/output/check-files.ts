import { readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { Meter } from '../base/meter.ts';
import { inParts } from '../base/parts.ts';
import { whatOf } from '../errors.ts';
import type { Difference } from './compare.ts';
import { createFinder, digestOfOwn, type Find, isMissing } from './files.ts';
import type { Manifest } from './manifest.ts';
import { manifestName } from './manifest-file.ts';
import { filesOf, type HashedFile } from './records.ts';

/**
 * Compares the files of an output folder with the digests in its manifest.
 *
 * @returns paths that the manifest lists twice, files that are missing or differ, and files that the manifest does not list.
 */
export async function checkFiles(
  out: string,
  manifest: Pick<Manifest, 'records' | 'documents'>,
  jobs: number,
  meter?: Meter,
): Promise<{ readonly twice: Difference[]; readonly damaged: Difference[]; readonly extra: Difference[] }> {
  const files = filesOf(manifest);
  const known = new Set([manifestName]);
  const twice: Difference[] = [];
  for (const { path } of files) {
    if (known.has(path)) twice.push({ path, what: 'is listed twice in the manifest' });
    known.add(path);
  }
  const find = createFinder(out);
  meter?.begin('checking files', { count: files.length, unit: 'files' });
  const compare = async (file: HashedFile): Promise<Difference[]> => {
    const found = await compareDigest(find, file);
    meter?.add();
    return found;
  };
  const damaged = (await inParts(files, jobs, compare)).flat();
  const extra = (await filesBelow(out)).filter((path) => !known.has(path));
  return { twice, damaged, extra: extra.map((path) => ({ path, what: 'is not listed in the manifest' })) };
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

/** Sorted paths of all files below a folder, relative to it, with `/`. */
async function filesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) =>
      relative(root, join(entry.parentPath ?? entry.path, entry.name))
        .split(sep)
        .join('/'),
    )
    .sort();
}
