import { expect, test } from 'vitest';
import { encodeImage } from '../../src/codecs/image.ts';
import { encodeMask } from '../../src/codecs/png-masks.ts';
import { describeDifference } from '../../src/output/compare.ts';
import { deepImageOf, imageOf, maskOf, rgba } from '../make.ts';

test('describes the first difference between two files', async () => {
  const picture = (width: number, word: number, channels: 3 | 4 = 3) =>
    encodeImage(
      imageOf(width, 2, (x, y) => (x === 1 && y === 1 ? word : rgba(9, 8, 7)), channels),
      'png',
      95,
    );
  const deep = (blue: number) =>
    encodeImage(
      deepImageOf(3, 2, 3, (x, y, c) => (x === 2 && y === 0 && c === 2 ? blue : 1000 * c)),
      'tiff',
      95,
    );
  const plain = await picture(3, rgba(9, 8, 7));
  const cases: [there: Uint8Array, expected: Uint8Array, what: string | undefined][] = [
    [plain, plain, undefined],
    [await picture(4, 0), plain, 'is 4×2, not 3×2'],
    [await picture(3, rgba(9, 8, 7), 4), plain, 'has a different number of channels'],
    [await deep(9), plain, 'has a different bit depth'],
    [
      await encodeImage(
        imageOf(3, 2, () => rgba(9, 8, 7)),
        'tiff',
        95,
      ),
      plain,
      'has the same pixels, encoded differently',
    ],
    [await picture(3, rgba(1, 2, 3)), plain, 'first differs at pixel (1, 1): has rgb(1, 2, 3), expected rgb(9, 8, 7)'],
    [await deep(9), await deep(65_535), 'first differs at pixel (2, 0): has rgb(0, 1000, 9), expected rgb(0, 1000, 65535)'],
    [
      await encodeMask(maskOf('12', '34')),
      await encodeMask(maskOf('12', '35')),
      'first differs at pixel (1, 1): has value 4, expected value 5',
    ],
    [plain.subarray(0, 60), plain, 'cannot be decoded'],
  ];
  for (const [there, expected, what] of cases)
    expect(await describeDifference({ role: 'image', path: 'a.png' }, there, expected)).toBe(what);
});
