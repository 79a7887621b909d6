/** Values of the columns of a Parquet file, read by the pages that hold them. A leaf is a column of values: `image.bytes`. */
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { AsyncBuffer, ColumnMetaData, CompressionCodec, Compressors, FileMetaData, PageHeader, RowGroup } from 'hyparquet';
import type { Ranges } from './archive.ts';

/** Leaves of the columns of a file. */
export interface Leaves {
  /** Value of a top-level column in a row. */
  rows(column: string, row: number): Promise<unknown>;
  /** Value of a leaf without lists in a row. */
  at(leaf: string, row: number): Promise<unknown>;
  /** The first value of a leaf that is not null, if there is one. */
  first(leaf: string): Promise<unknown>;
  /** Values of all rows, each in a list for each optional struct or list around it: `[]` where the outermost is null. */
  all(leaf: string): Promise<unknown[]>;
}

/** Some bytes of a file. */
interface Place {
  readonly offset: number;
  readonly size: number;
}

/** A page of a leaf: its bytes, and its rows. */
interface PagePlace extends Place {
  readonly start: number;
  readonly rows: number;
}

/** Places of the pages of a leaf in a row group. */
interface Places {
  readonly dictionary: Place | undefined;
  readonly pages: readonly PagePlace[];
}

/** Values of some rows of a leaf: those of a page, or of a part of it. */
export interface Page {
  readonly owner: Leaves;
  readonly leaf: string;
  readonly start: number;
  readonly values: readonly unknown[];
  /** The row that was asked for last. */
  row: number;
}

/** Decoded rows of a row group. */
interface Decoded {
  readonly owner: Leaves;
  readonly column: string;
  readonly start: number;
  readonly rows: Promise<Record<string, unknown>[]>;
}

/**
 * Number of bytes of pages that are kept, for all files of a thread: two pages of the largest size, between these limits. A page of PyArrow
 * may hold a thousand images, and is decoded as a whole.
 */
export const keptBytes = { least: 1 << 25, most: 1 << 28 };
/** Kept pages, the last used first. */
let kept: readonly Page[] = [];

/** Number of row groups that stay decoded, for all files of a thread. */
const mostDecoded = 4;
let decoded: readonly Decoded[] = [];

/** Reader of the leaves of a file. */
export function createLeaves(file: Ranges, metadata: FileMetaData): Leaves {
  const buffer = bufferOf(file);
  const groups: { readonly group: RowGroup; readonly start: number }[] = [];
  let total = 0;
  for (const group of metadata.row_groups) {
    groups.push({ group, start: total });
    total += Number(group.num_rows);
  }
  const groupOf = (row: number): (typeof groups)[0] => groups.findLast(({ start }) => start <= row) as (typeof groups)[0];
  /** Last read of each leaf of a group: a page has several rows, which are asked for one after the other. */
  const reading = new Map<string, Promise<unknown>>();
  const places = new Map<string, Places>();

  const readPage = async ({ group, start }: (typeof groups)[0], leaf: string, row: number): Promise<Page> => {
    const key = `${leaf} ${start}`;
    const { dictionary, pages } = places.get(key) ?? (await placesOf(buffer, group, leaf));
    places.set(key, { dictionary, pages });
    const page = pages.find((one) => one.start <= row - start && row - start < one.start + one.rows);
    if (page === undefined) throw new Error(`no page has row ${row} of ${leaf}`);
    const values = await valuesOf(buffer, metadata, group, leaf, page, dictionary);
    return { owner: leaves, leaf, start: start + page.start, values, row };
  };

  const rowsOf = async (column: string, { group, start }: (typeof groups)[0]): Promise<Record<string, unknown>[]> => {
    const { parquetReadObjects } = await import('hyparquet');
    const rowEnd = start + Number(group.num_rows);
    return parquetReadObjects({
      file: buffer,
      metadata,
      columns: [column],
      rowStart: start,
      rowEnd,
      compressors: await compressorsOf(),
    });
  };

  const leaves: Leaves = {
    async at(leaf, row) {
      const group = groupOf(row);
      const key = `${leaf} ${group.start}`;
      const read = async (): Promise<unknown> => {
        const isOwn = ({ owner, leaf: own, start, values }: Page): boolean =>
          owner === leaves && own === leaf && start <= row && row < start + values.length;
        const known = kept.find(isOwn);
        const page = known ?? (await readPage(group, leaf, row));
        page.row = row;
        kept = known ? [known, ...kept.filter((one) => one !== known)] : keepable([page, ...kept]);
        return page.values[row - page.start];
      };
      const result = (reading.get(key) ?? Promise.resolve()).then(read, read);
      const done = result.catch(() => {});
      reading.set(key, done);
      return result.finally(() => {
        if (reading.get(key) === done) reading.delete(key);
      });
    },

    async rows(column, row) {
      const group = groupOf(row);
      // Rows are mostly asked for in order, and decoding one takes as long as decoding all of its group.
      let own = decoded.find((one) => one.owner === leaves && one.column === column && one.start === group.start);
      own ??= { owner: leaves, column, start: group.start, rows: rowsOf(column, group) };
      decoded = [own, ...decoded.filter((one) => one !== own)].slice(0, mostDecoded);
      return (await own.rows)[row - group.start]?.[column];
    },

    async first(leaf) {
      for (let row = 0; row < total; row++) {
        const value = await leaves.at(leaf, row);
        if (value !== undefined && value !== null) return value;
      }
      return undefined;
    },

    async all(leaf) {
      const { parquetRead } = await import('hyparquet');
      const compressors = await compressorsOf();
      const values: unknown[] = [];
      for (const { group } of groups) {
        await parquetRead({
          file: buffer,
          metadata: { ...metadata, row_groups: [{ ...group, columns: [chunkOf(group, leaf)] }], num_rows: group.num_rows },
          utf8: false,
          compressors,
          onPage: ({ columnData }) => {
            for (const value of columnData) values.push(value);
          },
        });
      }
      return values;
    },
  };
  return leaves;
}

/** Value of a leaf, which is in a list for each struct around it; `undefined` if such a struct is null. */
export function bare(value: unknown): unknown {
  return Array.isArray(value) ? bare(value[0]) : value;
}

function chunkOf(group: RowGroup, leaf: string): RowGroup['columns'][0] & { readonly meta_data: ColumnMetaData } {
  const chunk = group.columns.find(({ meta_data }) => meta_data?.path_in_schema.join('.') === leaf);
  if (!chunk?.meta_data) throw new Error(`a row group has no column ${leaf}`);
  return { ...chunk, meta_data: chunk.meta_data };
}

/** Places of the pages of a leaf without lists: those that an index states, or those found by going from header to header. */
async function placesOf(buffer: AsyncBuffer, group: RowGroup, leaf: string): Promise<Places> {
  const { meta_data, offset_index_offset, offset_index_length } = chunkOf(group, leaf);
  const begin = Number(meta_data.dictionary_page_offset || meta_data.data_page_offset);
  const end = begin + Number(meta_data.total_compressed_size);
  const rows = Number(group.num_rows);
  if (!offset_index_offset || !offset_index_length) return walk(buffer, begin, end, rows);
  const { readOffsetIndex } = await import('hyparquet');
  const from = Number(offset_index_offset);
  const view = new DataView(await buffer.slice(from, from + offset_index_length));
  const { page_locations } = readOffsetIndex({ view, offset: 0 });
  const pages = page_locations.map(({ offset, compressed_page_size, first_row_index }, n) => {
    const start = Number(first_row_index);
    return {
      offset: Number(offset),
      size: compressed_page_size,
      start,
      rows: Number(page_locations[n + 1]?.first_row_index ?? rows) - start,
    };
  });
  const size = (pages[0]?.offset ?? begin) - begin;
  return { dictionary: size > 0 ? { offset: begin, size } : undefined, pages };
}

/** Finds pages by their headers. */
async function walk(buffer: AsyncBuffer, begin: number, end: number, rows: number): Promise<Places> {
  const pages: PagePlace[] = [];
  let dictionary: Place | undefined;
  let start = 0;
  for (let offset = begin; offset < end && start < rows; ) {
    const { header, length } = await headerAt(buffer, offset, end);
    const size = length + header.compressed_page_size;
    if (!(size > 0)) throw new Error(`a page has ${size} bytes`);
    const own = header.data_page_header?.num_values ?? header.data_page_header_v2?.num_rows;
    if (own !== undefined) pages.push({ offset, size, start, rows: own });
    else if (header.type === 'DICTIONARY_PAGE') dictionary = { offset, size };
    start += own ?? 0;
    offset += size;
  }
  if (start !== rows) throw new Error(`pages have ${start} rows of ${rows}`);
  return { dictionary, pages };
}

/** Header of a page, with its number of bytes. Few have more than some hundred, but statistics in them may be as long as values. */
async function headerAt(buffer: AsyncBuffer, offset: number, end: number): Promise<{ header: PageHeader; length: number }> {
  const { parquetHeader } = await import('hyparquet/src/column.js');
  for (let length = 1 << 12; ; length *= 8) {
    const reader = { view: new DataView(await buffer.slice(offset, Math.min(offset + length, end))), offset: 0 };
    try {
      return { header: parquetHeader(reader), length: reader.offset };
    } catch (error) {
      if (offset + length >= end) throw error;
    }
  }
}

/** Values of a page, which is read as if it were a file of its own. */
async function valuesOf(
  buffer: AsyncBuffer,
  metadata: FileMetaData,
  group: RowGroup,
  leaf: string,
  page: PagePlace,
  dictionary: Place | undefined,
): Promise<unknown[]> {
  const { parquetRead } = await import('hyparquet');
  const { header } = await headerAt(buffer, page.offset, page.offset + page.size);
  const encoding = (header.data_page_header ?? header.data_page_header_v2)?.encoding ?? '';
  const parts = dictionary && encoding.includes('DICTIONARY') ? [dictionary, page] : [page];
  const read = await Promise.all(parts.map(async ({ offset, size }) => new Uint8Array(await buffer.slice(offset, offset + size))));
  const bytes = read.length === 1 ? (read[0] as Uint8Array) : Buffer.concat(read);
  const { dictionary_page_offset: _, ...meta } = chunkOf(group, leaf).meta_data;
  const meta_data = { ...meta, data_page_offset: 0n, total_compressed_size: BigInt(bytes.length) };
  const num_rows = BigInt(page.rows);
  const values: unknown[] = [];
  await parquetRead({
    file: bufferOf({ size: bytes.length, read: async (start, length) => bytes.subarray(start, start + length) }),
    metadata: { ...metadata, num_rows, row_groups: [{ ...group, num_rows, columns: [{ file_offset: 0n, meta_data }] }] },
    utf8: false,
    compressors: await compressorsOf(),
    onPage: ({ columnData }) => {
      for (const value of columnData) values.push(bare(value));
    },
  });
  if (values.length !== page.rows) throw new Error(`a page of ${leaf} has ${values.length} rows of ${page.rows}`);
  return values;
}

async function compressorsOf(): Promise<Compressors> {
  const { compressors } = await import('hyparquet-compressors');
  // Those of zlib are much faster.
  const all: Compressors = {
    ...compressors,
    GZIP: (bytes, length) => gunzipSync(bytes, { maxOutputLength: length }),
    BROTLI: (bytes, length) => brotliDecompressSync(bytes, { maxOutputLength: length }),
  };
  // A page of nulls alone is empty, which LZ4 would take for damaged.
  const orEmpty =
    (own: NonNullable<Compressors[CompressionCodec]>): typeof own =>
    (bytes, length) =>
      length === 0 ? new Uint8Array(0) : own(bytes, length);
  return Object.fromEntries(Object.entries(all).map(([codec, own]) => [codec, orEmpty(own)]));
}

/** The first pages, up to the number of bytes that is kept; of a page that does not fit, the values around the row that was asked for last. */
export function keepable(pages: readonly Page[], { least, most } = keptBytes): Page[] {
  const sizes = pages.map(({ values }) => values.reduce((sum: number, value) => sum + bytesOf(value), 0));
  let left = Math.min(most, Math.max(least, 2 * Math.max(...sizes)));
  return pages.flatMap((page, n) => {
    const fitting = (sizes[n] as number) <= left ? page : partOf(page, left);
    left -= fitting === page ? (sizes[n] as number) : left;
    return fitting ?? [];
  });
}

/** Values of a page from the row that was asked for last, and those before it if there is room; `undefined` if not even that one fits. */
function partOf({ values, start, row, ...page }: Page, bytes: number): Page | undefined {
  let [from, to, left] = [row - start, row - start, bytes];
  const take = (at: number): boolean => {
    const size = bytesOf(values[at]);
    if (size > left) return false;
    left -= size;
    return true;
  };
  while (to < values.length && take(to)) to++;
  while (from > 0 && to > from && take(from - 1)) from--;
  if (to === from) return undefined;
  // Copies, since values are views of all bytes of their page.
  const copies = values.slice(from, to).map((value) => (value instanceof Uint8Array ? new Uint8Array(value) : value));
  return { ...page, row, start: start + from, values: copies };
}

function bytesOf(value: unknown): number {
  return value instanceof Uint8Array ? value.length : 8;
}

export function bufferOf({ size, read }: Pick<Ranges, 'size' | 'read'>): AsyncBuffer {
  return {
    byteLength: size,
    async slice(start, end = size) {
      const from = start < 0 ? size + start : start;
      const bytes = await read(from, end - from);
      // A page may have hundreds of megabytes, and nothing changes them.
      if (bytes.byteLength === bytes.buffer.byteLength) return bytes.buffer as ArrayBuffer;
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    },
  };
}
