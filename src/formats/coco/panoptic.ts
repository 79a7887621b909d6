/** The COCO panoptic format: a document, and a PNG per image with the ids of its segments. */
import { isBelow } from '../../base/paths.ts';
import { CopyPasteError } from '../../errors.ts';
import { areaOfSpans, boxOfSpans, fillSpans } from '../../masks/spans.ts';
import type { Instance, Reason, Sample, ShapeSet, Size } from '../../types.ts';
import type { DocumentFormat, PastedShapes } from '../format.ts';
import { renamed } from '../image-names.ts';
import { parseJson } from '../json-text.ts';
import { list, problemOfKeys, shown } from '../keys.ts';
import { contradictionsOfMask } from './contradictions.ts';
import { type CocoDocument, type CocoImage, type CocoProvenance, instanceOf, licenceOf, type Noted, readCoco } from './read.ts';
import { decodeSegments, encodeSegments } from './segments.ts';
import { id, measureKeys, name } from './values.ts';
import { type CocoEntry, documentText, entryOf, provenance, renamedImage } from './write.ts';

/** Segments of an image; its PNG holds their ids. */
export interface PanopticAnnotation {
  readonly image_id: number;
  readonly file_name: string;
  readonly segments_info: readonly Segment[];
}

interface Segment {
  readonly id: number;
  readonly category_id: number;
  readonly area?: number;
  readonly bbox?: readonly number[];
  readonly iscrowd?: number | boolean;
  readonly copypaste?: CocoProvenance;
}

/** The panoptic format's data of an image. */
interface PanopticImage {
  readonly image: CocoImage;
  readonly annotation: PanopticAnnotation;
}

/** The COCO panoptic format. Crowds and segments of stuff are never pasted. */
export const panoptic: DocumentFormat<PanopticImage, Segment, CocoEntry, CocoDocument> = {
  kind: 'documents',

  async open(root, folders, encoding, refuse) {
    const path = folders.masks;
    const masks = new Map<number, string>();
    const objects = new Map<number, number>();
    let [segments, crowds] = [0, 0];
    const note = (annotation: Partial<PanopticAnnotation>): Noted => {
      const { image_id: id, file_name: name, segments_info: infos } = annotation;
      const problem =
        problemOfKeys(annotation, panopticKeys) ??
        infos?.map((info, n) => problemOfSegment(info, n)).find((one) => one !== undefined) ??
        (isBelow(name as string) ? undefined : `file name '${name}' points outside the folder of PNGs`) ??
        (masks.has(id as number) ? 'the image has two annotations; keep one' : undefined);
      const categories = problem === undefined ? (infos ?? []).map(({ category_id: category }) => category) : [];
      if (problem !== undefined) return { id, categories, problem };
      masks.set(id as number, `${folders.objects}/${name}`);
      for (const { category_id: category, iscrowd } of infos ?? []) {
        segments++;
        if (iscrowd) crowds++;
        else objects.set(category, (objects.get(category) ?? 0) + 1);
      }
      return { id, categories };
    };
    const contents = await readCoco(root, path, encoding, 'annotation of image', note, refuse);
    const { sha256, images, classNames, things, byId, rest, largestImage, faults } = contents;
    const withMask = images.map(({ id, ...image }) => {
      // An annotation of an undefined category is left out, and its PNG with it.
      const mask = image.places.length > 2 ? masks.get(id) : undefined;
      return { ...image, ...(mask !== undefined && { mask }) };
    });
    const countable = new Set(things);
    const stuff = [...objects].reduce((sum, [category, n]) => sum + (countable.has(category) ? 0 : n), 0);
    const unpasted = { ...(crowds > 0 && { crowd: crowds }), ...(stuff > 0 && { stuff }) };
    const document = {
      path,
      sha256,
      annotations: segments,
      unpasted,
      keypoints: 0,
      things,
      largestIds: { image: largestImage },
      own: { byId, rest },
    };
    return { images: withMask, classNames, faults, document };
  },

  shapes({ parts, document: { things = [] } = {}, masks: [mask] = [], size }) {
    const [image, annotation] = parts.map((part) => parseJson(part)) as [CocoImage, PanopticAnnotation];
    if (!mask) return { size, own: { image, annotation }, shapes: [], unlabelled: true };
    return segmentsOf({ image, annotation }, { ...decodeSegments(mask.bytes, mask.path), path: mask.path }, things);
  },

  plain(parts, sample, { image, mask }) {
    const [own, ...annotations] = parts.map((part) => parseJson(part)) as [CocoImage, ...PanopticAnnotation[]];
    return entryOf(
      renamedImage(own, sample, image),
      annotations.map((one) => renamedMask(one, sample, mask as string)),
    );
  },

  pasted(pasted, { image, mask }) {
    const { sample, before } = pasted;
    const segments_info = segmentsAfter(pasted).map(({ segment }) => segment);
    const annotation = { ...renamedMask(before.own.annotation, sample, mask as string), segments_info };
    return entryOf(renamedImage(before.own.image, sample, image), [annotation]);
  },

  licence: ({ own: { image } }, document) => licenceOf(image, document),

  mask(pasted) {
    const { size } = pasted.before;
    const ids = new Int32Array(size.width * size.height);
    for (const { segment, spans } of segmentsAfter(pasted)) fillSpans(spans, [0, 0, size.width], ids, segment.id);
    return encodeSegments(ids, size);
  },

  text: documentText,

  contradictions({ shapes, size }, classNames) {
    return shapes.flatMap(({ own, instance }) => contradictionsOfMask(own, instance, classNames, size));
  },
};

const panopticKeys = { image_id: id, file_name: name, segments_info: list };
const segmentKeys = { id, category_id: id, ...measureKeys };

function problemOfSegment(info: unknown, n: number): string | undefined {
  const where = `segments_info[${n}]`;
  if (typeof info !== 'object' || info === null) return `${where} is ${shown(info)}, not an object`;
  const problem = problemOfKeys(info, segmentKeys);
  return problem === undefined ? undefined : `${where}: ${problem}`;
}

/** Segment ids of an image, 24 bits each, row by row. */
interface Plane extends Size {
  readonly ids: Int32Array;
  readonly path: string;
}

/**
 * Reads the segments of a panoptic PNG.
 *
 * @throws {CopyPasteError} `data` when the PNG has another size than the image, or a segment has no pixels or occurs twice.
 */
function segmentsOf(own: PanopticImage, { path, ...plane }: Plane, things: readonly number[]): ShapeSet<PanopticImage, Segment> {
  const { image, annotation } = own;
  const { width, height } = plane;
  if (image.width && image.height && (width !== image.width || height !== image.height)) {
    throw new CopyPasteError('data', `is ${width}×${height}, but its image is ${image.width}×${image.height}`, { path });
  }
  const spans = spansById(plane);
  const [seen, countable] = [new Set<number>(), new Set(things)];
  const shapes = annotation.segments_info.map((segment) => {
    const { id, category_id: category, iscrowd } = segment;
    const pixels = spans.get(id);
    const why = seen.has(id) ? 'is listed twice' : pixels ? undefined : 'has no pixels';
    if (why !== undefined) throw new CopyPasteError('data', `segment ${id} ${why}; correct its annotation`, { path });
    seen.add(id);
    const stuff = Boolean(iscrowd) || !countable.has(category);
    const reason: Reason | false = iscrowd ? 'crowd' : stuff && 'stuff';
    const instance = instanceOf(category, Int32Array.from(pixels ?? []), plane, stuff);
    return { id, own: segment, instance, ...(reason && { reason }) };
  });
  return { size: { width, height }, own, shapes };
}

function spansById({ width, height, ids }: Omit<Plane, 'path'>): Map<number, number[]> {
  const spans = new Map<number, number[]>();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; ) {
      const id = ids[y * width + x] as number;
      const from = x;
      while (x < width && ids[y * width + x] === id) x++;
      const known = spans.get(id) ?? [];
      known.push(y, from, x);
      spans.set(id, known);
    }
  }
  return spans;
}

function renamedMask(annotation: PanopticAnnotation, sample: Sample, path: string): PanopticAnnotation {
  return { ...annotation, file_name: renamed(annotation.file_name, sample.mask as string, path) };
}

/** Segments after pasting: visible ones, then pasted ones with the smallest free ids. */
function segmentsAfter({ before, kept, pasted }: PastedShapes<PanopticImage, Segment>): { segment: Segment; spans: Int32Array }[] {
  const used = new Set(before.shapes.map(({ id }) => id));
  let next = 0;
  const measured = (segment: Segment, spans: Int32Array): { segment: Segment; spans: Int32Array } => {
    const [x0, y0, x1, y1] = boxOfSpans(spans);
    return { segment: { ...segment, area: areaOfSpans(spans), bbox: [x0, y0, x1 - x0, y1 - y0] }, spans };
  };
  const remaining = kept.map(({ shape: { own, instance }, spans }) => {
    return spans ? measured(own, spans) : { segment: own, spans: (instance as Instance).spans };
  });
  const added = pasted.map((one) => {
    do next++;
    while (used.has(next));
    return measured({ id: next, category_id: one.classId, iscrowd: 0, copypaste: provenance(one) }, one.spans);
  });
  return [...remaining, ...added];
}
