import { areaOfSpans, boxOfSpans, countsOfSpans, packCounts } from '../shapes.ts';
import type { CocoAnnotation, CocoEntry, CocoImage, Document, Pasted, Sample, ShapeSet, Size } from '../types.ts';

/** What a document will have of an image that passes through. */
export function plainEntry(entry: CocoEntry, sample: Sample, image: string, renumbered: boolean): CocoEntry {
  return { image: renamed(entry.image, sample, image), annotations: entry.annotations, renumbered };
}

/**
 * What a document will have of an image that was pasted into: annotations that pastes left alone as they were, the others with
 * their new masks, and those that were pasted, which say where they come from. Ids are given once all are known.
 *
 * @param image its path in the output.
 * @param renumbered the original is in the output too, and keeps the ids.
 */
export function pastedEntry({ sample, plan, original, shapes, source }: Pasted, image: string, renumbered: boolean): CocoEntry {
  const { image: target, shapes: before } = original.shapes as Required<ShapeSet>;
  const { kept, pasted } = shapes as NonNullable<Pasted['shapes']>;
  const from = (source as ShapeSet).shapes.filter(({ instance }) => instance);
  const annotations = kept.map(({ index, spans }): CocoAnnotation => {
    const annotation = before[index]?.annotation as CocoAnnotation;
    return spans ? { ...withoutKeypoints(annotation), ...masked(spans, target, annotation.iscrowd === 1) } : annotation;
  });
  const added = pasted.map(({ placement, spans }) => {
    const { instance, classId } = plan.placements[placement] as Pasted['plan']['placements'][0];
    const annotation = from[instance]?.annotation as CocoAnnotation;
    return {
      // Its source's, until it is given one.
      id: annotation.id,
      image_id: target.id,
      category_id: classId,
      iscrowd: 0,
      ...masked(spans, target, false),
      copypaste: { image_id: (source as Required<ShapeSet>).image.id, annotation_id: annotation.id, placement: placement + 1 },
    };
  });
  return { image: renamed(target, sample, image), annotations, added, renumbered };
}

function renamed(image: CocoImage, sample: Sample, path: string): CocoImage {
  const folder = sample.image.slice(0, sample.image.length - image.file_name.length);
  return { ...image, file_name: path.slice(folder.length) };
}

/** Keypoints may lie where something else is now. */
function withoutKeypoints({ keypoints: _, num_keypoints: __, ...rest }: CocoAnnotation & { num_keypoints?: unknown }): CocoAnnotation {
  return rest;
}

/** @param list run lengths as numbers, as COCO has them for crowds; else as text. */
function masked(spans: Int32Array, size: Size, list: boolean): Pick<CocoAnnotation, 'segmentation' | 'area' | 'bbox'> {
  const counts = countsOfSpans(spans, size);
  const [x0, y0, x1, y1] = boxOfSpans(spans);
  return {
    segmentation: { size: [size.height, size.width], counts: list ? counts : packCounts(counts) },
    area: areaOfSpans(spans),
    bbox: [x0, y0, x1 - x0, y1 - y0],
  };
}

/**
 * The text of a document with other images and annotations. Each keeps its id if it is the first that has it, else it
 * gets one after the largest that there was.
 *
 * @param entries gives them anew each time, always the same.
 */
export async function* documentText(
  { rest, largestId, largestImage }: Document,
  entries: () => AsyncIterable<CocoEntry>,
): AsyncGenerator<string> {
  const ids = (largest: number): ((id?: number) => number) => {
    const used = new Set<number>();
    let next = largest;
    return (id) => {
      const own = id === undefined || used.has(id) ? ++next : id;
      used.add(own);
      return own;
    };
  };
  yield '{';
  for (const key of new Set(rest.filter(({ key }) => key !== 'images' && key !== 'annotations').map(({ key }) => key))) {
    const values = rest.filter((one) => one.key === key);
    const list = values.map(({ value }) => value).join(',\n');
    yield `${JSON.stringify(key)}:${values[0]?.element ? `[${list}]` : list},\n`;
  }
  for (const key of ['images', 'annotations'] as const) {
    const [imageId, annotationId] = [ids(largestImage), ids(largestId)];
    let separator = '\n';
    yield `"${key}":[`;
    for await (const { image, annotations, added = [], renumbered } of entries()) {
      const id = imageId(renumbered ? undefined : image.id);
      const kept = annotations.map((one) => ({ ...one, id: annotationId(renumbered ? undefined : one.id), image_id: id }));
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
