import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import * as png from 'fast-png';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodeImage, encodeImage, readImageHeader, readTiffMaskHeader } from '../../src/codecs/image.ts';
import type { ImageFormat } from '../../src/codecs/image-names.ts';
import { tiffField } from '../../src/codecs/tiff.ts';
import type { Image } from '../../src/types.ts';
import { deepImageOf, imageOf, rgba, temporaryFolder, tiffFields, tiffOf } from '../make.ts';

const gradient = imageOf(40, 24, (x, y) => rgba(x * 6, y * 10, 128));
const folder = temporaryFolder();
const side = fc.integer({ min: 1, max: 20 });
const { icc = new Uint8Array() } = await sharp(await encodeImage(gradient, 'png', 95))
  .withIccProfile('p3')
  .png()
  .toBuffer()
  .then((bytes) => sharp(bytes).metadata());
const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer => Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);

let decoded = 0;

/** Decodes a file by its own header. Each has a path of its own: another test's sharp may cache what it has read from one. */
async function decode(bytes: Uint8Array, width = 40, height = 24, upright = true, name = 'a.png'): Promise<Image> {
  const path = join(folder, `${decoded++}-${name}`);
  await writeFile(path, bytes);
  const { format } = await readImageHeader(path, name);
  return decodeImage(bytes, { width, height }, name, { ...format, upright });
}

describe('encodeImage and decodeImage', () => {
  test.each(['png', 'tiff'] as ImageFormat[])('%s keeps every pixel, for all numbers of channels', async (format) => {
    for (const channels of [1, 2, 3, 4] as const) {
      const image = imageOf(
        9,
        7,
        (x, y) =>
          channels > 2
            ? rgba(x * 20, y * 30, 5, channels === 4 ? 90 + x : 255)
            : rgba(x * 20, x * 20, x * 20, channels === 2 ? 50 + y : 255),
        channels,
      );
      expect(await decode(await encodeImage(image, format, 95), 9, 7)).toEqual(image);
    }
  });

  test.each(['png', 'tiff'] as ImageFormat[])('%s keeps every pixel of 16 bits a channel, for all numbers of channels', async (format) => {
    await fc.assert(
      fc.asyncProperty(side, side, fc.constantFrom(1, 2, 3, 4), fc.boolean(), fc.nat(), async (width, height, channels, tagged, seed) => {
        const image = deepImageOf(
          width,
          height,
          channels as 1,
          (x, y, c) => Math.imul(31 * x + 1009 * y + 7 * c + seed, 0x9e3779b1) >>> 16,
        );
        const profile = tagged && channels > 2 ? { icc } : {};
        const bytes = await encodeImage({ ...image, ...profile }, format, 95);
        expect(await decode(bytes, width, height)).toEqual({ ...image, ...profile });
      }),
      { numRuns: 60 },
    );
  });

  test('another reader and another writer of PNG agree on every value of 16 bits', async () => {
    for (const channels of [1, 2, 3, 4] as const) {
      const image = deepImageOf(256, 256, channels, (x, y, c) => ((x << 8) | y) ^ (c * 0x1234));
      const data = Uint16Array.from({ length: 65_536 * channels }, (_, i) => {
        const c = i % channels;
        return image.pixels[image.bands * Math.floor(i / channels) + (channels === 2 && c === 1 ? 3 : c)] as number;
      });
      const read = png.decode(await encodeImage(image, 'png', 95), { checkCrc: true });
      expect({ depth: read.depth, channels: read.channels, same: Buffer.compare(bytesOf(read.data), bytesOf(data)) }).toEqual({
        depth: 16,
        channels,
        same: 0,
      });
      const written = png.encode({ width: 256, height: 256, data, depth: 16, channels });
      expect(Buffer.compare(bytesOf((await decode(written, 256, 256)).pixels), bytesOf(image.pixels))).toBe(0);
    }
  });

  test('16 bits per channel are not reduced to 8', async () => {
    for (const format of ['jpeg', 'webp', 'avif'] as const)
      await expect(
        encodeImage(
          deepImageOf(2, 2, 3, () => 9),
          format,
          95,
        ),
      ).rejects.toThrow(`--image-format ${format}: holds 8 bits per channel, but the image has 16; use png or tiff`);
  });

  test.each(['jpeg', 'webp', 'avif'] as ImageFormat[])('%s at quality 95 stays close, in the same channels', async (format) => {
    const back = await decode(await encodeImage(gradient, format, 95));
    expect(back.channels).toBe(3);
    for (let i = 0; i < back.pixels.length; i++) {
      expect(Math.abs((back.pixels[i] as number) - (gradient.pixels[i] as number))).toBeLessThan(12);
    }
  });

  test('a lossless WebP stays lossless, with and without an ICC profile', async () => {
    for (const profile of [false, true]) {
      const input = sharp(await encodeImage(gradient, 'png', 95)).webp({ lossless: true });
      const image = await decode(await (profile ? input.withIccProfile('p3', { attach: true }) : input).toBuffer());
      expect([image.lossless, image.icc !== undefined]).toEqual([true, profile]);
      expect((await decode(await encodeImage(image, 'webp', 50))).pixels).toEqual(image.pixels);
    }
    expect((await decode(await encodeImage(gradient, 'webp', 95))).lossless).toBeUndefined();
  });

  test('JPEG is 4:4:4', async () => {
    expect((await sharp(await encodeImage(gradient, 'jpeg', 95)).metadata()).chromaSubsampling).toBe('4:4:4');
  });

  test.each(['png', 'jpeg', 'webp', 'tiff', 'avif'] as ImageFormat[])(
    '%s keeps an ICC profile unchanged, and the profile changes no pixel',
    async (format) => {
      const tagged = await sharp(await encodeImage(gradient, 'png', 95))
        .withIccProfile('p3', { attach: true })
        .png()
        .toBuffer();
      const image = await decode(tagged);
      expect(image.icc).toBeDefined();
      const plain = await decode(await encodeImage({ ...image, icc: undefined } as unknown as Image, format, 95));
      const back = await decode(await encodeImage(image, format, 95));
      expect(back.icc).toEqual(image.icc);
      expect(back.pixels).toEqual(plain.pixels);
    },
  );

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('EXIF orientation %i is applied or ignored', async (orientation) => {
    const turned = orientation > 4;
    const [width, height] = turned ? [24, 40] : [40, 24];
    const deep = deepImageOf(40, 24, 3, (x, y, c) => 1001 * x + 257 * y + c);
    for (const [image, format] of [
      [gradient, 'png'],
      [gradient, 'tiff'],
      [deep, 'png'],
      [deep, 'tiff'],
    ] as const) {
      const input = sharp(await encodeImage(image, 'png', 95)).withMetadata({ orientation });
      if (image === deep) input.toColourspace('rgb16');
      const bytes = await (format === 'png' ? input.png() : input.tiff({ compression: 'lzw' })).toBuffer();
      const upright = await decode(bytes, width, height);
      const { pixels: asStored } = await decode(bytes, 40, 24, false);
      // Maps each upright pixel to its stored place.
      const [right, down] = [[2, 3, 7, 8].includes(orientation), [3, 4, 6, 7].includes(orientation)];
      const expected = image.pixels.map((_, i) => {
        const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
        const [u, v] = turned ? [y, x] : [x, y];
        const at = (down ? 23 - v : v) * 40 + (right ? 39 - u : u);
        return asStored[3 * at + (i % 3)] as number;
      });
      expect(upright.pixels).toEqual(expected);
      // sharp rounds values when it writes 16 bits.
      if (image === gradient) expect(asStored).toEqual(image.pixels);
      expect((await sharp(await encodeImage(upright, format, 95)).metadata()).orientation ?? 1).toBe(1);
    }
  });

  test('refuses truncated files at every length, and sizes that differ', async () => {
    const bytes = await encodeImage(gradient, 'jpeg', 95);
    const read = (part: Uint8Array, width = 40, height = 24): Promise<Image> => decode(part, width, height, true, 'a.jpg');
    for (let length = 0; length < bytes.length - 2; length += 17)
      await expect(read(bytes.subarray(0, length))).rejects.toThrow(/a\.jpg: cannot decode/);
    await expect(read(bytes, 24, 24)).rejects.toThrow('a.jpg: image is 40×24, but its mask is 24×24');
  });
});

describe('readImageHeader', () => {
  const folder = temporaryFolder();
  const header = async (name: string, bytes: Uint8Array | string): ReturnType<typeof readImageHeader> => {
    await writeFile(join(folder, name), bytes);
    return readImageHeader(join(folder, name), name);
  };

  test('refuses by name an image that it cannot keep exactly', async () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';
    await expect(header('a.png', svg)).rejects.toThrow('a.png: cannot decode this image');
    const red = sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } });
    const deep = await red.clone().toColourspace('rgb16').png().toBuffer();
    await expect(header('b.webp', deep)).rejects.toThrow(
      'b.webp: image has 16 bits per channel, but webp holds 8; rename it to .png or .tif',
    );
    const cmyk = await red.clone().toColourspace('cmyk').jpeg().toBuffer();
    await expect(header('c.jpg', cmyk)).rejects.toThrow('c.jpg: image is CMYK without an ICC profile');
    for (const bitdepth of [10, 12] as const) {
      const avif = await red.clone().heif({ compression: 'av1', bitdepth }).toBuffer();
      await expect(header('d.avif', avif)).rejects.toThrow(`d.avif: image is AVIF with ${bitdepth} bits per channel; convert it to 8 bits`);
    }
  });

  test('names a file that cannot be read, without its folder', async () => {
    for (const read of [readImageHeader, readTiffMaskHeader]) {
      await expect(read(join(folder, 'none.tif'), 'none.tif')).rejects.toMatchObject({
        code: 'io',
        message: 'none.tif: cannot be read: ENOENT: no such file or directory',
      });
      await expect(read(join(folder, 'caf\ufffd.tif'), 'caf\ufffd.tif')).rejects.toMatchObject({
        code: 'data',
        message: 'caf\ufffd.tif: cannot be read: its name is not UTF-8; rename it',
      });
    }
  });

  /** 4×4 pixels; numbers of TIFF 6.0: 1 is grey, 2 RGB, 5 CMYK, 8 Lab; 339 is 2 for signed, 3 for floating point. */
  test.each<[string, Record<number, readonly number[]>, number, string]>([
    ['3 pages', tiffFields(4, 4, [8], 1), 3, 'image has 3 pages; save one page only'],
    ['floats', { ...tiffFields(4, 4, [32], 1), 339: [3] }, 1, 'image has values of type float; convert them to unsigned 8 or 16 bits'],
    ['signed values', { ...tiffFields(4, 4, [16], 1), 339: [2] }, 1, 'image has values of type short; convert them to unsigned'],
    ['32 bits', tiffFields(4, 4, [32], 1), 1, 'image has values of type uint; convert them to unsigned'],
    ['5 channels', { ...tiffFields(4, 4, [8, 8, 8, 8, 8], 2), 338: [0, 0] }, 1, 'image has 5 channels; convert it to grey or RGB'],
    [
      'grey of 4 channels',
      { ...tiffFields(4, 4, [16, 16, 16, 16], 1), 338: [0, 0, 0] },
      1,
      'image has 4 channels; convert it to grey or RGB',
    ],
    ['CMYK of 16 bits', tiffFields(4, 4, [16, 16, 16, 16], 5), 1, 'image is CMYK with 16 bits per channel; convert it to grey or RGB'],
    ['CMYK without a profile', tiffFields(4, 4, [8, 8, 8, 8], 5), 1, 'image is CMYK without an ICC profile'],
    ['Lab', tiffFields(4, 4, [8, 8, 8], 8), 1, 'cannot decode this image'],
    ['64-bit floats', { ...tiffFields(4, 4, [64], 1), 339: [3] }, 1, 'cannot decode this image'],
  ])('refuses a TIFF with %s by name', async (_, fields, pages, why) => {
    await expect(header('e.tif', tiffOf(fields, new Uint8Array(256), pages))).rejects.toThrow(`e.tif: ${why}`);
  });

  test('reads a TIFF with plain fields', async () => {
    const strip = Uint8Array.from({ length: 48 }, (_, i) => 5 * i);
    const { pixels } = await decode(tiffOf(tiffFields(4, 4, [8, 8, 8], 2), strip), 4, 4);
    expect([...pixels]).toEqual([...strip]);
  });

  test('a fourth channel that is not alpha, such as near infrared, is written as such', async () => {
    // OpenCV omits the field.
    for (const extra of [0, 2, undefined]) {
      for (const bits of [8, 16]) {
        const fields = tiffFields(4, 4, new Array<number>(4).fill(bits), 2);
        const file = tiffOf({ ...fields, ...(extra !== undefined && { 338: [extra] }) }, new Uint8Array(128).fill(7));
        const image = await decode(file, 4, 4);
        expect(image).toMatchObject({ channels: 4, depth: bits });
        const back = await encodeImage(image, 'tiff', 95);
        expect([tiffField(file, 'extraSamples'), tiffField(back, 'extraSamples')]).toEqual([extra, extra ?? 0]);
        expect(await decode(back, 4, 4)).toEqual(image);
      }
    }
  });

  test('CMYK with a profile is converted to sRGB, and written without the profile', async () => {
    const picture = sharp(await encodeImage(gradient, 'png', 95)).withIccProfile('cmyk');
    const other = await picture.clone().jpeg().toBuffer();
    other.write('RGB ', other.indexOf('CMYKLab '), 'latin1');
    await expect(decode(other, 40, 24, true, 'f.jpg')).rejects.toThrow('f.jpg: image is CMYK with an ICC profile that is not CMYK');
    for (const [name, made] of [
      ['f.jpg', picture.clone().jpeg({ quality: 100, chromaSubsampling: '4:4:4' })],
      ['f.tif', picture.clone().tiff({ compression: 'lzw' })],
    ] as const) {
      const bytes = await made.toBuffer();
      expect(await sharp(bytes).metadata()).toMatchObject({ space: 'cmyk', channels: 4 });
      const back = await decode(bytes, 40, 24, true, name);
      expect([back.channels, back.icc]).toEqual([3, undefined]);
      const shown = await sharp(bytes).toColourspace('srgb').raw().toBuffer();
      const rgb = [...back.pixels];
      expect(rgb).toEqual([...shown]);
      // CMYK holds most of these colours, but not all.
      const near = rgb.filter((value, i) => Math.abs(value - (gradient.pixels[i] as number)) < 40);
      expect(near.length / rgb.length).toBeGreaterThan(0.8);
    }
  });

  test('gives the stored and the upright size', async () => {
    const bytes = await sharp(await encodeImage(gradient, 'png', 95))
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    expect(await header('d.jpg', bytes)).toMatchObject({
      stored: { width: 40, height: 24 },
      upright: { width: 24, height: 40 },
      turned: true,
    });
  });
});

test('a thread that starts does not block the formats that another thread is reading', async () => {
  const built = new URL('../../dist/codecs/image.js', import.meta.url).href;
  const program = `
    const sharp = require('sharp');
    const calls = [];
    for (const name of ['block', 'unblock']) sharp[name] = () => calls.push(name);
    import('${built}').then(() => require('node:worker_threads').parentPort.postMessage(calls));`;
  expect(await once(new Worker(program, { eval: true }), 'message')).toEqual([[]]);
});
