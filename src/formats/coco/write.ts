import { outlinesOfSpans } from '../../masks/outlines.ts';
import { countsOfSpans, packCounts } from '../../masks/run-lengths.ts';
import { areaOfSpans, boxOfSpans, fillSpans } from '../../masks/spans.ts';
import type {
  CocoAnnotation,
  CocoEntry,
  CocoImage,
  Document,
  Instance,
  PanopticAnnotation,
  Pasted,
  PastedFrom,
  Sample,
  Segment,
  ShapeSet,
  Size,
} from '../../types.ts';
import type { DocumentWriter } from '../document-writers.ts';

/** COCO's documents, instances and panoptic ones. */
export const coco: DocumentWriter<CocoEntry> = {
  plain(parts, sample, { image, mask }) {
    const [own, ...rest] = parts.map((part) => JSON.parse(part));
    const annotations = rest.map((one) => (isPanoptic(one) ? renamedMask(one, sample, mask as string) : one));
    return { image: renamed(own, sample, image), annotations };
  },
  pasted(pasted, { image, mask }, { polygons }) {
    const { sample, original } = pasted;
    const { image: target, panoptic } = original.shapes as ShapeSet;
    if (!panoptic) return instancesEntry(pasted, image, polygons);
    const { segments } = segmentsAfter(pasted);
    const annotation = { ...renamedMask(panoptic, sample, mask as string), segments_info: segments.map(({ segment }) => segment) };
    return { image: renamed(target as CocoImage, sample, image), annotations: [annotation] };
  },
  text: documentText,
};

function isPanoptic(annotation: CocoAnnotation | PanopticAnnotation): annotation is PanopticAnnotation {
  return 'segments_info' in annotation;
}

function renamedMask(annotation: PanopticAnnotation, sample: Sample, path: string): PanopticAnnotation {
  const mask = sample.mask as string;
  return { ...annotation, file_name: path.slice(mask.length - annotation.file_name.length) };
}

/** The ids of a panoptic PNG after pastes; what no segment holds is 0. */
export function segmentPlane(pasted: Pasted): Int32Array {
  const { width, height } = pasted.image;
  const ids = new Int32Array(width * height);
  for (const { segment, spans } of segmentsAfter(pasted).segments) fillSpans(spans, [0, 0, width], ids, segment.id);
  return ids;
}

/** The segments that remain, and new ones under the smallest ids that are free. */
function segmentsAfter({ plan, original, shapes, source }: Pasted): { segments: { segment: Segment; spans: Int32Array }[] } {
  const { shapes: before } = original.shapes as ShapeSet;
  const { kept, pasted } = shapes as NonNullable<Pasted['shapes']>;
  const used = new Set(before.map(({ id }) => id));
  let next = 0;
  const measured = (segment: Segment, spans: Int32Array): { segment: Segment; spans: Int32Array } => {
    const [x0, y0, x1, y1] = boxOfSpans(spans);
    return { segment: { ...segment, area: areaOfSpans(spans), bbox: [x0, y0, x1 - x0, y1 - y0] }, spans };
  };
  const remaining = kept.map(({ index, spans }) => {
    const { segment, instance } = before[index] as ShapeSet['shapes'][0];
    return spans ? measured(segment as Segment, spans) : { segment: segment as Segment, spans: (instance as Instance).spans };
  });
  const added = pasted.map(({ placement, spans }) => {
    const { instance, classId } = plan.placements[placement] as Pasted['plan']['placements'][0];
    const copypaste = provenance(source, instance, placement);
    do next++;
    while (used.has(next));
    return measured({ id: next, category_id: classId, iscrowd: 0, copypaste }, spans);
  });
  return { segments: [...remaining, ...added] };
}

function instancesEntry({ sample, plan, original, shapes, source }: Pasted, image: string, polygons: boolean): CocoEntry {
  const { image: target, shapes: before } = original.shapes as Required<ShapeSet>;
  const { kept, pasted } = shapes as NonNullable<Pasted['shapes']>;
  const annotations = kept.map(({ index, spans }): CocoAnnotation => {
    const annotation = before[index]?.annotation as CocoAnnotation;
    return spans ? { ...withoutKeypoints(annotation), ...masked(spans, target, annotation.iscrowd === 1, polygons) } : annotation;
  });
  const added = pasted.map(({ placement, spans }) => {
    const { instance, classId } = plan.placements[placement] as Pasted['plan']['placements'][0];
    return {
      // Until it is given one.
      id: 0,
      image_id: target.id,
      category_id: classId,
      iscrowd: 0,
      ...masked(spans, target, false, polygons),
      copypaste: provenance(source, instance, placement),
    };
  });
  return { image: renamed(target, sample, image), annotations, added };
}

/** Where a pasted instance comes from. */
function provenance({ sample, shapes, inputs }: PastedFrom, instance: number, placement: number): NonNullable<CocoAnnotation['copypaste']> {
  if (inputs || !shapes) return { source: sample.id, instance, placement: placement + 1 };
  const from = shapes.shapes.filter((shape) => shape.instance)[instance];
  return { image_id: shapes.image?.id as number, annotation_id: from?.id as number, placement: placement + 1 };
}

function renamed(image: CocoImage, sample: Sample, path: string): CocoImage {
  const folder = sample.image.slice(0, sample.image.length - image.file_name.length);
  return { ...image, file_name: path.slice(folder.length) };
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

/** Each image and annotation keeps its id if it is the first that has it, else it gets one after the largest that there was. */
async function* documentText({ rest, largestId, largestImage }: Document, entries: () => AsyncIterable<CocoEntry>): AsyncGenerator<string> {
  yield '{';
  for (const key of new Set(rest.filter(({ key }) => key !== 'images' && key !== 'annotations').map(({ key }) => key))) {
    const values = rest.filter((one) => one.key === key);
    const list = values.map(({ value }) => value).join(',\n');
    yield `${JSON.stringify(key)}:${values[0]?.element ? `[${list}]` : list},\n`;
  }
  for (const key of ['images', 'annotations'] as const) {
    const [imageId, annotationId] = [idsAfter(largestImage), idsAfter(largestId)];
    let separator = '\n';
    yield `"${key}":[`;
    for await (const { image, annotations, added = [] } of entries()) {
      const id = imageId(image.id);
      const kept = annotations.map((one) =>
        isPanoptic(one) ? { ...one, image_id: id } : { ...one, id: annotationId(one.id), image_id: id },
      );
      const values =
        key === 'images' ? [{ ...image, id }] : [...kept, ...added.map((one) => ({ ...one, id: annotationId(), image_id: id }))];
      for (const value of values) {
        yield separator + JSON.stringify(value);
        separator = ',\n';
      }
    }
    yield key === 'images' ? '\n],\n' : '\n]}\n';
  }
}

/** Gives ids: its own to the first that has it, to others one after the largest that there was. */
export function idsAfter(largest: number): (id?: number) => number {
  const used = new Set<number>();
  let next = largest;
  return (id) => {
    const own = id === undefined || used.has(id) ? ++next : id;
    used.add(own);
    return own;
  };
}
