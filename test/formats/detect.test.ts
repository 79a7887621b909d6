import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDataset } from '../../src/dataset/open.ts';
import { augment } from '../../src/verbs/augment.ts';
import { inspect } from '../../src/verbs/inspect.ts';
import { verify } from '../../src/verbs/verify.ts';
import { drawBox, filled, imageOf, temporaryFolder, writeTree } from '../make.ts';

const folder = temporaryFolder();
const image = imageOf(32, 32, (x, y) => x * y);
const mask = drawBox(filled(32, 32, 0), [8, 8, 20, 20], 1);
let number = 0;
const tree = (files: Parameters<typeof writeTree>[1]): Promise<string> => writeTree(join(folder, `${number++}`), files);
const open = (root: string, more = {}) => openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false, ...more });

const voc = (root: string) => ({
  [`${root}JPEGImages/a.png`]: image,
  [`${root}SegmentationClass/a.png`]: mask,
  [`${root}ImageSets/Segmentation/train.txt`]: 'a\n',
});

test.each<[string, Parameters<typeof writeTree>[1], RegExp]>([
  ['a root one folder up', voc('VOC2007/'), /VOC2007\/ matches the voc layout .*pass VOC2007 /s],
  ['a root two folders up', voc('VOCdevkit/VOC2007/'), /pass VOCdevkit\/VOC2007 /],
  [
    'masks as JPEG',
    { 'images/a.jpg': 'x', 'masks/b.jpg': 'x' },
    /no masks in PNG, TIFF, BMP or NumPy.*images\/ \+ masks\/.*2 \.jpg.*convert the masks to PNG/s,
  ],
  ['masks as JPEG, named like their images', { 'images/a.png': 'x', 'masks/a.jpg': 'x' }, /1 \.png, 1 \.jpg.*convert the masks to PNG/s],
  ['images without masks', { 'images/a.png': image }, /^nearest is the paired layout: images\/ \+ masks\/\nit lacks masks\/\n/],
  ['one folder only', { 'JPEGImages/a.png': image }, /nearest is the voc layout.*it lacks SegmentationClass\//s],
  [
    'YOLO labels beside their images',
    { 'set/a.png': image, 'set/a.txt': '0 0.1 0.1 0.5 0.1 0.5 0.5\n' },
    /set\/a\.txt looks like a YOLO label beside its image.*add a data\.yaml with the line 'train: set'/s,
  ],
  ['other texts beside images', { 'set/a.png': image, 'set/a.txt': 'a red car\n' }, /pass --images DIR/],
  ['no folder', { 'a.png': image, 'a.json': '{"images": [], "annotations": []}' }, /pass --annotations a\.json/],
])('what matches no layout gets three short lines: %s', async (_, files, told) => {
  const error = (await open(await tree(files)).catch((cause: unknown) => cause)) as { code: string; message: string; offenders: string[] };
  expect(error.code).toBe('usage');
  expect(error.offenders.length).toBeLessThan(3);
  const text = [...error.offenders, error.message].join('\n');
  expect(text).toMatch(told);
  expect(text.length).toBeLessThan(500);
});

test('endings of masks may be in capitals', async () => {
  const { layout, samples } = await open(await tree({ 'images/a.png': image, 'masks/a.PNG': mask }));
  expect({ layout, masks: samples.map((sample) => sample.mask) }).toEqual({ layout: 'paired', masks: ['masks/a.PNG'] });
});

test('images and masks may have suffixes of their own', async () => {
  const names = ['a', 'b', 'c'];
  const root = await tree(
    Object.fromEntries(
      names.flatMap((id) => [
        [`images/${id}_sat.png`, image],
        [`masks/${id}_mask.png`, mask],
      ]),
    ),
  );
  const out = join(folder, 'suffixes');
  expect((await augment({ in: root, out, p: 1, imageSuffix: '_sat', maskSuffix: '_mask', copies: 2 })).augmented).toBe(6);
  expect(readdirSync(join(out, 'images'))).toEqual(names.flatMap((id) => [`${id}_aug1_sat.png`, `${id}_aug2_sat.png`]));
  expect(readdirSync(join(out, 'masks'))).toEqual(names.flatMap((id) => [`${id}_aug1_mask.png`, `${id}_aug2_mask.png`]));
});

test('only the classes of VOC have names of VOC', async () => {
  const named = async (files: Parameters<typeof writeTree>[1]) => (await open(await tree(files))).classNames.get(1);
  const boxes = (name: string) => ({ 'Annotations/a.xml': `<annotation><object>\n<name>${name}</name></object></annotation>` });
  const year = { 'JPEGImages/2007_000032.png': image, 'SegmentationClass/2007_000032.png': mask };
  expect(await named(voc(''))).toBeUndefined();
  expect(await named({ ...voc(''), ...boxes('water') })).toBeUndefined();
  expect(await named({ ...voc(''), 'labelmap.txt': 'background:0,0,0::\nwater:128,0,0::\n' })).toBe('water');
  expect(await named({ ...voc(''), ...boxes('dog') })).toBe('aeroplane');
  expect(await named({ ...year, 'ImageSets/Segmentation/train.txt': '2007_000032\n' })).toBe('aeroplane');
});

test.each([
  [
    'cityscapes',
    (id: string) => [
      `leftImg8bit/train/${id}_leftImg8bit.png`,
      `gtFine/train/${id}_gtFine_labelIds.png`,
      `gtFine/train/${id}_gtFine_color.png`,
    ],
  ],
  ['kitti', (id: string) => [`train/image_2/${id}.png`, `train/semantic/${id}.png`, `train/semantic_rgb/${id}.png`]],
] as const)('a colour map beside %s names its classes, and colours its views', async (layout, paths) => {
  const shown = imageOf(32, 32, () => 0);
  const ids = ['a', 'b'];
  const files = ids.flatMap((id) => paths(id).map((path, i) => [path, [image, mask, shown][i]] as const));
  const root = await tree({ ...Object.fromEntries(files), 'label_colors.txt': '0 0 0 background\n224 64 64 cheetah\n' } as Parameters<
    typeof writeTree
  >[1]);
  const { classes } = await inspect({ in: root });
  expect(classes.map(({ name, leftOut }) => ({ name, leftOut }))).toEqual([
    { name: 'background', leftOut: true },
    { name: 'cheetah', leftOut: false },
  ]);
  const out = join(folder, `named-${layout}`);
  expect((await augment({ in: root, out, p: 1 })).augmented).toBe(2);
  expect(readdirSync(out)).toContain('label_colors.txt');
  const { default: sharp } = await import('sharp');
  const colours = new Set<string>();
  const { data } = await sharp(join(out, paths('a')[2] as string))
    .raw()
    .toBuffer({ resolveWithObject: true });
  for (let i = 0; i < data.length; i += 3) colours.add(String([...data.subarray(i, i + 3)]));
  expect([...colours].sort()).toEqual(['0,0,0', '224,64,64']);
});

test('a JSON file beside an image is labelme only with shapes', async () => {
  for (const text of ['{"images": [], "annotations": []}', '{"image": {}, "annotations": []}'])
    await expect(open(await tree({ 'a.png': image, 'a.json': text }))).rejects.toMatchObject({ code: 'usage' });
  const { layout } = await open(await tree({ 'a.png': image, 'a.json': '{"version": "5", "shapes": [], "imagePath": "a.png"}' }));
  expect(layout).toBe('labelme');
});

test('lists of pairs beside CamVid folders name the variants; other lists are not copied', async () => {
  const pairs = (copy = '') => `/data/train/a${copy}.png /data/trainannot/a${copy}.png\n`;
  const ids = ['a', 'b'];
  const files = Object.fromEntries(
    ids.flatMap((id) => [
      [`train/${id}.png`, image],
      [`trainannot/${id}.png`, mask],
    ]),
  );
  const root = await tree({ ...files, 'train.txt': pairs() + pairs().replaceAll('a.png', 'b.png'), 'test.txt': 'none.png\n' });
  for (const [copies, names] of [
    [1, ['']],
    [2, ['_aug1', '_aug2']],
  ] as const) {
    const out = join(folder, `pairs-${copies}`);
    await augment({ in: root, out, p: 1, copies });
    const wanted = ids.flatMap((id) => names.map((name) => pairs(name).replaceAll(`a${name}.png`, `${id}${name}.png`))).join('');
    expect(await readFile(join(out, 'train.txt'), 'utf8')).toBe(wanted);
    expect(existsSync(join(out, 'test.txt'))).toBe(false);
    expect((await verify({ out })).differences).toEqual([]);
  }
});
