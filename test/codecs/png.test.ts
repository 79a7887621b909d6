import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { decode } from 'fast-png';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { encodePng, isBlankPng, pngHeader } from '../../src/codecs/png.ts';
import { decodeMask, decodeObjects, encodeMask } from '../../src/codecs/png-masks.ts';
import type { Mask } from '../../src/types.ts';
import { filled, imageOf, pngOf, rgba } from '../make.ts';

const size = fc.record({ width: fc.integer({ min: 1, max: 20 }), height: fc.integer({ min: 1, max: 20 }) });
const mask: fc.Arbitrary<Mask> = size.chain(({ width, height }) => {
  const length = width * height;
  const grey8 = fc.uint8Array({ minLength: length, maxLength: length }).map((ids) => ({ width, height, ids }));
  const grey16 = fc.uint16Array({ minLength: length, maxLength: length }).map((ids) => ({ width, height, ids }));
  const palette = fc
    .record({
      ids: fc.uint8Array({ max: 4, minLength: length, maxLength: length }),
      palette: fc.uint8Array({ minLength: 15, maxLength: 15 }),
      alpha: fc.uint8Array({ min: 1, max: 254, minLength: 2, maxLength: 2 }),
    })
    .map((rest) => ({ width, height, ...rest }));
  return fc.oneof<fc.Arbitrary<Mask>[]>(grey8, grey16, palette);
});

describe('encodeMask and decodeMask', () => {
  test('keep ids, depth, palette and its alpha exactly', async () => {
    await fc.assert(
      fc.asyncProperty(mask, async (m) => {
        expect(decodeMask(await encodeMask(m), 'm.png')).toEqual(m);
      }),
    );
  });

  test('an id past the palette extends it; the rest of the palette stays', async () => {
    const m = { ...filled(2, 1, 3), palette: Uint8Array.of(1, 2, 3) };
    const back = decodeMask(await encodeMask(m), 'm.png');
    expect([...(back.palette as Uint8Array)]).toEqual([1, 2, 3, ...new Array(9).fill(0)]);
    expect([...back.ids]).toEqual([3, 3]);
  });

  test.each([1, 2, 4] as const)('reads masks of %i bits unscaled', async (depth) => {
    const ids = Uint8Array.from({ length: 35 }, (_, i) => i % 2 ** depth);
    const bytes = await sharp(ids, { raw: { width: 7, height: 5, channels: 1 } })
      .png({ palette: true, colours: 2 ** depth })
      .toBuffer();
    expect(pngHeader(bytes)?.colour).toBe('palette');
    const back = decodeMask(bytes, 'm.png');
    const colours = [...ids].map((id) => id);
    const shown = [...back.ids].map((id) => (back.palette as Uint8Array)[3 * id]);
    expect(new Set(back.ids).size).toBe(new Set(colours).size);
    expect(shown).toEqual(colours);
  });

  test('refuse colours and damage, naming the file', async () => {
    const colours = await pngOf(imageOf(3, 3, () => rgba(1, 2, 3)));
    expect(() => decodeMask(colours, 'a.png')).toThrow(
      'a.png: mask stores colours, not class ids; map them with --color-map FILE, or convert it to ids',
    );
    const good = await encodeMask(filled(9, 9, 4));
    for (let bit = 16 * 8; bit < good.length * 8; bit += 13) {
      const bad = Uint8Array.from(good);
      bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(() => decodeMask(bad, 'a.png'), `bit ${bit}`).toThrow(/a\.png: damaged PNG/);
    }
    for (let length = 0; length < good.length - 12; length++) expect(() => decodeMask(good.subarray(0, length), 'a.png')).toThrow(/a\.png/);
  });
});

test('a PNG is blank if all its values are 0, interlaced or not, and if it is not damaged', async () => {
  for (const progressive of [false, true])
    for (const value of [0, 1]) {
      const data = Buffer.alloc(9 * 7).fill(value, 40, 41);
      const bytes = await sharp(data, { raw: { width: 9, height: 7, channels: 1 } })
        .png({ progressive, compressionLevel: 9 })
        .toBuffer();
      expect(isBlankPng(bytes)).toBe(value === 0);
      expect(isBlankPng(bytes.subarray(0, 50))).toBe(false);
    }
});

describe('encodePng', () => {
  test('two other readers see the pixels that were written', async () => {
    await fc.assert(
      fc.asyncProperty(
        size,
        fc.constantFrom(1, 2, 3, 4),
        fc.constantFrom('none', 'sub', 'up'),
        fc.nat(),
        async ({ width, height }, channels, filter, seed) => {
          const data = Uint8Array.from({ length: width * height * channels }, (_, i) => (i * 73 + seed) & 255);
          const bytes = await encodePng({ width, height, depth: 8, channels: channels as 1, data, filter: filter as 'sub' });
          expect(decode(bytes, { checkCrc: true }).data).toEqual(data);
          // sharp shows grey as RGB.
          const raw = await sharp(bytes).raw().toBuffer();
          const colours = channels < 3 ? 1 : 3;
          const shown = [...Array(width * height).keys()].flatMap((i) => {
            const pixel = [...data.subarray(i * channels, (i + 1) * channels)];
            return [0, 1, 2].map((c) => pixel[c % colours]).concat(pixel.slice(colours));
          });
          expect([...raw]).toEqual(shown);
        },
      ),
      { numRuns: 40 },
    );
  });
});

test('an instance mask of colours gets the ids of the VOC palette, or ids in order of appearance; too many colours are refused', async () => {
  const encode = (width: number, height: number, colours: number[][]): Promise<Uint8Array> =>
    encodePng({ width, height, depth: 8, channels: 3, data: Uint8Array.from(colours.flat()), filter: 'sub' });
  const voc = decodeObjects(
    await encode(3, 1, [
      [0, 0, 0],
      [0, 128, 0],
      [224, 224, 192],
    ]),
    'voc',
  );
  expect([...voc.ids]).toEqual([0, 2, 255]);
  const own = decodeObjects(
    await encode(5, 1, [
      [9, 9, 9],
      [0, 0, 0],
      [224, 224, 192],
      [128, 0, 0],
      [9, 9, 9],
    ]),
    'own',
  );
  expect([...own.ids]).toEqual([1, 0, 255, 2, 1]);
  expect(new Set(own.colours?.byId.map(String)).size).toBe(256);
  // A thousand objects need ids of 16 bits.
  const many = decodeObjects(
    await encode(
      1000,
      1,
      Array.from({ length: 1000 }, (_, i) => [1 + (i >> 8), i & 255, 77]),
    ),
    'many',
  );
  expect([...many.ids.slice(253, 256)]).toEqual([254, 256, 257]);
  expect(many.colours?.byId.length).toBe(2000);
  const noise = Array.from({ length: 256 * 257 }, (_, i) => [i >> 8, i & 255, 3]);
  await expect(encode(256, 257, noise).then((bytes) => decodeObjects(bytes, 'noise.png'))).rejects.toThrow(
    'noise.png: has more than 65535 colours, too many for object ids; give each object one colour',
  );
});

/** Chunks of a PNG, each with its length and its CRC. */
function chunksOf(bytes: Uint8Array): { type: string; bytes: Uint8Array }[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: { type: string; bytes: Uint8Array }[] = [];
  for (let at = 8; at < bytes.length; ) {
    const end = at + 12 + view.getUint32(at);
    chunks.push({ type: String.fromCharCode(...bytes.subarray(at + 4, at + 8)), bytes: bytes.subarray(at, end) });
    at = end;
  }
  return chunks;
}

/** An empty chunk of a type. */
function emptyChunk(type: string): Uint8Array {
  const chunk = Buffer.concat([Buffer.alloc(4), Buffer.from(type), Buffer.alloc(4)]);
  chunk.writeUInt32BE(crc32(Buffer.from(type)), 8);
  return chunk;
}

describe('a mask whose chunks readers understand differently is refused:', () => {
  const join = (signature: Uint8Array, parts: readonly Uint8Array[]): Uint8Array => Buffer.concat([signature, ...parts]);
  type Parts = Readonly<Record<'IHDR' | 'PLTE' | 'IDAT' | 'IEND', Uint8Array>>;

  test.each<[string, (parts: Parts) => Uint8Array[]]>([
    ['it has two chunks IHDR', ({ IHDR, PLTE, IDAT, IEND }) => [IHDR, IHDR, PLTE, IDAT, IEND]],
    ['it has two chunks PLTE', ({ IHDR, PLTE, IDAT, IEND }) => [IHDR, PLTE, PLTE, IDAT, IEND]],
    ['chunk PLTE follows its pixels', ({ IHDR, PLTE, IDAT, IEND }) => [IHDR, IDAT, PLTE, IEND]],
    ['it needs chunk ABCD, which is unknown', ({ IHDR, PLTE, IDAT, IEND }) => [IHDR, PLTE, emptyChunk('ABCD'), IDAT, IEND]],
    [
      'other chunks are between its chunks IDAT',
      ({ IHDR, PLTE, IDAT, IEND }) => [IHDR, PLTE, IDAT, emptyChunk('abCd'), emptyChunk('IDAT'), IEND],
    ],
  ])('%s', async (why, order) => {
    const good = await encodeMask({ ...filled(4, 4, 1), palette: Uint8Array.of(0, 0, 0, 9, 9, 9) });
    const parts = Object.fromEntries(chunksOf(good).map(({ type, bytes }) => [type, bytes])) as Parts;
    const signature = good.subarray(0, 8);
    const { IHDR, PLTE, IDAT, IEND } = parts;
    expect([...decodeMask(join(signature, [IHDR, emptyChunk('abCd'), PLTE, IDAT, emptyChunk('IDAT'), IEND]), 'm.png').ids]).toEqual(
      new Array(16).fill(1),
    );
    expect(() => decodeMask(join(signature, order(parts)), 'm.png')).toThrow(`m.png: damaged PNG: ${why}`);
  });
});
