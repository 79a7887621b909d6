import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { cp, mkdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { decodeImage, encodeImage, imageHeaderOf } from '../../src/codecs/image.ts';
import { encodeMask } from '../../src/codecs/png-masks.ts';
import type { Hooks } from '../../src/engine/hooks.ts';
import { asBankRecord, type BankRecord } from '../../src/formats/bank.ts';
import type { augmentOptions, extractOptions, Given } from '../../src/options.ts';
import type { ManifestRecord } from '../../src/output/manifest.ts';
import { augment } from '../../src/verbs/augment.ts';
import { check } from '../../src/verbs/check.ts';
import { type ExtractSummary, extract } from '../../src/verbs/extract.ts';
import { inspect } from '../../src/verbs/inspect.ts';
import { replay } from '../../src/verbs/replay.ts';
import { verify } from '../../src/verbs/verify.ts';
import { expectSound } from '../contract.ts';
import { built, smallData } from '../engine/small.ts';
import { deepImageOf, drawBox, filled, imageOf, rgba, temporaryFolder, treeDigests, writeTree } from '../make.ts';
import { readManifest } from '../manifest.ts';

const folder = temporaryFolder();
let number = 0;
const newPath = (name: string): string => join(folder, `${name}${number++}`);

type Extracting = Partial<Given<typeof extractOptions>>;
type Augmenting = Partial<Given<typeof augmentOptions>>;

async function bankOf(data: string, options: Extracting = {}): Promise<{ bank: string; summary: ExtractSummary }> {
  const bank = newPath('bank');
  return { bank, summary: await extract({ in: data, out: bank, ...options }) };
}

interface BankManifest {
  readonly records: readonly BankRecord[];
}

function manifestOf(bank: string): BankManifest {
  return JSON.parse(readFileSync(join(bank, 'manifest.json'), 'utf8'));
}

/** A record without the files of its source. */
function withoutFiles(record: ManifestRecord): object {
  const { sourceInputs: _, sourceCutouts: __, ...rest } = record as Extract<ManifestRecord, { status: 'augmented' }>;
  return rest;
}

/** Augments a data set with instances of another, and with the bank that is extracted from that; both outputs must be equal. */
async function expectSame(target: string, data: string, options: Augmenting = {}, extracting: Extracting = {}): Promise<string> {
  const { bank } = await bankOf(data, extracting);
  const given = { in: target, p: 1, minArea: '20px', truncated: 'keep', stuff: 'keep', ...options } as const;
  const [direct, banked] = [newPath('direct'), newPath('banked')];
  await augment({ ...given, sources: data, out: direct });
  // What an instance is, is decided when the bank is extracted.
  await augment({ ...given, join: undefined, instances: undefined, sources: bank, out: banked });
  const digests = async (out: string) => {
    const { 'manifest.json': _, ...rest } = await treeDigests(out);
    return rest;
  };
  expect(await digests(banked)).toEqual(await digests(direct));
  const [one, other] = await Promise.all([direct, banked].map((out) => readManifest(join(out, 'manifest.json'))));
  expect(other?.records.map(withoutFiles)).toEqual(one?.records.map(withoutFiles));
  // Instances that were not extracted are not counted.
  if (!extracting.classes && !extracting.minSourceArea) expect(other?.classes).toEqual(one?.classes);
  expect(other?.sources?.classes).toEqual(one?.sources?.classes);
  const pasted = other?.records.filter(({ status }) => status === 'augmented') ?? [];
  expect(pasted.length).toBeGreaterThan(0);
  for (const record of pasted as Extract<ManifestRecord, { status: 'augmented' }>[]) {
    expect(record.sourceInputs).toBeUndefined();
    expect(record.sourceCutouts?.length).toBeGreaterThan(0);
  }
  await expectSound(banked, target, target === 'fixtures/camvid' ? 'train' : undefined, bank, { classMap: options.classMap });
  return bank;
}

/** A file for `--class-map`. */
async function classMap(text: string): Promise<string> {
  const path = newPath('classes');
  await writeFile(path, text);
  return path;
}

const keep: Extracting = { stuff: 'keep' };
const noise = (seed: number) => (x: number, y: number) => rgba((7 * x + seed) & 255, (11 * y + 3 * x) & 255, (13 * (x + y)) & 255);

/** Samples of two classes; one without an instance, and one whose instances touch the border. */
async function drawnData(name = 'drawn'): Promise<string> {
  return writeTree(newPath(name), {
    'images/a.png': imageOf(40, 30, noise(1)),
    'masks/a.png': drawBox(drawBox(filled(40, 30, 0), [4, 4, 16, 14], 1), [20, 10, 35, 25], 2),
    'images/sub/b.png': imageOf(50, 36, noise(2)),
    'masks/sub/b.png': drawBox(drawBox(filled(50, 36, 0), [0, 0, 18, 20], 1), [30, 20, 50, 36], 2),
    'images/c.png': imageOf(40, 30, noise(3)),
    'masks/c.png': filled(40, 30, 0),
  });
}

describe('extract and paste gives the bytes of --sources itself', () => {
  const person = { coco: 'person', camvid: 'pedestrian' };
  test.each([
    ['voc', 'coco', 'cow: person\nhorse: person'],
    ['coco', 'camvid', `truck: car\nperson: ${person.camvid}`],
    ['panoptic', 'camvid', `truck: car\nperson: ${person.camvid}`],
    ['yolo', 'coco', 'car: person\npedestrian: person\nbicyclist: person'],
    ['labelme', 'coco', 'bottle: person'],
    ['cvat', 'coco', 'bottle: person'],
    ['datumaro', 'voc', 'bottle: person'],
    ['camvid', 'voc', 'car: person\nsky: cow\npedestrian: person'],
  ])('from %s into %s', async (source, target, map) => {
    const large = { minSourceArea: '300px' } as const;
    await expectSame(`fixtures/${target}`, `fixtures/${source}`, { classMap: await classMap(map), ...large }, { ...keep, ...large });
  });

  test('with objects as instances, and with all pixels of a class', async () => {
    const map = await classMap('cow: person\nhorse: person');
    for (const instances of ['object', 'class'] as const)
      await expectSame('fixtures/coco', 'fixtures/voc', { classMap: map, instances }, { instances });
  });

  test('with jittered scenes, several copies, flips, enlargement and cut-off instances', async () => {
    const data = await drawnData();
    const target = await writeTree(newPath('target'), {
      ...Object.fromEntries(['t', 'u', 'v'].map((name, n) => [`images/${name}.png`, imageOf(48, 32, noise(9 + n))])),
      ...Object.fromEntries(['t', 'u', 'v'].map((name) => [`masks/${name}.png`, filled(48, 32, 3)])),
    });
    await expectSame(target, data, { copies: 3, scale: [0.4, 3], maxArea: 1 });
    await expectSame(target, data, { copies: 2, jitter: 'scene', maxInstances: 'all', maxArea: 1 });
    await expectSame(target, data, { truncated: 'skip', maxTranslation: 0.3 });
    await expectSame(target, data, { classes: [2] }, { classes: [2] });
    await expectSame(target, data, { excludeClasses: [2] });
    await expectSame(target, data, { minSourceArea: '130px', join: '4px' }, { minSourceArea: '130px', join: '4px' });
  });

  test('with 16 bits per channel, from and into 8 bits, and with full alpha', async () => {
    const deep = await writeTree(newPath('deep'), { 'masks/d.png': drawBox(filled(40, 30, 0), [4, 4, 22, 24], 1) });
    await mkdir(join(deep, 'images'));
    const ramp = deepImageOf(40, 30, 4, (x, y, c) => (c === 3 ? 65535 : 1000 * x + 300 * y + 77 * c));
    await writeFile(join(deep, 'images/d.png'), await encodeImage(ramp, 'png', 90));
    const flat = await drawnData();
    const bank = await expectSame(flat, deep);
    const path = manifestOf(bank).records[0]?.cutouts[0]?.path as string;
    expect((await imageHeaderOf(readFileSync(join(bank, path)), path)).format).toMatchObject({ depth: 16, channels: 4 });
    await expectSame(deep, flat);
  });
});

describe('a bank', () => {
  test('holds each instance in its box, with full alpha there and zero elsewhere, in a folder of its class', async () => {
    const data = await writeTree(newPath('data'), {
      'images/sub/a.png': imageOf(20, 16, noise(5)),
      'masks/sub/a.png': drawBox(drawBox(filled(20, 16, 0), [3, 4, 9, 8], 1), [3, 8, 5, 12], 1),
      'names.txt': 'background\nsea: lion?\n',
    });
    const { bank, summary } = await bankOf(data, { classNames: join(data, 'names.txt') });
    expect(summary).toMatchObject({ samples: 1, cutouts: 1, classes: [{ id: 1, name: 'sea: lion?', cutouts: 1 }] });
    const [record] = manifestOf(bank).records.map(asBankRecord);
    expect(record).toMatchObject({ id: 'sub/a', width: 20, height: 16, depth: 8 });
    const path = 'sea_ lion_/sub/a-0.png';
    expect(record?.cutouts[0]).toMatchObject({ path, classId: 1, box: [3, 4, 9, 12], number: 0, area: 32, truncated: false });
    const { pixels } = await decodeImage(await readFile(join(bank, path)), { width: 6, height: 8 }, path, {
      channels: 4,
      depth: 8,
      icc: false,
      cmyk: false,
      upright: false,
    });
    for (let y = 0; y < 8; y++) {
      for (let x = 0; x < 6; x++) {
        const inside = y < 4 || x < 2;
        const word = noise(5)(x + 3, y + 4);
        const colour = [word & 255, (word >> 8) & 255, (word >> 16) & 255, 255];
        expect([...pixels.subarray(4 * (6 * y + x), 4 * (6 * y + x) + 4)]).toEqual(inside ? colour : [0, 0, 0, 0]);
      }
    }
  });

  test('lists samples without a cut-out, and no crowd', async () => {
    const { bank } = await bankOf(await drawnData());
    expect(manifestOf(bank).records.map(({ id, cutouts }) => [id, cutouts.length])).toEqual([
      ['a', 2],
      ['c', 0],
      ['sub/b', 2],
    ]);
    const coco = await bankOf('fixtures/coco');
    const { annotations } = JSON.parse(readFileSync('fixtures/coco/annotations/instances_train.json', 'utf8'));
    const crowds = annotations.filter((one: { iscrowd: number }) => one.iscrowd === 1).length;
    expect(crowds).toBeGreaterThan(0);
    expect(coco.summary.cutouts).toBe(annotations.length - crowds);
  });

  test('states the licence of an image, where COCO does', async () => {
    const data = newPath('coco');
    await cp('fixtures/coco', data, { recursive: true });
    const path = join(data, 'annotations/instances_train.json');
    const document = JSON.parse(readFileSync(path, 'utf8'));
    document.licenses = [{ id: 4, name: 'CC BY', url: 'https://example.org/by' }];
    document.images[0].license = 4;
    delete document.images[1].license;
    await writeFile(path, JSON.stringify(document));
    const { records } = manifestOf((await bankOf(data)).bank);
    const licences = records.map(({ licence }) => licence);
    expect(licences).toContainEqual({ id: 4, name: 'CC BY', url: 'https://example.org/by' });
    expect(licences).toContain(undefined);
  });

  test('is not made of images whose alpha is below full in an instance; --skip-bad leaves them out aloud', async () => {
    const data = await drawnData();
    const faded = imageOf(40, 30, (x, y) => rgba(x, y, 0, x === 5 && y === 6 ? 254 : 255), 4);
    await writeFile(join(data, 'images/a.png'), await encodeImage(faded, 'png', 90));
    await expect(bankOf(data)).rejects.toMatchObject({
      code: 'data',
      message: expect.stringMatching(/^images\/a\.png: has alpha below full at pixel \(5, 6\)/),
    });
    const { bank, summary } = await bankOf(data, { skipBad: true });
    expect(summary.skipped).toEqual([{ id: 'a', reason: expect.stringContaining('images/a.png: has alpha below full') }]);
    expect(manifestOf(bank).records.map(({ id, cutouts }) => [id, cutouts.length])).toEqual([
      ['a', 0],
      ['c', 0],
      ['sub/b', 2],
    ]);
    // Outside the instances alpha does not matter.
    const clear = imageOf(40, 30, (x, y) => rgba(x, y, 0, x < 2 ? 0 : 255), 4);
    await writeFile(join(data, 'images/a.png'), await encodeImage(clear, 'png', 90));
    expect((await bankOf(data)).summary.cutouts).toBe(4);
  });
});

describe('a bank that is written', () => {
  /** Stops after a number of samples. */
  const stopAfter = (samples: number): Hooks => {
    const stop = new AbortController();
    let done = 0;
    return { stop: stop.signal, done: () => void (++done === samples && stop.abort()) };
  };
  const extractTo = (out: string, given: Extracting = {}, hooks: Hooks = {}) =>
    small.then((data) => extract({ in: data, out, jobs: 1, ...given }, hooks));
  const small = smallData(newPath('small'), [...'abcdefghi']);
  const reference = newPath('reference');
  const expected = extractTo(reference).then(() => treeDigests(reference));

  test.each([1, 6])('is continued after %i samples by the same call to the same bytes', async (samples) => {
    const out = newPath('bank');
    await expect(extractTo(out, {}, stopAfter(samples))).rejects.toMatchObject({ code: 'interrupted' });
    expect(readdirSync(out)).toContain('run.jsonl');
    expect(readdirSync(out)).not.toContain('manifest.json');
    expect((await extractTo(out)).reused).toBe(samples);
    expect(await treeDigests(out)).toEqual(await expected);
  });

  test('repeats samples whose cut-outs are damaged or missing, and removes temporary files', async () => {
    const out = newPath('bank');
    await expect(extractTo(out, {}, stopAfter(5))).rejects.toMatchObject({ code: 'interrupted' });
    const cutouts = readdirSync(out, { recursive: true })
      .map(String)
      .filter((file) => file.endsWith('.png'));
    await truncate(join(out, cutouts[0] as string), 20);
    await rm(join(out, cutouts.at(-1) as string));
    await writeFile(join(out, '.0123456789ab.tmp'), 'torn');
    expect((await extractTo(out)).reused).toBeLessThan(5);
    expect(await treeDigests(out)).toEqual(await expected);
  });

  test('is left as it is by the same call once it is complete, and does not depend on the number of jobs', async () => {
    await expected;
    const { mtimeMs } = statSync(join(reference, 'manifest.json'));
    const again = await extractTo(reference, { jobs: 4 });
    expect(again.reused).toBe(again.samples);
    expect(again.classes).toHaveLength(9);
    expect(statSync(join(reference, 'manifest.json')).mtimeMs).toBe(mtimeMs);
    const other = newPath('bank');
    await extractTo(other, { jobs: 7 });
    expect(await treeDigests(other)).toEqual(await expected);
  });

  test('is refused to other options and data, and replaced with --overwrite', async () => {
    await expected;
    const out = newPath('bank');
    await cp(reference, out, { recursive: true });
    await expect(extractTo(out, { instances: 'class' })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('instances was "component" and is now "class"'),
    });
    await expect(extract({ in: 'fixtures/voc', out })).rejects.toMatchObject({ code: 'usage' });
    await writeFile(join(out, 'notes.txt'), 'mine');
    const { cutouts } = await extractTo(out, { instances: 'class', overwrite: true });
    const files = readdirSync(out, { recursive: true }).map(String);
    expect(files.filter((file) => file.endsWith('.png'))).toHaveLength(cutouts);
    expect(files).toContain('notes.txt');
  });

  test('goes neither into the output of augment nor into a folder of other files, and augment not into it', async () => {
    await expected;
    const out = newPath('out');
    await augment({ in: 'fixtures/camvid', out });
    await expect(extractTo(out)).rejects.toMatchObject({ code: 'cannotCreate' });
    await expect(extractTo(out, { overwrite: true })).rejects.toMatchObject({ code: 'cannotCreate' });
    await expect(augment({ in: 'fixtures/camvid', out: reference })).rejects.toMatchObject({ code: 'cannotCreate' });
    await expect(augment({ in: 'fixtures/camvid', out: reference, overwrite: true })).rejects.toMatchObject({ code: 'cannotCreate' });
    const foreign = await writeTree(newPath('foreign'), { 'notes.txt': 'mine' });
    await expect(extractTo(foreign)).rejects.toMatchObject({ code: 'cannotCreate' });
    const begun = newPath('begun');
    await expect(extractTo(begun, {}, stopAfter(2))).rejects.toMatchObject({ code: 'interrupted' });
    for (const overwrite of [false, true])
      await expect(augment({ in: 'fixtures/camvid', out: begun, overwrite })).rejects.toMatchObject({ code: 'cannotCreate' });
    await expect(extractTo(join(await small, 'bank'))).rejects.toMatchObject({ code: 'usage' });
    expect(await treeDigests(reference)).toEqual(await expected);
  });

  test('is not continued if an image has changed', async () => {
    const data = newPath('data');
    await cp(await small, data, { recursive: true });
    const out = newPath('bank');
    await expect(extractTo(out, { in: data }, stopAfter(2))).rejects.toMatchObject({ code: 'interrupted' });
    const image = join(data, 'images/a.png');
    const bytes = readFileSync(image);
    bytes[bytes.length - 20] = (bytes[bytes.length - 20] as number) ^ 1;
    await writeFile(image, bytes);
    await expect(extractTo(out, { in: data })).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining('has changed') });
  });
});

describe('a run from a bank', () => {
  /** A run of `augment` from a bank, and a cut-out that it has pasted. */
  async function runFrom(): Promise<{ data: string; bank: string; out: string; path: string }> {
    const data = await drawnData();
    const { bank } = await bankOf(await drawnData());
    const out = newPath('out');
    await augment({ in: data, sources: bank, out, p: 1, minArea: '10px' });
    const { records, sources } = await readManifest(join(out, 'manifest.json'));
    expect(sources).toMatchObject({ name: 'bank', documents: [{ path: 'manifest.json' }] });
    const [first] = records.flatMap((record) => (record.status === 'augmented' ? (record.sourceCutouts ?? []) : []));
    return { data, bank, out, path: first?.path as string };
  }

  test('is rebuilt only from the same cut-outs; replay and verify --deep name one that has changed or is missing', async () => {
    const { data, bank, out, path } = await runFrom();
    const again = { manifest: join(out, 'manifest.json'), in: data, sources: bank };
    const whole = readFileSync(join(bank, path));
    await writeFile(join(bank, path), await encodeMask(filled(3, 3, 1)));
    await expect(replay({ ...again, out: newPath('again') })).rejects.toMatchObject({
      code: 'data',
      message: expect.stringContaining(`${path}: has changed`),
    });
    await expect(verify({ out, deep: true, in: data, sources: bank })).rejects.toMatchObject({
      message: expect.stringContaining(`${path}: has changed`),
    });
    await rename(join(bank, path), join(bank, 'away.png'));
    await expect(replay({ ...again, out: newPath('again') })).rejects.toMatchObject({
      message: expect.stringContaining(`${path}: cannot be read`),
    });
    await writeFile(join(bank, path), whole);
    await replay({ ...again, out: newPath('again') });
    await writeFile(
      join(bank, 'manifest.json'),
      readFileSync(join(bank, 'manifest.json'), 'utf8').replace('"truncated":true', '"truncated":false'),
    );
    await expect(replay({ ...again, out: newPath('again') })).rejects.toMatchObject({
      message: expect.stringContaining('manifest.json: has changed'),
    });
  });

  test('skips a sample with a damaged cut-out with --skip-bad, and names the cut-out', async () => {
    const { data, bank, path } = await runFrom();
    await truncate(join(bank, path), 30);
    const given = { in: data, sources: bank, p: 1, minArea: '10px' } as const;
    await expect(augment({ ...given, out: newPath('out') })).rejects.toMatchObject({ message: expect.stringContaining(path) });
    const { skipped } = await augment({ ...given, out: newPath('out'), skipBad: true });
    expect(skipped.map(({ reason }) => reason).join()).toContain(path);
  });

  test.each<[string, Augmenting, string]>([
    ['a layout of its own', { sourcesLayout: 'voc' }, '--sources-layout: does not apply'],
    ['a split of its own', { sourcesSplit: 'train' }, '--sources-split: does not apply'],
  ])('is refused %s', async (_, given, message) => {
    await expect(
      augment({ in: 'fixtures/camvid', sources: (await bankOf(await drawnData())).bank, out: newPath('out'), ...given }),
    ).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining(message) });
  });

  test.each<[string, (text: string) => string, string]>([
    ['cut short', (text) => text.slice(0, -200), 'cut short'],
    ['of another version', (text) => text.replace('"schema":1', '"schema":7'), 'version 7 is not supported'],
    ['with a path that leads out', (text) => text.replace(/"path":"[^"]*-\d+\.png"/, '"path":"../x.png"'), 'leads out'],
    ['with a box outside its image', (text) => text.replace(/"box":\[\d+/, '"box":[-1'), 'invalid'],
    ['with two records of one id', (text) => text.replace(/\n(\{"id".*),\n/, '\n$1,\n$1,\n'), 'two records'],
  ])('is refused a manifest %s', async (_, change, message) => {
    const { bank } = await bankOf(await drawnData());
    const path = join(bank, 'manifest.json');
    await writeFile(path, change(readFileSync(path, 'utf8')));
    await expect(augment({ in: 'fixtures/camvid', sources: bank, out: newPath('out') })).rejects.toMatchObject({
      code: 'data',
      message: expect.stringMatching(new RegExp(`^manifest\\.json: is not the manifest of a bank: .*${message}`)),
    });
  });

  test('finds a mask that contradicts its record', async () => {
    const { bank } = await bankOf(await drawnData());
    const path = join(bank, 'manifest.json');
    await writeFile(path, readFileSync(path, 'utf8').replaceAll(/"mask":"[^"]*"/g, '"mask":"11"'));
    await expect(augment({ in: 'fixtures/camvid', sources: bank, out: newPath('out'), p: 1 })).rejects.toMatchObject({
      code: 'data',
      message: expect.stringContaining('contradicts its box or area'),
    });
  });
});

describe('a bank as the data of other commands', () => {
  test('is described by inspect, and refused by augment and extract in one line that says what it is', async () => {
    const { bank } = await bankOf(await drawnData());
    expect(await inspect({ in: bank })).toMatchObject({
      layout: 'bank',
      splits: { '': 3 },
      images: { 'PNG RGBA': 4 },
      classes: [
        { id: 1, samples: 2, instances: 2, pixels: 12 * 10 + 18 * 20 },
        { id: 2, samples: 2, instances: 2, pixels: 15 * 15 + 20 * 16 },
      ],
    });
    const refused = { code: 'usage', message: `${bank}: is a bank of objects, not a data set; augment and preview take it with --sources` };
    await expect(augment({ in: bank, out: newPath('out') })).rejects.toMatchObject(refused);
    await expect(extract({ in: bank, out: newPath('out') })).rejects.toMatchObject(refused);
  });

  test('is checked: cut-outs that have changed or are missing are named', async () => {
    const { bank } = await bankOf(await drawnData());
    expect(await check({ in: bank })).toEqual({ samples: 3, differences: [] });
    await truncate(join(bank, '1/a-0.png'), 20);
    await rm(join(bank, '2/sub/b-1.png'));
    expect((await check({ in: bank })).differences).toEqual([
      { path: '1/a-0.png', what: expect.stringContaining('has changed') },
      { path: '2/sub/b-1.png', what: expect.stringContaining('cannot be read') },
    ]);
  });
});

test('a bank whose process is killed again and again is completed by the same command', async () => {
  const data = await smallData(newPath('small'), [...'abcdefghijklmnopqrstuvwxyz']);
  const [whole, killed] = [newPath('whole'), newPath('killed')];
  await extract({ in: data, out: whole });
  const command = [fileURLToPath(built.command), 'extract', data, '--out', killed, '-q', '--jobs', '2'];
  let kills = 0;
  for (let delay = 250; ; delay += 60) {
    const { signal, status } = spawnSync(process.execPath, command, { timeout: delay, killSignal: 'SIGKILL' });
    if (signal === null) {
      expect(status).toBe(0);
      break;
    }
    kills++;
  }
  expect(kills).toBeGreaterThan(0);
  expect(await treeDigests(killed)).toEqual(await treeDigests(whole));
}, 120_000);
