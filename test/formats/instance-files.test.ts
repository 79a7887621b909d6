import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodeMask } from '../../src/codecs/png-masks.ts';
import { openDataset } from '../../src/dataset/open.ts';
import { journalName } from '../../src/formats/unfinished.ts';
import type { AugmentOptions, augmentOptions, Given } from '../../src/options.ts';
import { openJournal } from '../../src/output/journal.ts';
import { possibleFiles } from '../../src/output/names.ts';
import type { Box, Mask } from '../../src/types.ts';
import { augment } from '../../src/verbs/augment.ts';
import { check } from '../../src/verbs/check.ts';
import { inspect } from '../../src/verbs/inspect.ts';
import { verify } from '../../src/verbs/verify.ts';
import { expectSound } from '../contract.ts';
import { drawBox, filled, imageOf, temporaryFolder, treeDigests, writeTree } from '../make.ts';
import { readManifest } from '../manifest.ts';

const folder = temporaryFolder();
let number = 0;

type Files = Parameters<typeof writeTree>[1];
const tree = (files: Files): Promise<string> => writeTree(join(folder, `in${number++}`), files);
const open = (root: string, more = {}) => openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false, ...more });
async function run(root: string, options: Partial<Given<typeof augmentOptions>> = {}): Promise<string> {
  const out = join(folder, `out${number++}`);
  await augment({ in: root, out, p: 1, minArea: '1px', maxArea: 1, truncated: 'keep', ...options });
  return out;
}

const picture = (n: number) => imageOf(32, 24, (x, y) => 0xff000000 + 65536 * n + 256 * x + y);
const shape = (box: Box, value = 255): Mask => drawBox(filled(32, 24, 0), box, value);
const [left, right]: [Box, Box] = [
  [2, 2, 12, 12],
  [16, 8, 28, 20],
];

/** Images in folders of their own, as in the Data Science Bowl. */
const bowl = (ids: readonly string[], prefix = ''): Files =>
  Object.fromEntries(
    ids.flatMap((id, n) => [
      [`${prefix}${id}/images/${id}.png`, picture(n)],
      [`${prefix}${id}/masks/0c2550a23b8a0f29a.png`, shape(left)],
      [`${prefix}${id}/masks/9bb6e39d5f4415bc7.png`, shape(right)],
    ]),
  );

/** Masks whose names begin with that of their image. @param nameOf makes the name of a mask without what it shares with its image. */
const named = (infix: string, nameOf: (n: number) => string, images = 'images', masks = 'masks'): Files =>
  Object.fromEntries(
    ['a', 'b'].flatMap((id, n) => [
      [`${images}/${id}.png`, picture(n)],
      [`${masks}/${id}${infix}${nameOf(0)}.png`, shape(left)],
      [`${masks}/${id}${infix}${nameOf(1)}.png`, shape(right)],
    ]),
  );

describe('a data set with one mask file per object', () => {
  test.each<[string, Files, readonly string[], number]>([
    ['images in folders of their own', bowl(['s', 't']), ['object'], 2],
    ['images in folders of their own, in splits', { ...bowl(['s', 't'], 'train/'), ...bowl(['u'], 'val/') }, ['object'], 2],
    ['a folder of images of another name', bowl(['s', 't'], 'stage1_train/'), ['object'], 2],
    ['classes in names', named('_', (n) => `${['cat', 'dog'][n]}_${n}`), ['cat', 'dog'], 2],
    ['numbers in names', named('_', String), ['object'], 2],
    ['a folder of masks for each image', named('/', (n) => `dog_${n}`, 'img', 'masks_instances'), ['dog'], 2],
    [
      'splits in both folders',
      { ...named('_', String, 'images/train', 'masks/train'), ...named('_', String, 'images/val', 'masks/val') },
      ['object'],
      2,
    ],
    ['an unknown folder of images', named('_', (n) => `square_${n}`, 'train/shapes2018', 'train/annotations'), ['square'], 2],
    ['masks beside images', named('_', (n) => ['mask', 'mask_1'][n] as string, 'benign', 'benign'), ['mask'], 2],
  ])('is found and written back: %s', async (_, files, names, samples) => {
    const root = await tree(files);
    const dataset = await open(root);
    expect([dataset.layout, [...dataset.classNames.values()], dataset.samples.length]).toEqual(['instance-files', names, samples]);
    expect((await inspect({ in: root })).leftBehind).toEqual([]);
    const unchanged = await treeDigests(await run(root, { p: 0 }));
    expect({ ...unchanged, 'manifest.json': undefined }).toEqual({ ...(await treeDigests(root)), 'manifest.json': undefined });
    const out = await run(root, { copies: 2, includeOriginals: true });
    const again = await open(out);
    expect([again.layout, [...again.classNames.values()], again.samples.length]).toEqual(['instance-files', names, 3 * samples]);
    await expectSound(out, root);
    await expectSound(await run(root, { maskFiles: true }), root);
  });

  test('keeps untouched files, cuts covered ones, and names pastes after free numbers, which the manifest places', async () => {
    const root = await tree(named('_', (n) => `${['cat', 'dog'][n]}_${n + 4}`));
    const out = await run(root, { copies: 12, maxInstances: 2 });
    const counts = { copied: 0, cut: 0, gone: 0 };
    for (const record of (await readManifest(join(out, 'manifest.json'))).records) {
      if (record.status !== 'augmented') throw new Error(`${record.id} is unchanged`);
      const { files, placements, covered = [], id, copy = 0 } = record;
      const stem = `masks/${id}_aug${copy + 1}_`;
      const areaOf = (path: string): number => decodeMask(readFileSync(join(out, path)), path).ids.filter((value) => value === 255).length;
      for (const [object, name] of ['cat_4.png', 'dog_5.png'].entries()) {
        const file = files.shapes?.find(({ path }) => path === stem + name);
        const change = covered.find((one) => one.object === object);
        if (!change) {
          expect(file?.codec).toBe('copy');
          counts.copied++;
        } else if (change.dropped) {
          expect(file).toBeUndefined();
          counts.gone++;
        } else {
          expect(areaOf(file?.path as string)).toBe(change.after);
          counts.cut++;
        }
      }
      const shown = placements.filter(({ visible }) => visible > 0);
      const pastes = files.shapes?.filter(({ placement }) => placement !== undefined);
      expect(pastes?.map(({ path, placement }) => [path, placement, areaOf(path)])).toEqual(
        shown.map(({ order, classId, visible }, n) => [`${stem}${['cat', 'dog'][classId]}_${6 + n}.png`, order, visible]),
      );
    }
    expect(Object.values(counts).every((n) => n > 0)).toBe(true);
    await expectSound(out, root);
  });

  test('has files of any coding, and new ones in that of the pasted object', async () => {
    const white = imageOf(32, 24, (x, y) => (x < 9 && y < 9 ? 0xffffffff | 0 : 0xff000000 | 0));
    const swapped = Uint8Array.of(255, 255, 255, 0, 0, 0);
    const onBlack = { ...filled(32, 24, 1), palette: swapped };
    const bits = await sharp(Buffer.from(shape(left).ids), { raw: { width: 32, height: 24, channels: 1 } })
      .png({ palette: false })
      .toColourspace('b-w')
      .toBuffer();
    const root = await tree({
      'images/a.png': picture(0),
      'masks/a_rgb_1.png': white,
      'masks/a_palette_2.png': drawBox(onBlack, right, 0),
      'masks/a_grey_3.png': bits,
      'masks/a_wide_4.png': { width: 32, height: 24, ids: Uint16Array.from(shape(left).ids, (value) => 257 * value) },
      'images/b.png': picture(1),
    });
    const { samples } = await open(root);
    expect(samples.map(({ id, shapeFiles }) => [id, shapeFiles?.names.length])).toEqual([
      ['a', 4],
      ['b', undefined],
    ]);
    const out = await run(root, { allowSelf: true, copies: 8, classes: ['rgb', 'palette'] });
    const channels = async (path: string): Promise<string> => {
      const { channels, space } = await sharp(join(out, path)).metadata();
      return `${space} ${channels}`;
    };
    const kinds = new Set<string>();
    for (const { files } of (await readManifest(join(out, 'manifest.json'))).records)
      for (const { path, placement } of files.shapes ?? [])
        if (placement !== undefined) kinds.add(`${/_([a-z]+)_\d+\.png/.exec(path)?.[1]} ${await channels(path)}`);
    expect([...kinds].sort()).toEqual(['palette srgb 3', 'rgb srgb 3']);
    await expectSound(out, root);
  });

  test('counts files without a pixel and images without files, and keeps both', async () => {
    const root = await tree({
      ...named('_', String),
      'masks/a_7.png': filled(32, 24, 0),
      'images/none.png': picture(2),
    });
    const { notes, counts } = await open(root);
    expect(notes).toEqual(['images without mask files: 1 of 3; nothing is pasted into them']);
    expect(counts).toEqual({ annotations: 5, unpasted: { 'no area': 1 } });
    expect((await check({ in: root })).differences).toEqual([{ path: 'images/a.png', what: 'its mask 7.png has no pixels' }]);
    const out = await run(root);
    expect(readdirSync(join(out, 'masks'))).toContain('a_7.png');
    expect((await readManifest(join(out, 'manifest.json'))).records.map(({ id, status }) => `${id} ${status}`).sort()).toEqual([
      'a augmented',
      'b augmented',
      'none unchanged',
    ]);
  });

  test('has crowds, which are never pasted', async () => {
    const root = await tree(named('_', (n) => ['crowd_1', '2'][n] as string));
    const out = await run(root, { copies: 4 });
    for (const record of (await readManifest(join(out, 'manifest.json'))).records)
      if (record.status === 'augmented') expect(record.placements.map(({ sourceBox }) => sourceBox)).toEqual([right]);
  });

  test('needs a threshold if the edges of objects are soft', async () => {
    const soft = drawBox(drawBox(shape(left), [2, 2, 3, 12], 90), [4, 2, 5, 12], 200);
    const root = await tree({ ...named('_', String), 'masks/a_0.png': soft });
    const error = await open(root).catch((cause: unknown) => cause);
    expect((error as { offenders: string[] }).offenders).toEqual([
      'masks/a_0.png: has 3 different values besides 0, on 13.0 % of its pixels, but a mask of one object has one; pass --threshold 128 if its edge is soft',
    ]);
    const { classes } = await inspect({ in: root, threshold: 128 });
    expect(classes[0]).toMatchObject({ instances: 4, pixels: 90 + 100 + 2 * 144 });
    const out = await run(root, { threshold: 128 });
    expect((await check({ in: out, threshold: 128 })).differences).toEqual([]);
    expect((await verify({ out, deep: true, in: root })).differences).toEqual([]);
  });

  test.each<[string, Files, readonly string[]]>([
    [
      'a mask of no image',
      { ...named('_', String), 'masks/z_1.png': shape(left) },
      ['masks/z_1.png: begins with the name of no image; rename it, or remove it'],
    ],
    ['two images in one folder', { ...bowl(['s', 't', 'u']), 's/images/v.png': picture(3) }, ['s: has 2 images in images/; keep one']],
    [
      'an image with the name of a mask',
      { ...named('_', String), 'images/a_7.png': picture(3) },
      ['images/a_7.png: is named like a mask of images/a.png; rename one of them'],
    ],
    [
      'a mask of another size',
      { ...named('_', String), 'masks/b_9.png': filled(20, 20, 1) },
      ['masks/b_9.png: mask is 20×20, but its mask is 32×24'],
    ],
    [
      'a mask that is no PNG',
      { ...named('_', String), 'masks/b_9.jpg': 'x' },
      [expect.stringMatching(/^masks\/b_9\.jpg: mask is not a PNG, .* convert it to PNG$/)],
    ],
  ])('is refused with the reason: %s', async (_, files, offenders) => {
    await expect(open(await tree(files))).rejects.toMatchObject({ code: 'data', offenders });
  });

  test('gives its objects to another format, and takes those of one', async () => {
    const [files, voc] = [
      await tree(named('_', (n) => `${['cat', 'dog'][n]}_${n}`)),
      await tree({
        'labelmap.txt': 'background:0,0,0::\ncat:128,0,0::\n',
        ...Object.fromEntries(
          ['v', 'w'].flatMap((id) => [
            [`JPEGImages/${id}.png`, picture(5)],
            [`SegmentationClass/${id}.png`, shape(left, 1)],
          ]),
        ),
      }),
    ];
    const there = await run(voc, { sources: files });
    await expectSound(there, voc, undefined, files);
    const here = await run(files, { sources: voc });
    await expectSound(here, files, undefined, voc);
    const [record] = (await readManifest(join(here, 'manifest.json'))).records;
    expect(record?.files.shapes?.at(-1)).toMatchObject({ path: `masks/${record?.id}_cat_2.png`, placement: 1 });
  });

  test('is written again over an interrupted run, of which no paste remains', async () => {
    const root = await tree(named('_', String));
    const out = await run(root, { copies: 2 });
    const {
      records: _,
      classes: __,
      skipped: ___,
      documents: ____,
      inputDigest: _____,
      summary: ______,
      ...head
    } = await readManifest(join(out, 'manifest.json'));
    rmSync(join(out, 'manifest.json'));
    const dataset = await open(root);
    const options = { copies: 2 } as AugmentOptions;
    const files = dataset.samples.flatMap((sample) => ['_aug1', '_aug2'].flatMap((suffix) => possibleFiles(sample, suffix, options)));
    const journal = await openJournal(join(out, journalName));
    await journal.add({ head }, { begin: '0.0', files });
    await journal.close();
    await augment({ in: root, out, overwrite: true, p: 0 });
    const fresh = await run(root, { p: 0, minArea: undefined, maxArea: undefined, truncated: undefined });
    expect(await treeDigests(out)).toEqual(await treeDigests(fresh));
  });

  test.each<[string, Files]>([
    [
      'a mask of the same name as each image',
      { 'images/a.png': picture(0), 'masks/a.png': shape(left, 1), 'masks/a_1.png': shape(right, 1) },
    ],
    ['several kinds of masks', { 'images/a.png': picture(0), 'masks/a_mask.png': shape(left, 1), 'masks/a_edge.png': shape(right, 1) }],
    [
      'splits with images/ and masks/',
      {
        'train/images/a.png': picture(0),
        'train/masks/a.png': shape(left, 1),
        'val/images/b.png': picture(1),
        'val/masks/b.png': shape(left, 1),
      },
    ],
  ])('is not what has %s', async (_, files) => {
    expect((await open(await tree(files), { skipBad: true }).catch(() => ({ layout: 'paired' }))).layout).toBe('paired');
  });

  test('is read from folders that options name', async () => {
    const files = { ...bowl(['s', 't'], 'p/'), ...named('_', String, 'pictures', 'drawn') };
    const root = await tree(files);
    for (const folders of [
      { images: 'p', masks: 'p' },
      { images: 'pictures', masks: 'drawn' },
    ]) {
      const { layout, samples } = await open(root, folders);
      expect([layout, samples.map(({ shapeFiles }) => shapeFiles?.names.length)]).toEqual(['instance-files', [2, 2]]);
    }
  });

  test('is not a folder of numbered pictures', async () => {
    await expect(open(await tree({ 'a.png': picture(0), 'a_1.png': picture(1), 'a_2.png': picture(2) }))).rejects.toMatchObject({
      code: 'usage',
    });
  });
});
