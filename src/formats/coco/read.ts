/** Reads COCO documents, of instances and panoptic ones. */
import { createHash } from 'node:crypto';
import { decodeText } from '../../base/text.ts';
import { CopyPasteError, systemMessageOf } from '../../errors.ts';
import { instanceOfSpans } from '../../masks/instances.ts';
import type { ClassNames, Instance, Licence, Reason, Size, Unpasted } from '../../types.ts';
import type { Document, DocumentImage, Provenance } from '../format.ts';
import { type Place, partsOf } from '../json.ts';
import { problemOfKeys, shown } from '../keys.ts';
import { reasonIn, type Undecided } from '../unpasted.ts';
import { flag, id, imageKeys, isId, someText } from './values.ts';

/** An image in a document. */
export interface CocoImage {
  readonly id: number;
  readonly file_name: string;
  /** Size, if the document states it. */
  readonly width?: number;
  readonly height?: number;
  readonly license?: unknown;
}

/** Source of a pasted annotation: an annotation of this document, or an instance of another data set. */
export type CocoProvenance = Provenance<{ readonly image_id: number; readonly annotation_id: number }>;

/** Content of a document besides images and annotations, and its largest ids. */
export interface CocoDocument {
  /** JSON text of each value, or of each element of a list, with the key of the value or the list. */
  readonly rest: readonly { readonly key: string; readonly value: string; readonly element: boolean }[];
  readonly largestId: number;
  readonly largestImage: number;
}

/** Lists of objects, by key. */
const known = new Set(['images', 'annotations', 'categories']);

/** Result of scanning a document. */
interface Contents extends Pick<Document, 'path' | 'sha256'>, Pick<CocoDocument, 'rest' | 'largestImage'> {
  readonly images: readonly (DocumentImage & { readonly id: number })[];
  readonly classNames: ClassNames;
  /** Ids of categories with instances, in a panoptic document. */
  readonly things: readonly number[];
  /** Problems of images and annotations that are left out. */
  readonly faults: readonly string[];
  readonly annotations: number;
  readonly unpasted: Unpasted;
}

/** Facts of an annotation that depend on the kind of the document. */
export interface Noted {
  /** The problem of an annotation that cannot be read. */
  readonly problem?: string | undefined;
  /** Id in messages. */
  readonly id: unknown;
  readonly categories: number | readonly number[];
  /** Reason why it cannot be pasted. */
  readonly reason?: Reason | Undecided | undefined;
}

/** Annotations by number. */
interface Listed {
  readonly id: number[];
  readonly image: number[];
  readonly categories: (number | readonly number[])[];
  /** Start and length of each. */
  readonly place: number[];
  readonly reason: Map<number, Reason | Undecided>;
}

/**
 * Scans a document.
 *
 * @param noun begins the names of annotations in messages.
 * @param note checks an annotation; the size of its image is undefined if it is not known yet.
 * @param refuse makes an error from a description of the problem.
 */
export async function readCoco(
  root: string,
  path: string,
  encoding: string,
  noun: string,
  note: (annotation: object, size: Size | undefined) => Noted,
  refuse: (what: string, cause?: unknown) => CopyPasteError,
): Promise<Contents> {
  const hash = createHash('sha256');
  const rest: CocoDocument['rest'][0][] = [];
  const images: { image: CocoImage; place: Place; problem?: string }[] = [];
  const sizes = new Map<number, Size>();
  const listed: Listed = { id: [], image: [], categories: [], place: [], reason: new Map() };
  const classNames = new Map<number, string>();
  const things: number[] = [];
  const faults: string[] = [];
  const seen = new Set<string>();
  let annotations = 0;
  const addCategory = (value: object): void => {
    const { id, name, isthing } = value as { id: number; name?: string; isthing?: unknown };
    const problem = problemOfKeys(value, categoryKeys);
    if (problem !== undefined) throw new Error(`categories[${classNames.size}]: ${problem}`);
    if (id > 65534) throw new Error(`category id ${id} is not an integer from 0 to 65534`);
    if (classNames.has(id) && classNames.get(id) !== String(name))
      throw new Error(`category id ${id} is both ${classNames.get(id)} and ${name}; ids must be unique`);
    classNames.set(id, String(name));
    if (isthing === 1 || isthing === true) things.push(id);
  };
  const addImage = (image: CocoImage, place: Place, problem: string | undefined): void => {
    images.push({ image, place, ...(problem !== undefined && { problem }) });
    const size = sizeOf(image);
    if (size) sizes.set(image.id, size);
  };
  const addAnnotation = (value: object, place: Place, unparsed: string | undefined): void => {
    const { image_id: image } = value as { image_id: number };
    const { id, problem = unparsed, categories, reason } = note(value, sizes.get(image));
    const n = annotations++;
    if (problem !== undefined) {
      faults.push(`${isId(id) ? `${noun} ${id}` : `annotations[${n}]`}: ${problem}`);
      return;
    }
    if (reason) listed.reason.set(listed.id.length, reason);
    listed.id.push(id as number);
    listed.image.push(image);
    listed.categories.push(categories);
    listed.place.push(place.start, place.length);
  };
  try {
    for await (const { key, element, bytes, place } of partsOf(root, path, { encoding, seen: (bytes) => hash.update(bytes) })) {
      const text = decodeText(bytes, path, encoding, place.start);
      const { value, problem } = parseValue(text, !known.has(key) || key === 'categories');
      seen.add(key);
      if (known.has(key) && element && (typeof value !== 'object' || value === null || Array.isArray(value)))
        throw new Error(`${key} contains ${shown(value)}, which is not an object`);
      if (known.has(key) && !element && !(Array.isArray(value) && value.length === 0))
        throw new Error(`${key} is ${shown(value)}, not a list of objects; write its values as a list`);
      if (key === 'images' && element) addImage(value as CocoImage, place, problem);
      else if (key === 'annotations' && element) addAnnotation(value as object, place, problem);
      else {
        if (key === 'categories' && element) addCategory(value as object);
        rest.push({ key, element, value: text });
      }
    }
  } catch (error) {
    if (error instanceof CopyPasteError) throw error;
    throw refuse(`not a valid COCO document: ${systemMessageOf(error)}`, error);
  }
  if (!seen.has('images')) throw refuse('not a valid COCO document: images are missing');
  const joined = joinAnnotations(checkImages(images, faults), listed, noun, classNames, faults);
  const largestImage = joined.images.reduce((largest, { id }) => Math.max(largest, id), 0);
  return { path, sha256: hash.digest('hex'), rest, largestImage, classNames, things, faults, ...joined };
}

/** Size of an image, if its document states it. */
function sizeOf({ width, height }: CocoImage): Size | undefined {
  return width && height ? { width, height } : undefined;
}

const categoryKeys = { id, name: someText, isthing: flag };

/**
 * Parses a value. `NaN` and `Infinity`, which Python writes, are no JSON: they become null, with the problem.
 *
 * @param kept true if the value is kept as text, so that they do not matter.
 */
function parseValue(text: string, kept: boolean): { value: unknown; problem?: string } {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    let word: string | undefined;
    const without = text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g, (part) => {
      if (part.startsWith('"')) return part;
      word ??= part;
      return 'null';
    });
    if (word === undefined) throw error;
    return { value: JSON.parse(without), ...(!kept && { problem: `contains ${word}, which is not JSON` }) };
  }
}

/** Images by id without those that cannot be used, whose ids have no image. Adds the problems to `faults`. */
function checkImages(
  images: readonly { readonly image: CocoImage; readonly place: Place; readonly problem?: string }[],
  faults: string[],
): Map<number, Contents['images'][0] | undefined> {
  const found = new Map<number, Contents['images'][0] | undefined>();
  for (const [n, { image, place, problem }] of images.entries()) {
    const { id, file_name: name } = image;
    const title = isId(id) ? `image ${id}` : `images[${n}]`;
    const known = found.has(id);
    const why = problem ?? problemOfKeys(image, imageKeys) ?? (known ? 'the id occurs twice; ids must be unique' : undefined);
    if (why !== undefined) {
      faults.push(`${title}: ${why}`);
      if (isId(id) && !known) found.set(id, undefined);
    } else found.set(id, { id, title, name, ...sizeOf(image), places: [place.start, place.length] });
  }
  return found;
}

/** Adds the byte ranges of annotations to their images. Adds annotations without a known image or category to `faults`. */
function joinAnnotations(
  images: ReadonlyMap<number, Contents['images'][0] | undefined>,
  { id: ids, image: imageIds, categories, place, reason }: Listed,
  noun: string,
  classNames: ClassNames,
  faults: string[],
): Pick<Contents, 'images' | 'annotations' | 'unpasted'> {
  const places = new Map<number, number[]>();
  const unpasted: Partial<Record<Reason, number>> = {};
  let annotations = 0;
  const isUnknown = (id: number): boolean => classNames.size > 0 && !classNames.has(id);
  for (const [n, id] of imageIds.entries()) {
    const image = images.get(id);
    const unknown = [categories[n] as number | readonly number[]].flat().find(isUnknown);
    const title = `${noun} ${ids[n]}`;
    if (!images.has(id)) faults.push(`${title} refers to image ${id}, which is not defined; add it to images`);
    // Annotations of an image with a fault are left out together with it.
    if (!image) continue;
    if (unknown !== undefined) {
      faults.push(`${title} refers to category ${unknown}, which is not defined; add it to categories`);
      continue;
    }
    const own = places.get(id) ?? [];
    own.push(place[2 * n] as number, place[2 * n + 1] as number);
    places.set(id, own);
    annotations++;
    const { width, height } = image;
    const found = reason.get(n);
    const why = typeof found !== 'object' ? found : width && height ? reasonIn(found, { width, height }) : undefined;
    if (why !== undefined) unpasted[why] = (unpasted[why] ?? 0) + 1;
  }
  const joined = [...images.values()].flatMap((one) => (one ? [{ ...one, places: [...one.places, ...(places.get(one.id) ?? [])] }] : []));
  return { images: joined, annotations, unpasted };
}

/** Licence of an image, from the licences that its document lists. */
export function licenceOf({ license: id }: CocoImage, { own: { rest } }: Document<CocoDocument>): Licence | undefined {
  if (!isId(id)) return undefined;
  const listed = rest.filter(({ key, element }) => key === 'licenses' && element).map(({ value }) => parseValue(value, true).value);
  const found = (listed as (Record<'id' | 'name' | 'url', unknown> | null)[]).find((one) => one?.id === id);
  const { name, url } = found ?? {};
  // CVAT and others list one licence without a name or an address.
  if (found && !name && !url) return undefined;
  return { id, ...(typeof name === 'string' && name && { name }), ...(typeof url === 'string' && url && { url }) };
}

export function instanceOf(categoryId: number, spans: Int32Array, size: Size, crowd: boolean): Instance {
  return { ...instanceOfSpans(categoryId, spans, size), ...(crowd && { crowd: true }) };
}
