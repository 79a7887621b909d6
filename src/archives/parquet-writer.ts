/** Writes Parquet files as Hugging Face's `datasets` reads them: the footer says which columns are images, and names the classes. */
import type { SchemaElement } from 'hyparquet';

/** An object of a sample, as in COCO. */
export interface PackedObject {
  readonly id: number;
  /** Left, top, width and height. */
  readonly bbox: readonly [left: number, top: number, width: number, height: number];
  readonly area: number;
  readonly categoryId: number;
  readonly iscrowd: boolean;
  /** False for a region of stuff, such as sky. */
  readonly isthing: boolean;
  /** Run lengths, packed as COCO packs them. */
  readonly counts: string;
}

/** An encoded image with the name of its file. */
interface PackedImage {
  readonly bytes: Uint8Array;
  readonly path: string;
}

/** A sample, a row of the file. */
export interface PackedRow {
  readonly key: string;
  readonly images: Readonly<Record<string, PackedImage | undefined>>;
  /** Objects, if the data set has annotations of them; `undefined` if the image is not annotated. */
  readonly objects?: readonly PackedObject[] | undefined;
  readonly size: { readonly width: number; readonly height: number };
}

/** Contents of a file. */
export interface RowsOf {
  /** Names of the columns of images. */
  readonly images: readonly string[];
  /** Classes of objects, with their names; absent if there is no column of objects. */
  readonly categories?: readonly { readonly id: number; readonly name: string }[] | undefined;
  readonly createdBy: string;
}

/** Rows and bytes of a row group, of which all is in memory. */
const [mostRows, mostBytes] = [100, 1 << 26];

/** Parts of a Parquet file of some rows. */
export async function* parquetOf(rows: AsyncIterable<PackedRow>, { images, categories, createdBy }: RowsOf): AsyncGenerator<Uint8Array> {
  const { ByteWriter, ParquetWriter } = await import('hyparquet-writer');
  const bytes = new ByteWriter();
  const features = {
    ...Object.fromEntries(images.map((name) => [name, { _type: 'Image' }])),
    ...(categories && objectFeatures(categories)),
  };
  const kvMetadata = [{ key: 'huggingface', value: JSON.stringify({ info: { features: { key: text, ...features } } }) }];
  const schema = schemaOf(images, categories !== undefined);
  const writer = new ParquetWriter({ writer: bytes, schema, codec: 'UNCOMPRESSED', statistics: false, kvMetadata, createdBy });
  const take = (): Uint8Array => {
    const taken = bytes.getBytes().slice();
    bytes.index = 0;
    return taken;
  };
  const indexOf = new Map(categories?.map(({ id }, index) => [id, index]));
  const write = async (group: readonly PackedRow[]): Promise<Uint8Array> => {
    const columnData = [
      { name: 'key', data: group.map(({ key }) => key) },
      ...images.map((name) => ({ name, data: group.map((row) => row.images[name] ?? null) })),
      ...(categories ? [{ name: 'objects', data: group.map((row) => objectsOf(row, indexOf)) }] : []),
    ];
    // Images are compressed already, and no two are alike.
    await writer.write({ columnData: columnData.map((one) => ({ ...one, encoding: 'PLAIN' as const })), rowGroupSize: mostRows });
    return take();
  };
  let group: PackedRow[] = [];
  let held = 0;
  for await (const row of rows) {
    group.push(row);
    held += Object.values(row.images).reduce((sum, image) => sum + (image?.bytes.length ?? 0), 0);
    if (group.length < mostRows && held < mostBytes) continue;
    yield await write(group);
    [group, held] = [[], 0];
  }
  if (group.length > 0) yield await write(group);
  await writer.finish();
  yield take();
}

const text = { dtype: 'string', _type: 'Value' };
const integer = { dtype: 'int64', _type: 'Value' };
const listOf = (feature: object): object => [feature];

/** Features of objects: lists of equal length, as in data sets for object detection. */
function objectFeatures(categories: readonly { readonly name: string }[]): object {
  return {
    objects: {
      id: listOf(integer),
      bbox: listOf(listOf({ dtype: 'float32', _type: 'Value' })),
      area: listOf(integer),
      category: listOf({ names: categories.map(({ name }) => name), _type: 'ClassLabel' }),
      category_id: listOf(integer),
      iscrowd: listOf(integer),
      isthing: listOf(integer),
      segmentation: listOf({ size: listOf(integer), counts: text }),
    },
  };
}

function objectsOf({ objects, size: { width, height } }: PackedRow, indexOf: ReadonlyMap<number, number>): object | null {
  if (!objects) return null;
  return {
    id: objects.map(({ id }) => BigInt(id)),
    bbox: objects.map(({ bbox }) => bbox),
    area: objects.map(({ area }) => BigInt(area)),
    category: objects.map(({ categoryId }) => BigInt(indexOf.get(categoryId) as number)),
    category_id: objects.map(({ categoryId }) => BigInt(categoryId)),
    iscrowd: objects.map(({ iscrowd }) => (iscrowd ? 1n : 0n)),
    isthing: objects.map(({ isthing }) => (isthing ? 1n : 0n)),
    segmentation: objects.map(({ counts }) => ({ size: [BigInt(height), BigInt(width)], counts })),
  };
}

function schemaOf(images: readonly string[], hasObjects: boolean): SchemaElement[] {
  const leaf = (name: string, type: SchemaElement['type']): SchemaElement[] => [
    { name, type: type as 'INT64', repetition_type: 'OPTIONAL' },
  ];
  const string = (name: string): SchemaElement[] => [{ name, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' }];
  const group = (name: string, ...children: SchemaElement[][]): SchemaElement[] => [
    { name, repetition_type: 'OPTIONAL', num_children: children.length },
    ...children.flat(),
  ];
  const list = (name: string, element: SchemaElement[]): SchemaElement[] => [
    { name, repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    ...element,
  ];
  const objects = group(
    'objects',
    list('id', leaf('element', 'INT64')),
    list('bbox', list('element', leaf('element', 'FLOAT'))),
    list('area', leaf('element', 'INT64')),
    list('category', leaf('element', 'INT64')),
    list('category_id', leaf('element', 'INT64')),
    list('iscrowd', leaf('element', 'INT64')),
    list('isthing', leaf('element', 'INT64')),
    list('segmentation', group('element', list('size', leaf('element', 'INT64')), string('counts'))),
  );
  return [
    { name: 'schema', num_children: 1 + images.length + (hasObjects ? 1 : 0) },
    ...string('key'),
    ...images.flatMap((name) => group(name, leaf('bytes', 'BYTE_ARRAY'), string('path'))),
    ...(hasObjects ? objects : []),
  ];
}
