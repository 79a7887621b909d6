/**
 * Reads images in Parquet files, as Hugging Face's `datasets` and others write them: columns of encoded images, as bytes or as structs
 * `{ bytes, path }`. A row is a sample: the column `image` of the row `7` is the member `7.jpg`, and the column `mask` is `7.mask.png`.
 */
import type { FileMetaData, SchemaElement } from 'hyparquet';
import { messageOf } from '../errors.ts';
import { type Archive, Damaged, Members, type Ranges } from './archive.ts';
import { bare, bufferOf, createLeaves, type Leaves } from './parquet-leaves.ts';
import { leafOfObjects, objectsOf } from './parquet-objects.ts';

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

/** An image of a row, or its objects. */
interface Member {
  readonly column: Column;
  readonly row: number;
  /** Path of the image, if the row states one. */
  readonly path: string | undefined;
  readonly ending: string;
  /** False if the ending is not that of the path, but that of the column's first image. */
  readonly isNamed: boolean;
}

/** Endings of paths that say the format of an image. Others are parts of names, as in `slice_1.25`. */
const imageEnding = /\.(png|jpe?g|webp|tiff?|avif|bmp|npy|npz)$/i;

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
  const columns = await columnsOf(metadata, leaves.first).catch(damaged);
  if (rows > 0 && columns.length === 0)
    throw new Damaged(
      `has no column of images; its columns are ${topLevel(metadata)
        .map(({ name }) => name)
        .join(', ')}`,
    );
  const primary = primaryOf(columns);
  /** Paths of images; `null` for an image without a path, `undefined` where the struct of both is null. */
  const pathsOf = async (column: Column): Promise<readonly (string | null | undefined)[]> =>
    column.path === undefined
      ? Array.from({ length: rows }, () => null)
      : (await leaves.all(column.path).catch(damaged)).map((value) => textIn(bare(value)));
  const members = new Members<Member>();
  const keys = keysOf(primary === undefined ? [] : await pathsOf(primary), rows);
  for (const column of columns) {
    const paths = await pathsOf(column);
    const endings = paths.map((path) => imageEnding.exec(path ?? '')?.[0]);
    const usual = endings.includes(undefined) ? (endingOf(await leaves.first(column.bytes).catch(damaged)) ?? '') : '';
    const infix = column === primary ? '' : `.${column.name}`;
    for (let row = 0; row < rows; row++) {
      const ending = endings[row] ?? usual;
      // A sample may lack a mask, but a row without its image is an error, which reading names.
      if (paths[row] !== undefined || column === primary)
        members.add(`${keys[row]}${infix}${ending}`, {
          column,
          row,
          path: paths[row] ?? undefined,
          ending,
          isNamed: endings[row] !== undefined,
        });
    }
  }
  const objects = primary && objectsOf(metadata, leaves.rows);
  const annotated = objects ? await annotatedRows(metadata, leaves).catch(damaged) : [];
  if (primary)
    for (const row of annotated)
      members.add(`${keys[row]}.json`, { column: primary, row, path: undefined, ending: '.json', isNamed: true });
  const slice = (bytes: Uint8Array, range: Parameters<Archive['read']>[1]): Uint8Array =>
    bytes.slice(range?.start ?? 0, range?.end ?? bytes.length);
  return {
    names: members.names(),
    size: (name) => void members.get(name),
    async read(name, range) {
      const member = members.get(name);
      const { column, row } = member;
      if (objects && member.ending === '.json') return slice(await objects(row).catch(damaged), range);
      const bytes = await leaves.at(column.bytes, row).catch(damaged);
      const wrong = faultOf(member, bytes, column === primary);
      if (wrong !== undefined || !(bytes instanceof Uint8Array)) throw new Damaged(`row ${row}, column ${column.name}: ${wrong}`);
      // A page is kept, and others may change the bytes that they receive.
      return slice(bytes, range);
    },
  };
}

/** Rows whose objects are not null: an image without objects has empty lists, and one that is not annotated has null. */
async function annotatedRows(metadata: FileMetaData, leaves: Leaves): Promise<number[]> {
  const leaf = leafOfObjects(metadata);
  const values = leaf === undefined ? [] : await leaves.all(leaf);
  const isNull = (value: unknown): boolean => Array.isArray(value) && value.length === 0;
  return Array.from({ length: Number(metadata.num_rows) }, (_, row) => row).filter((row) => !isNull(values[row]));
}

/** Why the bytes of a member cannot be read; `undefined` if they can. */
function faultOf({ path, ending, isNamed }: Member, bytes: unknown, isPrimary: boolean): string | undefined {
  if (!(bytes instanceof Uint8Array))
    return path === undefined
      ? 'has no image (null); write the Parquet file again without such rows'
      : 'has no bytes, only the path of a file; write the Parquet file again with the bytes in it (push_to_hub and embed_table_storage do so)';
  const own = endingOf(bytes);
  // Decoders of images look at the content, but masks in a format with loss would be other masks.
  if (own === undefined || sameEnding(own, ending) || (isPrimary && !isNamed)) return undefined;
  return isNamed
    ? `is a file ${own}, but is named ${ending}; correct its path`
    : `is a file ${own}, but the first of its column is a file ${ending}; write them in one format, or with their paths`;
}

/** A path; a column that is not marked as text has its bytes. */
function textIn(path: unknown): string | null | undefined {
  return path instanceof Uint8Array ? Buffer.from(path).toString() : (path as string | null | undefined);
}

/** Column of images that gives samples their names; `undefined` if no name says which it is. */
function primaryOf(columns: readonly Column[]): Column | undefined {
  const named = imageColumns.map((name) => columns.find((column) => column.name.toLowerCase() === name)).find((one) => one !== undefined);
  return named ?? (columns.length === 1 ? columns[0] : undefined);
}

/** Names of rows: the paths of their images without endings, or their numbers if a path is missing or there twice. */
function keysOf(paths: readonly (string | null | undefined)[], rows: number): readonly string[] {
  const keys = paths.flatMap((path) => {
    if (path === null || path === undefined) return [];
    const isRelative = !/^\/|^\w+:|\\|(^|\/)\.\.?(\/|$)/.test(path);
    const name = isRelative ? path : path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
    const key = name.replace(imageEnding, '');
    return key === '' || key.split('/').some((part) => part === '' || part.startsWith('.')) ? [] : [key];
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
async function columnsOf(metadata: FileMetaData, firstOf: (leaf: string) => Promise<unknown>): Promise<Column[]> {
  const columns: Column[] = [];
  const isBytes = ({ type, converted_type, repetition_type, logical_type }: SchemaElement): boolean =>
    type === 'BYTE_ARRAY' && repetition_type !== 'REPEATED' && converted_type === undefined && logical_type === undefined;
  for (const { name, element, children } of topLevel(metadata)) {
    const bytes = children.find((child) => child.name === 'bytes' && isBytes(child));
    const isStruct = bytes !== undefined && element.repetition_type !== 'REPEATED' && element.converted_type === undefined;
    const path = children.some((child) => child.name === 'path' && child.type === 'BYTE_ARRAY') ? `${name}.path` : undefined;
    if (isStruct) columns.push({ name, bytes: `${name}.bytes`, path });
    else if (isBytes(element) && metadata.num_rows > 0n) {
      const first = await firstOf(name);
      if (first instanceof Uint8Array && endingOf(first) !== undefined) columns.push({ name, bytes: name, path: undefined });
    }
  }
  return columns;
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
      .replace(/^\.jpeg$/, '.jpg')
      .replace(/^\.tiff$/, '.tif');
  return plain(one) === plain(other);
}
