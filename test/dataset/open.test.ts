import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { classIds, readClassNames } from '../../src/dataset/classes.ts';
import { type Dataset, openDataset } from '../../src/dataset/open.ts';
import type { DatasetOptions } from '../../src/dataset/options.ts';
import { CopyPasteError } from '../../src/errors.ts';
import { filled, imageOf, temporaryFolder, writeTree } from '../make.ts';

const folder = temporaryFolder();
let number = 0;
const image = imageOf(6, 4, (x, y) => x + y);
const mask = filled(6, 4, 1);

type Files = Parameters<typeof writeTree>[1];

async function open(files: Files, options: Partial<DatasetOptions> = {}): Promise<Dataset> {
  const root = join(folder, `${number++}`);
  await mkdir(root);
  await writeTree(root, files);
  return openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false, ...options });
}

async function failure(opened: Promise<unknown>): Promise<CopyPasteError> {
  const error = await opened.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(CopyPasteError);
  return error as CopyPasteError;
}

describe('openDataset', () => {
  test('pairs images and masks by relative path and stem, nested, whatever the image format', async () => {
    const { layout, samples, background, ignore } = await open({
      'images/a.png': image,
      'images/deep/er/b.png': image,
      'masks/a.png': mask,
      'masks/deep/er/b.png': mask,
      'images/.hidden.png': 'no',
    });
    expect(layout).toBe('paired');
    expect(samples).toMatchObject([
      { id: 'a', split: '', image: 'images/a.png', mask: 'masks/a.png' },
      { id: 'deep/er/b', split: '', image: 'images/deep/er/b.png', mask: 'masks/deep/er/b.png' },
    ]);
    expect([[...background], [...ignore]]).toEqual([[0], [255]]);
  });

  test('takes folders and a suffix from flags, also one folder for both', async () => {
    const files = { 'x/rgb/a.png': image, 'x/gt/a_mask.png': mask };
    const { samples } = await open(files, { images: 'x/rgb', masks: 'x/gt', maskSuffix: '_mask' });
    expect(samples).toMatchObject([{ id: 'a', split: '', image: 'x/rgb/a.png', mask: 'x/gt/a_mask.png' }]);
    const together = await open({ 'd/a.png': image, 'd/a_mask.png': mask }, { images: 'd', masks: 'd', maskSuffix: '_mask' });
    expect(together.samples).toMatchObject([{ id: 'a', split: '', image: 'd/a.png', mask: 'd/a_mask.png' }]);
    expect((await failure(open(files, { images: 'x/rgb' }))).message).toMatch('--images and --masks go together');
    expect((await failure(open(files, { images: '../..', masks: 'x/gt' }))).code).toBe('usage');
    expect((await failure(open(files, { images: 'x/none', masks: 'x/gt' }))).code).toBe('noInput');
  });

  test.each([
    ['splits below images and masks', 'images/train/a.png', 'masks/train/a.png', 'images/val/b.png', 'masks/val/b.png'],
    ['images and masks below splits', 'train/images/a.png', 'train/masks/a.png', 'val/images/b.png', 'val/masks/b.png'],
    ['CamVid', 'train/a.png', 'trainannot/a.png', 'val/b.png', 'valannot/b.png'],
  ])('%s: train is augmented, the rest passes through', async (_, a, am, b, bm) => {
    const files = { [a]: image, [am]: mask, [b]: image, [bm]: mask };
    const dataset = await open(files);
    expect(dataset.samples.map(({ id, split }) => [id, split])).toEqual([['train/a', 'train']]);
    expect(dataset.others.map(({ id, split }) => [id, split])).toEqual([['val/b', 'val']]);
    expect((await open(files, { split: 'val' })).samples[0]?.id).toBe('val/b');
    expect((await open(files, { onlySplit: true })).others).toEqual([]);
    expect((await failure(open(files, { split: 'test' }))).message).toBe('--split test: splits are train, val');
  });

  test('VOC: lists say which samples there are and in which split', async () => {
    const files: Files = {
      'JPEGImages/a.png': image,
      'JPEGImages/b.png': image,
      'JPEGImages/boxes-only.png': image,
      'SegmentationClass/a.png': mask,
      'SegmentationClass/b.png': mask,
      'SegmentationObject/a.png': mask,
      'ImageSets/Segmentation/train.txt': 'a\n',
      'ImageSets/Segmentation/val.txt': 'b\r\n',
      'ImageSets/Segmentation/trainval.txt': 'a\nb\n',
    };
    const dataset = await open(files);
    expect(dataset.layout).toBe('voc');
    expect(dataset.samples).toMatchObject([
      { id: 'a', split: 'train', image: 'JPEGImages/a.png', mask: 'SegmentationClass/a.png', objects: 'SegmentationObject/a.png' },
    ]);
    expect(dataset.others.map(({ id }) => id)).toEqual(['b']);
    expect(dataset.leftBehind).toEqual(['JPEGImages/boxes-only.png']);
    const shared = await failure(open(files, { split: 'trainval' }));
    expect(shared.message).toMatch(/train\.txt has 1 sample of split trainval, as a, which augmenting would change; say --only-split/);
    const both = await open(files, { split: 'trainval', onlySplit: true });
    expect(both.samples.map(({ id }) => id)).toEqual(['a', 'b']);
    const listed = await failure(open({ ...files, 'ImageSets/Segmentation/train.txt': 'a\nboxes-only\nz\n' }));
    expect(listed.offenders).toEqual([
      'JPEGImages/boxes-only.png: no mask, though ImageSets/Segmentation/train.txt lists it',
      'ImageSets/Segmentation/train.txt: no image is called z',
    ]);
    const unlisted = await open({ 'JPEGImages/a.png': image, 'JPEGImages/b.png': image, 'SegmentationClass/a.png': mask });
    expect(unlisted.samples.map(({ id }) => id)).toEqual(['a']);
  });

  test('EXIF orientation: where a file fits its mask both ways, those that fit one way decide', async () => {
    const tagged = (width: number, height: number, orientation: number) =>
      sharp({ create: { width, height, channels: 3, background: 'red' } })
        .withMetadata({ orientation })
        .jpeg()
        .toBuffer();
    const square = { 'images/a.jpg': await tagged(6, 4, 3), 'masks/a.png': filled(6, 4, 1) };
    const turned = await tagged(6, 4, 6);
    const flags = async (files: Parameters<typeof open>[0]) => (await open(files)).samples.map(({ format }) => format.upright);
    expect(await flags(square)).toEqual([true]);
    expect(await flags({ ...square, 'images/b.jpg': turned, 'masks/b.png': filled(6, 4, 1) })).toEqual([false, false]);
    expect(await flags({ ...square, 'images/b.jpg': turned, 'masks/b.png': filled(4, 6, 1) })).toEqual([true, true]);
  });

  test('folders that may not be listed are left behind, not an error', async () => {
    const dataset = await open({ 'images/a.png': image, 'masks/a.png': mask });
    await mkdir(join(dataset.root, 'lost+found'), { mode: 0 });
    await chmod(folder, 0o755);
    // Root may list everything.
    const root = process.getuid?.() === 0;
    if (root) process.seteuid?.(65534);
    try {
      const again = await openDataset({ in: dataset.root, maskSuffix: '', onlySplit: false, skipBad: false });
      expect(again.leftBehind).toEqual(['lost+found/']);
    } finally {
      if (root) process.seteuid?.(0);
    }
  });

  test('where two layouts fit or none does, it says what was found and which flag settles it', async () => {
    const both = { 'images/a.png': image, 'masks/a.png': mask, 'train/a.png': image, 'trainannot/a.png': mask };
    expect((await failure(open(both))).message).toBe(
      'two layouts fit: camvid (train/ + trainannot/) and paired (images/ + masks/); say --layout camvid or --layout paired',
    );
    expect((await open(both, { layout: 'camvid' })).layout).toBe('camvid');
    const none = await failure(open({ 'pictures/a.png': image, 'labels/a.png': mask }));
    expect(none.code).toBe('usage');
    expect(none.message).toMatch(/^no known layout: found labels\/, pictures\/; known are .*--images DIR --masks DIR$/);
    expect((await failure(openDataset({ in: join(folder, 'none'), maskSuffix: '', onlySplit: false, skipBad: false }))).code).toBe(
      'noInput',
    );
  });

  test('lists all bad samples at once; --skip-bad leaves them out', async () => {
    const files: Files = {
      'images/good.png': image,
      'masks/good.png': mask,
      'images/alone.png': image,
      'masks/lonely.png': mask,
      'images/colours.png': image,
      'masks/colours.png': image,
      'images/lossy.png': image,
      'masks/lossy.jpg': 'whatever',
      'images/size.png': image,
      'masks/size.png': filled(5, 4, 1),
      'images/text.png': 'not an image',
      'masks/text.png': mask,
      'images/twice.png': image,
      'images/twice.jpg': image,
      'masks/twice.png': mask,
    };
    const error = await failure(open(files));
    expect(error.code).toBe('data');
    const offenders = error.offenders.join('\n');
    for (const line of [
      'images/alone.png: no mask masks/alone.png; add it, or say --mask-suffix',
      'masks/lonely.png: no image images/lonely of .png, .jpg, .webp, .tif or .avif',
      'masks/colours.png: mask stores colours, not class ids; say what they stand for with --color-map FILE, or convert it to ids',
      'masks/lossy.jpg: mask is not a PNG or TIFF: ids do not survive lossy formats',
      'images/twice.png: the same sample as images/twice.jpg; rename one of them',
      'images/size.png: image is 6×4, its mask 5×4',
      'images/text.png: cannot decode this image: Input file contains unsupported image format',
    ]) {
      expect(offenders).toContain(line);
    }
    expect(error.offenders).toHaveLength(7);
    const { samples, skipped } = await open(files, { skipBad: true });
    expect(samples.map(({ id }) => id)).toEqual(['good', 'twice']);
    expect(skipped).toHaveLength(7);
  });

  test('follows symbolic links, and does not run in circles', async () => {
    const root = join(folder, 'links');
    await writeTree(root, { 'masks/a.png': mask });
    await writeTree(join(folder, 'elsewhere'), { 'a.png': image });
    await symlink(join(folder, 'elsewhere'), join(root, 'images'));
    await symlink('..', join(root, 'masks', 'loop'));
    const { samples } = await openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false });
    expect(samples.map(({ id }) => id)).toEqual(['a']);
  });
});

describe('class names', () => {
  test('are read one a line, or with ids', async () => {
    const path = join(folder, 'names.txt');
    await writeFile(path, 'sky\nbuilding\n\ncar\n');
    expect([...(await readClassNames(path))]).toEqual([
      [0, 'sky'],
      [1, 'building'],
      [3, 'car'],
    ]);
    await writeFile(path, '7 car\r\n24: person\r\n');
    expect([...(await readClassNames(path))]).toEqual([
      [7, 'car'],
      [24, 'person'],
    ]);
  });

  test('stand for ids, and an unknown one is an error that lists them', () => {
    const names = new Map([
      [8, 'car'],
      [9, 'Pedestrian'],
    ]);
    expect([...classIds(['car', 'pedestrian', '3'], names, '--classes')]).toEqual([8, 9, 3]);
    expect(() => classIds(['dog'], names, '--classes')).toThrow("--classes: no class is called 'dog'; classes are car, Pedestrian");
  });
});
