/** Writes COCO documents, of instances and panoptic ones. */
import type { Sample } from '../../types.ts';
import { idsAfter } from '../documents.ts';
import type { Document, PastedShape } from '../format.ts';
import type { CocoDocument, CocoImage, Provenance } from './read.ts';

/** An image and its annotations in an output document. */
export interface CocoEntry<A extends object> {
  readonly image: CocoImage;
  readonly annotations: readonly A[];
  /** New annotations; they get ids after all others. */
  readonly added?: readonly object[];
}

/** Describes the source of a paste. */
export function provenance({ origin, source, instance, placement }: PastedShape<{ readonly image: CocoImage }>): Provenance {
  return origin ? { image_id: origin.own.image.id, annotation_id: origin.shape.id, placement } : { source, instance, placement };
}

/** Gives an image the name of its output file. @param path of the image in the output. */
export function renamedImage(image: CocoImage, sample: Sample, path: string): CocoImage {
  const folder = sample.image.slice(0, sample.image.length - image.file_name.length);
  return { ...image, file_name: path.slice(folder.length) };
}

/**
 * Writes the text of a document. Images and annotations keep their ids; repeated ids, as in several variants of an image, are replaced
 * by new ones above the largest.
 *
 * @param numbered gives an annotation its output id.
 */
export async function* documentText<A extends object>(
  { own: { rest, largestId, largestImage } }: Document<CocoDocument>,
  entries: () => AsyncIterable<CocoEntry<A>>,
  numbered: (annotation: A, idOf: (id?: number) => number) => A,
): AsyncGenerator<string> {
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
      const kept = annotations.map((one) => ({ ...numbered(one, annotationId), image_id: id }));
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
