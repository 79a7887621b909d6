/**
 * Reads images in Parquet files, as Hugging Face's `datasets` and others write them: columns of encoded images, as bytes or as structs
 * `{ bytes, path }`. A row is a sample: the column `image` of the row `7` is the member `7.jpg`, and the column `mask` is `7.mask.png`.
 */
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { AsyncBuffer, CompressionCodec, Compressors, FileMetaData, RowGroup, SchemaElement } from 'hyparquet';
import { messageOf } from '../errors.ts';
import { type Archive, Damaged, Members, type Ranges } from './archive.ts';
import { objectsOf } from './parquet-objects.ts';

/** Names of the column of images, the most usual first. */
const imageColumns = ['image', 'img', 'jpg', 'jpeg', 'pixel_values', 'picture', 'photo'];

/** A column of encoded images. */
interface Column {
  readonly name: string;
  /** Path of the leaf that has the bytes. */
  readonly bytes: string;
  /** Path of the leaf that has the names of files, if there is one. */
  readonly path: string | undefined;
}

/** Values of some rows of a leaf. */
interface Page {
  readonly leaf: string;
  readonly start: number;
  readonly values: readonly unknown[];
}

/** Number of bytes of pages that are kept: samples that follow one another are often read in order. */
const keptBytes = 1 << 25;

/** Opens a Parquet file. @throws {Damaged} if it is damaged, or has no column of images. */
export async function openParquet(file: Ranges): Promise<Archive> {
  const { parquetMetadataAsync } = await import('hyparquet');
  const damaged = (cause: unknown): never => {
    if (cause instanceof Damaged) throw cause;
    throw new Damaged(`is not a Parquet file, or is damaged (${messageOf(cause)}); copy it again`, { cause });
  };
  const metadata = await parquetMetadataAsync(bufferOf(file)).catch(damaged);
  const leaves = createLeaves(file, metadata);
  const rows = Number(metadata.num_rows);
  const columns = await columnsOf(metadata, leaves.at).catch(damaged);
  if (rows > 0 && columns.length === 0)
    throw new Damaged(
      `has no column of images; its columns are ${topLevel(metadata)
        .map(({ name }) => name)
        .join(', ')}`,
    );
  const primary = primaryOf(columns);
  const pathsOf = async (column: Column): Promise<readonly (string | undefined)[]> =>
    column.path === undefined
      ? []
      : (await leaves.all(column.path).catch(damaged)).map((one) => (typeof one === 'string' ? one : undefined));
  const members = new Members<{ readonly column: Column; readonly row: number; readonly ending: string }>();
  const keys = keysOf(primary === undefined ? [] : await pathsOf(primary), rows);
  for (const column of columns) {
    const paths = await pathsOf(column);
    const endings = Array.from({ length: rows }, (_, row) => /\.\w+$/.exec(paths[row] ?? '')?.[0]);
    const usual = endings.includes(undefined) ? (endingOf(await leaves.at(column.bytes, 0).catch(damaged)) ?? '') : '';
    const infix = column === primary ? '' : `.${column.name}`;
    for (let row = 0; row < rows; row++) {
      const ending = endings[row] ?? usual;
      members.add(`${keys[row]}${infix}${ending}`, { column, row, ending });
    }
  }
  const objects = objectsOf(metadata, leaves.rows);
  if (objects && primary) for (let row = 0; row < rows; row++) members.add(`${keys[row]}.json`, { column: primary, row, ending: '.json' });
  const slice = (bytes: Uint8Array, range: Parameters<Archive['read']>[1]): Uint8Array =>
    bytes.slice(range?.start ?? 0, range?.end ?? bytes.length);
  return {
    names: members.names(),
    size: (name) => void members.get(name),
    async read(name, range) {
      const { column, row, ending } = members.get(name);
      if (objects && ending === '.json') return slice(await objects(row).catch(damaged), range);
      const refuse = (what: string): Damaged => new Damaged(`row ${row}, column ${column.name}: ${what}`);
      const bytes = await leaves.at(column.bytes, row).catch(damaged);
      if (!(bytes instanceof Uint8Array))
        throw refuse(
          column.path === undefined
            ? 'has no image'
            : 'has no bytes, only the path of a file; write the Parquet file again with the bytes in it (push_to_hub and embed_table_storage do so)',
        );
      const own = endingOf(bytes);
      if (own !== undefined && !sameEnding(own, ending)) throw refuse(`is a file ${own}, but is named ${ending}; correct its path`);
      // A page is kept, and others may change the bytes that they receive.
      return slice(bytes, range);
    },
  };
}

/** Column of images that gives samples their names; `undefined` if no name says which it is. */
function primaryOf(columns: readonly Column[]): Column | undefined {
  const named = imageColumns.map((name) => columns.find((column) => column.name.toLowerCase() === name)).find((one) => one !== undefined);
  return named ?? (columns.length === 1 ? columns[0] : undefined);
}

/** Names of rows: the paths of their images without endings, or their numbers if a path is missing or there twice. */
function keysOf(paths: readonly (string | undefined)[], rows: number): readonly string[] {
  const keys = paths.flatMap((path) => {
    const isRelative = path !== undefined && !/^\/|^\w+:|\\|(^|\/)\.\.?(\/|$)/.test(path);
    const name = isRelative ? path : path?.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
    const key = name?.replace(/\.\w+$/, '');
    return key === undefined || key === '' || key.split('/').some((part) => part === '' || part.startsWith('.')) ? [] : [key];
  });
  if (keys.length === rows && new Set(keys).size === rows) return keys;
  const digits = Math.max(6, `${rows - 1}`.length);
  return Array.from({ length: rows }, (_, row) => `${row}`.padStart(digits, '0'));
}

/** Top-level columns, each with its elements below. */
function topLevel({ schema }: FileMetaData): { name: string; element: SchemaElement; children: readonly SchemaElement[] }[] {
  const found: { name: string; element: SchemaElement; children: SchemaElement[] }[] = [];
  /** Index behind an element and all that is below it. */
  const behind = (at: number): number => {
    let next = at + 1;
    for (let child = 0; child < (schema[at]?.num_children ?? 0); child++) next = behind(next);
    return next;
  };
  for (let at = 1; at < schema.length; at = behind(at)) {
    const element = schema[at] as SchemaElement;
    const children: SchemaElement[] = [];
    for (let child = at + 1; child < behind(at); child = behind(child)) children.push(schema[child] as SchemaElement);
    found.push({ name: element.name, element, children });
  }
  return found;
}

/** Columns of images: structs with bytes, and bytes that begin like an image. */
async function columnsOf(metadata: FileMetaData, at: (leaf: string, row: number) => Promise<unknown>): Promise<Column[]> {
  const columns: Column[] = [];
  const isBytes = ({ type, converted_type, repetition_type, logical_type }: SchemaElement): boolean =>
    type === 'BYTE_ARRAY' && repetition_type !== 'REPEATED' && converted_type === undefined && logical_type === undefined;
  for (const { name, element, children } of topLevel(metadata)) {
    const bytes = children.find((child) => child.name === 'bytes' && isBytes(child));
    const isStruct = bytes !== undefined && element.repetition_type !== 'REPEATED' && element.converted_type === undefined;
    const path = children.some((child) => child.name === 'path' && child.type === 'BYTE_ARRAY') ? `${name}.path` : undefined;
    if (isStruct) columns.push({ name, bytes: `${name}.bytes`, path });
    else if (isBytes(element) && metadata.num_rows > 0n) {
      const first = await at(name, 0);
      if (first instanceof Uint8Array && endingOf(first) !== undefined) columns.push({ name, bytes: name, path: undefined });
    }
  }
  return columns;
}

/** Leaves of the columns of a file. */
interface Leaves {
  /** Value of a top-level column in a row. */
  rows(column: string, row: number): Promise<unknown>;
  /** Value of a row. */
  at(leaf: string, row: number): Promise<unknown>;
  /** Values of all rows. */
  all(leaf: string): Promise<unknown[]>;
}

function createLeaves(file: Ranges, metadata: FileMetaData): Leaves {
  const groups: { readonly group: RowGroup; readonly start: number }[] = [];
  let total = 0;
  for (const group of metadata.row_groups) {
    groups.push({ group, start: total });
    total += Number(group.num_rows);
  }
  let kept: Page[] = [];
  /** Last read of each leaf of a group: a page has several rows, which are asked for one after the other. */
  const reading = new Map<string, Promise<unknown>>();

  /** Pages of a leaf of a group that have some of its rows. */
  const pages = async ({ group, start }: (typeof groups)[0], leaf: string, from: number, to: number): Promise<Page[]> => {
    const { parquetRead } = await import('hyparquet');
    const compressors = await compressorsOf();
    const columns = group.columns.filter(({ meta_data }) => meta_data?.path_in_schema.join('.') === leaf);
    const found: Page[] = [];
    await parquetRead({
      file: bufferOf(file),
      metadata: { ...metadata, row_groups: [{ ...group, columns }], num_rows: group.num_rows },
      rowStart: from - start,
      rowEnd: to - start,
      useOffsetIndex: true,
      utf8: false,
      compressors,
      onPage: ({ columnData, rowStart }) => found.push({ leaf, start: start + rowStart, values: Array.from(columnData, bare) }),
    });
    return found;
  };

  let decoded: { readonly column: string; readonly start: number; readonly rows: Promise<Record<string, unknown>[]> } | undefined;
  const rowsOf = async (column: string, { group, start }: (typeof groups)[0]): Promise<Record<string, unknown>[]> => {
    const { parquetReadObjects } = await import('hyparquet');
    const rowEnd = start + Number(group.num_rows);
    return parquetReadObjects({
      file: bufferOf(file),
      metadata,
      columns: [column],
      rowStart: start,
      rowEnd,
      compressors: await compressorsOf(),
    });
  };

  const find = (leaf: string, row: number): Page | undefined =>
    kept.find((page) => page.leaf === leaf && page.start <= row && row < page.start + page.values.length);
  const groupOf = (row: number): (typeof groups)[0] => groups.findLast(({ start }) => start <= row) as (typeof groups)[0];

  return {
    async at(leaf, row) {
      const group = groupOf(row);
      const key = `${leaf} ${group.start}`;
      const read = async (): Promise<unknown> => {
        const page = find(leaf, row);
        if (page) return page.values[row - page.start];
        const found = await pages(group, leaf, row, row + 1);
        kept = keepable([...found, ...kept]);
        const own = found.find(({ start, values }) => start <= row && row < start + values.length);
        return own?.values[row - own.start];
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
      if (decoded?.start !== group.start || decoded.column !== column)
        decoded = { column, start: group.start, rows: rowsOf(column, group) };
      return (await decoded.rows)[row - group.start]?.[column];
    },

    async all(leaf) {
      const values: unknown[] = [];
      for (const group of groups) {
        const rows = Number(group.group.num_rows);
        for (const page of await pages(group, leaf, group.start, group.start + rows)) for (const value of page.values) values.push(value);
      }
      return values;
    },
  };
}

async function compressorsOf(): Promise<Compressors> {
  const { compressors } = await import('hyparquet-compressors');
  // Those of zlib are much faster.
  const all: Compressors = { ...compressors, GZIP: (bytes) => gunzipSync(bytes), BROTLI: (bytes) => brotliDecompressSync(bytes) };
  // A page of nulls alone is empty, which LZ4 would take for damaged.
  const orEmpty =
    (own: NonNullable<Compressors[CompressionCodec]>): typeof own =>
    (bytes, length) =>
      length === 0 ? new Uint8Array(0) : own(bytes, length);
  return Object.fromEntries(Object.entries(all).map(([codec, own]) => [codec, orEmpty(own)]));
}

/** Value of a leaf, which is in a list for each struct around it. */
function bare(value: unknown): unknown {
  return Array.isArray(value) ? bare(value[0]) : value;
}

/** The first pages, up to the number of bytes that is kept, but at least one. */
function keepable(pages: readonly Page[]): Page[] {
  let bytes = 0;
  return pages.filter(({ values }, n) => {
    for (const value of values) bytes += value instanceof Uint8Array ? value.length : 8;
    return n === 0 || bytes <= keptBytes;
  });
}

function bufferOf({ size, read }: Ranges): AsyncBuffer {
  return {
    byteLength: size,
    async slice(start, end = size) {
      const from = start < 0 ? size + start : start;
      const bytes = await read(from, end - from);
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    },
  };
}

/** Ending of an image file, by its first bytes; `undefined` if they are those of no known format. */
function endingOf(bytes: unknown): string | undefined {
  if (!(bytes instanceof Uint8Array)) return undefined;
  const start = Buffer.from(bytes.subarray(0, 16)).toString('latin1');
  return signatures.find(([signature]) => signature.test(start))?.[1];
}

const signatures: readonly (readonly [RegExp, string])[] = [
  [/^\x89PNG\r\n/, '.png'],
  [/^\xff\xd8\xff/, '.jpg'],
  [/^(II\*\0|MM\0\*|II\+\0|MM\0\+)/, '.tif'],
  [/^RIFF[\s\S]{4}WEBP/, '.webp'],
  [/^[\s\S]{4}ftypavi[fs]/, '.avif'],
  [/^BM/, '.bmp'],
  [/^\x93NUMPY/, '.npy'],
];

/** Tests if two endings name one format. */
function sameEnding(one: string, other: string): boolean {
  const plain = (ending: string): string =>
    ending
      .toLowerCase()
      .replace(/^\.(jpeg|jpe|jfif)$/, '.jpg')
      .replace(/^\.tiff$/, '.tif');
  return plain(one) === plain(other);
}
