import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodeImage, encodeImage, type ImageFormat, readImageHeader } from '../src/image.ts';
import type { Image } from '../src/types.ts';
import { imageOf, rgba, temporaryFolder } from './make.ts';

const gradient = imageOf(40, 24, (x, y) => rgba(x * 6, y * 10, 128));
const folder = temporaryFolder();

/** Decodes a file as its own header says. */
async function decode(bytes: Uint8Array, width = 40, height = 24, upright = true): Promise<Image> {
  await writeFile(join(folder, 'a.jpg'), bytes);
  const { channels, icc } = await readImageHeader(join(folder, 'a.jpg'), 'a.jpg');
  return decodeImage(bytes, { width, height }, new Int32Array(width * height), 'a.jpg', { channels, icc, upright });
}

describe('encodeImage and decodeImage', () => {
  test('PNG keeps every pixel, for all numbers of channels', async () => {
    for (const channels of [1, 2, 3, 4] as const) {
      const image = imageOf(9, 7, (x, y) =>
        channels > 2 ? rgba(x * 20, y * 30, 5, channels === 4 ? 90 + x : 255) : rgba(x * 20, x * 20, x * 20, channels === 2 ? 50 + y : 255),
      );
      const back = await decode(await encodeImage({ ...image, channels }, 'png', 95), 9, 7);
      expect(back.channels).toBe(channels);
      expect(back.pixels).toEqual(image.pixels);
    }
  });

  test.each(['jpeg', 'webp'] as ImageFormat[])('%s at quality 95 stays close, in the same channels', async (format) => {
    const back = await decode(await encodeImage(gradient, format, 95));
    expect(back.channels).toBe(3);
    for (let i = 0; i < back.pixels.length; i++) {
      for (const shift of [0, 8, 16])
        expect(Math.abs((((back.pixels[i] as number) >> shift) & 255) - (((gradient.pixels[i] as number) >> shift) & 255))).toBeLessThan(
          12,
        );
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

  test.each(['png', 'jpeg', 'webp'] as ImageFormat[])('an ICC profile goes through %s unchanged, and changes no pixel', async (format) => {
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
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('EXIF orientation %i: the image is turned upright, or taken as stored', async (orientation) => {
    const bytes = await sharp(await encodeImage(gradient, 'png', 95))
      .withMetadata({ orientation })
      .png()
      .toBuffer();
    const turned = orientation > 4;
    const upright = await decode(bytes, turned ? 24 : 40, turned ? 40 : 24);
    const shown = await sharp(bytes).autoOrient().raw().toBuffer();
    expect([...upright.pixels].map((word) => word & 255)).toEqual([...shown].filter((_, i) => i % 3 === 0));
    expect((await decode(bytes, 40, 24, false)).pixels).toEqual(gradient.pixels);
    expect((await sharp(await encodeImage(upright, 'jpeg', 95)).metadata()).orientation).toBeUndefined();
  });

  test('refuses truncated files at every length, and sizes that differ', async () => {
    const bytes = await encodeImage(gradient, 'jpeg', 95);
    for (let length = 0; length < bytes.length - 2; length += 17)
      await expect(decode(bytes.subarray(0, length))).rejects.toThrow(/a\.jpg: cannot decode/);
    await expect(decode(bytes, 24, 24)).rejects.toThrow('a.jpg: image is 40×24, its mask 24×24');
  });
});

describe('readImageHeader', () => {
  const folder = temporaryFolder();
  const header = async (name: string, bytes: Uint8Array | string): ReturnType<typeof readImageHeader> => {
    await writeFile(join(folder, name), bytes);
    return readImageHeader(join(folder, name), name);
  };

  test('refuses by name what it cannot keep exactly', async () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';
    await expect(header('a.png', svg)).rejects.toThrow('a.png: cannot decode this image');
    const deep = await sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } })
      .toColourspace('rgb16')
      .png()
      .toBuffer();
    await expect(header('b.png', deep)).rejects.toThrow('b.png: image has 16 bits a channel; 8 are supported');
    const cmyk = await sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } })
      .toColourspace('cmyk')
      .jpeg()
      .toBuffer();
    await expect(header('c.jpg', cmyk)).rejects.toThrow('c.jpg: image is CMYK; grey and RGB are supported');
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
