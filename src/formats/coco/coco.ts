/** The COCO format: a document of images and annotations beside folders of images. */
import { CopyPasteError } from '../../errors.ts';
import { outlinesOfSpans } from '../../masks/outlines.ts';
import { isCoordinate, spansOfPolygons } from '../../masks/polygons.ts';
import { countsOfSpans, packCounts, spansOfRle } from '../../masks/run-lengths.ts';
import { areaOfSpans, boxOfSpans } from '../../masks/spans.ts';
import type { ShapeSet, Size } from '../../types.ts';
import type { DocumentFormat } from '../format.ts';
import { parseJson } from '../json-text.ts';
import { contradictionsOfMask } from './contradictions.ts';
import { type CocoDocument, type CocoImage, instanceOf, isId, licenceOf, type Provenance, readCoco } from './read.ts';
import { type CocoEntry, documentText, entryOf, provenance, renamedImage } from './write.ts';
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

/** COCO's data of an image. */
interface InstancesImage {
  readonly image: CocoImage;
}

export const coco: DocumentFormat<InstancesImage, CocoAnnotation, CocoEntry, CocoDocument> = {
  kind: 'documents',
  polygons: true,

  async open(root, { masks: path }, encoding, refuse) {
    const ids = new Set<number>();
    let largestId = 0;
    let boxes = 0;
    let keypoints = 0;
    const note = (annotation: Partial<CocoAnnotation>, n: number): number => {
      const { id, image_id: image, category_id: category, segmentation, keypoints: points } = annotation;
      if (!isId(id) || !isId(image) || !isId(category)) throw new Error(`annotations[${n}] needs an id, image_id and category_id`);
      if (ids.has(id)) throw new Error(`annotation id ${id} occurs twice; ids must be unique`);
      ids.add(id);
      largestId = Math.max(largestId, id);
      if (!hasMask(segmentation)) boxes++;
      if (points !== undefined) keypoints++;
      return image;
    };
    const { sha256, images, classNames, rest, largestImage } = await readCoco(root, path, encoding, note, refuse);
    const own = { rest, largestId, largestImage };
    return { images, classNames, document: { path, sha256, annotations: ids.size, boxes, keypoints, own } };
  },

  shapes({ parts, file }) {
    const [image, ...annotations] = parts.map((part) => parseJson(part));
    return shapesOf(image as CocoImage, annotations as CocoAnnotation[], file);
  },

  plain(parts, sample, { image }) {
    const [own, ...annotations] = parts.map((part) => parseJson(part));
    return entryOf(renamedImage(own as CocoImage, sample, image), annotations as CocoAnnotation[]);
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
      // Replaced once all ids in use are known.
      id: 0,
      image_id: target.id,
      category_id: one.classId,
      iscrowd: 0,
      ...masked(one.spans, size, false, polygons),
      copypaste: provenance(one),
    }));
    return entryOf(renamedImage(target, sample, image), annotations, added);
  },

  licence: ({ own: { image } }, document) => licenceOf(image, document),

  text: documentText,

  contradictions({ shapes }, classNames) {
    return shapes.flatMap(({ own, instance }) => contradictionsOfMask(own, instance, classNames));
  },
};

/** Tests if an annotation has a mask. A polygon of four numbers counts as a box, as in COCO's tools. */
function hasMask(segmentation: CocoAnnotation['segmentation']): boolean {
  if (Array.isArray(segmentation)) return !segmentation.every((part) => Array.isArray(part) && part.length === 4);
  return segmentation !== undefined && segmentation !== null;
}

/**
 * Reads the shapes of one image; annotations with only a box have no instance.
 *
 * @throws {CopyPasteError} `data` when a segmentation is invalid.
 */
function shapesOf(image: CocoImage, annotations: readonly CocoAnnotation[], file: string): ShapeSet<InstancesImage, CocoAnnotation> {
  const size = { width: image.width, height: image.height };
  const shapes = annotations.map((own) => {
    const spans = hasMask(own.segmentation) ? spansOfSegmentation(own, size, file) : undefined;
    const instance = spans && spans.length > 0 ? instanceOf(own.category_id, spans, size, Boolean(own.iscrowd)) : undefined;
    return { id: own.id, own, ...(instance && { instance }) };
  });
  return { size, own: { image }, shapes };
}

function spansOfSegmentation({ id, segmentation }: CocoAnnotation, size: Size, document: string): Int32Array {
  const refuse = (what: string): CopyPasteError => new CopyPasteError('data', `annotation ${id}: ${what}`, { path: document });
  if (Array.isArray(segmentation)) {
    const fine = segmentation.every((polygon) => Array.isArray(polygon) && polygon.length % 2 === 0 && polygon.every(isCoordinate));
    if (!fine) throw refuse('the segmentation is not a list of polygons, or has coordinates far outside the image');
    return spansOfPolygons(
      segmentation.filter((polygon) => polygon.length >= 6),
      size,
    );
  }
  const { size: stated, counts } = (segmentation ?? {}) as { size?: readonly number[]; counts?: string | readonly number[] };
  if (stated?.[0] !== size.height || stated[1] !== size.width)
    throw refuse(`the run lengths have the size ${stated?.[1]}×${stated?.[0]}, but the image is ${size.width}×${size.height}`);
  const spans = spansOfRle(counts, size);
  if (!spans) throw refuse('the run lengths do not add up to the pixels of the image');
  return spans;
}

/** Removes keypoints, which pastes may cover. */
function withoutKeypoints({ keypoints: _, num_keypoints: __, ...rest }: CocoAnnotation & { num_keypoints?: unknown }): CocoAnnotation {
  return rest;
}

/**
 * Makes the mask fields of an annotation.
 *
 * @param crowd writes run lengths as numbers, as COCO does for crowds, not as compressed text.
 * @param polygons writes polygons if they keep all pixels.
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
