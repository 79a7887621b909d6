import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { bmpHeader, decodeBmp, encodeBmp } from '../../src/codecs/bmp.ts';
import { decodeImage, encodeImage, imageHeaderOf, readImageHeader } from '../../src/codecs/image.ts';
import { readMask, readObjects, writeMask } from '../../src/codecs/masks.ts';
import { CopyPasteError } from '../../src/errors.ts';
import type { Image, Mask } from '../../src/types.ts';
import { augment } from '../../src/verbs/augment.ts';
import { expectSound } from '../contract.ts';
import { deepImageOf, drawBox, filled, imageOf, rgba, temporaryFolder, writeTree } from '../make.ts';

const folder = temporaryFolder();

/** A BMP of 32-bit numbers in its header from byte 14 on, then a palette or bit masks, then rows as they are stored. */
function bmpOf(header: readonly number[], middle: readonly number[], rows: readonly number[]): Buffer {
  const start = 14 + 4 * header.length + middle.length;
  const bytes = Buffer.alloc(start + rows.length);
  bytes.write('BM', 'latin1');
  bytes.writeUInt32LE(bytes.length, 2);
  bytes.writeUInt32LE(start, 10);
  for (const [i, value] of header.entries()) bytes.writeInt32LE(value | 0, 14 + 4 * i);
  bytes.set(middle, 14 + 4 * header.length);
  bytes.set(rows, start);
  return bytes;
}

/** A header of 40 bytes or more: one plane, and the given bits and compression. */
function windows(width: number, height: number, bits: number, compression = 0, colours = 0, more: readonly number[] = []): number[] {
  return [40 + 4 * more.length, width, height, 1 | (bits << 16), compression, 0, 0, 0, colours, 0, ...more];
}

/** Entries of a palette: blue, green, red, and a byte that is not used. */
const paletteOf = (...colours: readonly number[]): number[] => colours.flatMap((rgb) => [rgb & 255, (rgb >> 8) & 255, rgb >> 16, 77]);

const little = (...words: readonly number[]): number[] => [...new Uint8Array(Uint32Array.from(words).buffer)];

async function read(bytes: Uint8Array, name = 'a.bmp'): Promise<Image> {
  await writeFile(join(folder, name), bytes);
  const header = await readImageHeader(join(folder, name), name);
  expect(await imageHeaderOf(bytes, name)).toEqual(header);
  return decodeImage(bytes, header.stored, name, { ...header.format, upright: true });
}

/** Pixels as hexadecimal words. */
function hex({ pixels, bands }: Image): string[] {
  return Array.from({ length: pixels.length / bands }, (_, i) => Buffer.from(pixels.subarray(bands * i, bands * (i + 1))).toString('hex'));
}

describe('images in BMP', () => {
  test.each<[string, Buffer, Image['channels'], string[]]>([
    ['24 bits, from bottom to top', bmpOf(windows(1, 2, 24), [], [1, 2, 3, 0, 4, 5, 6, 0]), 3, ['060504', '030201']],
    ['24 bits, from top to bottom', bmpOf(windows(1, -2, 24), [], [1, 2, 3, 0, 4, 5, 6, 0]), 3, ['030201', '060504']],
    ['24 bits without the bytes that fill up its last row', bmpOf(windows(1, 2, 24), [], [1, 2, 3, 0, 4, 5, 6]), 3, ['060504', '030201']],
    ['32 bits, of which 8 are not used', bmpOf(windows(2, 1, 32), [], [1, 2, 3, 9, 4, 5, 6, 9]), 3, ['030201', '060504']],
    [
      'bit masks after its header',
      bmpOf(windows(2, 1, 32, 3), little(0xff, 0xff00, 0xff0000), [1, 2, 3, 9, 4, 5, 6, 9]),
      3,
      ['010203', '040506'],
    ],
    [
      'bit masks with alpha',
      bmpOf(windows(2, 1, 32, 3, 0, [0xff000000, 0xff0000, 0xff00, 0xff]), [], [1, 2, 3, 9, 4, 5, 6, 8]),
      4,
      ['09030201', '08060504'],
    ],
    ['a palette of 8 bits', bmpOf(windows(2, 1, 8, 0, 2), paletteOf(0x112233, 0x445566), [1, 0, 0, 0]), 3, ['445566', '112233']],
    ['a palette of greys', bmpOf(windows(2, 1, 8, 0, 2), paletteOf(0x777777, 0x090909), [1, 0, 0, 0]), 1, ['090909', '777777']],
    [
      'a palette of 4 bits',
      bmpOf(windows(3, 1, 4), paletteOf(...new Array<number>(16).fill(0x10203).map((v, i) => v * i)), [0x12, 0x30, 0, 0]),
      3,
      ['010203', '020406', '030609'],
    ],
    ['a palette of 1 bit', bmpOf(windows(3, 1, 1), paletteOf(0, 0xff0000), [0b10100000, 0, 0, 0]), 3, ['ff0000', '000000', 'ff0000']],
    [
      "OS/2's header with a palette of three bytes an entry",
      bmpOf([12, 2 | (1 << 16), 1 | (8 << 16)], [3, 2, 1, 6, 5, 4], [1, 0, 0, 0]),
      3,
      ['040506', '010203'],
    ],
  ])('%s', async (_, bytes, channels, pixels) => {
    const image = await read(bytes);
    expect(image.channels).toBe(channels);
    expect(hex(image)).toEqual(pixels);
    expect(await read(await encodeImage(image, 'bmp'), 'again.bmp')).toEqual(image);
  });

  test('keep every pixel in all numbers of channels; grey with alpha becomes RGBA', async () => {
    const side = fc.integer({ min: 1, max: 20 });
    await fc.assert(
      fc.asyncProperty(side, side, fc.constantFrom(1, 2, 3, 4), fc.nat(), async (width, height, channels, seed) => {
        const value = (x: number, y: number, c: number): number => Math.imul(31 * x + 1009 * y + 7 * c + seed, 0x9e3779b1) >>> 24;
        const image = imageOf(
          width,
          height,
          (x, y) =>
            rgba(value(x, y, 0), value(x, y, channels > 2 ? 1 : 0), value(x, y, channels > 2 ? 2 : 0), channels % 2 ? 255 : value(x, y, 3)),
          channels as 1,
        );
        expect(await read(await encodeImage(image, 'bmp'))).toEqual({ ...image, channels: channels === 2 ? 4 : channels });
      }),
      { numRuns: 40 },
    );
  });

  test('keep an ICC profile', async () => {
    const png = await sharp({ create: { width: 3, height: 2, channels: 3, background: 'red' } })
      .withIccProfile('p3')
      .png()
      .toBuffer();
    const { icc } = await sharp(png).metadata();
    const image = { ...imageOf(3, 2, (x, y) => rgba(9 * x, y, 200)), icc: Uint8Array.from(icc as Buffer) };
    const bytes = await encodeImage(image, 'bmp');
    expect(await read(bytes)).toEqual(image);
    await expect(read(bytes.subarray(0, bytes.length - 1))).rejects.toThrow(
      'a.bmp: cannot decode this image: damaged BMP, its ICC profile',
    );
  });

  test('hold 8 bits per channel', async () => {
    const deep = deepImageOf(2, 2, 3, () => 9);
    await expect(encodeImage(deep, 'bmp')).rejects.toThrow('--image-format bmp: holds 8 bits per channel, but the image has 16');
  });

  const remedy = 'save it with 24 bits per pixel and without compression, or convert it to PNG';
  test.each<[string, Buffer, string]>([
    ['run lengths', bmpOf(windows(2, 2, 8, 1), paletteOf(0), [0, 1]), `image is a BMP with run lengths; ${remedy}`],
    ['a JPEG inside', bmpOf(windows(2, 2, 0, 4), [], []), `image is a BMP with a JPEG inside; ${remedy}`],
    ['16 bits', bmpOf(windows(2, 2, 16), [], new Array(8).fill(0)), `image is a BMP with 16 bits per pixel; ${remedy}`],
    [
      'channels of 10 bits',
      bmpOf(windows(1, 1, 32, 3), little(0x3ff, 0xffc00, 0x3ff00000), [0, 0, 0, 0]),
      `image is a BMP with channels of other than 8 bits; ${remedy}`,
    ],
    ['more than 64 megapixels', bmpOf(windows(50_000, -50_000, 24), [], [0]), 'image is 50000×50000; the limit is 64 megapixels'],
    ['a width of 0', bmpOf(windows(0, 2, 24), [], [0]), 'cannot decode this image: damaged BMP, its size is 0×2'],
    ['a height of -2^31', bmpOf(windows(1, -(2 ** 31), 24), [], [0]), 'image is 1×2147483648; the limit is 64 megapixels'],
    ['5 bits', bmpOf(windows(2, 2, 5), [], [0]), 'damaged BMP, it has 5 bits per pixel'],
    ['an unknown header', bmpOf([41, ...windows(1, 1, 24)], [], [0]), 'damaged BMP, its header has 41 bytes'],
    ['an unknown compression', bmpOf(windows(1, 1, 32, 9), new Array(16).fill(0), [0]), 'damaged BMP, its compression is 9'],
    ['missing pixels', bmpOf(windows(9000, 7000, 24), [], [1, 2, 3]), 'damaged BMP, its pixels are cut short'],
    ['no palette', bmpOf(windows(1, 1, 8), [], [0]), 'damaged BMP, it has no palette'],
    [
      'an index beyond its palette',
      bmpOf(windows(1, 1, 8, 0, 1), paletteOf(5), [1]),
      'damaged BMP, a pixel is beyond the end of its palette',
    ],
  ])('with %s are refused by name', async (_, bytes, why) => {
    await expect(read(bytes)).rejects.toThrow(why);
    await expect(read(bytes)).rejects.toThrow(CopyPasteError);
  });
});

describe('masks in BMP', () => {
  test('keep ids and palettes, of 1 bit and more', async () => {
    for (const [ids, palette] of [
      [
        [0, 1, 1, 0, 1, 0],
        [0, 0, 0, 255, 255, 255],
      ],
      [
        [0, 2, 1, 0, 2, 0],
        [0, 0, 0, 9, 8, 7, 1, 2, 3],
      ],
    ]) {
      const mask: Mask = { width: 3, height: 2, ids: Uint8Array.from(ids as number[]), palette: Uint8Array.from(palette as number[]) };
      const { bytes, codec } = await writeMask(mask, 'm.bmp');
      expect([codec, bmpHeader(bytes, 'm.bmp', 'mask').bits]).toEqual(['bmp', palette?.length === 6 ? 1 : 8]);
      expect(await readMask(bytes, 'm.bmp')).toEqual(mask);
      // A paste may bring an id that the palette lacks.
      mask.ids[5] = 4;
      const extended = await readMask((await writeMask(mask, 'm.bmp')).bytes, 'm.bmp');
      expect([[...extended.ids], extended.palette?.length]).toEqual([[...mask.ids], 15]);
    }
  });

  test('hold ids as grey, colours of classes and colours of objects', async () => {
    const values = Uint8Array.of(7, 7, 7, 9, 9, 9);
    const bytes = encodeBmp({ width: 2, height: 1, channels: 3, values });
    const grey = await readMask(bytes, 'm.bmp');
    expect([...grey.ids]).toEqual([7, 9]);
    expect([...(await writeMask(grey, 'm.bmp')).bytes]).toEqual([...bytes]);
    const byId = [
      [9, 9, 9],
      [7, 7, 7],
    ] as const;
    expect([...(await readMask(bytes, 'm.bmp', { colours: byId })).ids]).toEqual([1, 0]);
    const red = encodeBmp({ width: 2, height: 1, channels: 3, values: Uint8Array.of(0, 0, 0, 9, 0, 0) });
    await expect(readMask(red, 'm.bmp')).rejects.toThrow('m.bmp: mask stores colours, not class ids; map them with --color-map FILE');
    expect([...(await readObjects(red, 'm.bmp')).ids]).toEqual([0, 1]);
  });

  test('of 0 and 255 are read with a threshold, and written as 0 and 255', async () => {
    const bytes = encodeBmp({ width: 3, height: 1, channels: 1, values: Uint8Array.of(0, 200, 255) });
    const mask = await readMask(bytes, 'm.bmp', { threshold: 128 });
    expect([...mask.ids]).toEqual([0, 1, 1]);
    expect([...decodeBmp((await writeMask(mask, 'm.bmp')).bytes, 'm.bmp', 'mask').values]).toEqual([0, 255, 255]);
  });

  test('of one bit are black and white for every threshold', async () => {
    const palette = Uint8Array.of(0, 0, 0, 255, 255, 255);
    const bytes = encodeBmp({ width: 3, height: 1, channels: 1, values: Uint8Array.of(0, 1, 1), palette });
    expect(bmpHeader(bytes, 'm.bmp', 'mask').bits).toBe(1);
    for (const threshold of [1, 128]) expect([...(await readMask(bytes, 'm.bmp', { threshold })).ids]).toEqual([0, 1, 1]);
  });

  test('have no ids above 255', async () => {
    const mask = { width: 1, height: 1, ids: Uint16Array.of(256) };
    await expect(writeMask(mask, 'm.bmp')).rejects.toThrow('m.bmp: an id above 255 does not fit into a BMP; convert it to PNG');
  });
});

test('a BMP that is cut short or has another byte anywhere is refused, or read', async () => {
  const whole = [
    await encodeImage(
      imageOf(5, 4, (x, y) => rgba(50 * x, 60 * y, 7, 9), 4),
      'bmp',
    ),
    (await writeMask({ ...filled(9, 3, 1), palette: Uint8Array.of(0, 0, 0, 9, 9, 9) }, 'm.bmp')).bytes,
  ];
  for (const bytes of whole) {
    const decode = async (one: Uint8Array): Promise<unknown> => {
      const { stored, format } = await imageHeaderOf(one, 'a.bmp');
      return decodeImage(one, stored, 'a.bmp', { ...format, upright: false });
    };
    const attempt = (one: Uint8Array): Promise<unknown> => decode(one).catch((error: unknown) => error);
    for (let length = 2; length < bytes.length; length++) {
      const result = await attempt(bytes.subarray(0, length));
      if (!(result instanceof CopyPasteError)) expect(length).toBeGreaterThan(bytes.length - 4);
    }
    for (let at = 2; at < Math.min(bytes.length, 200); at++) {
      for (const value of [0, 1, 128, 255]) {
        const result = await attempt(Uint8Array.from(bytes, (byte, i) => (i === at ? value : byte)));
        if (result instanceof Error) expect(result).toBeInstanceOf(CopyPasteError);
      }
    }
  }
});

test('a data set of BMPs alone comes out as BMPs', async () => {
  const made = async (mask: Mask): Promise<Uint8Array> => (await writeMask(mask, 'm.bmp')).bytes;
  const mask = drawBox(filled(60, 40, 0), [9, 9, 33, 29], 1);
  const images = [1, 3, 4].map((channels) =>
    imageOf(
      60,
      40,
      (x, y) => (channels > 1 ? rgba(4 * x, 6 * y, 9, channels === 4 ? 99 + x : 255) : rgba(4 * x, 4 * x, 4 * x)),
      channels as 1,
    ),
  );
  const root = await writeTree(join(folder, 'set'), {
    ...Object.fromEntries(
      await Promise.all(images.map(async (image, n) => [`JPEGImages/${n}.bmp`, await encodeImage(image, 'bmp')] as const)),
    ),
    'SegmentationClass/0.bmp': await made({ ...mask, palette: Uint8Array.of(0, 0, 0, 255, 255, 255) }),
    'SegmentationClass/1.bmp': await made(drawBox(filled(60, 40, 0), [9, 9, 33, 29], 7)),
    'SegmentationClass/2.BMP': await made({ ...mask, palette: Uint8Array.from({ length: 768 }, (_, i) => i & 255) }),
    'SegmentationObject/0.bmp': await made(mask),
    'SegmentationObject/1.bmp': await made(mask),
    'SegmentationObject/2.bmp': await made(mask),
  });
  const out = join(folder, 'out');
  expect((await augment({ in: root, out, p: 1, instances: 'object' })).augmented).toBe(3);
  await expectSound(out, root);
  const named = await writeTree(join(folder, 'named'), {
    'images/0.bmp': await encodeImage(images[1] as Image, 'bmp'),
    'masks/0.bmp': mask,
  });
  await expect(augment({ in: named, out: join(folder, 'none') })).rejects.toMatchObject({
    offenders: ['masks/0.bmp: mask is named .bmp but is not a BMP; convert it to PNG'],
  });
});
