/** Reads COCO documents, of instances and panoptic ones. */
import { createHash } from 'node:crypto';
import { decodeText } from '../../base/text.ts';
import { CopyPasteError, systemMessageOf } from '../../errors.ts';
import { instanceOfSpans } from '../../masks/instances.ts';
import type { ClassNames, Instance, Size } from '../../types.ts';
import type { Licence } from '../bank.ts';
import type { Document, DocumentImage } from '../format.ts';
import { type Place, partsOf } from '../json.ts';

/** An image in a document. */
export interface CocoImage {
  readonly id: number;
  readonly file_name: string;
  readonly width: number;
  readonly height: number;
  readonly license?: unknown;
}

/** Source of a pasted annotation: an annotation of this document, or an instance of another data set. */
export type Provenance = { readonly placement: number } & (
  | { readonly image_id: number; readonly annotation_id: number }
  | { readonly source: string; readonly instance: number }
);

/** Content of a document besides images and annotations, and its largest ids. */
export interface CocoDocument {
  /** JSON text of each value, or of each element of a list, with the key of the value or the list. */
  readonly rest: readonly { readonly key: string; readonly value: string; readonly element: boolean }[];
  readonly largestId: number;
  readonly largestImage: number;
}

/** Lists whose elements must be objects. */
const known = new Set(['images', 'annotations', 'categories']);

/** Result of scanning a document. */
interface Contents extends Pick<Document, 'path' | 'sha256'>, Pick<CocoDocument, 'rest' | 'largestImage'> {
  readonly images: readonly (DocumentImage & { readonly id: number })[];
  readonly classNames: ClassNames;
  /** Ids of categories with instances, in a panoptic document. */
  readonly things: readonly number[];
}

/**
 * Scans a document.
 *
 * @param note checks an annotation and returns the id of its image.
 * @param refuse makes an error from a description of the problem.
 */
export async function readCoco(
  root: string,
  path: string,
  encoding: string,
  note: (annotation: object, n: number) => number,
  refuse: (what: string, cause?: unknown) => CopyPasteError,
): Promise<Contents> {
  const hash = createHash('sha256');
  const rest: CocoDocument['rest'][0][] = [];
  const images: { image: CocoImage; place: Place }[] = [];
  const places = new Map<number, number[]>();
  const classNames = new Map<number, string>();
  const things: number[] = [];
  let annotations = 0;
  const addCategory = ({ id, name, isthing }: { id?: unknown; name?: unknown; isthing?: unknown }): void => {
    if (!isId(id) || id > 65534) throw new Error(`category id ${id} is not an integer from 0 to 65534`);
    classNames.set(id, String(name));
    if (isthing === 1) things.push(id);
  };
  try {
    for await (const { key, element, bytes, place } of partsOf(root, path, { encoding, seen: (bytes) => hash.update(bytes) })) {
      const text = decodeText(bytes, path, encoding, place.start);
      const value = JSON.parse(text);
      const list = element ? key : '';
      if (known.has(list) && (typeof value !== 'object' || value === null))
        throw new Error(`${key} contains ${String(value)}, which is not an object`);
      if (list === 'images') images.push({ image: value, place });
      else if (list === 'annotations') {
        const image = note(value, annotations++);
        const own = places.get(image) ?? [];
        own.push(place.start, place.length);
        places.set(image, own);
      } else {
        if (list === 'categories') addCategory(value);
        rest.push({ key, element, value: text });
      }
    }
  } catch (error) {
    if (error instanceof CopyPasteError) throw error;
    throw refuse(`not a valid COCO document: ${systemMessageOf(error)}`, error);
  }
  if (images.length === 0) throw refuse('not a valid COCO document: images are missing');
  const found = checkImages(images, places, refuse);
  const largestImage = found.reduce((largest, { id }) => Math.max(largest, id), 0);
  return { path, sha256: hash.digest('hex'), rest, largestImage, images: found, classNames, things };
}

/** Joins images with the byte ranges of their annotations. @throws {CopyPasteError} `data` when an id is missing, or occurs twice. */
function checkImages(
  images: readonly { readonly image: CocoImage; readonly place: Place }[],
  places: ReadonlyMap<number, readonly number[]>,
  refuse: (what: string) => CopyPasteError,
): Contents['images'] {
  const seen = new Set<number>();
  const found = images.map(({ image, place }) => {
    const { id, file_name: name, width, height } = image;
    if (!isId(id) || typeof name !== 'string' || !isSize(width) || !isSize(height)) {
      throw refuse(`image ${JSON.stringify(id ?? name)} needs an id, file_name, width and height`);
    }
    if (seen.has(id)) throw refuse(`image id ${id} occurs twice; ids must be unique`);
    seen.add(id);
    return { id, title: `image ${id}`, name, width, height, places: [place.start, place.length, ...(places.get(id) ?? [])] };
  });
  for (const id of places.keys())
    if (!seen.has(id)) throw refuse(`annotations refer to image ${id}, which is not defined; add it to images`);
  return found;
}

/** Licence of an image, from the licences that its document lists. */
export function licenceOf({ license: id }: CocoImage, { own: { rest } }: Document<CocoDocument>): Licence | undefined {
  if (!isId(id)) return undefined;
  const listed = rest.filter(({ key, element }) => key === 'licenses' && element).map(({ value }) => JSON.parse(value));
  const { name, url } = listed.find((one) => one?.id === id) ?? {};
  return { id, ...(typeof name === 'string' && { name }), ...(typeof url === 'string' && { url }) };
}

export function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSize(value: unknown): value is number {
  return isId(value) && value > 0;
}

export function instanceOf(categoryId: number, spans: Int32Array, size: Size, crowd: boolean): Instance {
  return { ...instanceOfSpans(categoryId, spans, size), ...(crowd && { crowd: true }) };
}
