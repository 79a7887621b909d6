import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { removeTemporaries } from '../../src/output/files.ts';
import type { ManifestHead, ManifestRecord } from '../../src/output/manifest.ts';
import { readFrame, readManifest, readRecords, writeManifest } from '../../src/output/manifest-file.ts';
import { augment } from '../../src/verbs/augment.ts';
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

describe('a manifest that is read in parts', async () => {
  const path = join(folder, 'aug/manifest.json');
  await augment({ in: 'fixtures/camvid', out: join(folder, 'aug'), p: 0.5 });
  const whole = await readManifest(path);
  const recordsOf = async (file: string): Promise<ManifestRecord[]> => {
    const records: ManifestRecord[] = [];
    for await (const record of readRecords(file)) records.push(record);
    return records;
  };

  test('has the same frame and records as the whole', async () => {
    expect({ ...(await readFrame(path)), records: await recordsOf(path) }).toEqual(whole);
  });

  test.each([
    ['cut short', (text: string) => text.slice(0, -100), 'the file is cut short'],
    ['of another version', (text: string) => text.replace('"schema":3', '"schema":2'), 'schema: version 2 is not supported'],
    ['without a seed', (text: string) => text.replace('"seed":0,', ''), 'seed:'],
  ])('is refused if it is %s', async (_, change, why) => {
    const damaged = join(folder, 'damaged.json');
    writeFileSync(damaged, change(readFileSync(path, 'utf8')));
    await expect(readFrame(damaged)).rejects.toMatchObject({
      code: 'data',
      message: expect.stringContaining(`is not a copypaste manifest: ${why}`),
    });
  });

  test('is refused with the number of a damaged record', async () => {
    const damaged = join(folder, 'damaged.json');
    writeFileSync(damaged, JSON.stringify({ ...whole, records: [whole.records[0], { ...whole.records[1], split: 7 }] }));
    await expect(recordsOf(damaged)).rejects.toMatchObject({ code: 'data', message: expect.stringContaining('records.1.split') });
  });

  test('is missed with a remedy', async () => {
    await expect(readFrame(join(folder, 'none/manifest.json'))).rejects.toMatchObject({
      code: 'noInput',
      message: expect.stringContaining('run augment first'),
    });
  });
});
