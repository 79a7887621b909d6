/** Reads Datumaro documents. */
import { createHash } from 'node:crypto';
import { decodeText } from '../../base/text.ts';
import { CopyPasteError, systemMessageOf } from '../../errors.ts';
import { isCoordinate, outlineOfEllipse, spansOfPolygons } from '../../masks/polygons.ts';
import { spansOfRle } from '../../masks/run-lengths.ts';
import type { Box, ShapeSet, Size } from '../../types.ts';
import { readSurroundings, type Surroundings } from '../documents.ts';
import type { DocumentContents, DocumentFormat, DocumentImage, ShapeSource } from '../format.ts';
import { partsOf } from '../json.ts';
import { parseJson } from '../json-text.ts';
import { type Drawn, type Grouped, groupsOf, type Stacked, shapesOfStack } from '../stacks.ts';

/** One image with its annotations. */
export interface DatumaroItem {
  readonly id: string;
  readonly image: { readonly path: string; readonly size: readonly number[] };
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
  let classNames = new Map<number, string>();
  let annotations = 0;
  let boxes = 0;
  let listed = false;
  try {
    for await (const { key, element, bytes, place } of partsOf(root, path, { encoding, seen: (bytes) => hash.update(bytes) })) {
      const value = JSON.parse(decodeText(bytes, path, encoding, place.start));
      if (key === 'categories' && !element) classNames = namesOf(value);
      if (key === 'items') listed = true;
      if (key !== 'items' || !element) continue;
      images.push({ ...imageOf(value, images.length), places: [place.start, place.length] });
      for (const { areas, rest } of groupsOf((value as DatumaroItem).annotations.map(groupedOf))) {
        annotations += areas.length || rest.length;
        if (areas.length === 0) boxes += rest.length;
      }
    }
  } catch (error) {
    if (error instanceof CopyPasteError) throw error;
    throw refuse(`not a valid Datumaro document: ${systemMessageOf(error)}`, error);
  }
  if (!listed) throw refuse('not a valid Datumaro document: items are missing');
  const own = await readSurroundings(root, path, images, ',', encoding);
  return {
    images,
    classNames,
    document: { path, sha256: hash.digest('hex'), annotations, unpasted: boxes > 0 ? { box: boxes } : {}, keypoints: 0, own },
  };
}

/** Reads the shapes of one item. @throws {CopyPasteError} `data` when an annotation is invalid. */
export function shapesOfDatumaro({ parts: [part = ''], file, classNames }: ShapeSource): ShapeSet<DatumaroItem, Stacked> {
  const item: DatumaroItem = parseJson(part);
  const { title, width, height } = imageOf(item, 0);
  const size = { width, height };
  const drawn = item.annotations.map((annotation, n): Drawn | undefined => {
    const { type, label_id: label, z_order: order, group } = annotation;
    if (unplaced.includes(type)) return undefined;
    const spans = filled.includes(type) ? spansOfAnnotation(annotation, size) : undefined;
    if (spans === null)
      throw new CopyPasteError('data', `${title}: annotations[${n}] is not a valid ${type} for its image`, { path: file });
    const classId = typeof label === 'number' && classNames.has(label) ? label : undefined;
    const box = type === 'bbox' ? extentOf(annotation) : undefined;
    if (box === null) throw new CopyPasteError('data', `${title}: annotations[${n}] needs a bbox [x, y, width, height]`, { path: file });
    return { classId, order: Number(order) || 0, group: Number(group) || 0, box, spans };
  });
  return { size, own: item, shapes: shapesOfStack(drawn, size) };
}

function groupedOf({ type, group, label_id: label }: DatumaroAnnotation): Grouped | undefined {
  if (unplaced.includes(type)) return undefined;
  const area = filled.includes(type) ? 'area' : 'other';
  return { group: Number(group) || 0, label, form: type === 'bbox' ? 'box' : area };
}

/** Extent of a box, or null if it is invalid. */
function extentOf({ bbox }: DatumaroAnnotation): Box | null {
  if (!Array.isArray(bbox) || bbox.length !== 4 || !bbox.every(isCoordinate)) return null;
  const [x, y, width, height] = bbox as [number, number, number, number];
  return [x, y, x + width, y + height];
}

function namesOf(categories: { label?: { labels?: { name?: unknown }[] } } | null): Map<number, string> {
  const labels = categories?.label?.labels ?? [];
  if (!Array.isArray(labels)) throw new Error('categories need a list of labels');
  return new Map(labels.map((label, id) => [id, String(label?.name)]));
}

/** Checks an item and takes the facts of its image. */
function imageOf(item: Partial<DatumaroItem> | null, n: number): Omit<DocumentImage, 'places'> & Size {
  const { id, image, annotations } = item ?? {};
  const [height = 0, width = 0] = Array.isArray(image?.size) ? image.size : [];
  const title = typeof id === 'string' ? `item '${id}'` : `items[${n}]`;
  const fine = typeof id === 'string' && typeof image?.path === 'string' && image.path !== '';
  if (!fine) throw new Error(`${title} needs an id and an image with a path; export the data set with its media`);
  if (![height, width].every((side) => Number.isSafeInteger(side) && side > 0))
    throw new Error(`${title} needs an image size [height, width]`);
  const typed = Array.isArray(annotations) && annotations.every((one) => typeof one?.type === 'string');
  if (!typed) throw new Error(`${title} needs a list of annotations, each with a type`);
  return { title, name: image.path, width, height };
}

/** Spans of an annotation, or null if it is invalid. */
function spansOfAnnotation({ type, points, rle }: DatumaroAnnotation, size: Size): Int32Array | null {
  if (type === 'mask') {
    const { counts, size: stated } = rle ?? {};
    if (stated?.[0] !== size.height || stated[1] !== size.width) return null;
    return spansOfRle(counts, size) ?? null;
  }
  if (!Array.isArray(points) || points.length % 2 === 1 || !points.every(isCoordinate)) return null;
  if (type === 'polygon') return points.length < 6 ? null : spansOfPolygons([points], size);
  if (points.length !== 4) return null;
  const [x0, y0, x1, y1] = points as [number, number, number, number];
  const radii = [Math.abs(x1 - x0) / 2, Math.abs(y1 - y0) / 2] as const;
  return spansOfPolygons([outlineOfEllipse([(x0 + x1) / 2, (y0 + y1) / 2], radii, 0)], size);
}
