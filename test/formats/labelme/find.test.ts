import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDataset } from '../../../src/dataset/open.ts';
import { augment } from '../../../src/verbs/augment.ts';
import { expectSound } from '../../contract.ts';
import { filled, imageOf, temporaryFolder, writeTree } from '../../make.ts';

const folder = temporaryFolder();
let number = 0;
const picture = imageOf(20, 10, (x, y) => 0xff000000 + 9 * x + 256 * y);
const points = [
  [4, 2],
  [12, 2],
  [12, 8],
];
const textOf = (imagePath: string): string =>
  JSON.stringify({
    version: '5.0.0',
    flags: {},
    shapes: [{ label: 'cat', points, group_id: null, shape_type: 'polygon', flags: {} }],
    imagePath,
    imageData: null,
    imageHeight: 10,
    imageWidth: 20,
  });
type Files = Parameters<typeof writeTree>[1];
/** A tree with a labelme file for each image. */
const write = (paths: readonly (readonly [image: string, file: string])[], more: Files = {}): Promise<string> =>
  writeTree(join(folder, `in${number++}`), {
    ...Object.fromEntries(
      paths.flatMap(([image, file]) => [
        [image, picture],
        [file, textOf(`..\\images\\${image.slice(image.lastIndexOf('/') + 1)}`)],
      ]),
    ),
    ...more,
  });
const open = (root: string, more = {}) => openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false, ...more });

describe('labelme files in a folder apart from their images', () => {
  test.each([
    ['annotations/', ['images/a.png', 'annotations/a.json'], ['images', 'annotations', '']],
    ['any folder', ['x/y/a.png', 'x/z/a.json'], ['x/y', 'x/z', '']],
    ['the root', ['images/a.png', 'a.json'], ['images', '', '']],
    ['subfolders', ['images/cam/a.png', 'labels/cam/a.json'], ['images', 'labels', '']],
    ['splits below', ['images/train/a.png', 'labels/train/a.json'], ['images/train', 'labels/train', 'train']],
    ['splits above', ['train/images/a.png', 'train/json/a.json'], ['train/images', 'train/json', 'train']],
  ] as const)('are found: %s', async (_, paths, [images, masks, split]) => {
    const { layout, folders, samples } = await open(await write([paths]));
    expect({ layout, folders }).toEqual({ layout: 'labelme', folders: [{ split, images, masks }] });
    expect(samples.map(({ image, labels }) => [image, labels])).toEqual([paths]);
  });

  test('are found in all splits', async () => {
    const root = await write([
      ['images/train/a.png', 'labels/train/a.json'],
      ['images/val/b.png', 'labels/val/b.json'],
    ]);
    const { samples, others } = await open(root);
    expect([samples.map(({ id }) => id), others.map(({ id }) => id)]).toEqual([['train/a'], ['val/b']]);
  });

  test('are the originals of another layout that matches, unless options name theirs', async () => {
    const root = await write([['images/a.png', 'json/a.json']], { 'masks/a.png': filled(20, 10, 1) });
    expect([(await open(root)).layout, (await open(root, { layout: 'labelme' })).layout]).toEqual(['paired', 'labelme']);
  });

  test('keep their folder in the output, and the path to their image', async () => {
    const root = await write([
      ['images/a.png', 'annotations/a.json'],
      ['images/b.png', 'annotations/b.json'],
    ]);
    const out = join(folder, `out${number++}`);
    expect((await augment({ in: root, out, p: 1, copies: 2, minArea: '1px', truncated: 'keep' })).augmented).toBe(4);
    const { imagePath, shapes } = JSON.parse(readFileSync(join(out, 'annotations/a_aug2.json'), 'utf8'));
    expect([imagePath, shapes.length > 1]).toEqual(['..\\images\\a_aug2.png', true]);
    await expectSound(out, root);
  });
});

test.each([
  ['without their images', { 'a.json': textOf('a.jpg') }, {}, /a\.json is a labelme file, but no image has its name.*add the images/s],
  [
    'that an option names as a document',
    { 'a.png': picture, 'a.json': textOf('a.png') },
    { annotations: 'a.json' },
    /--annotations a\.json: is a file of one image, not of many; leave the option out/,
  ],
  [
    'or files of Segment Anything, that an option names as a document',
    { 'a.png': picture, 'a.json': '{"image": {"image_id": 1, "file_name": "a.png"}, "annotations": []}' },
    { annotations: 'a.json' },
    /--annotations a\.json: is a file of one image/,
  ],
] as [string, Files, object, RegExp][])('labelme files %s are refused by name', async (_, files, options, told) => {
  const error = (await open(await writeTree(join(folder, `in${number++}`), files), options).catch((cause: unknown) => cause)) as Error & {
    offenders: string[];
  };
  expect([...error.offenders, error.message].join('\n')).toMatch(told);
});
