/** COCO's instances: a document of images and annotations beside folders of images. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { isBelow } from '../../base/paths.ts';
import type { Tree } from '../../base/tree.ts';
import { decodeSegments } from '../../codecs/png.ts';
import { CopyPasteError, messageOf } from '../../errors.ts';
import { instanceOfSpans } from '../../masks/instances.ts';
import { isCoordinate, spansOfPolygons } from '../../masks/polygons.ts';
import { spansOfCounts, unpackCounts } from '../../masks/run-lengths.ts';
import type { CocoAnnotation, CocoEntry, CocoImage, Instance, PanopticAnnotation, ShapeSet, Size } from '../../types.ts';
import { isDatumaro } from '../datumaro/read.ts';
import type { DocumentImage, DocumentReader } from '../documents.ts';
import { type Place, partsOf } from '../json.ts';
import type { Folders } from '../layouts.ts';

/** Lists of objects that are looked into; others may hold anything. */
const known = new Set(['images', 'annotations', 'categories']);

const others = /^(captions|person_keypoints|stuff|panoptic|image_info)_/;

/** Documents by their names: `annotations/instances_<split>.json`, `<split>/_annotations.coco.json`, `labels.json` beside `data/`. */
export function findCoco(tree: Tree): Folders[] {
  const { files } = tree;
  const found: Folders[] = [];
  // Where documents are called as COCO's are, others beside them are something else.
  const called = files.some((file) => /^annotations\/instances_[^/]+\.json$/.test(file));
  for (const file of files) {
    const named = (called ? /^annotations\/instances_([^/]+)\.json$/ : /^annotations\/([^/]+)\.json$/).exec(file)?.[1];
    if (named !== undefined && !others.test(named) && !isDatumaro(tree, file)) found.push({ split: named, images: '', masks: file });
    const around = /^([^/]+)\/_annotations\.coco\.json$/.exec(file)?.[1];
    if (around !== undefined) found.push({ split: around, images: around, masks: file });
    if (/^(labels|annotations|coco|instances|_annotations\.coco)\.json$/.test(file)) found.push({ split: '', images: '', masks: file });
  }
  return found;
}

/** Panoptic documents that have a folder of PNGs of their name. */
export function findPanoptic({ files, folders }: Tree): Folders[] {
  return files.flatMap((file) => {
    const [, stem, split] = /^((?:.*\/)?panoptic_([^/]+))\.json$/.exec(file) ?? [];
    if (stem === undefined || split === undefined) return [];
    const objects = [stem, `panoptic_${split}`].find((folder) => folders.has(folder));
    return objects === undefined ? [] : [{ split, images: '', masks: file, objects }];
  });
}

/** COCO's documents: instances, and panoptic ones, which have a PNG for each image. */
export const coco: DocumentReader = {
  async read(root, folders, refuse) {
    const path = folders.masks;
    const hash = createHash('sha256');
    const rest: { key: string; element: boolean; value: string }[] = [];
    const images: { image: CocoImage; place: Place }[] = [];
    const places = new Map<number, number[]>();
    const classNames = new Map<number, string>();
    const ids = new Set<number>();
    const masks = new Map<number, string>();
    const things: number[] = [];
    let largestId = 0;
    let boxes = 0;
    let keypoints = 0;
    let lists = 0;
    try {
      for await (const { key, element, bytes, place } of partsOf(join(root, path), undefined, (bytes) => hash.update(bytes))) {
        const value = JSON.parse(bytes.toString());
        if (element && known.has(key) && (typeof value !== 'object' || value === null))
          throw new Error(`${key} holds ${String(value)}, which is no object`);
        if (element && key === 'images') images.push({ image: value, place });
        else if (element && key === 'annotations' && folders.objects !== undefined) {
          const { image_id: image, file_name: name, segments_info: segments } = value as Partial<PanopticAnnotation>;
          if (!isId(image) || typeof name !== 'string' || !isBelow(name) || !Array.isArray(segments)) {
            throw new Error(`annotations[${places.size}] has no image_id, file_name and segments_info`);
          }
          if (places.has(image)) throw new Error(`image ${image} has two annotations`);
          places.set(image, [place.start, place.length]);
          masks.set(image, `${folders.objects}/${name}`);
        } else if (element && key === 'annotations') {
          const { id, image_id: image, category_id: category, segmentation, keypoints: points } = value as Partial<CocoAnnotation>;
          if (!isId(id) || !isId(image) || !isId(category)) throw new Error(`annotations[${ids.size}] has no id, image_id and category_id`);
          if (ids.has(id)) throw new Error(`annotation id ${id} occurs twice`);
          ids.add(id);
          largestId = Math.max(largestId, id);
          if (!hasMask(segmentation)) boxes++;
          if (points !== undefined) keypoints++;
          const known = places.get(image) ?? [];
          known.push(place.start, place.length);
          places.set(image, known);
        } else if (element && key === 'categories') {
          if (!isId(value.id) || value.id > 65534) throw new Error(`category id ${value.id} is not from 0 to 65534`);
          classNames.set(value.id, String(value.name));
          if (value.isthing === 1) things.push(value.id);
          rest.push({ key, element, value: bytes.toString() });
        } else rest.push({ key, element, value: bytes.toString() });
        lists += element ? 1 : 0;
      }
    } catch (error) {
      throw refuse(`not a COCO document: ${messageOf(error)}`, error);
    }
    if (lists === 0 || images.length === 0) throw refuse('not a COCO document: it has no images');
    const seen = new Set<number>();
    let largestImage = 0;
    const found = images.map(({ image, place }): DocumentImage => {
      const { id, file_name: name, width, height } = image;
      if (!isId(id) || typeof name !== 'string' || !isSize(width) || !isSize(height)) {
        throw refuse(`image ${JSON.stringify(id ?? name)} has no id, file_name, width and height`);
      }
      if (seen.has(id)) throw refuse(`image id ${id} occurs twice`);
      seen.add(id);
      largestImage = Math.max(largestImage, id);
      const mask = masks.get(id);
      const own = [place.start, place.length, ...(places.get(id) ?? [])];
      return { title: `image ${id}`, name, ...(mask !== undefined && { mask }), width, height, places: own };
    });
    for (const id of places.keys()) if (!seen.has(id)) throw refuse(`annotations are of image_id ${id}, and no image has it`);
    const has = {
      rest,
      largestId,
      largestImage,
      boxes,
      keypoints,
      annotations: ids.size,
      ...(folders.objects !== undefined && { things }),
    };
    return { images: found, classNames, document: { path, sha256: hash.digest('hex'), format: 'coco', ...has } };
  },

  shapes(parts, { path, things }, _classNames, mask) {
    const [image, ...annotations] = parts.map((part) => JSON.parse(part));
    const entry: CocoEntry = { image, annotations };
    return mask ? segmentsOf(entry, decodeSegments(mask.bytes, mask.path), mask.path, things ?? []) : shapesOf(entry, path);
  },
};

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSize(value: unknown): value is number {
  return isId(value) && value > 0;
}

/** What is called a polygon and has four numbers is a box to COCO's own tools too. */
function hasMask(segmentation: CocoAnnotation['segmentation']): boolean {
  if (Array.isArray(segmentation)) return !segmentation.every((part) => Array.isArray(part) && part.length === 4);
  return segmentation !== undefined && segmentation !== null;
}

/**
 * Finds the masks of annotations; those with boxes alone have none.
 *
 * @throws {CopyPasteError} `data` for a mask that is none, with its annotation's id.
 */
export function shapesOf({ image, annotations }: CocoEntry, document: string): ShapeSet {
  const shapes = (annotations as readonly CocoAnnotation[]).map((annotation) => {
    const spans = hasMask(annotation.segmentation) ? spansOf(annotation, image, document) : undefined;
    return { id: annotation.id, annotation, ...(spans && spans.length > 0 && { instance: instanceOf(annotation, spans, image) }) };
  });
  return { size: { width: image.width, height: image.height }, image, shapes };
}

/**
 * The segments of a panoptic PNG; those of stuff, and crowds, are never copied.
 *
 * @throws {CopyPasteError} `data` where a segment has no pixel or occurs twice.
 */
function segmentsOf({ image, annotations }: CocoEntry, plane: Plane, file: string, things: readonly number[]): ShapeSet {
  const panoptic = annotations[0] as PanopticAnnotation;
  const { width, height } = plane;
  if (width !== image.width || height !== image.height) {
    throw new CopyPasteError('data', `${file}: is ${width}×${height}, its image ${image.width}×${image.height}`);
  }
  const spans = new Map<number, number[]>();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; ) {
      const id = plane.ids[y * width + x] as number;
      const from = x;
      while (x < width && plane.ids[y * width + x] === id) x++;
      const known = spans.get(id) ?? [];
      known.push(y, from, x);
      spans.set(id, known);
    }
  }
  const seen = new Set<number>();
  const shapes = panoptic.segments_info.map((segment) => {
    const own = spans.get(segment.id);
    const why = seen.has(segment.id) ? 'occurs twice' : own ? undefined : `has no pixel in ${file}`;
    if (why !== undefined) throw new CopyPasteError('data', `${file}: segment ${segment.id} of its document ${why}`);
    seen.add(segment.id);
    const { category_id, iscrowd = 0 } = segment;
    const stuff = iscrowd === 1 || !things.includes(category_id);
    const instance = instanceOf({ category_id, iscrowd: stuff ? 1 : 0 }, Int32Array.from(own ?? []), plane);
    return { id: segment.id, segment, instance };
  });
  return { size: { width, height }, image, panoptic, shapes };
}

/** Ids of 24 bits, row by row. */
interface Plane extends Size {
  readonly ids: Int32Array;
}

function spansOf({ id, segmentation }: CocoAnnotation, size: Size, document: string): Int32Array {
  const refuse = (what: string): CopyPasteError => new CopyPasteError('data', `${document}: annotation ${id}: ${what}`);
  if (Array.isArray(segmentation)) {
    const fine = segmentation.every((polygon) => Array.isArray(polygon) && polygon.length % 2 === 0 && polygon.every(isCoordinate));
    if (!fine) throw refuse('its segmentation is not a list of polygons, or is far from any image');
    return spansOfPolygons(
      segmentation.filter((polygon) => polygon.length >= 6),
      size,
    );
  }
  const { size: stated, counts } = (segmentation ?? {}) as { size?: readonly number[]; counts?: string | readonly number[] };
  if (stated?.[0] !== size.height || stated[1] !== size.width)
    throw refuse(`its run lengths are of ${stated?.[1]}×${stated?.[0]}, its image is ${size.width}×${size.height}`);
  const numbers = typeof counts === 'string' ? unpackCounts(counts) : counts;
  const spans = Array.isArray(numbers) ? spansOfCounts(numbers, size) : undefined;
  if (!spans) throw refuse('its run lengths are not the pixels of its image');
  return spans;
}

function instanceOf({ category_id, iscrowd }: Pick<CocoAnnotation, 'category_id' | 'iscrowd'>, spans: Int32Array, size: Size): Instance {
  return { ...instanceOfSpans(category_id, spans, size), ...(iscrowd && { crowd: true }) };
}
