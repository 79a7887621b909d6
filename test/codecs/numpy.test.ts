import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readMask, readObjects, writeMask } from '../../src/codecs/masks.ts';
import { archivedSize, arraySize } from '../../src/codecs/numpy.ts';
import { readZip, writeZip } from '../../src/codecs/zip.ts';
import { CopyPasteError } from '../../src/errors.ts';
import type { Mask } from '../../src/types.ts';
import { augment } from '../../src/verbs/augment.ts';
import { preview } from '../../src/verbs/preview.ts';
import { verify } from '../../src/verbs/verify.ts';
import { expectSound } from '../contract.ts';
import { drawBox, filled, imageOf, rgba, temporaryFolder, writeTree } from '../make.ts';

const folder = temporaryFolder();

/** A `.npy` file with any header, and values of a number of bytes each. */
function npyOf(header: string, values: readonly bigint[], { size = 1, big = false, version = 1 } = {}): Buffer {
  const text = Buffer.from(header, 'latin1');
  const start = Buffer.from(`\x93NUMPY${String.fromCharCode(version)}\0`, 'latin1');
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  length.writeUIntLE(text.length, 0, length.length);
  const data = Buffer.alloc(size * values.length);
  for (const [i, value] of values.entries())
    for (let byte = 0; byte < size; byte++)
      data[size * i + (big ? size - 1 - byte : byte)] = Number((BigInt.asUintN(64, value) >> BigInt(8 * byte)) & 255n);
  return Buffer.concat([start, length, text, data]);
}

const headerOf = (descr: string, shape = '(2, 3)', fortran = 'False'): string =>
  `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }\n`;

const values = [0n, 1n, 2n, 3n, 4n, 5n];

function zipOf(files: Record<string, Uint8Array>, deflated = true): Buffer {
  const entries = Object.entries(files).map(([name, data]) => ({
    name,
    deflated,
    crc: crc32(data),
    size: data.length,
    data: deflated ? deflateRawSync(data) : data,
  }));
  return Buffer.from(writeZip(entries));
}

describe('masks in .npy', () => {
  test.each(['|u1', '|i1', '<u2', '>u2', '<i2', '>i2', '<u4', '>u4', '<i4', '>i4', '<u8', '<i8', '>i8'])(
    'of type %s come back as they were, in both orders and all versions',
    async (descr) => {
      for (const fortran of ['False', 'True'])
        for (const version of [1, 2, 3]) {
          const big = descr.startsWith('>');
          const bytes = npyOf(headerOf(descr, '(2, 3)', fortran), values, { size: Number(descr.at(-1)), big, version });
          const mask = await readMask(bytes, 'm.npy');
          expect([mask.width, mask.height, [...mask.ids]]).toEqual([3, 2, fortran === 'True' ? [0, 2, 4, 1, 3, 5] : [0, 1, 2, 3, 4, 5]]);
          expect(arraySize(bytes, 'm.npy')).toEqual({ width: 3, height: 2 });
          const written = await writeMask(mask, 'm.npy');
          expect(written.codec).toBe('npy');
          expect(await readMask(written.bytes, 'm.npy')).toEqual(mask);
          expect(written.bytes.subarray(0, 8)).toEqual(Uint8Array.from(bytes.subarray(0, 8)));
          // The values begin at a multiple of 64 bytes.
          expect((written.bytes.length - 6 * Number(descr.at(-1))) % 64).toBe(0);
        }
    },
  );

  test('of bool hold 0 and 1', async () => {
    const bytes = npyOf(headerOf('|b1'), [0n, 1n, 1n, 0n, 0n, 1n]);
    const mask = await readMask(bytes, 'm.npy');
    expect([...mask.ids]).toEqual([0, 1, 1, 0, 0, 1]);
    mask.ids[0] = 2;
    await expect(writeMask(mask, 'm.npy')).rejects.toThrow('m.npy: id 2 does not fit into its type |b1; convert the masks to uint16');
    const two = npyOf(headerOf('|b1'), [0n, 1n, 2n, 0n, 0n, 1n]);
    await expect(readMask(two, 'm.npy')).rejects.toThrow('m.npy: holds 2 at pixel (2, 0), but may hold 0 or 1');
  });

  test('keep ids up to 65535, and refuse others with their place', async () => {
    const holding = (value: bigint, descr = '<i8', size = 8): Promise<Mask> =>
      readMask(npyOf(headerOf(descr), [0n, 0n, 0n, 0n, value, 0n], { size, big: descr.startsWith('>') }), 'm.npy');
    expect((await holding(65_535n)).ids[4]).toBe(65_535);
    for (const [value, descr, size] of [
      [-1n, '<i8', 8],
      [65_536n, '>i8', 8],
      [-1n, '|i1', 1],
      [-9n, '>i2', 2],
      [2n ** 40n, '<u8', 8],
      [-(2n ** 31n), '<i4', 4],
    ] as const)
      await expect(holding(value, descr, size)).rejects.toThrow(
        `m.npy: holds ${value} at pixel (1, 1), but may hold ids from 0 to 65535; change it, for example to 255 for ignored pixels`,
      );
  });

  test('hold -1 for ignored pixels, if there is an ignore id', async () => {
    for (const [descr, size] of [
      ['|i1', 1],
      ['>i2', 2],
      ['<i4', 4],
      ['>i8', 8],
    ] as const) {
      const bytes = npyOf(headerOf(descr), [0n, -1n, 1n, 2n, -1n, 0n], { size, big: descr.startsWith('>') });
      const mask = await readMask(bytes, 'm.npy', { ignore: new Set([0, 255]) });
      expect([...mask.ids]).toEqual([0, 255, 1, 2, 255, 0]);
      const { bytes: written } = await writeMask(mask, 'm.npy');
      expect(Buffer.compare(written.subarray(-6 * size), bytes.subarray(-6 * size))).toBe(0);
      const archive = await readMask(zipOf({ 'a.npy': bytes }), 'm.npz', { ignore: [11] });
      expect([...archive.ids]).toEqual([0, 11, 1, 2, 11, 0]);
      await expect(readMask(bytes, 'm.npy', { ignore: [] })).rejects.toThrow('m.npy: holds -1 at pixel (1, 0)');
      await expect(readMask(bytes, 'm.npy', { ignore: [2] })).rejects.toThrow(
        'm.npy: holds both -1 and 2, which stand for ignored pixels; change one into the other',
      );
    }
  });

  test('with headers of other writers are read', async () => {
    const text = '{"shape":(2,3),"fortran_order":False,"descr":"<u2"}';
    expect([...(await readMask(npyOf(text, values, { size: 2 }), 'm.npy')).ids]).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test.each<[string, Uint8Array, string]>([
    [
      'floats',
      npyOf(headerOf('<f8'), values, { size: 8 }),
      'mask has values of type float64, not ids; convert it with mask.astype("uint16")',
    ],
    ['complex numbers', npyOf(headerOf('<c16'), []), 'mask has values of type complex128, not ids'],
    ['text', npyOf(headerOf('<U5'), []), 'mask has values of type <U5, not ids'],
    ['dates', npyOf(headerOf('<M8[ns]'), []), 'mask has values of type <M8[ns], not ids'],
    ['Python objects', npyOf(headerOf('|O'), []), 'mask holds Python objects, which are never read; save an array of integers'],
    ['records', npyOf("{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (2, 3), }\n", []), 'mask holds records, not ids'],
    ['three dimensions', npyOf(headerOf('|u1', '(1, 2, 3)'), values), 'mask has the shape (1, 2, 3), not rows and columns; save one array'],
    ['one dimension', npyOf(headerOf('|u1', '(6,)'), values), 'mask has the shape (6), not rows and columns'],
    ['no dimension', npyOf(headerOf('|u1', '()'), [1n]), 'mask has the shape (), not rows and columns'],
    ['a size of 0', npyOf(headerOf('|u1', '(0, 3)'), []), 'damaged NumPy file, its shape is (0, 3)'],
    ['more than 64 megapixels', npyOf(headerOf('|u1', '(99999999999999999999, 9)'), []), 'the limit is 64 megapixels'],
    ['too few values', npyOf(headerOf('|u1', '(2, 4)'), values), 'damaged NumPy file, it is cut short'],
    ['too many values', npyOf(headerOf('|u1', '(2, 2)'), values), 'damaged NumPy file, it is longer than its array'],
    ['version 4', npyOf(headerOf('|u1'), values, { version: 4 }), 'damaged NumPy file, its version is 4'],
    ['a long header', npyOf(headerOf('|u1').padEnd(60_000), values), 'damaged NumPy file, its header is cut short'],
    ['no header', npyOf('{}', values), 'damaged NumPy file, its header is not that of an array'],
    ['a header with more', npyOf(`${headerOf('|u1')}x`, values), 'damaged NumPy file, its header is not that of an array'],
    ['text alone', Buffer.from('once upon a time'), 'damaged NumPy file, its header is cut short'],
    ['an archive', zipOf({ 'arr_0.npy': npyOf(headerOf('|u1'), values) }), 'damaged NumPy file, it is an .npz; rename it'],
  ])('with %s are refused by name', async (_, bytes, why) => {
    for (const read of [readMask, readObjects]) await expect(read(bytes, 'm.npy')).rejects.toThrow(why);
    await expect(readMask(bytes, 'm.npy')).rejects.toThrow(CopyPasteError);
  });
});

describe('masks in .npz', () => {
  const array = npyOf(headerOf('<i8'), values, { size: 8 });
  const other = npyOf(headerOf('<f8', '(1,)'), [7n], { size: 8 });

  test.each([true, false])('come back with their other arrays (deflated: %s)', async (deflated) => {
    const bytes = zipOf({ 'scale.npy': other, 'mask.npy': array }, deflated);
    expect(archivedSize(bytes, 'm.npz')).toEqual({ width: 3, height: 2 });
    const mask = await readMask(bytes, 'm.npz');
    bytes.fill(0);
    expect([...mask.ids]).toEqual([0, 1, 2, 3, 4, 5]);
    const { bytes: written, codec } = await writeMask(mask, 'm.npz');
    expect(codec).toBe('npz');
    const entries = readZip(written);
    expect(entries.map((entry) => [entry.name, entry.deflated])).toEqual([
      ['mask.npy', deflated],
      ['scale.npy', deflated],
    ]);
    expect(entries[1]?.crc).toBe(crc32(other));
    expect(await readMask(written, 'm.npz')).toEqual(mask);
    expect(await writeMask(mask, 'm.npz')).toEqual({ bytes: written, codec });
  });

  test('need one array, or a name that says which', async () => {
    expect([...(await readMask(zipOf({ 'anything.npy': array }), 'm.npz')).ids]).toEqual([0, 1, 2, 3, 4, 5]);
    for (const files of [
      { 'a.npy': array, 'b.npy': array },
      { 'mask.npy': array, 'arr_0.npy': array },
    ])
      await expect(readMask(zipOf(files), 'm.npz')).rejects.toThrow(
        `m.npz: holds the arrays ${Object.keys(files).join(', ').replaceAll('.npy', '')}; save the mask alone, or name it mask`,
      );
    await expect(readMask(zipOf({}), 'm.npz')).rejects.toThrow('m.npz: holds no array; save the mask alone, or name it mask');
  });

  test('that inflate to more than they say are refused before', async () => {
    const bomb = Buffer.concat([npyOf(headerOf('|u1', '(2, 3)'), values), Buffer.alloc(2 ** 27)]);
    const entry = { name: 'mask.npy', deflated: true, crc: crc32(bomb), data: deflateRawSync(bomb) };
    const used = process.resourceUsage().maxRSS;
    for (const size of [bomb.length, 134, 2 ** 32 - 1]) {
      const bytes = writeZip([{ ...entry, size }]);
      await expect(readMask(bytes, 'm.npz')).rejects.toThrow('m.npz: cannot decode this mask: damaged NumPy file');
    }
    expect((process.resourceUsage().maxRSS - used) / 1024).toBeLessThan(100);
  });

  test('cut short or with a flipped bit anywhere are refused, or hold the same ids', async () => {
    const bytes = zipOf({ 'mask.npy': array });
    const whole = await readMask(bytes, 'm.npz');
    for (let length = 0; length < bytes.length; length++)
      await expect(readMask(bytes.subarray(0, length), 'm.npz')).rejects.toThrow(/^m\.npz: ./);
    await fc.assert(
      fc.asyncProperty(fc.nat(8 * bytes.length - 1), async (bit) => {
        const bad = Uint8Array.from(bytes, (byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
        const result = await readMask(bad, 'm.npz').catch((error: unknown) => error);
        if (result instanceof Error) expect(result).toBeInstanceOf(CopyPasteError);
        else expect((result as Mask).ids).toEqual(whole.ids);
      }),
      { numRuns: 300 * Number(process.env.FUZZ ?? 1) },
    );
  });
});

describe('data sets of arrays', () => {
  const image = imageOf(60, 40, (x, y) => rgba(4 * x, 6 * y, 9));
  const drawn = drawBox(filled(60, 40, 0), [9, 9, 33, 29], 1);
  const array = (descr: string, ids = drawn.ids): Buffer =>
    npyOf(headerOf(descr, '(40, 60)'), [...ids].map(BigInt), { size: Number(descr.at(-1)), big: descr.startsWith('>') });

  test('come out with masks and instance masks in the same types', async () => {
    const root = await writeTree(join(folder, 'voc'), {
      'JPEGImages/a.png': image,
      'JPEGImages/b.png': image,
      'SegmentationClass/a.npy': array('<i8'),
      'SegmentationClass/b.npz': zipOf({ 'arr_0.npy': array('>u2') }),
      'SegmentationObject/a.npy': array('|u1'),
      'SegmentationObject/b.npy': array('<i4'),
    });
    const out = join(folder, 'voc-out');
    expect((await augment({ in: root, out, p: 1, instances: 'object' })).augmented).toBe(2);
    await expectSound(out, root);
    expect((await preview({ in: root, out: join(folder, 'sheet.png'), p: 1 })).rows).toBe(2);
  });

  test('may have images and masks in one folder, and other arrays beside masks', async () => {
    const root = await writeTree(join(folder, 'one'), {
      'all/a.png': image,
      'all/a.npy': array('|b1'),
      'all/b.png': image,
      'all/b.npy': array('<u4'),
    });
    const out = join(folder, 'one-out');
    expect((await augment({ in: root, out, p: 1, images: 'all', masks: 'all' })).augmented).toBe(2);
    expect((await verify({ out, deep: true, in: root })).differences).toEqual([]);
    const mixed = await writeTree(join(folder, 'mixed'), {
      'images/a.png': image,
      'images/b.png': image,
      'masks/a.png': drawn,
      'masks/a.npy': 'depth',
      'masks/b.png': drawn,
    });
    expect((await augment({ in: mixed, out: join(folder, 'mixed-out'), p: 1 })).augmented).toBe(2);
  });

  test('of 0 and 255 are read with a threshold, and written in the same type', async () => {
    const white = drawn.ids.map((id) => 255 * id);
    const void_ = npyOf(
      headerOf('<i4', '(40, 60)'),
      [...drawn.ids].map((id, i) => (i < 60 ? -1n : BigInt(id))),
      { size: 4 },
    );
    const ignored = await writeTree(join(folder, 'ignored'), {
      'images/a.png': image,
      'images/b.png': image,
      'masks/a.npy': void_,
      'masks/b.npy': void_,
    });
    const kept = join(folder, 'ignored-out');
    expect((await augment({ in: ignored, out: kept, p: 1 })).augmented).toBe(2);
    await expectSound(kept, ignored);
    const root = await writeTree(join(folder, 'white'), {
      'images/a.png': image,
      'images/b.png': image,
      'masks/a.npy': array('<i4', white),
      'masks/b.npy': array('|b1'),
    });
    const out = join(folder, 'white-out');
    expect((await augment({ in: root, out, p: 1, threshold: 1 })).augmented).toBe(2);
    await expectSound(out, root);
  });

  test('list all arrays that are no masks before a run', async () => {
    const root = await writeTree(join(folder, 'bad'), {
      'images/a.png': image,
      'images/b.png': image,
      'masks/a.npy': npyOf(headerOf('<f4', '(40, 60)'), []),
      'masks/b.npz': zipOf({ 'x.npy': array('|u1'), 'y.npy': array('|u1') }),
    });
    await expect(augment({ in: root, out: join(folder, 'bad-out') })).rejects.toMatchObject({
      code: 'data',
      offenders: [
        'masks/a.npy: mask has values of type float32, not ids; convert it with mask.astype("uint16") or similar',
        'masks/b.npz: holds the arrays x, y; save the mask alone, or name it mask',
      ],
    });
  });
});
