import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { encodeImage, readTiffMaskHeader } from '../../src/codecs/image.ts';
import { readMask, writeMask } from '../../src/codecs/masks.ts';
import { CopyPasteError } from '../../src/errors.ts';
import type { Mask } from '../../src/types.ts';
import { augment } from '../../src/verbs/augment.ts';
import { expectSound } from '../contract.ts';
import { deepImageOf, drawBox, filled, imageOf, rgba, temporaryFolder, tiffFields, tiffOf, writeTree } from '../make.ts';

const folder = temporaryFolder();

/** Reads a mask like a run: first its header. */
async function read(bytes: Uint8Array): Promise<Mask> {
  await writeFile(join(folder, 'm.tif'), bytes);
  const { width, height } = await readTiffMaskHeader(join(folder, 'm.tif'), 'm.tif');
  const mask = await readMask(bytes, 'm.tif');
  expect(mask).toMatchObject({ width, height });
  return mask;
}

test('ids of 8 and 16 bits go through TIFF unchanged, written by us or by libtiff', async () => {
  const side = fc.integer({ min: 1, max: 24 });
  await fc.assert(
    fc.asyncProperty(side, side, fc.constantFrom(8, 16), fc.nat(), async (width, height, depth, seed) => {
      const id = (_: unknown, i: number): number => Math.imul(i + seed, 0x9e3779b1) >>> 16;
      const ids = depth === 8 ? Uint8Array.from({ length: width * height }, id) : Uint16Array.from({ length: width * height }, id);
      const { bytes, codec } = await writeMask({ width, height, ids }, 'x/m.tiff');
      expect(codec).toBe('tiff');
      expect(await read(bytes)).toEqual({ width, height, ids });
      const other = sharp(ids, { raw: { width, height, channels: 1 } }).toColourspace(depth === 8 ? 'b-w' : 'grey16');
      for (const options of [
        { compression: 'lzw', predictor: 'horizontal' },
        { compression: 'deflate' },
        { compression: 'none', tile: true, tileWidth: 16, tileHeight: 16 },
      ] as const)
        expect(await read(await other.clone().tiff(options).toBuffer())).toEqual({ width, height, ids });
    }),
    { numRuns: 30 },
  );
});

/** 4×4 pixels; 1 is grey, 2 RGB, 3 a palette; 339 is 2 for signed, 3 for floating point. */
test.each<[string, Uint8Array | Promise<Uint8Array>, string]>([
  [
    '1 bit',
    tiffOf(tiffFields(4, 4, [1], 1), new Uint8Array(99)),
    'mask has 1-bit ids of type uchar; convert them to unsigned 8 or 16 bits',
  ],
  ['32 bits', tiffOf(tiffFields(4, 4, [32], 1), new Uint8Array(99)), 'mask has 32-bit ids of type uint'],
  ['signed ids', tiffOf({ ...tiffFields(4, 4, [16], 1), 339: [2] }, new Uint8Array(99)), 'mask has 16-bit ids of type short'],
  ['floats', tiffOf({ ...tiffFields(4, 4, [32], 1), 339: [3] }, new Uint8Array(99)), 'mask has 32-bit ids of type float'],
  ['colours', tiffOf(tiffFields(4, 4, [8, 8, 8], 2), new Uint8Array(99)), 'mask stores colours or a palette, not ids; convert it to PNG'],
  [
    'a palette',
    tiffOf({ ...tiffFields(4, 4, [8], 3), 320: new Array<number>(768).fill(7) }, new Uint8Array(99)),
    'mask stores colours or a palette',
  ],
  ['white as 0', tiffOf(tiffFields(4, 4, [8], 0), new Uint8Array(99)), 'mask stores white as 0, and readers disagree'],
  ['2 pages', tiffOf(tiffFields(4, 4, [8], 1), new Uint8Array(99), 2), 'mask has 2 pages; save one page only'],
  [
    'more than 64 megapixels',
    tiffOf(tiffFields(50_000, 50_000, [8], 1), new Uint8Array(99)),
    'cannot decode this mask: Input image exceeds',
  ],
  ['PNG', writeMask(filled(4, 4, 1), 'm.png').then(({ bytes }) => bytes), 'mask is named .tif but is not a TIFF; rename or convert it'],
  ['text', Buffer.from('once upon a time'), 'cannot decode this mask'],
])('a mask called .tif that has %s is refused by name', async (_, made, why) => {
  await expect(read(await made)).rejects.toThrow(`m.tif: ${why}`);
  await expect(readMask(await made, 'm.tif')).rejects.toThrow(`m.tif: ${why}`);
});

test('a mask that is cut short is refused, or holds the same ids', async () => {
  const mask = drawBox(filled(11, 9, 0), [2, 2, 7, 8], 3);
  const { bytes } = await writeMask(mask, 'm.tif');
  let refused = 0;
  for (let length = 0; length < bytes.length; length++) {
    const result = await read(bytes.subarray(0, length)).catch((error: unknown) => error);
    if (!(result instanceof CopyPasteError)) expect(result).toEqual(mask);
    else expect([++refused, result.message]).toEqual([refused, expect.stringMatching(/^m\.tif: cannot decode this mask/)]);
  }
  // The last bytes only end the list of pages.
  expect(refused).toBeGreaterThan(bytes.length - 8);
});

test('a data set of TIFFs alone comes out as TIFFs, with ids of 8 and 16 bits', async () => {
  const made = async (mask: Mask): Promise<Uint8Array> => (await writeMask(mask, 'm.tif')).bytes;
  const wide = (id: number): Mask => ({
    ...filled(60, 40, 0),
    ids: Uint16Array.from(drawBox(filled(60, 40, 0), [9, 9, 33, 29], 1).ids, (one) => one * id),
  });
  const images = [
    imageOf(60, 40, (x, y) => rgba(4 * x, 6 * y, 9)),
    deepImageOf(60, 40, 3, (x, y, c) => 1000 * x + 99 * y + c),
    deepImageOf(60, 40, 1, (x, y) => 65_535 - 1000 * x - 99 * y),
  ];
  const root = await writeTree(join(folder, 'tiffs'), {
    ...Object.fromEntries(
      await Promise.all(images.map(async (image, n) => [`images/${n}.tif`, await encodeImage(image, 'tiff', 95)] as const)),
    ),
    'masks/0.tif': await made(drawBox(filled(60, 40, 0), [9, 9, 33, 29], 7)),
    'masks/1.tif': await made(wide(200)),
    'masks/2.tiff': await made(wide(201)),
  });
  const out = join(folder, 'out');
  expect((await augment({ in: root, out, p: 1 })).augmented).toBe(3);
  await expectSound(out, root);
  for (const [name, depth] of [
    ['0.tif', 'uchar'],
    ['1.tif', 'ushort'],
    ['2.tiff', 'ushort'],
  ])
    expect(await sharp(join(out, 'masks', name as string)).metadata()).toMatchObject({ format: 'tiff', depth });
});
