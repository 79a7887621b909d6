/** COCO's instances: a document of images and annotations beside folders of images. */
import { CopyPasteError } from '../../errors.ts';
import { outlinesOfSpans } from '../../masks/outlines.ts';
import { isCoordinate, spansOfPolygons } from '../../masks/polygons.ts';
import { countsOfSpans, packCounts, spansOfCounts, unpackCounts } from '../../masks/run-lengths.ts';
import { areaOfSpans, boxOfSpans } from '../../masks/spans.ts';
import type { ShapeSet, Size } from '../../types.ts';
import type { DocumentFormat } from '../format.ts';
import { contradictionsOfMask } from './contradictions.ts';
import { type CocoDocument, type CocoImage, instanceOf, isId, type Provenance, readCoco } from './read.ts';
import { type CocoEntry, documentText, provenance, renamed } from './write.ts';

export interface CocoAnnotation {
  readonly id: number;
  readonly image_id: number;
  readonly category_id: number;
  readonly segmentation?:
    | readonly (readonly number[])[]
    | { readonly size: readonly number[]; readonly counts: string | readonly number[] };
  readonly area?: number;
  readonly bbox?: readonly number[];
  readonly iscrowd?: number;
  readonly keypoints?: unknown;
  readonly copypaste?: Provenance;
}

/** What is kept of an image. */
interface Kept {
  readonly image: CocoImage;
}

export const coco: DocumentFormat<Kept, CocoAnnotation, CocoEntry<CocoAnnotation>, CocoDocument> = {
  kind: 'documents',
  polygons: true,

  async open(root, { masks: path }, refuse) {
    const ids = new Set<number>();
    let largestId = 0;
    let boxes = 0;
    let keypoints = 0;
    const note = (annotation: Partial<CocoAnnotation>, n: number): number => {
      const { id, image_id: image, category_id: category, segmentation, keypoints: points } = annotation;
      if (!isId(id) || !isId(image) || !isId(category)) throw new Error(`annotations[${n}] has no id, image_id and category_id`);
      if (ids.has(id)) throw new Error(`annotation id ${id} occurs twice`);
      ids.add(id);
      largestId = Math.max(largestId, id);
      if (!hasMask(segmentation)) boxes++;
      if (points !== undefined) keypoints++;
      return image;
    };
    const { sha256, images, classNames, rest, largestImage } = await readCoco(root, path, note, refuse);
    const own = { rest, largestId, largestImage };
    return { images, classNames, document: { path, sha256, annotations: ids.size, boxes, keypoints, own } };
  },

  shapes({ parts, file }) {
    const [image, ...annotations] = parts.map((part) => JSON.parse(part));
    return shapesOf(image, annotations, file);
  },

  plain(parts, sample, { image }) {
    const [own, ...annotations] = parts.map((part) => JSON.parse(part));
    return { image: renamed(own, sample, image), annotations };
  },

  pasted({ sample, before, kept, pasted }, { image }, { polygons }) {
    const {
      own: { image: target },
      size,
    } = before;
    const annotations = kept.map(({ shape: { own }, spans }): CocoAnnotation => {
      return spans ? { ...withoutKeypoints(own), ...masked(spans, size, own.iscrowd === 1, polygons) } : own;
    });
    const added = pasted.map((one) => ({
      // Until it is given one.
      id: 0,
      image_id: target.id,
      category_id: one.classId,
      iscrowd: 0,
      ...masked(one.spans, size, false, polygons),
      copypaste: provenance(one),
    }));
    return { image: renamed(target, sample, image), annotations, added };
  },

  text: (document, entries) => documentText(document, entries, (one, idOf) => ({ ...one, id: idOf(one.id) })),

  contradictions({ shapes }, classNames) {
    return shapes.flatMap(({ own, instance }) => contradictionsOfMask(own, instance, classNames));
  },
};

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
function shapesOf(image: CocoImage, annotations: readonly CocoAnnotation[], file: string): ShapeSet<Kept, CocoAnnotation> {
  const size = { width: image.width, height: image.height };
  const shapes = annotations.map((own) => {
    const spans = hasMask(own.segmentation) ? spansOf(own, size, file) : undefined;
    const instance = spans && spans.length > 0 ? instanceOf(own.category_id, spans, size, Boolean(own.iscrowd)) : undefined;
    return { id: own.id, own, ...(instance && { instance }) };
  });
  return { size, own: { image }, shapes };
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

/** Keypoints may lie where something else is now. */
function withoutKeypoints({ keypoints: _, num_keypoints: __, ...rest }: CocoAnnotation & { num_keypoints?: unknown }): CocoAnnotation {
  return rest;
}

/**
 * @param crowd whose run lengths COCO has as numbers; else they are text.
 * @param polygons where they lose nothing.
 */
function masked(spans: Int32Array, size: Size, crowd: boolean, polygons: boolean): Pick<CocoAnnotation, 'segmentation' | 'area' | 'bbox'> {
  const outlines = polygons && !crowd ? outlinesOfSpans(spans) : undefined;
  const counts = outlines ? [] : countsOfSpans(spans, size);
  const [x0, y0, x1, y1] = boxOfSpans(spans);
  return {
    segmentation: outlines ?? { size: [size.height, size.width], counts: crowd ? counts : packCounts(counts) },
    area: areaOfSpans(spans),
    bbox: [x0, y0, x1 - x0, y1 - y0],
  };
}
