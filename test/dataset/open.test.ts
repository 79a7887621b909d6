import { chmod, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
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
    expect([...samples]).toMatchObject([
      { id: 'a', split: '', image: 'images/a.png', mask: 'masks/a.png' },
      { id: 'deep/er/b', split: '', image: 'images/deep/er/b.png', mask: 'masks/deep/er/b.png' },
    ]);
    expect([[...background], [...ignore]]).toEqual([[0], [255]]);
  });

  test('takes folders and a suffix from flags, also one folder for images and masks', async () => {
    const files = { 'x/rgb/a.png': image, 'x/gt/a_mask.png': mask };
    const { samples } = await open(files, { images: 'x/rgb', masks: 'x/gt', maskSuffix: '_mask' });
    expect([...samples]).toMatchObject([{ id: 'a', split: '', image: 'x/rgb/a.png', mask: 'x/gt/a_mask.png' }]);
    const together = await open({ 'd/a.png': image, 'd/a_mask.png': mask }, { images: 'd', masks: 'd', maskSuffix: '_mask' });
    expect([...together.samples]).toMatchObject([{ id: 'a', split: '', image: 'd/a.png', mask: 'd/a_mask.png' }]);
    expect((await failure(open(files, { images: 'x/rgb' }))).message).toMatch('--images and --masks belong together');
    expect((await failure(open(files, { images: '../..', masks: 'x/gt' }))).code).toBe('usage');
    expect((await failure(open(files, { images: 'x/none', masks: 'x/gt' }))).code).toBe('noInput');
  });

  test.each([
    ['splits below images and masks', 'images/train/a.png', 'masks/train/a.png', 'images/val/b.png', 'masks/val/b.png'],
    ['images and masks below splits', 'train/images/a.png', 'train/masks/a.png', 'val/images/b.png', 'val/masks/b.png'],
    ['CamVid', 'train/a.png', 'trainannot/a.png', 'val/b.png', 'valannot/b.png'],
  ])('%s: train is augmented, the other splits are copied', async (_, a, am, b, bm) => {
    const files = { [a]: image, [am]: mask, [b]: image, [bm]: mask };
    const dataset = await open(files);
    expect(dataset.samples.map(({ id, split }) => [id, split])).toEqual([['train/a', 'train']]);
    expect(dataset.others.map(({ id, split }) => [id, split])).toEqual([['val/b', 'val']]);
    expect((await open(files, { split: 'val' })).samples.at(0)?.id).toBe('val/b');
    expect((await open(files, { onlySplit: true })).others).toEqual([]);
    expect((await failure(open(files, { split: 'test' }))).message).toBe('--split test: no such split; splits are train, val');
  });

  test('VOC: lists define the samples and their splits', async () => {
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
    expect([...dataset.samples]).toMatchObject([
      { id: 'a', split: 'train', image: 'JPEGImages/a.png', mask: 'SegmentationClass/a.png', objects: 'SegmentationObject/a.png' },
    ]);
    expect(dataset.others.map(({ id }) => id)).toEqual(['b']);
    expect(dataset.leftBehind).toEqual(['JPEGImages/boxes-only.png']);
    const shared = await failure(open(files, { split: 'trainval' }));
    expect(shared.message).toMatch(
      /train\.txt: shares 1 sample with split trainval, such as a, so augmenting that split would change this one; pass --only-split/,
    );
    const both = await open(files, { split: 'trainval', onlySplit: true });
    expect(both.samples.map(({ id }) => id)).toEqual(['a', 'b']);
    const listed = await failure(open({ ...files, 'ImageSets/Segmentation/train.txt': 'a\nboxes-only\nz\n' }));
    expect(listed.offenders).toEqual([
      'JPEGImages/boxes-only.png: has no mask, but ImageSets/Segmentation/train.txt lists it; add a mask, or remove the line',
      'ImageSets/Segmentation/train.txt: lists z, but there is no such image; add it, or remove the line',
    ]);
    const unlisted = await open({ 'JPEGImages/a.png': image, 'JPEGImages/b.png': image, 'SegmentationClass/a.png': mask });
    expect(unlisted.samples.map(({ id }) => id)).toEqual(['a']);
  });

  test('EXIF orientation: if an image matches its mask both ways, the images that match one way decide', async () => {
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

  test('a bad sample names its file and the problem, also where the name has a colon', async () => {
    const { skipped } = await open({ 'images/a.png': image, 'masks/a.png': mask, 'images/b: c.png': image }, { skipBad: true });
    const what = 'has no mask masks/b: c.png; add it, or pass --mask-suffix or --image-suffix';
    expect(skipped).toEqual([{ id: 'images/b: c.png', path: 'images/b: c.png', what, reason: `images/b: c.png: ${what}` }]);
  });

  test.each([
    [
      'the configuration of Mapillary',
      'config.json',
      { 'training/images/a.png': image, 'training/labels/a.png': mask, 'training/instances/a.png': mask },
    ],
    ['the configuration of YOLO', 'data.yaml', { 'images/a.png': image, 'labels/a.txt': '0 0 0 1 0 1 1' }],
    ['a label file of labelme', 'a.json', { 'a.png': image }],
  ])('a disk that cannot read %s is no fault of the data', async (_, file, files) => {
    const { root } = await open({ 'images/a.png': image, 'masks/a.png': mask });
    const base = join(root, 'other');
    await writeTree(base, { ...files, [file]: '' });
    await chmod(folder, 0o755);
    await chmod(join(base, file), 0);
    // Root may read everything.
    const isRoot = process.getuid?.() === 0;
    if (isRoot) process.seteuid?.(65534);
    try {
      const opened = openDataset({ in: base, maskSuffix: '', onlySplit: false, skipBad: true });
      expect(await failure(opened)).toMatchObject({ code: 'io', message: `${file}: cannot be read: EACCES: permission denied` });
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  test('folders that cannot be listed are not copied, and are no error', async () => {
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

  test('if two layouts match or none does, the message names the folders and the flag to pass', async () => {
    const both = { 'images/a.png': image, 'masks/a.png': mask, 'train/a.png': image, 'trainannot/a.png': mask };
    expect((await failure(open(both))).message).toBe(
      'the data set matches 2 layouts: camvid (train/ + trainannot/) and paired (images/ + masks/); pass --layout camvid or --layout paired',
    );
    expect((await open(both, { layout: 'camvid' })).layout).toBe('camvid');
    const none = await failure(open({ 'pictures/a.png': image, 'labels/a.png': mask }));
    expect(none.code).toBe('usage');
    expect(none.message).toMatch(
      /^the data set does not match any known layout: it has labels\/, pictures\/; pass --images pictures --masks labels$/,
    );
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
      'images/alone.png: has no mask masks/alone.png; add it, or pass --mask-suffix or --image-suffix',
      'masks/lonely.png: has no image images/lonely (.png, .jpg, .webp, .tif, .avif or .bmp); add it, or remove the mask',
      'masks/colours.png: mask stores colours, not class ids; map them with --color-map FILE, or convert it to ids',
      'masks/lossy.jpg: mask is not a PNG, TIFF, BMP or NumPy array, and other formats do not keep ids; convert it to PNG',
      'images/twice.png: has the same sample id as images/twice.jpg; rename one of them',
      'images/size.png: image is 6×4, but its mask is 5×4',
      'images/text.png: cannot decode this image: Input file contains unsupported image format',
    ]) {
      expect(offenders).toContain(line);
    }
    expect(error.offenders).toHaveLength(7);
    const { samples, skipped } = await open(files, { skipBad: true });
    expect(samples.map(({ id }) => id)).toEqual(['good', 'twice']);
    expect(skipped).toHaveLength(7);
  });

  const box = (n: string): string => `0 0.1 0.1 ${n} 0.1 0.5 0.5\n`;
  const shape = {
    label: 'cat',
    shape_type: 'polygon',
    points: [
      [0, 0],
      [4, 0],
      [4, 3],
    ],
  };
  const shapes = JSON.stringify({ shapes: [shape] });
  test.each<[string, Files, string]>([
    [
      'of masks',
      {
        'images/train/a.png': image,
        'masks/train/a.png': mask,
        'images/val/b.png': image,
        'images/val/c.png': image,
        'masks/val/c.png': filled(5, 4, 1),
      },
      '2 faults, such as ',
    ],
    [
      'of labelme files',
      { 'train/a.png': image, 'train/a.json': shapes, 'val/b.png': image, 'val/b.json': '{"shapes": 1}' },
      '1 fault, such as val/b.json',
    ],
    [
      'of YOLO labels, which is not even read',
      {
        'data.yaml': 'names: [cat]\ntrain: images/train\nval: images/val\n',
        'images/train/a.png': image,
        'labels/train/a.txt': box('0.5'),
        'images/val/b.png': image,
        'labels/val/b.txt': box('x'),
      },
      '',
    ],
  ])('a fault in a copied split does not stop the run, and is said: a split %s', async (_title, files, said) => {
    const { samples, others, notes } = await open(files);
    expect(samples.map(({ id }) => id)).toEqual(['train/a']);
    expect(notes).toEqual(said === '' ? [] : [expect.stringContaining(`split val, which is only copied, has ${said}`)]);
    // A file of annotations is copied as it is.
    expect(others).toHaveLength('masks/train/a.png' in files ? 0 : 1);
    const looked = await open(files, { lookOnly: true, skipBad: true });
    expect(looked.skipped).not.toEqual([]);
  });

  test('follows symbolic links, and stops at cycles', async () => {
    const root = join(folder, 'links');
    await writeTree(root, { 'masks/a.png': mask });
    await writeTree(join(folder, 'elsewhere'), { 'a.png': image });
    await symlink(join(folder, 'elsewhere'), join(root, 'images'));
    await symlink('..', join(root, 'masks', 'loop'));
    const { samples } = await openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false });
    expect(samples.map(({ id }) => id)).toEqual(['a']);
  });
});

describe('stuff', () => {
  const camvid = { 'train/a.png': image, 'trainannot/a.png': mask };
  const stuff = [0, 1, 3, 4, 5, 7];
  const names = [
    'Sky',
    'building',
    'pole',
    'road',
    'pavement',
    'tree',
    'sign symbol',
    'fence',
    'car',
    'pedestrian',
    'bicyclist',
    'unlabelled',
  ];
  const written = async (...lines: string[]) =>
    join(await writeTree(join(folder, `${number++}`), { 'names.txt': lines.join('\n') }), 'names.txt');

  test('is known from the layout, unless other names give the ids another meaning', async () => {
    expect([...((await open(camvid)).stuff ?? [])]).toEqual(stuff);
    expect([...((await open(camvid, { classNames: await written(...names) })).stuff ?? [])]).toEqual(stuff);
    expect((await open(camvid, { classNames: await written('car', 'road') })).stuff).toBe(undefined);
    expect((await open(camvid, { classNames: await written(...names.toReversed()) })).stuff).toBe(undefined);
    expect((await open({ 'images/a.png': image, 'masks/a.png': mask })).stuff).toBe(undefined);
  });

  test('is unknown if a colour map gives other names', async () => {
    const coded = {
      ...mask,
      colours: {
        byId: [
          [9, 9, 9],
          [1, 2, 3],
        ] as const,
        channels: 3 as const,
      },
    };
    const files = { 'train/a.png': image, 'trainannot/a.png': coded };
    expect((await open({ ...files, 'label_colors.txt': '9 9 9 void\n1 2 3 car\n' })).stuff).toBe(undefined);
    const colours = names.map((name, n) => (n === 1 ? `1 2 3 ${name}` : `9 9 ${n} ${name}`));
    expect([...((await open({ ...files, 'label_colors.txt': colours.join('\n') })).stuff ?? [])]).toEqual(stuff);
  });

  test('is stated by the configuration of Mapillary and by the categories of a panoptic document', async () => {
    const config = { labels: [{ name: 'sky' }, { name: 'car', instances: true }, { name: 'road', instances: false }] };
    const mapillary = {
      'training/images/a.png': image,
      'training/v1.2/labels/a.png': mask,
      'training/v1.2/instances/a.png': mask,
      'config_v1.2.json': JSON.stringify(config),
    };
    expect([...((await open(mapillary)).stuff ?? [])]).toEqual([0, 2]);
    const { stuff, regions, classNames } = await openDataset({ in: 'fixtures/panoptic', maskSuffix: '', onlySplit: false, skipBad: false });
    expect(regions).toEqual(stuff);
    expect([...(stuff ?? [])].map((id) => classNames.get(id))).toContain('grass-merged');
    const coco = await openDataset({ in: 'fixtures/coco', maskSuffix: '', onlySplit: false, skipBad: false });
    expect([coco.stuff, coco.regions]).toEqual([undefined, undefined]);
  });
});
