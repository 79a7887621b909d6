import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readObjects, writeMask } from '../../src/codecs/masks.ts';
import { encodeArray } from '../../src/codecs/numpy.ts';
import { freeIds } from '../../src/formats/instance-ids.ts';
import type { augmentOptions, Given } from '../../src/options.ts';
import type { Mask } from '../../src/types.ts';
import { augment } from '../../src/verbs/augment.ts';
import { check } from '../../src/verbs/check.ts';
import { inspect } from '../../src/verbs/inspect.ts';
import { pack } from '../../src/verbs/pack.ts';
import { verify } from '../../src/verbs/verify.ts';
import { expectSound } from '../contract.ts';
import { drawBox, filled, imageOf, temporaryFolder, treeDigests, writeTree } from '../make.ts';
import { readManifest } from '../manifest.ts';

const folder = temporaryFolder();
let number = 0;

type Files = Parameters<typeof writeTree>[1];
const tree = (files: Files): Promise<string> => writeTree(join(folder, `in${number++}`), files);
const layout = 'instance-ids';
async function run(root: string, options: Partial<Given<typeof augmentOptions>> = {}): Promise<string> {
  const out = join(folder, `out${number++}`);
  await augment({ in: root, out, layout, p: 1, minArea: '1px', maxArea: 1, truncated: 'keep', ...options });
  return out;
}

const picture = (n: number) => imageOf(32, 24, (x, y) => 0xff000000 + 65536 * n + 256 * x + y);
/** Two objects; the first has two parts. */
const numbered = (first: number, second: number): Mask =>
  drawBox(drawBox(drawBox(filled(32, 24, 0), [2, 2, 12, 12], first), [2, 16, 6, 20], first), [16, 8, 28, 20], second);
const wide = (mask: Mask): Mask => ({ ...mask, ids: Uint16Array.from(mask.ids) });
const set = async (encode: (mask: Mask, n: number) => Promise<Files[string]> | Files[string], ending = '.png'): Promise<Files> => ({
  'images/a.png': picture(0),
  'images/b.png': picture(1),
  [`masks/a${ending}`]: await encode(numbered(4, 9), 0),
  [`masks/b${ending}`]: await encode(numbered(1, 2), 1),
});
const idsIn = async (out: string, path: string): Promise<Set<number>> =>
  new Set((await readObjects(readFileSync(join(out, path)), path)).ids);

describe('masks that number their objects', () => {
  test.each<[string, () => Promise<Files>]>([
    ['PNG of 8 bits', () => set((mask) => mask)],
    ['PNG of 16 bits', () => set(wide)],
    ['PNG with a palette', () => set((mask) => ({ ...mask, palette: Uint8Array.from({ length: 30 }, (_, n) => 8 * n) }))],
    ['TIFF of 16 bits', () => set(async (mask) => (await writeMask(wide(mask), 'a.tif')).bytes, '.tif')],
    [
      'NumPy',
      () =>
        set(
          (mask) => encodeArray({ ...mask, array: { type: '<i4', largest: 65_535, fortran: false, version: 1 } } as Mask, 'a.npy'),
          '.npy',
        ),
    ],
  ])('are read and written: %s', async (_, files) => {
    const root = await tree(await files());
    const found = await inspect({ in: root, layout });
    expect(found.classes.filter(({ leftOut }) => !leftOut).map(({ name, instances }) => [name, instances])).toEqual([['object', 4]]);
    expect((await check({ in: root, layout })).differences).toEqual([]);
    const unchanged = await treeDigests(await run(root, { p: 0 }));
    expect({ ...unchanged, 'manifest.json': undefined }).toEqual({ ...(await treeDigests(root)), 'manifest.json': undefined });
    const out = await run(root, { copies: 4, maxInstances: 3 });
    await expectSound(out, root);
    for (const record of (await readManifest(join(out, 'manifest.json'))).records) {
      if (record.status !== 'augmented') throw new Error(`${record.id} is unchanged`);
      const own = record.id === 'a' ? [4, 9] : [1, 2];
      const gone = (record.covered ?? []).filter(({ dropped }) => dropped).map(({ object }) => own[object as number]);
      const pasted = record.placements.filter(({ visible }) => visible > 0).map((_, n) => (own[1] as number) + 1 + n);
      const ids = await idsIn(out, record.files.mask?.path as string);
      ids.delete(0);
      expect([...ids].sort((a, b) => a - b)).toEqual([...own.filter((id) => !gone.includes(id)), ...pasted]);
    }
  });

  test('have 16 bits where ids go beyond 255', async () => {
    const root = await tree(await set(() => numbered(1, 255)));
    const out = await run(root, { maxInstances: 1 });
    expect(Math.max(...(await idsIn(out, 'masks/a.png')))).toBe(256);
    await expectSound(out, root);
  });

  test('may lie beside their images, with a suffix', async () => {
    const root = await tree({ 'a.png': picture(0), 'a_masks.png': numbered(1, 2), 'b.png': picture(1), 'b_masks.png': numbered(3, 4) });
    const out = await run(root, { images: '.', masks: '.', maskSuffix: '_masks' });
    expect(Object.keys(await treeDigests(out)).sort()).toEqual(['a.png', 'a_masks.png', 'b.png', 'b_masks.png', 'manifest.json']);
    expect((await verify({ out, in: root, deep: true })).differences).toEqual([]);
  });

  test('give objects to masks of classes, and take them from these', async () => {
    const root = await tree(await set((mask) => mask));
    const classes = await tree({
      'images/x.png': picture(2),
      'masks/x.png': drawBox(filled(32, 24, 0), [20, 2, 26, 8], 1),
      'images/y.png': picture(3),
      'masks/y.png': drawBox(filled(32, 24, 0), [20, 2, 26, 8], 1),
      'map.yaml': 'object: 1\n',
      'back.yaml': '1: object\n',
    });
    const onClasses = await run(classes, { layout: undefined, sources: root, sourcesLayout: layout, classMap: join(classes, 'map.yaml') });
    expect(await idsIn(onClasses, 'masks/x.png')).toEqual(new Set([0, 1]));
    const others = { sources: classes, classMap: join(classes, 'back.yaml') };
    const onIds = await run(root, { ...others, maxInstances: 1 });
    expect((await idsIn(onIds, 'masks/a.png')).has(10)).toBe(true);
    expect((await verify({ out: onIds, in: root, ...others, deep: true })).differences).toEqual([]);
  });

  test('are packed with their objects', async () => {
    const root = await tree(await set((mask) => mask));
    const out = join(folder, 'packed');
    await pack({ in: root, form: 'webdataset', out, layout });
    const found = await inspect({ in: out });
    expect(found.annotations).toBe(4);
  });

  test.each([
    [{ threshold: 1 }, '--threshold: does not apply to the instance-ids layout, which numbers objects; leave it out'],
    [{ ignore: [255] }, '--ignore: does not apply to the instance-ids layout'],
    [{ instances: 'class' }, '--instances class: does not apply to the instance-ids layout'],
    [{ requireMasks: true }, '--require-masks: does not apply to the instance-ids layout'],
  ] as const)('refuse options without effect: %j', async (options, message) => {
    const root = await tree(await set((mask) => mask));
    await expect(run(root, options)).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining(message) });
  });
});

test('new objects get ids after the largest one, then any other, and none twice', () => {
  expect(freeIds([], 2, 'a.png')).toEqual([1, 2]);
  expect(freeIds([2, 7], 2, 'a.png')).toEqual([8, 9]);
  expect(freeIds([1, 3, 65_535], 2, 'a.png')).toEqual([2, 4]);
  const all = Array.from({ length: 65_534 }, (_, n) => n + 1);
  expect(freeIds(all, 1, 'a.png')).toEqual([65_535]);
  expect(() => freeIds(all, 2, 'a.png')).toThrow('a.png: has no free id for 2 more objects: masks hold ids up to 65535');
});
