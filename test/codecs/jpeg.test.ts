import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodeImage, encodeImage, imageHeaderOf, lossyOf, readImageHeader } from '../../src/codecs/image.ts';
import { jpegCoding } from '../../src/codecs/jpeg.ts';
import type { Image } from '../../src/types.ts';
import { imageOf, rgba, temporaryFolder } from '../make.ts';

const folder = temporaryFolder();
const width = 48;
const height = 40;
const picture = imageOf(width, height, (x, y) => rgba((x * 37 + y * 11) & 255, (y * 53 + x * x) & 255, (x * y) & 255));
const raw = () => sharp(Buffer.from(picture.pixels), { raw: { width, height, channels: 3 } });
const plain = { progressive: false, optimised: false } as const;

/** Quantisation tables of a JPEG without fill bytes, by index. */
function tablesOf(bytes: Uint8Array): number[][] {
  const tables: number[][] = [];
  for (let at = 2; bytes[at + 1] !== 0xda; ) {
    const length = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
    if (bytes[at + 1] === 0xdb)
      for (let i = at + 4; i < at + 2 + length; i += 65) tables[(bytes[i] as number) & 15] = [...bytes.subarray(i + 1, i + 65)];
    at += 2 + length;
  }
  return tables;
}

const segment = (marker: number, ...data: number[]): number[] => [0xff, marker, (data.length + 2) >> 8, (data.length + 2) & 255, ...data];

/** Markers of a JPEG up to its first scan. @param factors sampling factors of each component. */
function markers(tables: readonly (readonly number[])[], factors: readonly number[], { sof = 0xc0, wide = false } = {}): Uint8Array {
  const entry = (value: number): number[] => (wide ? [value >> 8, value & 255] : [value]);
  const dqt = tables.map((table, i) => segment(0xdb, (wide ? 16 : 0) | i, ...table.flatMap(entry)));
  const components = factors.flatMap((factor, i) => [i + 1, factor, i === 1 || i === 2 ? tables.length - 1 : 0]);
  return Uint8Array.from([
    ...[0xff, 0xd8, 0xff],
    ...segment(0xe0, 1, 2, 3),
    ...dqt.flat(),
    ...segment(sof, 8, 0, height, 0, width, factors.length, ...components),
    ...segment(0xda, 0),
  ]);
}

async function decode(bytes: Uint8Array, name = 'a.jpg'): Promise<Image> {
  const { format, upright } = await imageHeaderOf(bytes, name);
  return decodeImage(bytes, upright, name, { ...format, upright: true });
}

describe('jpegCoding', () => {
  test('reads every quality and sampling that the encoder writes', async () => {
    for (let quality = 1; quality <= 100; quality++) {
      for (const chromaSubsampling of ['4:4:4', '4:2:0'] as const) {
        const bytes = await raw().jpeg({ quality, chromaSubsampling, optimiseCoding: false }).toBuffer();
        expect(jpegCoding(bytes)).toEqual({ quality, sampling: chromaSubsampling, ...plain });
      }
    }
  });

  test("reads every quality of MozJPEG's default table, and the encoder writes it back", async () => {
    // Below 4 all steps are 255, and at 100 all are 1, as in the standard tables.
    for (let quality = 4; quality < 100; quality++) {
      const bytes = await raw().jpeg({ quality, mozjpeg: true }).toBuffer();
      const coding = jpegCoding(bytes);
      expect(coding).toEqual({ quality, sampling: '4:2:0', progressive: true, optimised: true, mozjpeg: true });
      if (quality % 9 === 0) expect(tablesOf(await encodeImage(await decode(bytes), 'jpeg'))).toEqual(tablesOf(bytes));
    }
  });

  test('gives other tables the coarsest quality that is nowhere coarser', async () => {
    const standard = await Promise.all(
      Array.from({ length: 100 }, async (_, i) =>
        tablesOf(
          await raw()
            .jpeg({ quality: i + 1 })
            .toBuffer(),
        ),
      ),
    );
    const table = fc.array(fc.integer({ min: 1, max: 255 }), { minLength: 64, maxLength: 64 });
    /** Tables near those of a quality, which random ones never are. */
    const near = fc
      .tuple(fc.integer({ min: 1, max: 100 }), fc.nat(127), fc.integer({ min: -9, max: 9 }))
      .map(([quality, at, by]) =>
        (standard[quality - 1] as number[][]).map((values, t) =>
          values.map((value, i) => (64 * t + i === at ? Math.min(255, Math.max(1, value + by)) : value)),
        ),
      );
    fc.assert(
      fc.property(fc.oneof(near, fc.tuple(table, table)), (tables) => {
        const finer = standard.findIndex((own) =>
          own.every((values, t) => values.every((value, i) => value <= (tables[t]?.[i] as number))),
        );
        expect(jpegCoding(markers(tables, [0x11, 0x11, 0x11]))?.quality).toBe(finer === -1 ? 100 : finer + 1);
      }),
    );
  });

  test('gives other tables Huffman tables that are made for the image', async () => {
    const own = tablesOf(await raw().jpeg({ quality: 80 }).toBuffer());
    expect(jpegCoding(markers(own, [0x22, 0x11, 0x11]))).toEqual({ quality: 80, sampling: '4:2:0', ...plain });
    const other = own.map((table) => table.map((step, i) => step + (i & 1)));
    expect(jpegCoding(markers(other, [0x22, 0x11, 0x11]))?.optimised).toBe(true);
  });

  test('reads tables of 16 bits, several tables in one segment, and one table for all components', async () => {
    const tables = tablesOf(await raw().jpeg({ quality: 60 }).toBuffer());
    expect(jpegCoding(markers(tables, [0x22, 0x11, 0x11], { wide: true }))?.quality).toBe(60);
    const joined = markers([], [0x22, 0x11, 0x11]);
    const dqt = segment(0xdb, 0, ...(tables[0] as number[]), 1, ...(tables[1] as number[]));
    const components = joined.map((byte, i) => (i > 0 && joined[i - 1] === 0x11 ? 1 : byte));
    expect(jpegCoding(Uint8Array.from([0xff, 0xd8, ...dqt, ...components.subarray(2)]))?.quality).toBe(60);
    // Chroma may not be coarser than the one table either.
    expect(jpegCoding(markers([tables[0] as number[]], [0x11, 0x11, 0x11]))?.quality).toBeGreaterThan(60);
    const flat = new Array<number>(64).fill(1000);
    expect(jpegCoding(markers([flat, flat], [0x11, 0x11, 0x11], { wide: true }))?.quality).toBe(1);
  });

  test.each([
    ['4:2:0', [0x22, 0x11, 0x11], '4:2:0'],
    ['4:1:0', [0x42, 0x11, 0x11], '4:2:0'],
    ['4:2:2', [0x21, 0x11, 0x11], '4:4:4'],
    ['4:4:0', [0x12, 0x11, 0x11], '4:4:4'],
    ['4:1:1', [0x41, 0x11, 0x11], '4:4:4'],
    ['4:4:4 with factors of 2', [0x22, 0x22, 0x22], '4:4:4'],
    ['chroma of two samplings', [0x22, 0x11, 0x21], '4:4:4'],
    ['coarse luma', [0x11, 0x22, 0x22], '4:4:4'],
    ['YCCK', [0x22, 0x11, 0x11, 0x22], '4:2:0'],
    ['grey', [0x11], undefined],
  ] as const)('reads the sampling of %s, or the nearest that is not coarser', async (_, factors, sampling) => {
    const tables = tablesOf(await raw().jpeg({ quality: 80 }).toBuffer());
    expect(jpegCoding(markers(tables, factors))).toEqual({ quality: 80, ...(sampling && { sampling }), ...plain });
  });

  test('tells progressive files, optimised Huffman tables and arithmetic coding', async () => {
    expect(jpegCoding(await raw().jpeg({ optimiseCoding: true }).toBuffer())).toMatchObject({ progressive: false, optimised: true });
    expect(jpegCoding(await raw().jpeg({ progressive: true }).toBuffer())).toMatchObject({ progressive: true });
    const tables = tablesOf(await raw().jpeg().toBuffer());
    expect(jpegCoding(markers(tables, [0x11], { sof: 0xc9 }))).toMatchObject({ progressive: false, optimised: true });
    expect(jpegCoding(markers(tables, [0x11], { sof: 0xca }))).toMatchObject({ progressive: true, optimised: true });
  });

  test('gives nothing for files that are no JPEG, or that end or lack tables before the first scan', async () => {
    const bytes = await raw().jpeg().toBuffer();
    const tables = tablesOf(bytes);
    expect(jpegCoding(await raw().png().toBuffer())).toBeUndefined();
    expect(jpegCoding(markers([], [0x11]))).toBeUndefined();
    expect(jpegCoding(markers(tables.slice(0, 1), []))).toBeUndefined();
    for (let length = 0; length < 160; length++) expect(jpegCoding(bytes.subarray(0, length))).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
        const quality = jpegCoding(Uint8Array.from([0xff, 0xd8, 0xff, 0xdb, ...noise]))?.quality ?? 1;
        expect(quality >= 1 && quality <= 100).toBe(true);
      }),
    );
  });
});

describe('encodeImage', () => {
  test('writes a JPEG as its input was: quality, sampling, Huffman tables, scans', async () => {
    for (const options of [
      { quality: 75, chromaSubsampling: '4:2:0', optimiseCoding: false },
      { quality: 90, chromaSubsampling: '4:4:4', optimiseCoding: true },
      { quality: 40, chromaSubsampling: '4:2:0', progressive: true },
    ]) {
      for (const grey of [false, true]) {
        const input = raw().jpeg(options);
        const bytes = await (grey ? input.toColourspace('b-w') : input).toBuffer();
        const image = await decode(bytes);
        const back = await encodeImage(image, 'jpeg');
        expect(jpegCoding(back)).toEqual(jpegCoding(bytes));
        expect(back.length / bytes.length).toBeLessThan(1.05);
        const { quality, chromaSubsampling: sampling } = options;
        expect(lossyOf(image, 'jpeg', undefined)).toEqual(grey ? { quality } : { quality, sampling });
      }
    }
  });

  test('writes 4:4:4 in the quality that is asked for, and in 95 where the input was no JPEG', async () => {
    const jpeg = await decode(await raw().jpeg({ quality: 60, progressive: true }).toBuffer());
    const png = await decode(await raw().png().toBuffer(), 'a.png');
    for (const [image, asked, quality] of [
      [jpeg, 80, 80],
      [png, undefined, 95],
      [png, 70, 70],
    ] as const) {
      expect(jpegCoding(await encodeImage(image, 'jpeg', asked))).toEqual({ quality, sampling: '4:4:4', ...plain });
      expect(lossyOf(image, 'jpeg', asked)).toEqual({ quality, sampling: '4:4:4' });
    }
    expect(lossyOf(jpeg, 'webp', undefined)).toEqual({ quality: 95 });
    expect(lossyOf(jpeg, 'avif', 50)).toEqual({ quality: 50 });
    expect(lossyOf(jpeg, 'png', 50)).toEqual({});
  });
});

test('names the kind of a JPEG that cannot be read, by its header or behind long metadata', async () => {
  const jpeg = await raw().jpeg().toBuffer();
  const sof = jpeg.indexOf(Buffer.of(0xff, 0xc0));
  const changed = (marker: number, precision: number): Buffer => {
    const bytes = Buffer.from(jpeg);
    bytes[sof + 1] = marker;
    bytes[sof + 4] = precision;
    return bytes;
  };
  const metadata = Buffer.from(segment(0xe1, ...new Array<number>(60_000).fill(7)));
  for (const [bytes, kind] of [
    [changed(0xc1, 12), 'JPEG with 12 bits per channel'],
    [changed(0xc3, 16), 'JPEG with 16 bits per channel'],
    [changed(0xc5, 8), 'hierarchical JPEG'],
    [changed(0xcb, 8), 'lossless JPEG with arithmetic coding'],
    [changed(0xf7, 8), 'JPEG-LS'],
  ] as const) {
    const why = `a.jpg: image is a ${kind}, which cannot be read; convert it to a JPEG with 8 bits per channel or to PNG`;
    const late = Buffer.concat([bytes.subarray(0, 2), metadata, bytes.subarray(2)]);
    for (const whole of [bytes, late]) {
      await expect(imageHeaderOf(whole, 'a.jpg')).rejects.toThrow(why);
      const format = { channels: 3, depth: 8, icc: false, cmyk: false, upright: true } as const;
      await expect(decodeImage(whole, { width, height }, 'a.jpg', format)).rejects.toThrow(why);
    }
    await writeFile(join(folder, 'a.jpg'), bytes);
    await expect(readImageHeader(join(folder, 'a.jpg'), 'a.jpg')).rejects.toThrow(why);
  }
});
