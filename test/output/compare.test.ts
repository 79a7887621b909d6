import { expect, test } from 'vitest';
import { encodeImage } from '../../src/codecs/image.ts';
import { encodeMask } from '../../src/codecs/png.ts';
import { describeDifference } from '../../src/output/compare.ts';
import { deepImageOf, imageOf, maskOf, rgba } from '../make.ts';

test('says in what two files differ first', async () => {
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
    [await picture(3, rgba(9, 8, 7), 4), plain, 'has other channels'],
    [await deep(9), plain, 'has other bits a channel'],
    [
      await encodeImage(
        imageOf(3, 2, () => rgba(9, 8, 7)),
        'tiff',
        95,
      ),
      plain,
      'holds the same pixels in other bytes',
    ],
    [await picture(3, rgba(1, 2, 3)), plain, 'differs from pixel (1, 1) on: rgb(1, 2, 3) there, rgb(9, 8, 7) expected'],
    [await deep(9), await deep(65_535), 'differs from pixel (2, 0) on: rgb(0, 1000, 9) there, rgb(0, 1000, 65535) expected'],
    [
      await encodeMask(maskOf('12', '34')),
      await encodeMask(maskOf('12', '35')),
      'differs from pixel (1, 1) on: value 4 there, value 5 expected',
    ],
    [plain.subarray(0, 60), plain, 'cannot be decoded'],
  ];
  for (const [there, expected, what] of cases) expect(await describeDifference('a.png', there, expected)).toBe(what);
});
