/** The COCO format: a document of images and annotations beside folders of images. */
import { CopyPasteError } from '../../errors.ts';
import { outlinesOfSpans } from '../../masks/outlines.ts';
import { spansOfPolygons } from '../../masks/polygons.ts';
import { countsOfSpans, packCounts, spansOfRle } from '../../masks/run-lengths.ts';
import { areaOfSpans, boxOfSpans } from '../../masks/spans.ts';
import type { ShapeSet, Size } from '../../types.ts';
import type { DocumentFormat, ShapeSource } from '../format.ts';
import { parseJson } from '../json-text.ts';
import { problemOfKeys } from '../keys.ts';
import type { Runs } from '../rle.ts';
import { reasonIn } from '../unpasted.ts';
import { contradictionsOfMask } from './contradictions.ts';
import { type CocoDocument, type CocoImage, type CocoProvenance, instanceOf, licenceOf, type Noted, readCoco } from './read.ts';
import { reasonOf, type Segmented } from './unpasted.ts';
import { annotationKeys, isId, problemOfSegmentation } from './values.ts';
import { type CocoEntry, documentText, entryOf, provenance, renamedImage } from './write.ts';
export interface CocoAnnotation extends Segmented {
  readonly id: number;
  readonly image_id: number;
  readonly category_id: number;
  readonly area?: number;
  readonly bbox?: readonly number[];
  readonly keypoints?: unknown;
  readonly copypaste?: CocoProvenance;
}

/** COCO's data of an image. */
interface InstancesImage {
  readonly image: CocoImage;
}

export const coco: DocumentFormat<InstancesImage, CocoAnnotation, CocoEntry, CocoDocument> = {
  kind: 'documents',
  polygons: true,

  async open(root, { masks: path }, encoding, refuse) {
    let largestId = 0;
    let keypoints = 0;
    const note = (annotation: Partial<CocoAnnotation>, size: Size | undefined): Noted => {
      const { id, category_id: categories = 0, segmentation, keypoints: points } = annotation;
      // Ids of annotations that are left out are not given to others.
      if (isId(id)) largestId = Math.max(largestId, id);
      const problem = problemOfKeys(annotation, annotationKeys) ?? problemOfSegmentation(segmentation, size);
      if (problem !== undefined) return { id, categories, problem };
      if (points) keypoints++;
      const reason = reasonOf(annotation);
      return { id, categories, reason: typeof reason === 'object' && size ? reasonIn(reason, size) : reason };
    };
    const contents = await readCoco(root, path, encoding, 'annotation', note, refuse);
    const { sha256, images, classNames, byId, rest, largestImage, annotations, unpasted, faults } = contents;
    const own = { byId, rest };
    const largestIds = { image: largestImage, annotation: largestId };
    return { images, classNames, faults, document: { path, sha256, annotations, unpasted, keypoints, largestIds, own } };
  },

  shapes({ parts, file, size, crowds }) {
    const [image, ...annotations] = parts.map((part) => parseJson(part));
    return shapesOf(image as CocoImage, annotations as CocoAnnotation[], { file, size, crowds });
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
      return spans ? { ...withoutKeypoints(own), ...masked(spans, size, Boolean(own.iscrowd), polygons) } : own;
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

  contradictions({ shapes, size }, classNames) {
    return shapes.flatMap(({ own, instance }) => contradictionsOfMask(own, instance, classNames, size));
  },
};

/**
 * Reads the shapes of one image; annotations with only a box have no instance.
 *
 * @throws {CopyPasteError} `data` when a segmentation is invalid.
 */
function shapesOf(
  image: CocoImage,
  annotations: readonly CocoAnnotation[],
  { file, size, crowds }: Pick<ShapeSource, 'file' | 'size' | 'crowds'>,
): ShapeSet<InstancesImage, CocoAnnotation> {
  const shapes = annotations.map((own) => {
    const reason = reasonOf(own);
    const spans = reason === 'box' || reason === 'too few points' ? undefined : spansOfSegmentation(own, size, file);
    const crowd = Boolean(own.iscrowd) && !(crowds === 'objects' && reason === 'crowd of run lengths');
    const instance = spans && spans.length > 0 ? instanceOf(own.category_id, spans, size, crowd) : undefined;
    const why = typeof reason === 'object' ? reasonIn(reason, size) : reason;
    return { id: own.id, own, ...(instance ? { instance, ...(crowd && why && { reason: why }) } : { reason: why ?? 'no area' }) };
  });
  return { size, own: { image }, shapes };
}

function spansOfSegmentation({ id, segmentation }: CocoAnnotation, size: Size, document: string): Int32Array | undefined {
  const problem = problemOfSegmentation(segmentation, size);
  if (problem !== undefined) throw new CopyPasteError('data', `annotation ${id}: ${problem}`, { path: document });
  if (Array.isArray(segmentation))
    return spansOfPolygons(
      segmentation.filter((polygon) => polygon.length >= 6),
      size,
    );
  return spansOfRle((segmentation as Runs | undefined)?.counts, size);
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
