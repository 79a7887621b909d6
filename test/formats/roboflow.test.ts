import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDataset } from '../../src/dataset/open.ts';
import { augment } from '../../src/verbs/augment.ts';
import { drawBox, filled, imageOf, temporaryFolder, writeTree } from '../make.ts';

const folder = temporaryFolder();
let number = 0;
const image = imageOf(32, 32, (x, y) => x * y);
const mask = drawBox(filled(32, 32, 0), [8, 8, 20, 20], 2);
const csv = 'Pixel Value, Class\n0, background\n1, egg, boiled\n2, cup\n';

const tree = (files: Parameters<typeof writeTree>[1]): Promise<string> => writeTree(join(folder, `${number++}`), files);
const open = (root: string) => openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false });
const split = (name: string, text = csv) => ({
  ...Object.fromEntries(
    ['a', 'b'].flatMap((id) => [
      [`${name}${name.slice(0, 1)}${id}.png`, image],
      [`${name}${name.slice(0, 1)}${id}_mask.png`, mask],
    ]),
  ),
  [`${name}_classes.csv`]: text,
});

test('classes of Roboflow masks have the names of their pixel values, and all lists are kept', async () => {
  const root = await tree({ ...split('train/'), ...split('valid/') });
  const { layout, classNames, background, ignore, carried } = await open(root);
  expect({ layout, names: [...classNames], background: [...background], ignore: [...ignore], carried }).toEqual({
    layout: 'roboflow',
    names: [
      [0, 'background'],
      [1, 'egg, boiled'],
      [2, 'cup'],
    ],
    background: [0],
    ignore: [255],
    carried: ['train/_classes.csv', 'valid/_classes.csv'],
  });
  const out = join(folder, 'out');
  expect((await augment({ in: root, out, p: 1 })).augmented).toBe(2);
  for (const name of ['train', 'valid']) expect(readFileSync(join(out, name, '_classes.csv'), 'utf8')).toBe(csv);
});

test('an export of one split may be the root', async () => {
  const { splits, samples } = await open(await tree(split('')));
  expect({ splits, masks: samples.map((sample) => sample.mask) }).toEqual({ splits: [], masks: ['a_mask.png', 'b_mask.png'] });
});

test.each([
  [
    'a line without a value',
    split('train/', `${csv}cat\n`),
    "train/_classes.csv: 'cat' is not a new pixel value with the name of its class",
  ],
  ['a value with two names', split('train/', `${csv}2, cat\n`), "train/_classes.csv: '2, cat' is not a new pixel value"],
  [
    'a value that no mask can hold',
    split('train/', csv.replace('0, background', '65536, background')),
    'train/_classes.csv: the class id 65536 is larger than 65535',
  ],
  [
    'splits with different classes',
    { ...split('train/'), ...split('valid/', csv.replace('cup', 'bowl')) },
    'valid/_classes.csv: names other classes than train/_classes.csv',
  ],
])('Roboflow masks are refused with the reason: %s', async (_, files, message) => {
  await expect(open(await tree(files))).rejects.toMatchObject({ code: 'data', message: expect.stringContaining(message) });
});

test("Roboflow's export for classification, which lists images, is no data set of masks", async () => {
  await expect(open(await tree({ 'train/a.png': image, 'train/_classes.csv': 'filename, cat\na.png, 1\n' }))).rejects.toMatchObject({
    code: 'usage',
  });
});
