/** Turns samples into the files and rows of archives. */

import { archiveEnding } from '../archives/archive.ts';
import type { PackedObject, PackedRow } from '../archives/parquet-writer.ts';
import type { Packed } from '../archives/tar-writer.ts';
import { readInput } from '../base/digest.ts';
import { extensionOf } from '../base/paths.ts';
import { readAnnotations } from '../dataset/annotations.ts';
import type { Dataset } from '../dataset/open.ts';
import { CopyPasteError } from '../errors.ts';
import type { Format } from '../formats/format.ts';
import { countsOfSpans, packCounts } from '../masks/run-lengths.ts';
import type { HashedFile } from '../output/records.ts';
import type { Reason, Sample } from '../types.ts';

/** Names of the images of a sample: members of a tar have them before their ending, and columns of Parquet have them. */
export const imageRoles = ['image', 'mask', 'instances'] as const;

/** A sample with its name in an archive. */
export interface Keyed {
  readonly sample: Sample;
  readonly key: string;
}

/** Names classes. */
export type NameOf = (classId: number) => string;

/** A sample that was read. */
export interface Loaded {
  readonly row: PackedRow;
  /** Files that it was read from. */
  readonly inputs: readonly HashedFile[];
  /** Number of annotations that are not packed, by reason. */
  readonly left: Readonly<Partial<Record<Reason, number>>>;
}

/**
 * Names of the samples of a split in archives: their ids without the split. A key ends at the first dot of a file's name, so that other
 * dots become `_`.
 *
 * @throws {CopyPasteError} `data` if two samples would have one name.
 */
export function keysOf(samples: readonly Sample[]): Keyed[] {
  const bare = (sample: Sample, folders: boolean): Keyed => {
    const { id, split } = sample;
    const parts = (split !== '' && id.startsWith(`${split}/`) ? id.slice(split.length + 1) : id).split('/');
    const name = (parts.at(-1) as string).replaceAll('.', '_');
    return { sample, key: [...parts.slice(0, -1).filter((part) => folders || !archiveEnding.test(part)), name].join('/') };
  };
  const short = samples.map((sample) => bare(sample, false));
  const keyed = new Set(short.map(({ key }) => key)).size === samples.length ? short : samples.map((sample) => bare(sample, true));
  const byKey = new Map<string, Sample>();
  for (const { key, sample } of keyed) {
    const twin = byKey.get(key);
    if (twin)
      throw new CopyPasteError('data', `would have the name ${key} in an archive, as ${twin.image}; rename one of them`, {
        path: sample.image,
      });
    byKey.set(key, sample);
  }
  return keyed;
}

/**
 * Reads a sample to be packed.
 *
 * @param format of its annotations; absent if they are masks.
 * @throws {CopyPasteError} `data` if its annotations cannot be read.
 */
export async function loadSample({ sample, key }: Keyed, dataset: Dataset, format: Format | undefined): Promise<Loaded> {
  const inputs: HashedFile[] = [];
  const read = async (path: string): Promise<Uint8Array> => {
    const { bytes, sha256 } = await readInput(dataset, path);
    inputs.push({ path, sha256 });
    return bytes;
  };
  const imageOf = async (role: (typeof imageRoles)[number], path: string | undefined) =>
    path === undefined ? {} : { [role]: { bytes: await read(path), path: nameOf(key, role, path) } };
  const image = await imageOf('image', sample.image);
  if (!format) {
    const images = { ...image, ...(await imageOf('mask', sample.mask)), ...(await imageOf('instances', sample.objects)) };
    return { row: { key, images, size: sample.size }, inputs, left: {} };
  }
  const { shapes, files } = await readAnnotations(sample, dataset, { instances: 'component', jitter: 'instance' });
  inputs.push(...files.map(({ path, sha256 }) => ({ path, sha256 })));
  const left: Partial<Record<Reason, number>> = {};
  const objects = (shapes?.shapes ?? []).flatMap(({ instance, id, reason = 'no area' }): PackedObject[] => {
    if (!instance) {
      left[reason] = (left[reason] ?? 0) + 1;
      return [];
    }
    const { classId, box, area, spans, start, end, crowd = false } = instance;
    const [x0, y0, x1, y1] = box;
    const counts = packCounts(countsOfSpans(spans.subarray(start, end), sample.size));
    return [
      {
        id,
        bbox: [x0, y0, x1 - x0, y1 - y0],
        area,
        categoryId: classId,
        iscrowd: crowd && reason !== 'stuff',
        isthing: reason !== 'stuff',
        counts,
      },
    ];
  });
  return { row: { key, images: image, objects: shapes?.unlabelled ? undefined : objects, size: sample.size }, inputs, left };
}

/** Name of a file of a sample. */
function nameOf(key: string, role: (typeof imageRoles)[number], path: string): string {
  return `${key}${role === 'image' ? '' : `.${role}`}${extensionOf(path).toLowerCase()}`;
}

/** Files of a sample in a tar; objects are a file of JSON, as in Segment Anything, with the names of their classes. */
export function* membersOf({ images, objects, size: { width, height } }: PackedRow, key: string, nameOfClass: NameOf): Generator<Packed> {
  for (const role of imageRoles) {
    const image = images[role];
    if (image) yield { name: image.path, bytes: image.bytes };
  }
  if (!objects) return;
  const annotations = objects.map(({ id, categoryId, bbox, area, iscrowd, isthing, counts }) => ({
    id,
    category_id: categoryId,
    category: nameOfClass(categoryId),
    bbox,
    area,
    iscrowd: iscrowd ? 1 : 0,
    ...(!isthing && { isthing: 0 }),
    segmentation: { size: [height, width], counts },
  }));
  const file_name = images.image?.path.slice(images.image.path.lastIndexOf('/') + 1);
  yield { name: `${key}.json`, bytes: Buffer.from(`${JSON.stringify({ image: { file_name, width, height }, annotations })}\n`) };
}
