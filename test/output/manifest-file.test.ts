import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { removeTemporaries } from '../../src/output/files.ts';
import type { ManifestHead, ManifestRecord } from '../../src/output/manifest.ts';
import { readFrame, readRecords, writeManifest } from '../../src/output/manifest-file.ts';
import { augment } from '../../src/verbs/augment.ts';
import { inspect } from '../../src/verbs/inspect.ts';
import { replay } from '../../src/verbs/replay.ts';
import { report } from '../../src/verbs/report.ts';
import { verify } from '../../src/verbs/verify.ts';
import { temporaryFolder } from '../make.ts';
import { readManifest } from '../manifest.ts';

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
    [
      'of another version, with other records',
      (text: string) => text.replace('"schema":3', '"schema":2').replaceAll('"status"', '"state"'),
      'schema: version 2 is not supported',
    ],
    ['without a seed', (text: string) => text.replace('"seed":0,', ''), 'seed:'],
    ['without records', (text: string) => text.replace('"records":', '"record":'), 'records: Invalid input: expected array'],
    [
      'with a list of an unknown name',
      (text: string) => text.replace('{', '{"constructor":[1],'),
      'document: Unrecognized key: "constructor"',
    ],
    ['with records that are no list', (text: string) => text.replace(/"records":\[.*\n\]/s, '"records":{}'), 'records: Invalid input'],
  ])('is refused if it is %s', async (_, change, why) => {
    const damaged = join(folder, 'damaged.json');
    writeFileSync(damaged, change(readFileSync(path, 'utf8')));
    const refused = { code: 'data', message: expect.stringContaining(`is not a copypaste manifest: ${why}`) };
    await expect(readFrame(damaged)).rejects.toMatchObject(refused);
    await expect(readManifest(damaged)).rejects.toMatchObject(refused);
  });

  test('is refused with the number of a damaged record', async () => {
    const damaged = join(folder, 'damaged.json');
    writeFileSync(damaged, JSON.stringify({ ...whole, records: [whole.records[0], { ...whole.records[1], split: 7 }] }));
    const refused = { code: 'data', message: expect.stringContaining('records.1.split') };
    await expect(recordsOf(damaged)).rejects.toMatchObject(refused);
    await expect(readManifest(damaged)).rejects.toMatchObject(refused);
  });

  test('is missed with a remedy', async () => {
    await expect(readFrame(join(folder, 'none/manifest.json'))).rejects.toMatchObject({
      code: 'noInput',
      message: expect.stringContaining('run augment first'),
    });
  });
});

/** A text of more than 512 MB is no string, and no parser takes it. */
describe('a manifest of any size', () => {
  const out = join(folder, 'out');
  const manifest = join(out, 'manifest.json');
  const given = { in: 'fixtures/camvid', out, p: 1 } as const;

  beforeAll(() => augment(given));

  afterEach(() => {
    vi.restoreAllMocks();
  });

  test.each<[string, () => Promise<unknown>]>([
    ['augment again', () => augment(given)],
    ['inspect', () => inspect({ in: out })],
    ['verify', () => verify({ out })],
    ['verify --deep', () => verify({ out, in: given.in, deep: true })],
    ['replay', () => replay({ in: given.in, manifest, out: join(folder, 'again') })],
    ['report', () => report({ out, page: join(folder, 'page.html') })],
    ['augment --overwrite', () => augment({ ...given, overwrite: true })],
  ])('%s parses a manifest record by record', async (_, command) => {
    const { parse } = JSON;
    const texts: string[] = [];
    vi.spyOn(JSON, 'parse').mockImplementation((text, reviver) => {
      texts.push(text);
      return parse(text, reviver);
    });
    await command();
    // A line of the journal has the records of a batch.
    const records = texts.filter((text) => text.includes('"placements":') && !text.startsWith('{"end":'));
    expect(records.length).toBeGreaterThan(0);
    expect(records.filter((text) => text.split('"placements":').length > 2)).toEqual([]);
  });

  test('a complete run is compared in memory that does not grow with its records', async () => {
    const whole = await readFile(manifest, 'utf8');
    const [start = '', records = '', end = ''] = whole.split(/(?<="records":\[)\n|\n(?=\],"classes")/);
    await writeFile(
      manifest,
      `${start}\n${Array(Math.ceil(1e7 / records.length))
        .fill(records)
        .join(',\n')}\n${end}`,
    );
    // The tool itself takes about 25 MB; all records at once would take another 40 MB.
    const argv = ['--max-old-space-size=40', 'bin/copypaste.cjs', 'augment', '--in', given.in, '--out', out, '-p', '1', '-q'];
    await promisify(execFile)(process.execPath, argv);
  });
});
