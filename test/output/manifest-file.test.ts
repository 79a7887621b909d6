import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { removeTemporaries } from '../../src/output/files.ts';
import type { ManifestHead, ManifestRecord } from '../../src/output/manifest.ts';
import { writeManifest } from '../../src/output/manifest-file.ts';
import { temporaryFolder } from '../make.ts';

const folder = temporaryFolder();

test('a manifest has all its records when another run removes its temporary file', async () => {
  const path = join(folder, 'manifest.json');
  const records = ['a', 'b'].map((id) => ({ id, inputs: { image: { path: id, sha256: id } }, files: {} }) as unknown as ManifestRecord);
  let passes = 0;
  const pass = async function* () {
    yield* records;
    if (++passes === 1) await removeTemporaries(folder);
  };
  await writeManifest(path, { seed: 0 } as ManifestHead, pass, { skipped: [] } as unknown as Parameters<typeof writeManifest>[3]);
  expect(passes).toBe(2);
  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ records: [{ id: 'a' }, { id: 'b' }] });
});
