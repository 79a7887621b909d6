/** Reads Datumaro documents. */
import { createHash } from 'node:crypto';
import { decodeText } from '../../base/text.ts';
import { CopyPasteError, systemMessageOf } from '../../errors.ts';
import { isCoordinate, outlineOfEllipse, spansOfPolygons } from '../../masks/polygons.ts';
import { spansOfRle } from '../../masks/run-lengths.ts';
import type { Box, ShapeSet, Size } from '../../types.ts';
import { readSurroundings, type Surroundings } from '../documents.ts';
import type { DocumentContents, DocumentFormat, DocumentImage, ShapeSource } from '../format.ts';
import { partsOf, tooDeep } from '../json.ts';
import { parseJson } from '../json-text.ts';
import { integer, type Keys, length, list, object, optional, problemOfKeys, shown, text } from '../keys.ts';
import { problemOfRuns } from '../rle.ts';
import { type Counted, createShapeTally, type Drawn, reasonOfPolygon, type Stacked, shapesOfStack } from '../stacks.ts';

/** One image with its annotations. */
export interface DatumaroItem {
  readonly id: string;
  readonly image: { readonly path: string; readonly size?: readonly number[] | null };
  readonly annotations: readonly DatumaroAnnotation[];
}

export interface DatumaroAnnotation {
  readonly id?: number;
  readonly type: string;
  readonly attributes?: Readonly<Record<string, unknown>>;
  readonly group?: number;
  readonly object_id?: number;
  readonly label_id?: number | null;
  readonly z_order?: number;
  readonly points?: readonly number[];
  readonly bbox?: readonly number[];
  readonly rle?: { readonly counts: string | readonly number[]; readonly size: readonly number[] };
}

/** Annotation types without a position in the image. */
const unplaced = ['label', 'caption'];
/** Annotation types with an area. */
const filled = ['polygon', 'mask', 'ellipse'];

/** Scans a document. @throws {CopyPasteError} `data` when it is not a valid Datumaro document. */
export async function openDatumaro(
  ...[root, { masks: path }, encoding, refuse]: Parameters<DocumentFormat['open']>
): Promise<DocumentContents<Surroundings>> {
  const hash = createHash('sha256');
  const images: DocumentImage[] = [];
  const faults: string[] = [];
  const found = createShapeTally();
  let largestOfImage = 0;
  let classNames = new Map<number, string>();
  let items: Pick<DocumentImage, 'places'>[] | undefined;
  try {
    for await (const { key, element, bytes, place, deep } of partsOf(root, path, { encoding, seen: (bytes) => hash.update(bytes) })) {
      const value = JSON.parse(decodeText(bytes, path, encoding, place.start));
      if (key === 'categories' && !element) classNames = namesOf(value);
      if (key !== 'items') continue;
      items ??= [];
      if (!element && !(Array.isArray(value) && value.length === 0)) throw new Error(`items is ${shown(value)}, not a list`);
      if (!element) continue;
      const title = titleOf(value, items.length);
      const places = [place.start, place.length];
      items.push({ places });
      const problem = deep ? tooDeep : problemOfItem(value);
      if (problem !== undefined) {
        faults.push(`${title}: ${problem}`);
        continue;
      }
      const item: DatumaroItem = value;
      const size = sizeOf(item);
      const problems = problemsOfAnnotations(item, size);
      images.push({ title, name: item.image.path, ...size, places, ...(problems.length > 0 && { problems }) });
      if (problems.length > 0) continue;
      found.add(item.annotations.map((one) => groupedOf(one, size)));
      largestOfImage = Math.max(largestOfImage, largestOf(item));
    }
  } catch (error) {
    if (error instanceof CopyPasteError) throw error;
    throw refuse(`not a valid Datumaro document: ${systemMessageOf(error)}`, error);
  }
  if (items === undefined) throw refuse('not a valid Datumaro document: items are missing');
  const own = await readSurroundings(root, path, items, ',', encoding);
  const counts = found.counts((label) => classNames.has(label as number));
  return { images, classNames, faults, document: { path, sha256: hash.digest('hex'), ...counts, keypoints: 0, largestOfImage, own } };
}

/** Reads the shapes of one item. @throws {CopyPasteError} `data` when an annotation is invalid. */
export function shapesOfDatumaro({ parts: [part = ''], file, size: actual, classNames }: ShapeSource): ShapeSet<DatumaroItem, Stacked> {
  const item: DatumaroItem = parseJson(part);
  const size = sizeOf(item) ?? actual;
  const drawn = item.annotations.map((annotation, n): Drawn | undefined => {
    const { label_id: label, z_order: order } = annotation;
    const grouped = groupedOf(annotation, size);
    if (!grouped) return undefined;
    const { group, form, reason } = grouped;
    const problem = problemOfMask(annotation, size);
    if (problem !== undefined) throw new CopyPasteError('data', `${titleOf(item, 0)}: annotations[${n}]: ${problem}`, { path: file });
    const spans = form === 'area' ? spansOfAnnotation(annotation, size) : undefined;
    const classId = typeof label === 'number' && classNames.has(label) ? label : undefined;
    return { classId, order: order ?? 0, group, box: annotation.type === 'bbox' ? extentOf(annotation) : undefined, spans, reason };
  });
  return { size, own: item, shapes: shapesOfStack(drawn, size) };
}

/** Facts of an annotation that tell to which shape it belongs, and why it is never pasted; undefined if it has no position. */
function groupedOf({ type, group, label_id: label, points = [] }: DatumaroAnnotation, size: Size | undefined): Counted | undefined {
  if (unplaced.includes(type)) return undefined;
  const form = type === 'bbox' ? 'box' : filled.includes(type) ? 'area' : 'other';
  if (type === 'rotated_bbox') return { group: group ?? 0, label, form, reason: 'box' };
  if (type !== 'polygon') return { group: group ?? 0, label, form };
  const few = points.length < 6;
  return { group: group ?? 0, label, form: few ? 'other' : 'area', reason: few ? 'too few points' : reasonOfPolygon(points, size) };
}

/** Largest id, group or order of the annotations of an item. */
function largestOf({ annotations }: DatumaroItem): number {
  return annotations.reduce((most, { id, group, z_order }) => Math.max(most, id ?? 0, group ?? 0, z_order ?? 0), 0);
}

/** Extent of a box. */
function extentOf({ bbox }: DatumaroAnnotation): Box {
  const [x, y, width, height] = bbox as [number, number, number, number];
  return [x, y, x + width, y + height];
}

function namesOf(categories: { label?: { labels?: { name?: unknown }[] } } | null): Map<number, string> {
  const labels = categories?.label?.labels ?? [];
  if (!Array.isArray(labels)) throw new Error('categories need a list of labels');
  for (const [n, label] of labels.entries()) {
    const problem = problemOfKeys(label, { name: text });
    if (problem !== undefined) throw new Error(`categories: labels[${n}]: ${problem}`);
  }
  return new Map(labels.map(({ name }, id) => [id, name as string]));
}

/** Name of an item in messages. */
function titleOf(item: Partial<DatumaroItem> | null, n: number): string {
  return typeof item?.id === 'string' ? `item '${item.id}'` : `items[${n}]`;
}

/** Size of the image of an item, if the document states it. */
function sizeOf({ image }: DatumaroItem): Size | undefined {
  const [height, width] = image.size ?? [];
  return height && width ? { width, height } : undefined;
}

const isNumbers = (value: unknown): value is number[] => Array.isArray(value) && value.every(isCoordinate);

const itemKeys: Keys = { id: text, annotations: list };
const imageKeys: Keys = {
  path: { expects: 'the path of a file', fits: (value) => typeof value === 'string' && value !== '' },
  size: optional({
    expects: 'a list of height and width',
    fits: (value) => Array.isArray(value) && value.length === 2 && value.every(length.fits),
  }),
};
const annotationKeys: Keys = {
  type: text,
  id: optional(integer),
  group: optional(integer),
  label_id: optional(integer),
  z_order: optional(integer),
  attributes: optional(object),
};
const box = { expects: 'a list of four coordinates', fits: (value: unknown) => isNumbers(value) && value.length === 4 };
const outline = { expects: 'a list of pairs of coordinates', fits: (value: unknown) => isNumbers(value) && value.length % 2 === 0 };

/** Keys of an annotation by its type. */
const keysOfType: Readonly<Record<string, Keys>> = {
  bbox: { bbox: box },
  ellipse: { points: box },
  polygon: { points: outline },
  mask: { rle: object },
};

/** Names the first known key of an item or its image that is missing or of the wrong type, and what was found. */
function problemOfItem(item: Partial<DatumaroItem> | null): string | undefined {
  const problem = problemOfKeys(item, itemKeys);
  if (problem !== undefined) return problem;
  const { image } = item as Partial<DatumaroItem>;
  if (image === undefined) return 'image is missing; export the data set with its media';
  const ofImage = problemOfKeys(image, imageKeys);
  return ofImage === undefined ? undefined : `image: ${ofImage}`;
}

/** Problems of the annotations of an item, at most one each. @param size of the image, if the document states it. */
function problemsOfAnnotations({ annotations }: DatumaroItem, size: Size | undefined): string[] {
  return annotations.flatMap((annotation, n) => {
    const problem =
      problemOfKeys(annotation, annotationKeys) ??
      problemOfKeys(annotation, keysOfType[annotation.type] ?? {}) ??
      problemOfMask(annotation, size);
    return problem === undefined ? [] : [`annotations[${n}]: ${problem}`];
  });
}

/** Names what is wrong with the run lengths of an annotation. */
function problemOfMask({ type, rle }: DatumaroAnnotation, size: Size | undefined): string | undefined {
  if (type !== 'mask' || !rle) return undefined;
  const problem = problemOfRuns(rle, size);
  return problem === undefined ? undefined : `rle: ${problem}`;
}

/** Spans of an annotation with an area. */
function spansOfAnnotation({ type, points, rle }: DatumaroAnnotation, size: Size): Int32Array | undefined {
  if (type === 'mask') return spansOfRle(rle?.counts, size);
  if (type === 'polygon') return spansOfPolygons([points as number[]], size);
  const [x0, y0, x1, y1] = points as [number, number, number, number];
  const radii = [Math.abs(x1 - x0) / 2, Math.abs(y1 - y0) / 2] as const;
  return spansOfPolygons([outlineOfEllipse([(x0 + x1) / 2, (y0 + y1) / 2], radii, 0)], size);
}
