import { readMask, readObjects } from '../codecs/masks.ts';
import { whatOf } from '../errors.ts';
import { layoutNamed } from '../formats/layouts.ts';
import { contradictionsOf } from '../masks/contradictions.ts';
import { countIds } from '../masks/ids.ts';
import { vocColours } from '../masks/palette.ts';
import type { Mask } from '../types.ts';
import type { Difference } from './compare.ts';
import { createFinder, readOwn } from './files.ts';
import type { AugmentedRecord, LayoutRecord, ManifestRecord } from './manifest.ts';
import { manifestName } from './manifest-file.ts';

/** Compares the masks of a sample with its record, and files that are copied with the input that it names. */
export async function checkRecord(out: string, record: ManifestRecord, layout: LayoutRecord): Promise<Difference[]> {
  if (record.status === 'unchanged') return [...copyDifferences(record)];
  // The mask PNG of an annotation format, such as COCO panoptic, does not hold class ids.
  if (!record.files.mask || layoutNamed(layout.name).format) return [];
  const { path } = record.files.mask;
  const found: Difference[] = [];
  try {
    for await (const one of differencesOf(out, path, record, layout)) found.push(one);
  } catch (error) {
    found.push({ path, what: whatOf(error, path) });
  }
  return found;
}

/** Copies of input files whose digests are not those of the input. */
function* copyDifferences({ files, inputs }: ManifestRecord): Generator<Difference> {
  for (const role of ['image', 'mask', 'labels', 'objects'] as const) {
    const file = files[role];
    if (file?.codec === 'copy' && file.sha256 !== inputs[role]?.sha256)
      yield { path: file.path, what: 'is a copy by its record, but its SHA-256 is not that of its input' };
  }
}

async function* differencesOf(out: string, path: string, record: AugmentedRecord, layout: LayoutRecord): AsyncGenerator<Difference> {
  const find = createFinder(out);
  const mask = await readMask(await readOwn(find, path), path, layout);
  for (const what of classDifferences(mask, record)) yield { path, what };
  for (const what of placementDifferences(record)) yield { path: manifestName, what };
  if (!record.files.objects) return;
  const { path: objectPath } = record.files.objects;
  const objects = await readObjects(await readOwn(find, objectPath), objectPath);
  // Ids of other colours are numbered in order of appearance, which pastes change.
  if (objects.colours && objects.colours.byId !== vocColours) return;
  for (const what of objectDifferences(mask, objects, record, layout)) yield { path: objectPath, what };
}

/** Differences between the pixel counts of classes in a mask and in its record. */
function* classDifferences(mask: Mask, record: AugmentedRecord): Generator<string> {
  const pixels = countIds(mask);
  for (const [id, [, after]] of Object.entries(record.pixels)) {
    const there = pixels.get(Number(id)) ?? 0;
    if (there !== after) yield `has ${there} pixels of class ${id}, but the manifest records ${after}`;
    pixels.delete(Number(id));
  }
  for (const id of pixels.keys()) yield `has pixels of class ${id}, which is not in its record in the manifest`;
}

/** Placements of a record with impossible pixel counts. */
function* placementDifferences({ id, placements }: AugmentedRecord): Generator<string> {
  for (const { order, area, visible } of placements) {
    if (visible > area) yield `placement ${order} of ${id} has impossible pixel counts: area ${area}, visible ${visible}`;
  }
}

/** Differences between the pixel counts of objects in an instance mask and in its record, and contradictions with the class mask. */
function* objectDifferences(
  mask: Mask,
  objects: Mask,
  { placements, covered = [] }: AugmentedRecord,
  layout: LayoutRecord,
): Generator<string> {
  const counts = countIds(objects);
  const pasted = placements.flatMap(({ object, classId, visible }) => (object === undefined ? [] : [{ object, classId, visible }]));
  const expected = [
    ...pasted.map(({ object, visible }) => [object, visible] as const),
    ...covered.map(({ object, after, dropped }) => [object, dropped ? 0 : after] as const),
  ];
  for (const [object, pixels] of expected) {
    const there = counts.get(object) ?? 0;
    if (there !== pixels) yield `has ${there} pixels of object ${object}, but the manifest records ${pixels}`;
  }
  const leftOut = new Set([...layout.background, ...layout.ignore]);
  yield* contradictionsOf(mask, objects, leftOut, leftOut, new Map(pasted.map(({ object, classId }) => [object, classId])));
}
