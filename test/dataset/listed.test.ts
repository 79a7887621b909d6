import { cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDataset } from '../../src/dataset/open.ts';
import { augment } from '../../src/verbs/augment.ts';
import { check } from '../../src/verbs/check.ts';
import { extract } from '../../src/verbs/extract.ts';
import { inspect } from '../../src/verbs/inspect.ts';
import { preview } from '../../src/verbs/preview.ts';
import { replay } from '../../src/verbs/replay.ts';
import { verify } from '../../src/verbs/verify.ts';
import { temporaryFolder, treeDigests } from '../make.ts';
import { readManifest } from '../manifest.ts';

const folder = temporaryFolder();
const camvid = 'fixtures/camvid';
const open = (list: readonly string[], more: object = {}) =>
  openDataset({ in: camvid, maskSuffix: '', onlySplit: false, skipBad: false, list, ...more });
const { samples, others } = await openDataset({ in: camvid, maskSuffix: '', onlySplit: false, skipBad: false });
const ids = samples.map(({ id }) => id);
const images = samples.map(({ image }) => image);
const few = ids.slice(2, 6);

describe('a list of samples', () => {
  test('names samples by id, or by the path of their image from the data set, from the working folder, or from the root', async () => {
    const [a, b, c, d] = images.slice(2, 6) as [string, string, string, string];
    for (const list of [few, [a, b, c, d], [a, join(camvid, b), resolve(camvid, c), `./${d}`], [...few, ...few].reverse()]) {
      const opened = await open(list);
      expect(opened.samples.map(({ id }) => id)).toEqual(few);
      expect(opened.others).toEqual([]);
      expect(opened.splits).toEqual(['train']);
      expect(opened.leftBehind).toEqual([]);
    }
  });

  test('keeps the samples of other splits that it names', async () => {
    const [other] = others;
    const opened = await open([...few, other?.id as string]);
    expect(opened.others.map(({ id }) => id)).toEqual([other?.id]);
    expect(opened.splits).toEqual(['train', 'val']);
    await expect(open([other?.id as string])).rejects.toThrow('--list names only samples of val; pass --split val');
    expect((await open([other?.id as string], { split: 'val' })).samples).toHaveLength(1);
    expect((await inspect({ in: camvid, list: [other?.id as string] })).split).toBe('val');
  });

  test('is refused with each name that is no sample, and the nearest one', async () => {
    const wrong = `${few[0]}x`;
    await expect(open([wrong])).rejects.toThrow(`--list: ${wrong} is no sample; did you mean ${few[0]}?`);
    await expect(open([wrong, 'elsewhere', ...few])).rejects.toMatchObject({
      code: 'usage',
      message: '--list: 2 of 6 names are no samples of fixtures/camvid; name samples by id or image',
      offenders: [`${wrong} is no sample; did you mean ${few[0]}?`, 'elsewhere is no sample'],
    });
    await expect(open(Array.from({ length: 50 }, (_, n) => `?${n}`))).rejects.toMatchObject({
      offenders: expect.arrayContaining(['and 30 more']),
    });
  });

  test('leaves out bad samples that it does not name, and says why images are no samples', async () => {
    const root = join(folder, 'bad');
    cpSync(camvid, root, { recursive: true });
    rmSync(join(root, samples.at(0)?.mask as string));
    await expect(openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false })).rejects.toThrow('1 bad sample');
    const bad = { in: root };
    expect((await open(few, bad)).samples).toHaveLength(4);
    for (const name of [ids[0] as string, images[0] as string])
      await expect(open([name, ...few], bad)).rejects.toThrow(/bad sample|is no sample/);
    const voc = await openDataset({ in: 'fixtures/voc', maskSuffix: '', onlySplit: true, skipBad: false });
    const unlisted = join(folder, 'voc');
    cpSync('fixtures/voc', unlisted, { recursive: true });
    cpSync(join(unlisted, voc.samples.at(0)?.image as string), join(unlisted, 'JPEGImages', 'extra.jpg'));
    await expect(open(['extra'], { in: unlisted })).rejects.toThrow('--list: extra has no mask');
  });
});

describe.each([
  ['camvid', camvid],
  ['voc', 'fixtures/voc'],
  ['coco', 'fixtures/coco'],
  ['yolo', 'fixtures/yolo'],
])('the output of a list of %s', (name, data) => {
  const own = join(folder, name);
  const run = (out: string, list: readonly string[], more: object = {}) =>
    augment({ in: data, out: join(own, out), p: 1, list, onlySplit: true, ...more });

  test('is the same for any order, and that of a data set of these samples alone', async () => {
    const all = await openDataset({ in: data, maskSuffix: '', onlySplit: true, skipBad: false });
    const half = all.samples.slice(0, Math.ceil(all.samples.length / 2));
    const list = half.map(({ id }) => id);
    await run('one', list);
    await run('other', [...half.map(({ image }) => image).reverse(), ...list]);
    const digests = await treeDigests(join(own, 'one'));
    expect(await treeDigests(join(own, 'other'))).toEqual(digests);
    const manifest = await readManifest(join(own, 'one', 'manifest.json'));
    expect(manifest.records.map(({ id }) => id).sort()).toEqual(list);
    expect(manifest.records.every((one) => one.status === 'unchanged' || list.includes(one.source))).toBe(true);
    expect(manifest.list).toMatchObject({ samples: list.length });
    if (name === 'camvid') {
      const alone = join(own, 'alone');
      for (const { image, mask } of half) for (const file of [image, mask as string]) cpSync(join(data, file), join(alone, file));
      await augment({ in: alone, out: join(own, 'of-alone'), p: 1 });
      const { 'manifest.json': _, ...files } = await treeDigests(join(own, 'of-alone'));
      expect(digests).toEqual({ ...files, 'manifest.json': expect.any(String) });
    }
  });

  test('verifies and replays without the list, and another list is another run', async () => {
    const { list: listing, records } = await readManifest(join(own, 'one', 'manifest.json'));
    expect(listing).toBeDefined();
    expect(await verify({ out: join(own, 'one'), deep: true, in: data })).toMatchObject({ differences: [], unchecked: [] });
    await replay({ manifest: join(own, 'one', 'manifest.json'), in: data, out: join(own, 'again') });
    expect(await treeDigests(join(own, 'again'))).toEqual(await treeDigests(join(own, 'one')));
    await expect(run('one', [records[0]?.id as string], { allowSelf: true, onlySplit: true })).rejects.toThrow('contains another run');
  });
});

test('a list with a sample that is missing later is found by verify', async () => {
  const [root, out] = [join(folder, 'changing'), join(folder, 'changing-out')];
  cpSync(camvid, root, { recursive: true });
  await augment({ in: root, out, p: 1, list: few });
  const [first] = samples.filter(({ id }) => id === few[0]);
  for (const file of [first?.image, first?.mask])
    renameSync(join(root, file as string), join(folder, (file as string).replaceAll('/', '-')));
  const { differences } = await verify({ out, deep: true, in: root, sample: 1 }).catch((error: unknown) => ({
    differences: [{ what: String(error) }],
  }));
  expect(differences.map(({ what }) => what).join()).toMatch(/list|no such file|missing/);
});

test('documents of other splits are copied whole, or left out', async () => {
  const coco = 'fixtures/coco';
  const all = await openDataset({ in: coco, maskSuffix: '', onlySplit: false, skipBad: false });
  const train = all.samples.map(({ id }) => id);
  const rest = all.others.map(({ id }) => id);
  expect((await open(train, { in: coco })).documents.size).toBe(1);
  expect((await open([...train, ...rest], { in: coco })).documents.size).toBe(all.documents.size);
  if (rest.length > 1)
    await expect(open([...train, rest[0] as string], { in: coco })).rejects.toThrow('is copied as it is; name all or none');
});

test('inspect, check, extract and preview take a list, from a file too', async () => {
  const file = join(folder, 'names.txt');
  writeFileSync(file, `\ufeff${images.slice(2, 6).join('\r\n')}\r\n`);
  const list = file as unknown as readonly string[];
  expect((await inspect({ in: camvid, list })).splits).toEqual({ train: 4 });
  expect((await check({ in: camvid, list })).samples).toBe(4);
  expect((await extract({ in: camvid, out: join(folder, 'bank'), list, stuff: 'keep' })).samples).toBe(4);
  expect(JSON.parse(readFileSync(join(folder, 'bank', 'manifest.json'), 'utf8')).list.samples).toBe(4);
  expect((await preview({ in: camvid, out: join(folder, 'sheet.png'), list, p: 1 })).rows).toBeLessThanOrEqual(4);
  expect(existsSync(join(folder, 'sheet.png'))).toBe(true);
  await expect(inspect({ in: join(folder, 'bank'), list: few })).rejects.toThrow('--list: does not apply to a bank');
  await expect(check({ in: join(folder, 'bank'), list: few })).rejects.toThrow('--list: does not apply to a bank');
});
