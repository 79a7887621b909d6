import { randomBytes } from 'node:crypto';
import type { FileMetaData } from 'hyparquet';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { describe, expect, test } from 'vitest';
import type { Ranges } from '../../src/archives/archive.ts';
import { openArchive } from '../../src/archives/open.ts';
import { keepable, type Leaves, type Page } from '../../src/archives/parquet-leaves.ts';
import { objectsOf } from '../../src/archives/parquet-objects.ts';
import { type PackedRow, parquetOf } from '../../src/archives/parquet-writer.ts';

const png = (text: string): Uint8Array => Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.from(text)]);

/** Ranges of a file. @param count is told how many bytes are read. */
function rangesOf(bytes: Buffer, count = { read: 0 }): Ranges {
  const read = async (start: number, length: number): Promise<Buffer> => {
    const part = bytes.subarray(start, start + length);
    count.read += part.length;
    return part;
  };
  return { path: 'a.parquet', size: bytes.length, read };
}

const object = { id: 4, bbox: [1, 2, 3, 4], area: 9, categoryId: 17, iscrowd: false, isthing: true, counts: '0a1' } as const;

const rows: readonly PackedRow[] = Array.from({ length: 250 }, (_, n) => ({
  key: `k${n}`,
  images: {
    image: { bytes: png(`image ${n} ${'x'.repeat(30_000)}`), path: `k${n}.png` },
    mask: { bytes: png(`mask ${n}`), path: `k${n}.mask.png` },
  },
  objects: n === 3 ? [] : [object, { ...object, id: n, categoryId: 3, iscrowd: true }],
  size: { width: 7, height: 5 },
}));

async function written(some: readonly PackedRow[] = rows): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  const each = async function* () {
    yield* some;
  };
  const categories = [
    { id: 3, name: 'cat' },
    { id: 17, name: 'dog' },
  ];
  for await (const part of parquetOf(each(), { images: ['image', 'mask'], categories, createdBy: 'test' })) parts.push(part);
  return Buffer.concat(parts);
}

/** A block of LZ4 of literals alone. */
function lz4(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 15) return Buffer.concat([Buffer.of(bytes.length << 4), bytes]);
  const rest = bytes.length - 15;
  return Buffer.concat([Buffer.of(0xf0), Buffer.alloc(Math.floor(rest / 255), 255), Buffer.of(rest % 255), bytes]);
}

/** A file with columns of any kind, as other tools write them. */
function other(
  columns: Readonly<Record<string, readonly (Uint8Array | string | null)[]>>,
  codec: 'SNAPPY' | 'UNCOMPRESSED' | 'LZ4_RAW' = 'SNAPPY',
  rowGroupSize = 2,
  offsetIndex = true,
  pageSize?: number,
): Buffer {
  const writer = new ByteWriter();
  const isText = (values: readonly unknown[]): boolean => values.some((value) => typeof value === 'string');
  const schema = [
    { name: 'root', num_children: Object.keys(columns).length },
    ...Object.entries(columns).map(([name, values]) => ({
      name,
      type: 'BYTE_ARRAY' as const,
      repetition_type: 'OPTIONAL' as const,
      ...(isText(values) && { converted_type: 'UTF8' as const }),
    })),
  ];
  const parquet = new ParquetWriter({ writer, schema, codec, compressors: { LZ4_RAW: lz4 } });
  parquet.write({
    columnData: Object.entries(columns).map(([name, data]) => ({ name, data: [...data], offsetIndex })),
    rowGroupSize,
    ...(pageSize && { pageSize }),
  });
  parquet.finish();
  return Buffer.from(writer.getBuffer());
}

interface Struct {
  readonly bytes: Uint8Array | null;
  readonly path: string | Uint8Array | null;
}

/** A file with columns of structs, as `datasets` writes them. */
function structs(columns: Readonly<Record<string, readonly (Struct | null)[]>>, rowGroupSize = 1000, isMarked = true): Buffer {
  const writer = new ByteWriter();
  const optional = { repetition_type: 'OPTIONAL' as const };
  const schema = [
    { name: 'root', num_children: Object.keys(columns).length },
    ...Object.keys(columns).flatMap((name) => [
      { name, ...optional, num_children: 2 },
      { name: 'bytes', type: 'BYTE_ARRAY' as const, ...optional },
      { name: 'path', type: 'BYTE_ARRAY' as const, ...(isMarked && { converted_type: 'UTF8' as const }), ...optional },
    ]),
  ];
  const parquet = new ParquetWriter({ writer, schema, codec: 'SNAPPY' });
  parquet.write({ columnData: Object.entries(columns).map(([name, data]) => ({ name, data: [...data] })), rowGroupSize });
  parquet.finish();
  return Buffer.from(writer.getBuffer());
}

describe('a Parquet file', () => {
  test('has a member for each image, named by its path, and a file of objects', async () => {
    const bytes = await written();
    expect(bytes.equals(await written())).toBe(true);
    const archive = await openArchive(rangesOf(bytes));
    expect(archive.names).toHaveLength(750);
    for (const n of [249, 0, 100, 99, 101, 3]) {
      expect(Buffer.compare(await archive.read(`k${n}.png`), rows[n]?.images.image?.bytes as Uint8Array)).toBe(0);
      expect(Buffer.from(await archive.read(`k${n}.mask.png`, { start: 8, end: 12 })).toString()).toBe('mask');
    }
    const document = JSON.parse(Buffer.from(await archive.read('k9.json')).toString());
    expect(document).toEqual({
      image: { file_name: null, width: 7, height: 5 },
      annotations: [
        { id: 4, category_id: 17, category: 'dog', bbox: [1, 2, 3, 4], area: 9, iscrowd: 0, segmentation: { size: [5, 7], counts: '0a1' } },
        { id: 9, category_id: 3, category: 'cat', bbox: [1, 2, 3, 4], area: 9, iscrowd: 1, segmentation: { size: [5, 7], counts: '0a1' } },
      ],
    });
    expect(JSON.parse(Buffer.from(await archive.read('k3.json')).toString()).annotations).toEqual([]);
  });

  test('has paths of images that are not marked as text', async () => {
    const bytes = structs({ image: ['b.png', 'ä.png'].map((path) => ({ bytes: png(path), path: Buffer.from(path) })) }, 1000, false);
    expect((await openArchive(rangesOf(bytes))).names).toEqual(['b.png', 'ä.png']);
  });

  test('has objects with boxes of integers, and with class ids that have no names', async () => {
    const names = ['objects', 'bbox', 'category_id', 'segmentation', 'list', 'element', 'size', 'counts'];
    const schema = [{ name: 'root', num_children: 1 }, ...names.map((name) => ({ name, num_children: 1 }))];
    const row = { bbox: [[1n, 2n, 3n, 4n]], category_id: [7n], segmentation: [{ size: [5n, 7n], counts: '0a1' }] };
    const read = objectsOf({ schema } as FileMetaData, async () => row);
    expect(JSON.parse(`${await read?.(0)}`).annotations).toEqual([
      { category_id: 7, bbox: [1, 2, 3, 4], segmentation: { size: [5, 7], counts: '0a1' } },
    ]);
  });

  test('is read by ranges of the pages that hold a row', async () => {
    const bytes = await written();
    const count = { read: 0 };
    const archive = await openArchive(rangesOf(bytes, count));
    const { read: before } = count;
    await archive.read('k200.png');
    expect(count.read - before).toBeLessThan(bytes.length / 4);
  });

  test('of plain bytes names rows by their numbers, and images by their content', async () => {
    const archive = await openArchive(
      rangesOf(other({ jpg: [png('a'), png('b'), png('c')], seg: [png('d'), png('e'), png('f')], text: ['x', 'y', 'z'] })),
    );
    expect(archive.names).toEqual(['000000.png', '000000.seg.png', '000001.png', '000001.seg.png', '000002.png', '000002.seg.png']);
    expect(Buffer.from(await archive.read('000002.seg.png'))).toEqual(png('f'));
  });

  test('names each image by its column if no column is known to have the images', async () => {
    const { names } = await openArchive(rangesOf(other({ left: [png('a')], right: [png('b')] }, 'UNCOMPRESSED')));
    expect(names).toEqual(['000000.left.png', '000000.right.png']);
  });

  test('is refused without a column of images, and if it is cut off', async () => {
    await expect(openArchive(rangesOf(other({ text: ['x'] })))).rejects.toThrow('has no column of images; its columns are text');
    const bytes = await written(rows.slice(0, 2));
    await expect(openArchive(rangesOf(bytes.subarray(0, bytes.length - 9)))).rejects.toThrow(/is not a Parquet file, or is damaged/);
  });

  test('says which row has no image, or a mask of another format than the others', async () => {
    const bmp = Buffer.from('BM….');
    const columns = { image: [png('a'), null, bmp], mask: [null, png('a'), bmp] };
    const archive = await openArchive(rangesOf(other(columns)));
    await expect(archive.read('000001.png')).rejects.toThrow('row 1, column image: has no image (null)');
    await expect(archive.read('000000.mask.png')).rejects.toThrow('row 0, column mask: has no image (null)');
    await expect(archive.read('000002.mask.png')).rejects.toThrow('row 2, column mask: is a file .bmp, but the first of its column');
    expect(Buffer.from(await archive.read('000002.png'))).toEqual(bmp);
  });

  test('of structs has no member for a mask that is null, and says which image is', async () => {
    const one = { bytes: png('a'), path: null };
    const masks = [null, one, one];
    const archive = await openArchive(rangesOf(structs({ image: [one, one, null], mask: masks })));
    expect(archive.names).toEqual(['000000.png', '000001.mask.png', '000001.png', '000002.mask.png', '000002.png']);
    await expect(archive.read('000002.png')).rejects.toThrow('row 2, column image: has no image (null)');
    const paths = await openArchive(rangesOf(structs({ image: [{ bytes: null, path: 'a.png' }] })));
    await expect(paths.read('a.png')).rejects.toThrow('only the path of a file');
  });

  test('takes from paths only the endings of images', async () => {
    const archive = await openArchive(
      rangesOf(structs({ image: ['slice_1.25', 'slice_1.50', 'b.JPEG'].map((path) => ({ bytes: png('a'), path })) })),
    );
    expect(archive.names).toEqual(['b.JPEG', 'slice_1.25.png', 'slice_1.50.png']);
    await expect(archive.read('b.JPEG')).rejects.toThrow('is a file .png, but is named .JPEG; correct its path');
  });

  test('of pack has no objects for an image that is not annotated', async () => {
    const [first, second] = rows as [PackedRow, PackedRow];
    const archive = await openArchive(
      rangesOf(
        await written([
          { ...first, images: { image: first.images.image }, objects: undefined },
          { ...second, objects: [] },
        ]),
      ),
    );
    expect(archive.names).toEqual(['k0.png', 'k1.json', 'k1.mask.png', 'k1.png']);
  });

  test('without an index of pages is read once, page by page', async () => {
    const bytes = other(
      { image: Array.from({ length: 40 }, (_, n) => png(`${n} ${randomBytes(300_000).toString('latin1')}`)) },
      'SNAPPY',
      40,
      false,
    );
    const count = { read: 0 };
    const archive = await openArchive(rangesOf(bytes, count));
    const { read: before } = count;
    await archive.read('000039.png');
    expect(count.read - before).toBeLessThan(bytes.length / 4);
    for (const name of archive.names) await archive.read(name);
    expect(count.read).toBeLessThan(bytes.length * 1.5);
  });

  test('is read once by a pass over its rows in any order, if all images are in one large page', async () => {
    const count = 17;
    const image = (n: number): Uint8Array => Buffer.concat([png(`${n}`), randomBytes(1 << 21)]);
    const images = Array.from({ length: count }, (_, n) => image(n));
    const masks = images.map((_, n) => png(`${n}`));
    const bytes = other({ image: images, mask: masks }, 'SNAPPY', count, true, 2 ** 31);
    const read = { read: 0 };
    const archive = await openArchive(rangesOf(bytes, read));
    read.read = 0;
    for (let n = 0; n < count; n++) {
      const row = (n * 5) % count;
      const key = `${row}`.padStart(6, '0');
      expect(Buffer.compare(await archive.read(`${key}.png`), images[row] as Uint8Array)).toBe(0);
      expect(Buffer.compare(await archive.read(`${key}.mask.png`), masks[row] as Uint8Array)).toBe(0);
    }
    expect(read.read).toBeLessThan(bytes.length * 1.1);
  });

  test('keeps few pages: small ones, two of the largest size, or the values of a very large one that follow a row', () => {
    const page = (leaf: string, count: number, size: number, row = 0) => ({
      owner: {} as Leaves,
      leaf,
      start: 100,
      values: Array.from({ length: count }, () => new Uint8Array(size)),
      row: 100 + row,
    });
    const kept = (...pages: Page[]) =>
      keepable(pages, { least: 100, most: 1000 }).map(({ leaf, start, values }) => [leaf, start, values.length]);
    expect(kept(page('a', 4, 10), page('b', 4, 10), page('c', 4, 10), page('d', 4, 10))).toEqual([
      ['a', 100, 4],
      ['b', 100, 4],
      ['c', 100, 2],
    ]);
    expect(kept(page('a', 4, 1), page('b', 40, 10))).toEqual([
      ['a', 100, 4],
      ['b', 100, 40],
    ]);
    expect(kept(page('a', 4, 1), page('b', 400, 10, 50))).toEqual([
      ['a', 100, 4],
      ['b', 150, 99],
    ]);
    expect(kept(page('b', 400, 10, 390))).toEqual([['b', 400, 100]]);
    expect(kept(page('b', 4, 2000))).toEqual([]);
  });

  test('compressed by LZ4 is read, pages of nulls alone, too', async () => {
    const archive = await openArchive(rangesOf(other({ image: [png('a'), png('b'), png('c')], text: [null, null, 'x'] }, 'LZ4_RAW')));
    expect(Buffer.from(await archive.read('000002.png'))).toEqual(png('c'));
    const nulls = await openArchive(rangesOf(other({ image: [png('a'), png('b'), null, null] }, 'LZ4_RAW')));
    await expect(nulls.read('000002.png')).rejects.toThrow('row 2, column image: has no image');
  });

  test('may have very many rows in a page', async () => {
    const rows = Array.from({ length: 200_000 }, () => ({ bytes: png(''), path: null }));
    const archive = await openArchive(rangesOf(structs({ image: rows }, 200_000)));
    expect(archive.names).toHaveLength(200_000);
  });
});
