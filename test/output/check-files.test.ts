import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import { checkFiles } from '../../src/output/check-files.ts';
import type { ManifestRecord } from '../../src/output/manifest.ts';
import { temporaryFolder, writeTree } from '../make.ts';

const folder = temporaryFolder();

test('finds files that are listed twice, missing, damaged or not listed', async () => {
  const tree = { 'a.png': 'a', 'b.png': 'b', 'train/c.txt': 'c', 'manifest.json': '{}' };
  const out = await writeTree(join(folder, 'out'), tree);
  const hashed = (path: keyof typeof tree) => ({ path, sha256: sha256(tree[path]) });
  const files = { image: { ...hashed('a.png'), codec: 'copy' }, mask: { ...hashed('b.png'), codec: 'copy' } } as const;
  const record: ManifestRecord = { id: 'a', split: '', status: 'unchanged', reason: 'original', files, inputs: files };
  const records = async function* () {
    yield record;
  };
  const manifest = { frame: { documents: [hashed('train/c.txt')] }, count: 1, records };
  expect(await checkFiles(out, manifest, 2)).toEqual({ files: 3, twice: [], damaged: [], extra: [] });
  await rm(join(out, 'a.png'));
  await writeFile(join(out, 'b.png'), 'other');
  await writeFile(join(out, 'train', 'd.txt'), '');
  const again = { ...manifest, frame: { documents: [hashed('train/c.txt'), hashed('train/c.txt')] } };
  expect(await checkFiles(out, again, 2)).toEqual({
    files: 4,
    twice: [{ path: 'train/c.txt', what: 'is listed twice in the manifest' }],
    damaged: [
      { path: 'a.png', what: 'is missing' },
      { path: 'b.png', what: 'does not match its SHA-256 in the manifest' },
    ],
    extra: [{ path: 'train/d.txt', what: 'is not listed in the manifest' }],
  });
});
