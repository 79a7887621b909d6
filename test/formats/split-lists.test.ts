import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDataset } from '../../src/dataset/open.ts';
import { columnsFor } from '../../src/formats/image-lists.ts';
import { augment } from '../../src/verbs/augment.ts';
import { expectSound } from '../contract.ts';
import { drawBox, filled, imageOf, temporaryFolder, writeTree } from '../make.ts';

const folder = temporaryFolder();
let number = 0;
const picture = imageOf(32, 32, (x, y) => 0xff000000 + x * y);
const mask = drawBox(filled(32, 32, 0), [8, 8, 20, 20], 1);
const names = ['a', 'b', 'c 1', 'd'];

const write = (
  texts: Record<string, string>,
  [images, masks]: readonly [string, string] = ['images', 'masks'],
  stems = names,
): Promise<string> =>
  writeTree(join(folder, `in${number++}`), {
    ...Object.fromEntries(
      stems.flatMap((name) => [
        [`${images}/${name}.png`, picture],
        [`${masks}/${name}.png`, mask],
      ]),
    ),
    ...texts,
  });
const open = (root: string, more = {}) => openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false, ...more });
const splits = async (root: string, more = {}) => {
  const { split, samples, others, leftBehind } = await open(root, more);
  return { split, samples: samples.map(({ id }) => id), others: others.map(({ id }) => id), leftBehind };
};
const divided = { split: 'train', samples: ['train/a', 'train/b', 'train/c 1'], others: ['val/d'], leftBehind: [] };

describe('lists of images beside a folder of images and one of masks divide it into splits', () => {
  test.each([
    ['names', { 'train.txt': 'a\r\nb\r\nc 1\r\n\r\n', 'val.txt': 'd' }],
    ['names with extensions and further columns', { 'train.txt': 'a.png 1 0\nb.png 1 0\nc 1.png\n', 'val.txt': 'd.png 2 1\n' }],
    ['paths', { 'splits/train.txt': 'images/a.png\n./images/b.png\nimages\\c 1.png\n', 'splits/val.txt': '../images/d.png\n' }],
    [
      'pairs',
      {
        'train_list.txt': '# x\nimages/a.png masks/a.png\nimages/b.png\tmasks/b.png\nimages/c 1.png\n',
        'val_list.txt': 'images/d.png masks/d.png\n',
      },
    ],
    [
      'paths of another machine',
      { 'train.txt': '/data/my set/images/a.png\nC:\\set\\images\\b.png\n/data/c 1.png\n', 'val.txt': '/data/images/d.png\n' },
    ],
  ] as [string, Record<string, string>][])('%s', async (_, texts) => {
    expect(await splits(await write(texts))).toEqual(divided);
  });

  test('a path is that of its image, also if those of others end with it', async () => {
    const root = await write({ 'train.txt': 'a\n/images/b.png /masks/b.png\n', 'val.txt': 'sub/a\nimages/sub/images/b.png\n' }, undefined, [
      'a',
      'b',
      'sub/a',
      'sub/images/b',
    ]);
    expect(await splits(root)).toMatchObject({ samples: ['train/a', 'train/b'], others: ['val/sub/a', 'val/sub/images/b'] });
  });

  test('also if options name the folders', async () => {
    const root = await write({ 'train.txt': 'a\nb\nc 1\n', 'val.txt': 'd\n' }, ['x', 'y']);
    expect(await splits(root, { images: 'x', masks: 'y' })).toEqual(divided);
  });

  test('also in the layout of Pascal VOC, if it has no lists of its own', async () => {
    const voc = ['JPEGImages', 'SegmentationClass'] as const;
    const texts = { 'train.txt': 'JPEGImages/a.png SegmentationClass/a.png\nb\nc 1\n', 'val.txt': 'd\n' };
    expect(await splits(await write(texts, voc))).toEqual(divided);
    const own = { 'ImageSets/Segmentation/train.txt': 'd\n' };
    expect(await splits(await write({ ...texts, ...own }, voc))).toMatchObject({ samples: ['d'], others: [] });
  });

  test('other text files, and lists without one for training, are no splits', async () => {
    const all = { split: '', samples: names, others: [] };
    for (const texts of [{ 'train.txt': 'epoch 1\nepoch 2\n' }, { 'valid.txt': 'd.png\n' }, { 'notes/of/my/train.txt': 'a\n' }])
      expect(await splits(await write(texts))).toEqual({ ...all, leftBehind: Object.keys(texts) });
  });

  test('a line of the augmented split without an image is bad, and images of no list are named', async () => {
    const root = await write({ 'train.txt': 'a\nb\ne\n', 'val.txt': 'd\nf\n' });
    await expect(open(root)).rejects.toMatchObject({
      offenders: ['train.txt: line 3 lists e, but there is no such image; add it, or remove the line'],
    });
    const { notes, leftBehind } = await open(root, { skipBad: true });
    expect(notes).toEqual(['val.txt: 1 line without an image kept, such as f']);
    expect(leftBehind).toEqual(['images/c 1.png', 'masks/c 1.png']);
  });

  test('the output has the lists, with all variants', async () => {
    const texts = { 'train.txt': 'a 1\nimages/b.png masks/b.png\n/data/images/c 1.png\n', 'val.txt': 'images/d.png masks/d.png\n' };
    const root = await write(texts);
    const out = join(folder, `out${number++}`);
    const { leftBehind } = await augment({ in: root, out, p: 1, copies: 2, truncated: 'keep' });
    expect(leftBehind).toEqual([]);
    expect(readFileSync(join(out, 'train.txt'), 'utf8').split('\n')).toEqual([
      ...['a_aug1 1', 'a_aug2 1'],
      ...['images/b_aug1.png masks/b_aug1.png', 'images/b_aug2.png masks/b_aug2.png'],
      ...['images/c 1_aug1.png', 'images/c 1_aug2.png', ''],
    ]);
    expect(readFileSync(join(out, 'val.txt'), 'utf8')).toBe(texts['val.txt']);
    await expectSound(out, root);
  });
});

test.each([
  ['a', 'a_aug1'],
  ['a.b', 'a_aug1', 'images/a.b.png'],
  ['./images/a.jpg x 1', './images/a_aug1.jpg x 1'],
  ['images\\a.jpg masks\\a.png', 'images\\a_aug1.jpg masks\\a_aug1.png'],
  ['D:\\images\\a.jpg D:\\masks\\a.png', 'images/a_aug1.jpg masks/a_aug1.png'],
])('the line %j of columns becomes %j', (line, expected, image = 'images/a.jpg') => {
  const mask = line.includes('masks') ? 'masks/a.png' : undefined;
  expect(columnsFor(line, { image, ...(mask && { mask }) }, 'images/a_aug1.jpg', 'masks/a_aug1.png')).toBe(expected);
});
