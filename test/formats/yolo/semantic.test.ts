import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDataset } from '../../../src/dataset/open.ts';
import { augment } from '../../../src/verbs/augment.ts';
import { expectSound } from '../../contract.ts';
import { imageOf, maskOf, temporaryFolder, treeDigests, writeTree } from '../../make.ts';
import { readManifest } from '../../manifest.ts';

const folder = temporaryFolder();
let number = 0;
const picture = imageOf(12, 8, (x, y) => 0xff000000 + 9 * x + 256 * y);
const rows = [
  '............',
  '............',
  '...11.......',
  '...11..77...',
  '.......77...',
  '............',
  '............',
  '............',
];
const mask = maskOf(...rows);

const write = (yaml: string, masks = 'masks'): Promise<string> =>
  writeTree(join(folder, `in${number++}`), {
    'data.yaml': `${yaml}\n`,
    'images/train/a.png': picture,
    'images/train/b.png': picture,
    'images/val/c.png': picture,
    [`${masks}/train/a.png`]: mask,
    [`${masks}/train/b.png`]: mask,
    [`${masks}/val/c.png`]: mask,
  });
const open = (root: string) => openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false });
const paths = 'train: images/train\nval: images/val\n';

describe('a YOLO data set for semantic segmentation', () => {
  test.each([
    ['masks_dir', `${paths}names: {0: road, 1: car, 7: pole}\nmasks_dir: ids`, 'ids'],
    ['the folder masks', `${paths}names: {0: road, 1: car, 7: pole}`, 'masks'],
  ])('has classes of its own in all ids, by %s', async (_, yaml, masks) => {
    const root = await write(yaml, masks);
    const { layout, samples, others, classNames, background, ignore, carried } = await open(root);
    expect([layout, samples.map(({ mask }) => mask), others.length]).toEqual([
      'yolo-semantic',
      [`${masks}/train/a.png`, `${masks}/train/b.png`],
      1,
    ]);
    expect([...classNames]).toEqual([
      [0, 'road'],
      [1, 'car'],
      [7, 'pole'],
    ]);
    expect([[...background], [...ignore], carried]).toEqual([[], [255], ['data.yaml']]);
    const out = join(folder, `out${number++}`);
    await augment({ in: root, out, p: 1, minArea: '1px', truncated: 'keep', classes: ['car', 'pole'], scale: [1, 1] });
    const { summary } = await readManifest(join(out, 'manifest.json'));
    expect(summary.augmented).toBe(2);
    expect(readFileSync(join(out, 'data.yaml'), 'utf8')).toBe(`${yaml}\n`);
    await expectSound(out, root);
  });

  test('has a background if there is one class, or one is named so', async () => {
    const single = await open(await write(`${paths}names: [crack]\nmasks_dir: masks`));
    expect([[...single.classNames], [...single.background]]).toEqual([[[1, 'crack']], [0]]);
    const named = await open(await write(`${paths}names: [background, car]\nmasks_dir: masks`));
    expect([...named.background]).toEqual([0]);
  });

  test('has the names of the ids for which the ids in its masks stand', async () => {
    const { classNames, ignore } = await open(
      await write(`${paths}names: [car, pole]\nmasks_dir: masks\nlabel_mapping: {-1: ignore_label, 0: 255, 1: 0, 7: 1, 8: null}`),
    );
    expect([...classNames]).toEqual([
      [1, 'car'],
      [7, 'pole'],
    ]);
    expect([...ignore]).toEqual([255, 0, 8]);
  });

  test('has splits that are lists', async () => {
    const root = await write('train: train.txt\nval: val.txt\nnames: {0: a, 1: b, 7: c}\nmasks_dir: masks');
    await writeTree(root, { 'train.txt': './images/train/a.png\n', 'val.txt': './images/train/b.png\n./images/val/c.png\n' });
    const { samples, others } = await open(root);
    expect([samples.map(({ id }) => id), others.map(({ mask }) => mask)]).toEqual([['train/a'], ['masks/train/b.png', 'masks/val/c.png']]);
    const out = join(folder, `out${number++}`);
    await augment({ in: root, out, p: 1, minArea: '1px', truncated: 'keep', allowSelf: true, copies: 2 });
    expect(readFileSync(join(out, 'train.txt'), 'utf8')).toBe('./images/train/a_aug1.png\n./images/train/a_aug2.png\n');
    await expectSound(out, root);
  });

  test('is one of outlines if the folder of masks is missing, which is said', async () => {
    const root = await write(`${paths}names: [a]\nmasks_dir: ids`);
    await writeTree(root, { 'labels/train/a.txt': '0 0.1 0.1 0.9 0.1 0.9 0.9\n' });
    const { layout, notes } = await openDataset({ in: root, layout: 'yolo', maskSuffix: '', onlySplit: false, skipBad: false });
    expect([layout, notes]).toEqual([
      'yolo',
      expect.arrayContaining(['data.yaml: masks_dir names the folder ids, which is missing; labels are read']),
    ]);
  });

  test('is a pair of folders if --layout says so', async () => {
    const root = await write(`${paths}names: [a]`);
    const { layout } = await openDataset({ in: root, layout: 'paired', maskSuffix: '', onlySplit: false, skipBad: false });
    expect([layout, Object.keys(await treeDigests(root)).length]).toEqual(['paired', 7]);
  });
});
