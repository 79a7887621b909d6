/** Damaged, unusual and malicious images and masks: each is either read correctly or refused by name. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import zlib, { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodeImage, encodeImage, imageHeaderOf } from '../../src/codecs/image.ts';
import { readMask, writeMask } from '../../src/codecs/masks.ts';
import { pngHeader } from '../../src/codecs/png.ts';
import { decodeMask, encodeMask } from '../../src/codecs/png-masks.ts';
import { CopyPasteError } from '../../src/errors.ts';
import type { Image, Mask } from '../../src/types.ts';
import { augment } from '../../src/verbs/augment.ts';
import { check } from '../../src/verbs/check.ts';
import {
  deepImageOf,
  drawBox,
  filled,
  imageOf,
  pngOf,
  rgba,
  rowsOf,
  temporaryFolder,
  tiffFields,
  tiffOf,
  wordsOf,
  writeTree,
} from '../make.ts';

const folder = temporaryFolder();
let number = 0;
/** `FUZZ=100 npx vitest run hostile` runs the property tests 100 times as long. */
const runs = (count: number): { numRuns: number } => ({ numRuns: count * Number(process.env.FUZZ ?? 1) });
const longer = 30_000 * Number(process.env.FUZZ ?? 1);

const colourTypes = { grey: 0, rgb: 2, palette: 3, greyAlpha: 4, rgba: 6 } as const;
const channelsOf = { grey: 1, rgb: 3, palette: 1, greyAlpha: 2, rgba: 4 } as const;
type Colour = keyof typeof colourTypes;

interface Kind {
  readonly colour: Colour;
  readonly depth: number;
  readonly interlaced?: boolean | undefined;
  readonly chunks?: readonly Uint8Array[] | undefined;
}

function chunk(type: string, data: Uint8Array = new Uint8Array(0)): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  let crc = 0xffffffff;
  for (const byte of body) {
    crc ^= byte;
    for (let k = 0; k < 8; k++) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
  }
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(data.length, 0);
  ends.writeUInt32BE(~crc >>> 0, 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}

/** A PNG with any header. */
function pngFile(width: number, height: number, { colour, depth, interlaced, chunks = [] }: Kind, idat: Uint8Array): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colourTypes[colour], 0, 0, interlaced ? 1 : 0], 8);
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  return Buffer.concat([signature, chunk('IHDR', header), ...chunks, chunk('IDAT', idat), chunk('IEND')]);
}

/** Start and step of Adam7's passes: x, y, step of x, step of y. */
const adam7 = ['0088', '4088', '0448', '2044', '0224', '1022', '0112'].map((pass) => [...pass].map(Number));

/** An unfiltered PNG of a kind, from a function that gives its samples. */
function pngOfKind(width: number, height: number, kind: Kind, sample: (x: number, y: number, channel: number) => number): Buffer {
  const rows: number[] = [];
  for (const [x0, y0, dx, dy] of (kind.interlaced ? adam7 : [[0, 0, 1, 1]]) as [number, number, number, number][]) {
    for (let y = y0; y < height && x0 < width; y += dy) {
      let bits = '';
      for (let x = x0; x < width; x += dx)
        for (let c = 0; c < channelsOf[kind.colour]; c++) bits += sample(x, y, c).toString(2).padStart(kind.depth, '0');
      rows.push(0, ...(bits.match(/.{1,8}/g) ?? []).map((byte) => Number.parseInt(byte.padEnd(8, '0'), 2)));
    }
  }
  return pngFile(width, height, kind, deflateSync(Uint8Array.from(rows)));
}

const palette = (entries: number): Buffer =>
  chunk(
    'PLTE',
    Uint8Array.from({ length: 3 * entries }, (_, i) => (i * 29 + 7) & 255),
  );

/** Zeros of a number of megabytes, compressed without being in memory at once. */
async function zeros(megabytes: number): Promise<Buffer> {
  const stream = zlib.createDeflate();
  const parts: Buffer[] = [];
  stream.on('data', (part: Buffer) => parts.push(part));
  const piece = Buffer.alloc(2 ** 20);
  for (let i = 0; i < megabytes; i++) await new Promise<unknown>((resolve) => stream.write(piece, resolve));
  await new Promise<void>((resolve) => stream.on('end', resolve).end());
  return Buffer.concat(parts);
}

/** The error of work that must fail with a CopyPasteError of one line. */
async function failure(work: () => unknown): Promise<CopyPasteError> {
  try {
    await work();
  } catch (error) {
    expect(error).toBeInstanceOf(CopyPasteError);
    expect((error as Error).message).not.toMatch(/\n/);
    return error as CopyPasteError;
  }
  throw new Error('it did not fail');
}

/** Reads an image like a run: first its header, then its pixels by that header. */
async function readImage(bytes: Uint8Array, name = 'x.png', upright = false): Promise<Image> {
  const { stored, upright: size, format } = await imageHeaderOf(bytes, name);
  return decodeImage(bytes, upright ? size : stored, name, { ...format, upright });
}

/** Pixels of an image, separated by commas, or the code of its error. */
async function pixelsOrCode(bytes: Uint8Array, name: string): Promise<string> {
  try {
    const { width, height, pixels, bands } = await readImage(bytes, name);
    return Array.from({ length: width * height }, (_, i) => pixels.subarray(bands * i, bands * (i + 1)).join(' ')).join();
  } catch (error) {
    expect(error).toBeInstanceOf(CopyPasteError);
    expect((error as Error).message).toMatch(name);
    return (error as CopyPasteError).code;
  }
}

const good = {
  'images/a.png': imageOf(24, 20, (x, y) => rgba(9 * x, 8 * y, 3)),
  'masks/a.png': drawBox(filled(24, 20, 0), [6, 6, 14, 14], 1),
  'images/b.png': imageOf(24, 20, (x, y) => rgba(200 - 8 * x, 8 * y, 90)),
  'masks/b.png': drawBox(filled(24, 20, 0), [5, 8, 17, 13], 2),
};

/** A data set of two good samples and the given files. */
const dataset = (files: Parameters<typeof writeTree>[1]): Promise<string> =>
  writeTree(join(folder, `set${number++}`), { ...good, ...files });

/** Reasons why a data set is refused, after a check that `--skip-bad` and `check` name the same. */
async function refusal(root: string, stage: 'opened' | 'decoded'): Promise<string> {
  const out = join(folder, `out${number++}`);
  const error = await failure(() => augment({ in: root, out, p: 1 }));
  expect(error.code).toBe('data');
  const reasons = stage === 'opened' ? error.offenders : [error.message];
  const { skipped, augmented } = await augment({ in: root, out, p: 1, skipBad: true, overwrite: true });
  expect({ reasons: skipped.map(({ reason }) => reason), augmented }).toEqual({ reasons, augmented: 2 });
  const { differences } = await check({ in: root });
  expect(differences.map(({ path, what }) => `${path}: ${what}`)).toEqual(reasons);
  return reasons.join('\n');
}

describe('bombs', () => {
  test('a mask or an image with more than 64 megapixels is refused by its header', async () => {
    const huge = pngFile(50_000, 50_000, { colour: 'grey', depth: 1 }, deflateSync(new Uint8Array(999)));
    expect(await refusal(await dataset({ 'images/c.png': good['images/a.png'], 'masks/c.png': huge }), 'opened')).toBe(
      'masks/c.png: mask is 50000×50000; the limit is 64 megapixels',
    );
    for (const size of [1e9, 2 ** 31 - 1, 2 ** 32 - 1]) {
      const bytes = pngFile(size, size, { colour: 'grey', depth: 16 }, deflateSync(new Uint8Array(999)));
      expect((await failure(() => decodeMask(bytes, 'm.png'))).message).toMatch(/^m\.png: (damaged PNG|mask is \d+×\d+; the limit)/);
    }
    const mask = drawBox(filled(24, 20, 0), [6, 6, 14, 14], 1);
    const webp = Buffer.from('RIFF\x16\0\0\0WEBPVP8L\x0a\0\0\0\x2f\xfe\xff\xfe\x0f\0\0\0\0\0', 'latin1');
    const jpeg = await sharp(await pngOf(good['images/a.png']))
      .jpeg()
      .toBuffer();
    const sof = jpeg.indexOf(Buffer.of(0xff, 0xc0));
    jpeg.writeUInt32BE(0xea60ea60, sof + 5);
    const avif = await sharp(await pngOf(good['images/a.png']))
      .avif({ effort: 0 })
      .toBuffer();
    // Width and height after the box's version.
    avif.writeUInt32BE(50_000, avif.indexOf('ispe') + 8);
    avif.writeUInt32BE(50_000, avif.indexOf('ispe') + 12);
    const reasons = await refusal(
      await dataset({
        'images/c.png': pngFile(50_000, 50_000, { colour: 'rgb', depth: 8 }, deflateSync(new Uint8Array(999))),
        'images/d.png': pngFile(16_383, 16_383, { colour: 'rgba', depth: 16 }, deflateSync(new Uint8Array(999))),
        'images/e.webp': webp,
        'images/f.jpg': jpeg,
        'images/g.tif': tiffOf(tiffFields(50_000, 50_000, [8, 8, 8], 2), new Uint8Array(99)),
        'images/h.tif': tiffOf(tiffFields(64, 2_000_000, [16], 1), new Uint8Array(99)),
        'images/i.avif': avif,
        ...Object.fromEntries(['c', 'd', 'e', 'f', 'g', 'h', 'i'].map((id) => [`masks/${id}.png`, mask])),
      }),
      'opened',
    );
    expect(reasons.split('\n')).toEqual(
      ['c.png', 'd.png', 'e.webp', 'f.jpg', 'g.tif', 'h.tif', 'i.avif'].map((file) =>
        expect.stringMatching(`^images/${file}: cannot decode this image: .*pixel limit`),
      ),
    );
  });

  test('data that inflates to more than its header implies is refused before it is inflated', async () => {
    const bomb = await zeros(256);
    const used = process.resourceUsage().maxRSS;
    for (const interlaced of [false, true]) {
      const bytes = pngFile(8, 8, { colour: 'grey', depth: 8, interlaced }, bomb);
      expect((await failure(() => decodeMask(bytes, 'm.png'))).message).toMatch('m.png: damaged PNG: ');
      expect(await pixelsOrCode(pngFile(8, 8, { colour: 'rgb', depth: 8, interlaced }, bomb), 'bomb.png')).toMatch(/^data$|^0 0 0,/);
    }
    // Chunks that a mask does not need are never inflated.
    const named = Buffer.concat([Buffer.from('n\0\0', 'latin1'), bomb]);
    const extra = { colour: 'grey', depth: 8, chunks: [chunk('iCCP', named), chunk('zTXt', named)] } as const;
    const bytes = pngOfKind(4, 4, extra, (x) => x);
    expect([...decodeMask(bytes, 'm.png').ids.subarray(0, 4)]).toEqual([0, 1, 2, 3]);
    expect(await pixelsOrCode(bytes, 'profile.png')).toMatch(/^data$|^0 0 0,1 1 1,/);
    expect((process.resourceUsage().maxRSS - used) / 1024).toBeLessThan(100);
  });

  test('a mask that is decoded without a check of its header has the same limit', async () => {
    const wide = pngFile(2 ** 27, 1, { colour: 'grey', depth: 1 }, await zeros(17));
    expect((await failure(() => decodeMask(wide, 'm.png'))).message).toBe('m.png: mask is 134217728×1; the limit is 64 megapixels');
  });
});

describe('damage', () => {
  const masks: [string, Uint8Array | Promise<Uint8Array>][] = [
    ['grey', encodeMask(drawBox(filled(11, 9, 0), [2, 2, 7, 8], 3))],
    ['16-bit', encodeMask({ width: 5, height: 6, ids: Uint16Array.from({ length: 30 }, (_, i) => i * 999) })],
    ['palette', pngOfKind(11, 9, { colour: 'palette', depth: 4, chunks: [palette(16), chunk('tRNS', Uint8Array.of(0, 9))] }, (x) => x)],
    ['interlaced', pngOfKind(11, 9, { colour: 'grey', depth: 2, interlaced: true }, (x, y) => (x + y) & 3)],
  ];

  test.each(masks)('a %s mask that is cut short or has a flipped bit anywhere is refused by name', async (_, made) => {
    const bytes = await made;
    const whole = decodeMask(bytes, 'm.png');
    expect(decodeMask(Buffer.concat([bytes, Buffer.from('and more')]), 'm.png')).toEqual(whole);
    for (let length = 0; length < bytes.length; length++) {
      const error = await failure(() => decodeMask(bytes.subarray(0, length), 'm.png'));
      expect([error.code, error.message]).toEqual(['data', expect.stringMatching(/^m\.png: damaged PNG: ./)]);
    }
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const bad = Uint8Array.from(bytes);
      bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7));
      const error = await failure(() => decodeMask(bad, 'm.png'));
      expect([error.code, error.message]).toEqual(['data', expect.stringMatching(/^m\.png: ./)]);
    }
  });

  const picture = imageOf(8, 5, (x, y) => rgba(x * 25, y * 30, (x * y * 37) & 255));
  const source = pngOf(picture).then((bytes) => sharp(bytes));
  const images: [string, Promise<Uint8Array>][] = [
    ['x.png', pngOf(picture)],
    ['laced.png', source.then((image) => image.clone().png({ progressive: true }).toBuffer())],
    ['indexed.png', source.then((image) => image.clone().png({ palette: true }).toBuffer())],
    ['x.jpg', source.then((image) => image.clone().jpeg({ quality: 60 }).toBuffer())],
    ['progressive.jpg', source.then((image) => image.clone().jpeg({ quality: 60, progressive: true }).toBuffer())],
    ['x.webp', source.then((image) => image.clone().webp().toBuffer())],
    ['lossless.webp', source.then((image) => image.clone().webp({ lossless: true }).toBuffer())],
    ['deep.png', source.then((image) => image.clone().toColourspace('rgb16').png().toBuffer())],
    ['x.tif', source.then((image) => image.clone().tiff({ compression: 'lzw' }).toBuffer())],
    [
      'ours.tif',
      encodeImage(
        deepImageOf(8, 5, 4, (x, y, c) => 7001 * x + 5003 * y + 11 * c),
        'tiff',
        95,
      ),
    ],
    ['jpeg.tif', source.then((image) => image.clone().tiff({ compression: 'jpeg' }).toBuffer())],
    ['x.avif', source.then((image) => image.clone().avif({ effort: 0 }).toBuffer())],
    ['x.bmp', encodeImage(picture, 'bmp')],
  ];

  test.each(images)('%s cut short at every byte is refused, or shows the same pixels', async (name, made) => {
    const bytes = await made;
    const whole = await pixelsOrCode(bytes, name);
    expect(whole.length).toBeGreaterThan(100);
    const codes = new Set<string>();
    for (let length = 0; length < bytes.length; length++) codes.add(await pixelsOrCode(bytes.subarray(0, length), name));
    codes.delete(whole);
    expect([...codes]).toEqual(['data']);
  });

  test.each(images.slice(0, 3))('%s with a flipped bit anywhere is refused, or shows the same pixels', async (name, made) => {
    const bytes = await made;
    const whole = await pixelsOrCode(bytes, name);
    for (let bit = 0; bit < 8 * bytes.length; bit += 3) {
      const bad = Uint8Array.from(bytes);
      bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7));
      expect([whole, 'data'], `bit ${bit}`).toContain(await pixelsOrCode(bad, name));
    }
  });

  test('the message for a damaged image does not depend on images that are decoded at the same time', async () => {
    const messages = await Promise.all(
      images.map(async ([name, made]) => {
        const bytes = await made;
        const { stored, format } = await imageHeaderOf(bytes, name);
        const bad = bytes.subarray(0, bytes.length - 40);
        const decode = (): Promise<Image> => decodeImage(bad, stored, name, { ...format, upright: false });
        return new Set(await Promise.all(Array.from({ length: 40 }, async () => (await failure(decode)).message)));
      }),
    );
    expect(messages.map(({ size }) => size)).toEqual(images.map(() => 1));
  });

  test('a file that is cut short on disk is refused by augment and check', async () => {
    const root = await dataset({ 'images/c.png': good['images/a.png'], 'masks/c.png': good['masks/a.png'] });
    const image = await readFile(join(root, 'images/c.png'));
    await writeFile(join(root, 'images/c.png'), image.subarray(0, image.length - 30));
    expect(await refusal(root, 'decoded')).toBe('images/c.png: cannot decode this image: its pixels are damaged or cut short');
    await writeFile(join(root, 'images/c.png'), image);
    const mask = await readFile(join(root, 'masks/c.png'));
    await writeFile(join(root, 'masks/c.png'), mask.subarray(0, mask.length - 30));
    expect(await refusal(root, 'decoded')).toBe('masks/c.png: damaged PNG: chunk IDAT is cut short');
    await writeFile(join(root, 'masks/c.png'), '');
    expect(await refusal(root, 'opened')).toBe('masks/c.png: mask is named .png but is not a PNG; convert it to PNG');
  });
});

const kinds: Kind[] = (
  [
    ['grey', [1, 2, 4, 8, 16]],
    ['palette', [1, 2, 4, 8]],
    ['greyAlpha', [8, 16]],
    ['rgb', [8, 16]],
    ['rgba', [8, 16]],
  ] as const
).flatMap(([colour, depths]) =>
  depths.flatMap((depth) =>
    [false, true].map((interlaced) => ({ colour, depth, interlaced, ...(colour === 'palette' && { chunks: [palette(2 ** depth)] }) })),
  ),
);
const named = kinds.map((kind) => [`${kind.depth}-bit ${kind.colour}${kind.interlaced ? ', interlaced' : ''}`, kind] as const);
/** Samples that use all of a depth. */
const spread =
  ({ depth }: Kind) =>
  (x: number, y: number, c: number): number =>
    (x * 2711 + y * 52_711 + c * 7 + 1) & (2 ** depth - 1);

describe('kinds of PNG', () => {
  test.each(named)('%s as a mask keeps its ids, or is refused by name', async (_, kind) => {
    for (const [width, height] of [
      [1, 1],
      [3, 9],
      [13, 11],
    ] as const) {
      const bytes = pngOfKind(width, height, kind, spread(kind));
      if (kind.colour !== 'grey' && kind.colour !== 'palette') {
        expect((await failure(() => decodeMask(bytes, 'm.png'))).message).toBe(
          kind.depth === 8 && kind.colour !== 'greyAlpha'
            ? 'm.png: mask stores colours, not class ids; map them with --color-map FILE, or convert it to ids'
            : 'm.png: mask stores colours, not ids; convert it to a grey or palette PNG',
        );
        continue;
      }
      const mask = decodeMask(bytes, 'm.png');
      const ids = Array.from({ length: width * height }, (_, i) => spread(kind)(i % width, Math.floor(i / width), 0));
      expect([...mask.ids]).toEqual(ids);
      expect(mask.palette?.length).toBe(kind.colour === 'palette' ? 3 * 2 ** kind.depth : undefined);
      expect(decodeMask(await encodeMask(mask), 'm.png')).toEqual(mask);
    }
  });

  test.each(named)('%s as an image shows its colours', async (_, kind) => {
    const bytes = pngOfKind(13, 11, kind, spread(kind));
    if (kind.depth === 16) {
      const expected = deepImageOf(13, 11, channelsOf[kind.colour], (x, y, c) =>
        spread(kind)(x, y, kind.colour === 'greyAlpha' && c === 3 ? 1 : c),
      );
      expect(await readImage(bytes)).toEqual(expected);
      return;
    }
    const colours = kind.chunks?.[0]?.subarray(8);
    const words = wordsOf(await readImage(bytes));
    const shown = [...words].map((_, i) => {
      const value = (c: number): number => (spread(kind)(i % 13, Math.floor(i / 13), c) * 255) / (2 ** kind.depth - 1);
      const index = spread(kind)(i % 13, Math.floor(i / 13), 0);
      if (colours) return rgba(...([0, 1, 2].map((c) => colours[3 * index + c]) as [number, number, number]));
      if (kind.colour === 'grey' || kind.colour === 'greyAlpha')
        return rgba(value(0), value(0), value(0), kind.colour === 'grey' ? 255 : value(1));
      return rgba(value(0), value(1), value(2), kind.colour === 'rgb' ? 255 : value(3));
    });
    expect([...words]).toEqual(shown);
  });

  test('transparency by colour or palette becomes alpha in images and is kept in masks', async () => {
    const grey = pngOfKind(4, 1, { colour: 'grey', depth: 8, chunks: [chunk('tRNS', Uint8Array.of(0, 2))] }, (x) => x);
    expect([...wordsOf(await readImage(grey))]).toEqual([0, 1, 2, 3].map((v) => rgba(v, v, v, v === 2 ? 0 : 255)));
    expect([...decodeMask(grey, 'm.png').ids]).toEqual([0, 1, 2, 3]);
    const rgb = pngOfKind(4, 1, { colour: 'rgb', depth: 8, chunks: [chunk('tRNS', Uint8Array.of(0, 2, 0, 2, 0, 2))] }, (x) => x);
    expect([...wordsOf(await readImage(rgb))]).toEqual([0, 1, 2, 3].map((v) => rgba(v, v, v, v === 2 ? 0 : 255)));
    const deep = pngOfKind(4, 1, { colour: 'rgb', depth: 16, chunks: [chunk('tRNS', Uint8Array.of(1, 2, 1, 2, 1, 2))] }, (x) => 256 + x);
    expect((await readImage(deep)).pixels).toEqual(deepImageOf(4, 1, 4, (x, _, c) => (c < 3 ? 256 + x : x === 2 ? 0 : 65_535)).pixels);
    const chunks = [palette(4), chunk('tRNS', Uint8Array.of(9, 8))];
    const indexed = pngOfKind(4, 1, { colour: 'palette', depth: 2, chunks }, (x) => x);
    expect([...wordsOf(await readImage(indexed))].map((word) => word >>> 24)).toEqual([9, 8, 255, 255]);
    expect([...(decodeMask(indexed, 'm.png').alpha as Uint8Array)]).toEqual([9, 8]);
  });

  test.each<[string, Kind, number?, number?]>([
    ['3 bits', { colour: 'grey', depth: 3 }],
    ['no bits', { colour: 'grey', depth: 0 }],
    ['16-bit indices', { colour: 'palette', depth: 16, chunks: [palette(2)] }],
    ['no width', { colour: 'grey', depth: 8 }, 0, 4],
    ['no height', { colour: 'grey', depth: 8 }, 4, 0],
    ['no palette', { colour: 'palette', depth: 8 }],
    ['an empty palette', { colour: 'palette', depth: 8, chunks: [palette(0)] }],
    ['a palette of 257 colours', { colour: 'palette', depth: 8, chunks: [palette(257)] }],
    ['a palette with half a colour', { colour: 'palette', depth: 8, chunks: [chunk('PLTE', new Uint8Array(7))] }],
  ])('a mask with %s is refused by name', async (_, kind, width = 4, height = 4) => {
    const stride = Math.ceil((width * kind.depth) / 8);
    const bytes = pngFile(width, height, kind, deflateSync(new Uint8Array((stride + 1) * height)));
    expect((await failure(() => decodeMask(bytes, 'm.png'))).message).toMatch(/^m\.png: damaged PNG: ./);
  });

  test('a grey mask of one bit is black and white for every threshold', async () => {
    const bytes = pngOfKind(3, 1, { colour: 'grey', depth: 1 }, (x) => Math.min(x, 1));
    for (const threshold of [1, 128]) expect([...(await readMask(bytes, 'm.png', { threshold })).ids]).toEqual([0, 1, 1]);
  });

  test('a mask with an unknown interlacing, filter or compression is refused', async () => {
    for (const at of [26, 27, 28]) {
      const bytes = pngOfKind(4, 4, { colour: 'grey', depth: 8 }, (x) => x);
      bytes[at] = 2;
      const header = chunk('IHDR', bytes.subarray(16, 29));
      bytes.set(header, 8);
      expect((await failure(() => decodeMask(bytes, 'm.png'))).message).toMatch(/^m\.png: damaged PNG: ./);
    }
  });
});

/** A BMP of 8 bits that says it has a size and a compression, and has no pixels. */
function bmpOfSize(width: number, height: number, compression = 0): Buffer {
  const bytes = Buffer.alloc(14 + 40 + 1024);
  bytes.write('BM', 'latin1');
  for (const [at, value] of [
    [10, bytes.length],
    [14, 40],
    [18, width],
    [22, height],
    [26, 1 | (8 << 16)],
    [30, compression],
  ] as const)
    bytes.writeUInt32LE(value, at);
  return bytes;
}

describe('other formats', () => {
  const picture = imageOf(24, 20, (x, y) => rgba(9 * x, 8 * y, 3));
  const source = pngOf(picture).then((bytes) => sharp(bytes));
  const svg = (content: string): string =>
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="24" height="20">${content}</svg>`;
  const frames = sharp({ create: { width: 24, height: 40, channels: 3, background: 'red' } })
    .composite([{ input: { create: { width: 24, height: 20, channels: 3, background: 'blue' } }, top: 0, left: 0 }])
    .png()
    .toBuffer()
    .then((bytes) => sharp(bytes, { raw: undefined }));

  test.each<[string, string, () => string | Uint8Array | Promise<Uint8Array>, RegExp]>([
    ['SVG', 'c.png', () => svg('<rect width="9" height="9"/>'), /unsupported image format/],
    ['SVG that names a neighbour', 'c.jpg', () => svg('<image width="24" height="20" xlink:href="a.png"/>'), /unsupported image format/],
    [
      'SVG behind spaces and a comment',
      'c.webp',
      () => `<?xml version="1.0"?>\n<!-- ${' '.repeat(200)} -->${svg('')}`,
      /unsupported image format/,
    ],
    ['PDF', 'c.png', () => '%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF', /unsupported image format/],
    ['PostScript', 'c.png', () => '%!PS-Adobe-3.0\nshowpage\n', /unsupported image format/],
    ['HTML', 'c.jpg', () => '<!doctype html><img src="a.png">', /unsupported image format/],
    ['text', 'c.jpg', () => 'once upon a time', /unsupported image format/],
    ['nothing', 'c.png', () => '', /cannot decode/],
    ['PPM', 'c.png', () => `P3 24 20 255\n${'1 2 3 '.repeat(480)}`, /unsupported image format/],
    ['GIF', 'c.png', async () => (await source).clone().gif().toBuffer(), /unsupported image format/],
    ['SVG', 'c.tif', () => svg('<rect width="9" height="9"/>'), /unsupported image format/],
    ['SVG', 'c.avif', () => svg('<rect width="9" height="9"/>'), /unsupported image format/],
    ['HEIC', 'c.avif', () => Buffer.from('\0\0\0\x18ftypheic\0\0\0\0heicmif1', 'latin1'), /cannot decode/],
    ['a TIFF that points beyond its end', 'c.tif', () => Buffer.from('II*\0\xff\xff\xff\x7f', 'latin1'), /cannot decode/],
    ['CMYK', 'c.jpg', async () => (await source).clone().toColourspace('cmyk').jpeg().toBuffer(), /image is CMYK without an ICC profile/],
    ['a BMP of 50,000 by 50,000 pixels', 'c.bmp', () => bmpOfSize(50_000, 50_000), /image is 50000×50000; the limit is 64 megapixels/],
    ['a BMP with run lengths', 'c.bmp', () => bmpOfSize(24, 20, 1), /image is a BMP with run lengths; save it .* without compression/],
    [
      '16 bits',
      'c.jpg',
      async () => (await source).clone().toColourspace('rgb16').png().toBuffer(),
      /image has 16 bits per channel, but jpeg holds 8; rename it to \.png or \.tif/,
    ],
  ])('%s called %s is refused by name', async (_, file, made, why) => {
    const root = await dataset({ [`images/${file}`]: await made(), 'masks/c.png': filled(24, 20, 1) });
    const reason = await refusal(root, 'opened');
    expect(reason).toMatch(why);
    expect(reason.startsWith(`images/${file}: `)).toBe(true);
  });

  test('an animation is refused; an animated PNG is read as its default picture', async () => {
    const raw = await (await frames).raw().toBuffer();
    const webp = await sharp(raw, { raw: { width: 24, height: 40, channels: 3, pageHeight: 20 } as never })
      .webp({ loop: 0, delay: [99, 99] })
      .toBuffer();
    const root = await dataset({ 'images/c.webp': webp, 'masks/c.png': filled(24, 20, 1) });
    expect(await refusal(root, 'opened')).toBe('images/c.webp: image is animated; save one frame only');
    const still = await pngOf(picture);
    const control = Buffer.alloc(26);
    control.writeUInt32BE(24, 4);
    control.writeUInt32BE(20, 8);
    const more = Buffer.concat([Buffer.of(0, 0, 0, 2), deflateSync(new Uint8Array(20 * 73))]);
    const second = Buffer.from(control);
    second[3] = 1;
    const apng = Buffer.concat([
      still.subarray(0, 33),
      chunk('acTL', Buffer.of(0, 0, 0, 2, 0, 0, 0, 0)),
      chunk('fcTL', control),
      still.subarray(33, still.length - 12),
      chunk('fcTL', second),
      chunk('fdAT', more),
      chunk('IEND'),
    ]);
    expect((await readImage(apng)).pixels).toEqual(picture.pixels);
  });

  test('an image with the extension of another format is read by its content and written by its extension', async () => {
    const jpeg = await (await source).clone().jpeg({ progressive: true }).toBuffer();
    const webp = await (await source).clone().webp({ lossless: true }).toBuffer();
    const tiff = await encodeImage(
      deepImageOf(24, 20, 3, (x, y, c) => 2001 * x + 999 * y + c),
      'tiff',
      95,
    );
    const avif = await (await source).clone().avif({ effort: 0 }).toBuffer();
    const mask = drawBox(filled(24, 20, 0), [6, 6, 14, 14], 3);
    const root = await dataset({
      ...{ 'images/c.png': jpeg, 'images/d.jpg': webp, 'images/e.png': tiff, 'images/f.webp': avif },
      ...{ 'masks/c.png': mask, 'masks/d.png': mask, 'masks/e.png': mask, 'masks/f.png': mask },
    });
    expect((await readImage(webp, 'd.jpg')).pixels).toEqual(picture.pixels);
    const shown = await sharp(jpeg).raw().toBuffer();
    expect([...(await readImage(jpeg, 'c.png')).pixels]).toEqual([...shown]);
    const out = join(folder, `out${number++}`);
    expect((await augment({ in: root, out, p: 1 })).augmented).toBe(6);
    for (const [file, format, depth] of [
      ['c.png', 'png', 'uchar'],
      ['d.jpg', 'jpeg', 'uchar'],
      ['e.png', 'png', 'ushort'],
      ['f.webp', 'webp', 'uchar'],
    ] as const)
      expect(await sharp(join(out, 'images', file)).metadata()).toMatchObject({ format, depth });
    expect((await check({ in: out })).differences).toEqual([]);
  });

  test('a mask with content of another format is refused', async () => {
    const jpeg = await (await source).clone().jpeg().toBuffer();
    const files = { 'images/c.png': picture, 'images/d.png': picture, 'images/e.png': picture, 'images/f.png': picture };
    const root = await dataset({ ...files, 'masks/c.png': jpeg, 'masks/d.png': svg(''), 'masks/e.png': '', 'masks/f.png': picture });
    expect((await refusal(root, 'opened')).split('\n')).toEqual([
      ...['c', 'd', 'e'].map((id) => `masks/${id}.png: mask is named .png but is not a PNG; convert it to PNG`),
      'masks/f.png: mask stores colours, not class ids; map them with --color-map FILE, or convert it to ids',
    ]);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'a JPEG with EXIF orientation %i fits its mask upright or as stored, or is refused',
    async (orientation) => {
      const jpeg = await (await source).clone().withMetadata({ orientation }).jpeg().toBuffer();
      const [width, height] = orientation > 4 ? [20, 24] : [24, 20];
      const shown = await sharp(jpeg).autoOrient().raw().toBuffer();
      expect([...(await readImage(jpeg, 'x.jpg', true)).pixels]).toEqual([...shown]);
      const root = await dataset({ 'images/c.jpg': jpeg, 'masks/c.png': drawBox(filled(width, height, 0), [6, 6, 14, 14], 3) });
      expect((await augment({ in: root, out: join(folder, `out${number++}`), p: 1 })).augmented).toBe(3);
      await writeTree(root, { 'masks/c.png': filled(23, 20, 3) });
      expect(await refusal(root, 'opened')).toBe(`images/c.jpg: image is ${width}×${height}, but its mask is 23×20`);
    },
  );
});

describe('random files', () => {
  const size = fc.integer({ min: 1, max: 24 });
  const mask = fc.record({ width: size, height: size, kind: fc.constantFrom(...kinds.slice(0, 18)), seed: fc.nat() });

  test(
    'masks of all depths and palettes are decoded to their ids, and encoded to the same ids',
    async () => {
      await fc.assert(
        fc.asyncProperty(mask, async ({ width, height, kind, seed }) => {
          const id = (x: number, y: number): number => (Math.imul(seed + 1, 31 * x + 17 * y + 1) >>> 3) & (2 ** kind.depth - 1);
          const read: Mask = decodeMask(pngOfKind(width, height, kind, id), 'm.png');
          expect([...read.ids]).toEqual(Array.from({ length: width * height }, (_, i) => id(i % width, Math.floor(i / width))));
          expect(decodeMask(await encodeMask(read), 'm.png')).toEqual(read);
          expect(rowsOf(read)).toHaveLength(height);
        }),
        runs(60),
      );
    },
    longer,
  );

  /** Files with changed bytes, and with chunks of any content and a correct checksum. */
  const mutated = fc
    .record({
      file: mask,
      bytes: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
      header: fc.array(fc.tuple(fc.nat(12), fc.nat(255)), { maxLength: 2 }),
      extra: fc.array(fc.tuple(fc.constantFrom('PLTE', 'tRNS', 'IDAT', 'IHDR', 'tEXt', 'IEND'), fc.uint8Array({ maxLength: 30 })), {
        maxLength: 2,
      }),
      cut: fc.option(fc.nat(400), { freq: 3 }),
    })
    .map(({ file: { width, height, kind }, bytes, header, extra, cut }) => {
      const chunks = [...(kind.chunks ?? []), ...extra.map(([type, data]) => chunk(type, data))];
      const made = pngOfKind(width, height, { ...kind, chunks }, spread(kind));
      for (const [at, value] of header) made[16 + at] = value;
      if (header.length > 0) made.set(chunk('IHDR', made.subarray(16, 29)), 8);
      for (const [at, value] of bytes) made[at % made.length] = value;
      return cut === null ? made : made.subarray(0, cut);
    });
  const anything = fc.oneof(mutated, fc.uint8Array({ maxLength: 200 }));

  test(
    'whatever bytes a mask has, it is decoded whole or refused with one line',
    async () => {
      await fc.assert(
        fc.asyncProperty(anything, async (bytes) => {
          const header = pngHeader(bytes);
          try {
            const { width, height, ids, palette } = decodeMask(bytes, 'm.png');
            expect({ width, height, pixels: ids.length }).toEqual({ width: header?.width, height: header?.height, pixels: width * height });
            expect((palette?.length ?? 3) % 3).toBe(0);
          } catch (error) {
            expect(error).toBeInstanceOf(CopyPasteError);
            expect([(error as CopyPasteError).code, (error as Error).message]).toEqual(['data', expect.stringMatching(/^m\.png: .+$/)]);
          }
        }),
        runs(400),
      );
    },
    longer,
  );

  test(
    'whatever bytes an image has, it is decoded whole or refused with one line',
    async () => {
      await fc.assert(
        fc.asyncProperty(anything, async (bytes) => {
          const result = await pixelsOrCode(bytes, 'x.png');
          const { width = 0, height = 0 } = pngHeader(bytes) ?? {};
          if (result !== 'data') expect(result.split(',').length).toBe(width * height);
        }),
        runs(150),
      );
    },
    longer,
  );

  test(
    'whatever bytes a TIFF or an AVIF has, as an image or a mask it is decoded whole or refused with one line',
    async () => {
      const picture = sharp(await pngOf(imageOf(16, 12, (x, y) => rgba(x * 15, y * 20, (x * y * 37) & 255))));
      const deep = deepImageOf(16, 12, 4, (x, y, c) => 4001 * x + 5003 * y + 11 * c);
      const files = await Promise.all([
        encodeImage(deep, 'tiff', 95),
        encodeImage({ ...deep, channels: 1 }, 'tiff', 95),
        picture.clone().tiff({ compression: 'lzw', predictor: 'horizontal' }).toBuffer(),
        picture.clone().tiff({ compression: 'none', tile: true, tileWidth: 16, tileHeight: 16 }).toBuffer(),
        picture.clone().tiff({ compression: 'jpeg', bigtiff: true }).toBuffer(),
        picture.clone().greyscale().tiff({ compression: 'packbits', bitdepth: 1 }).toBuffer(),
        picture.clone().avif({ effort: 0 }).toBuffer(),
      ]);
      const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 });
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...files), changes, fc.option(fc.nat(600), { freq: 4 }), async (file, bytes, cut) => {
          const made = Uint8Array.from(file);
          // Headers are near the beginning and the end.
          for (const [at, value] of bytes) made[at % 3 === 0 ? at % made.length : Math.max(0, made.length - 1 - (at % 250))] = value;
          const read = cut === null ? made : made.subarray(0, cut);
          const result = await pixelsOrCode(read, 'x.tif');
          if (result !== 'data') {
            const { stored } = await imageHeaderOf(read, 'x.tif');
            expect(result.split(',').length).toBe(stored.width * stored.height);
          }
          const mask = await readMask(read, 'm.tif').catch((error: unknown) => error);
          if (!(mask instanceof CopyPasteError))
            expect(mask).toMatchObject({ ids: { length: (mask as Mask).width * (mask as Mask).height } });
          else expect([mask.code, mask.message]).toEqual(['data', expect.stringMatching(/^m\.tif: .+$/)]);
        }),
        runs(200),
      );
    },
    longer,
  );

  test(
    'whatever bytes a BMP or an array has, as an image or a mask it is decoded whole or refused with one line',
    async () => {
      const ids = drawBox(filled(16, 12, 0), [3, 3, 9, 9], 1);
      const image = imageOf(16, 12, (x, y) => rgba(x * 15, y * 20, (x * y * 37) & 255, 9), 4);
      const maskAs = async (mask: Mask, file: string): Promise<[string, Uint8Array]> => [file, (await writeMask(mask, file)).bytes];
      const files = await Promise.all([
        encodeImage(image, 'bmp').then((bytes): [string, Uint8Array] => ['m.bmp', bytes]),
        maskAs(ids, 'm.bmp'),
        maskAs({ ...ids, palette: Uint8Array.of(0, 0, 0, 9, 9, 9) }, 'm.bmp'),
        maskAs(ids, 'm.npy'),
        maskAs({ ...ids, ids: Uint16Array.from(ids.ids) }, 'm.npz'),
      ]);
      const changes = fc.array(fc.tuple(fc.nat(), fc.constantFrom(0, 1, 2, 8, 40, 127, 128, 255)), { maxLength: 6 });
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...files), changes, fc.option(fc.nat(600), { freq: 4 }), async ([file, bytes], changed, cut) => {
          const made = Uint8Array.from(bytes);
          // Headers are near the beginning and the end.
          for (const [at, value] of changed)
            made[at % 3 === 0 ? Math.max(0, made.length - 1 - (at % 150)) : at % Math.min(150, made.length)] = value;
          const read = cut === null ? made : made.subarray(0, cut);
          if (file === 'm.bmp') await pixelsOrCode(read, 'x.bmp');
          const mask = await readMask(read, file).catch((error: unknown) => error);
          if (!(mask instanceof CopyPasteError))
            expect(mask).toMatchObject({ ids: { length: (mask as Mask).width * (mask as Mask).height } });
          else expect([mask.code, mask.message]).toEqual(['data', expect.stringMatching(/^m\.(bmp|npy|npz): .+$/)]);
        }),
        runs(300),
      );
    },
    longer,
  );
});
