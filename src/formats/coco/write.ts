/** Writes COCO documents, of instances and panoptic ones. */
import type { Sample } from '../../types.ts';
import { idsAfter } from '../documents.ts';
import { type Document, type PastedShape, provenanceOf } from '../format.ts';
import { renamed } from '../image-names.ts';
import { jsonText, parseJson } from '../json-text.ts';
import type { CocoDocument, CocoImage, CocoProvenance } from './read.ts';

/** An image and its annotations in an output document, as JSON text. */
export interface CocoEntry {
  readonly image: Numbered;
  /** Annotations without an id of their own are numbered by their image alone. */
  readonly annotations: readonly (Pick<Numbered, 'text'> & Partial<Numbered>)[];
  /** New annotations; they get ids after all others. */
  readonly added?: readonly object[];
}

/** Text of a JSON object, and its id. */
interface Numbered {
  readonly id: number;
  readonly text: string;
}

/** Entry of an image. */
export function entryOf(image: CocoImage, annotations: readonly object[], added?: readonly object[]): CocoEntry {
  const numbered = (annotation: object & { readonly id?: number }) => ({
    ...(annotation.id !== undefined && { id: annotation.id }),
    text: jsonText(annotation),
  });
  return { image: { id: image.id, text: jsonText(image) }, annotations: annotations.map(numbered), ...(added && { added }) };
}

/** Describes the source of a paste. */
export function provenance(paste: PastedShape<{ readonly image: CocoImage }>): CocoProvenance {
  const { origin } = paste;
  return provenanceOf(paste, origin && { image_id: origin.own.image.id, annotation_id: origin.shape.id });
}

/** Gives an image the name of its output file. @param path of the image in the output. */
export function renamedImage(image: CocoImage, sample: Sample, path: string): CocoImage {
  return path === sample.image ? image : { ...image, file_name: renamed(image.file_name, sample.image, path) };
}

/** Values of a document besides images and annotations, by key. */
function valuesByKey(rest: CocoDocument['rest']): Map<string, CocoDocument['rest'][0][]> {
  const byKey = new Map<string, CocoDocument['rest'][0][]>();
  for (const one of rest) {
    if (one.key === 'images' || one.key === 'annotations') continue;
    const values = byKey.get(one.key);
    if (values) values.push(one);
    else byKey.set(one.key, [one]);
  }
  return byKey;
}

/**
 * Writes the text of a document. Images and annotations keep their ids; repeated ids, as in several variants of an image, are replaced
 * by new ones above the largest. All else is written to the letter.
 */
export async function* documentText(
  { own: { byId, rest }, largestIds: { image: largestImage = 0, annotation: largestAnnotation = 0 } = {} }: Document<CocoDocument>,
  entries: () => AsyncIterable<CocoEntry>,
): AsyncGenerator<string> {
  yield '{';
  for (const [key, values] of valuesByKey(rest)) {
    const list = values.map(({ value }) => value).join(',\n');
    yield `${JSON.stringify(key)}:${values[0]?.element ? `[${list}]` : list},\n`;
  }
  for (const key of ['images', 'annotations'] as const) {
    const [imageId, annotationId] = [idsAfter(largestImage), idsAfter(largestAnnotation)];
    let separator = '\n';
    const [open, close] = byId.includes(key) ? '{}' : '[]';
    yield `"${key}":${open}`;
    for await (const { image, annotations, added = [] } of entries()) {
      const image_id = imageId(image.id);
      const numbered = ({ id, text }: CocoEntry['annotations'][0]): Partial<Numbered> & { readonly text: string } => {
        const own = id === undefined ? undefined : annotationId(id);
        if (own === id && image_id === image.id) return { ...(own !== undefined && { id: own }), text };
        const changed = { ...parseJson<object>(text), ...(own !== undefined && { id: own }), image_id };
        return { ...(own !== undefined && { id: own }), text: jsonText(changed) };
      };
      const extra = (one: object): Numbered => {
        const id = annotationId();
        return { id, text: jsonText({ ...one, id, image_id }) };
      };
      const values =
        key === 'images'
          ? [{ id: image_id, text: image_id === image.id ? image.text : jsonText({ ...parseJson<object>(image.text), id: image_id }) }]
          : [...annotations.map(numbered), ...added.map(extra)];
      for (const { id = image_id, text } of values) {
        yield separator + (open === '{' ? `"${id}":${text}` : text);
        separator = ',\n';
      }
    }
    yield key === 'images' ? `\n${close},\n` : `\n${close}}\n`;
  }
}
