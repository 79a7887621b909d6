/** Objects of samples in Parquet files: a column of lists, as `pack` writes it and data sets for object detection have it. */
import type { FileMetaData, SchemaElement } from 'hyparquet';

/** Objects of a row: lists of equal length. */
interface Objects {
  readonly id?: readonly bigint[] | null;
  readonly bbox?: readonly (readonly (bigint | number)[])[] | null;
  readonly area?: readonly (bigint | number)[] | null;
  readonly category?: readonly bigint[] | null;
  readonly category_id?: readonly bigint[] | null;
  readonly iscrowd?: readonly bigint[] | null;
  readonly isthing?: readonly bigint[] | null;
  readonly segmentation: readonly { readonly size: readonly bigint[]; readonly counts: string }[];
}

/**
 * Reader of the objects of a row as a file of Segment Anything, with the names of their classes.
 *
 * @returns `undefined` if the file has no column `objects` with run lengths.
 */
export function objectsOf(
  metadata: FileMetaData,
  rows: (column: string, row: number) => Promise<unknown>,
): ((row: number) => Promise<Uint8Array>) | undefined {
  if (!hasRunLengths(metadata.schema)) return undefined;
  const names = classNamesOf(metadata);
  return async (row) => {
    const objects = (await rows('objects', row)) as Objects;
    const { id, bbox, area, category, category_id, iscrowd, isthing, segmentation } = objects;
    const annotations = segmentation.map(({ size, counts }, n) => ({
      ...(id && { id: Number(id[n]) }),
      ...((category_id ?? category) && { category_id: Number((category_id ?? category)?.[n]) }),
      ...(category && { category: names[Number(category[n])] ?? `${category[n]}` }),
      ...(bbox && { bbox: bbox[n]?.map(Number) }),
      ...(area && { area: Number(area[n]) }),
      ...(iscrowd && { iscrowd: Number(iscrowd[n]) }),
      ...(isthing && isthing[n] === 0n && { isthing: 0 }),
      segmentation: { size: size.map(Number), counts },
    }));
    const [height, width] = segmentation[0]?.size ?? [];
    const image = { file_name: null, ...(width !== undefined && { width: Number(width), height: Number(height) }) };
    return Buffer.from(`${JSON.stringify({ image, annotations })}\n`);
  };
}

/** The smallest leaf of the column of objects, which tells the rows where that is null; `undefined` if it cannot be null. */
export function leafOfObjects({ schema, row_groups: [group] }: FileMetaData): string | undefined {
  const element = schema.find(({ name, num_children }) => name === 'objects' && num_children !== undefined);
  if (element?.repetition_type !== 'OPTIONAL') return undefined;
  const leaves = (group?.columns ?? []).flatMap(({ meta_data }) => (meta_data?.path_in_schema[0] === 'objects' ? [meta_data] : []));
  const [smallest] = leaves.sort((one, other) => Number(one.total_compressed_size - other.total_compressed_size));
  return smallest?.path_in_schema.join('.');
}

/** Tests if a schema has `objects.segmentation.list.element.counts`. */
function hasRunLengths(schema: readonly SchemaElement[]): boolean {
  const objects = schema.findIndex(({ name, num_children }) => name === 'objects' && num_children !== undefined);
  const segmentation = schema.findIndex(({ name }, n) => n > objects && name === 'segmentation');
  const names = schema.slice(segmentation + 1, segmentation + 8).map(({ name }) => name);
  return objects >= 0 && segmentation >= 0 && names.includes('counts') && names.includes('size');
}

/** Names of the classes of objects, as the footer states them for `datasets`. */
function classNamesOf({ key_value_metadata = [] }: FileMetaData): readonly string[] {
  const value = key_value_metadata.find(({ key }) => key === 'huggingface')?.value;
  if (value === undefined) return [];
  try {
    const category = JSON.parse(value).info.features.objects.category;
    const feature = Array.isArray(category) ? category[0] : category.feature;
    return Array.isArray(feature.names) ? feature.names : [];
  } catch {
    return [];
  }
}
