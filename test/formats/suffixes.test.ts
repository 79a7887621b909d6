import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDataset } from '../../src/dataset/open.ts';
import { commonSuffixes, suffixFlags } from '../../src/formats/suffixes.ts';
import { filled, imageOf, temporaryFolder, writeTree } from '../make.ts';

const folder = temporaryFolder();
let number = 0;
const image = imageOf(8, 8, (x, y) => x * y);
const mask = filled(8, 8, 1);
const named = (make: (n: number) => string): string[] => Array.from({ length: 12 }, (_, n) => make(n));

test.each([
  ['a suffix of masks', named((n) => `a${n}`), named((n) => `a${n}_L`), { image: '', mask: '_L', share: 1 }],
  ['two suffixes', named((n) => `${n}_sat`), named((n) => `${n}_mask`), { image: '_sat', mask: '_mask', share: 1 }],
  ['the extension of the image', named((n) => `a${n}`), named((n) => `a${n}.jpg`), { image: '', mask: '.jpg', share: 1 }],
  ['equal names', named((n) => `a${n}`), named((n) => `a${n}`), { image: '', mask: '', share: 1 }],
  [
    'other images among them',
    [...named((n) => `a${n}`), ...named((n) => `a${n}_x`)],
    named((n) => `a${n}_m`),
    { image: '', mask: '_m', share: 0.5 },
  ],
  ['prefixes', named((n) => `image_${n}`), named((n) => `mask_${n}`), undefined],
  ['numbers of other lengths', named((n) => `${n}`), named((n) => `00${n}`), undefined],
  ['no names', [], [], undefined],
])('the suffixes of images and masks are found: %s', (_, images, masks, expected) => {
  expect(commonSuffixes(images, masks)).toEqual(expected);
});

test('suffixes of images and masks in one folder differ, and the mask is named as such', () => {
  const both = named((n) => (n % 2 === 0 ? `${n >> 1}_img` : `${n >> 1}_masks`)).sort();
  expect(commonSuffixes(both, both, true)).toEqual({ image: '_img', mask: '_masks', share: 0.5 });
  expect(suffixFlags({ image: ' a', mask: '-label' })).toBe(" --image-suffix ' a' --mask-suffix -label");
});

const open = async (files: Record<string, typeof image | typeof mask | string>, more = {}): Promise<string> => {
  const root = await writeTree(join(folder, `in${number++}`), files);
  const error = await openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false, ...more }).then(
    () => ({ offenders: [], message: 'opened' }),
    (cause: unknown) => cause as { offenders: string[]; message: string },
  );
  return [...error.offenders, error.message].join('\n');
};
const tree = (images: (n: number) => string, masks: (n: number) => string): Record<string, typeof image | typeof mask | string> =>
  Object.fromEntries(
    [0, 1, 2].flatMap((n) => [
      [images(n), image],
      [masks(n), /\.(jpg|gif)$/.test(masks(n)) ? 'x' : mask],
    ]),
  );

test.each([
  ['train/a.png', 'train_labels/a_L.png', 'pass --images train --masks train_labels --mask-suffix _L'],
  ['Images/a.png', 'Masks/a.png', 'pass --images Images --masks Masks'],
  ['a.jpg', 'a_mask.png', 'pass --images . --masks . --mask-suffix _mask'],
  ['train/a_sat.png', 'train/a_mask.png', 'pass --images train --masks train --image-suffix _sat --mask-suffix _mask'],
  ['my set/x/a.jpg', 'my set/y/a.png', "pass --images 'my set/x' --masks 'my set/y'"],
  ['train/a.jpg', 'train_masks/a_mask.gif', 'pass --images train --masks train_masks --mask-suffix _mask'],
  ['x/a.png', 'y/a.png', 'pass --images DIR --masks DIR'],
  ['train/a.jpg', 'val/a.jpg', 'pass --images DIR --masks DIR'],
])('if no layout matches, the options for the folders are named: %s and %s', async (images, masks, told) => {
  const nth = (path: string, n: number): string => path.replace(/a(?=[_.])(?!.*\/)/, `a${n}`);
  const files = tree(
    (n) => nth(images, n),
    (n) => nth(masks, n),
  );
  expect(await open(files)).toMatch(new RegExp(`; ${told.replaceAll('.', '\\.')}$`));
});

test.each([
  ['images/a.png', 'labels/a_P.png', /images\/a0\.png: has no mask labels\/a0\.png; add it, or pass --mask-suffix _P\n/],
  ['images/b.png', 'masks/a.png', /has no mask masks\/b0\.png; add it, or pass --mask-suffix or --image-suffix\n/],
  ['images/a.gif', 'masks/a.png', /masks\/a0\.png: its image images\/a0\.gif has an unsupported format; convert it to one of \.png/],
])('images without a mask say why: %s and %s', async (images, masks, told) => {
  const nth = (path: string, n: number): string => path.replace(/(\w)(?=[_.][^/]*$)/, `$1${n}`);
  expect(
    await open(
      tree(
        (n) => nth(images, n),
        (n) => nth(masks, n),
      ),
    ),
  ).toMatch(told);
});

test('a mask in another format is named', async () => {
  const files = { 'images/a.png': image, 'masks/a.gif': 'x', 'images/b.png': image, 'masks/b.png': mask };
  expect(await open(files)).toMatch(/images\/a\.png: its mask masks\/a\.gif is not a PNG, TIFF, BMP or NumPy array; convert it to PNG/);
});
