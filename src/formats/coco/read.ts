/** Reads COCO documents, of instances and panoptic ones. */
import { createHash } from 'node:crypto';
import { decodeText } from '../../base/text.ts';
import { CopyPasteError, systemMessageOf } from '../../errors.ts';
import { instanceOfSpans } from '../../masks/instances.ts';
import type { ClassNames, Instance, Licence, Reason, Size, Unpasted } from '../../types.ts';
import type { Document, DocumentImage, Provenance } from '../format.ts';
import { type Part, type Place, partsOf, tooDeep } from '../json.ts';
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

/** Content of a document besides images and annotations. */
export interface CocoDocument {
  /** Keys of `images` and `annotations` that are objects by id instead of lists, as LIVECell's. */
  readonly byId: readonly string[];
  /** JSON text of each value, or of each element of a list, with the key of the value or the list. */
  readonly rest: readonly { readonly key: string; readonly value: string; readonly element: boolean }[];
}

/** Lists of objects, by key. */
const known = new Set(['images', 'annotations', 'categories']);

/** Keys of lists that may be objects by id. */
const ableById = ['images', 'annotations'];

/** Result of scanning a document. */
interface Contents extends Pick<Document, 'path' | 'sha256'>, CocoDocument {
  readonly largestImage: number;
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

/** Facts of an annotation in its row: its id, its image, its category or -1 for several, and its place. */
const [idAt, imageAt, categoryAt, startAt, lengthAt] = [0, 1, 2, 3, 4];
const rowLength = 5;
const rowsInChunk = 4096;

/** Annotations in rows of numbers: for 100,000, lists that grow would leave 10 MB of garbage, and the peak of memory is here. */
interface Listed {
  readonly chunks: Float64Array[];
  count: number;
  /** Categories of annotations with several, by number. */
  readonly several: Map<number, readonly number[]>;
  readonly reason: Map<number, Reason | Undecided>;
}

function addRow(listed: Listed, ...facts: readonly [id: number, image: number, category: number, start: number, length: number]): void {
  const at = listed.count++ % rowsInChunk;
  if (at === 0) listed.chunks.push(new Float64Array(rowLength * rowsInChunk));
  listed.chunks.at(-1)?.set(facts, at * rowLength);
}

/** Fact of an annotation. */
function factOf({ chunks }: Listed, n: number, fact: number): number {
  return (chunks[Math.floor(n / rowsInChunk)] as Float64Array)[(n % rowsInChunk) * rowLength + fact] as number;
}

/** Ids that several annotations have, with their number. */
function repeatedIds(listed: Listed): Map<number, number> {
  const ids = new Float64Array(listed.count);
  for (let n = 0; n < ids.length; n++) ids[n] = factOf(listed, n, idAt);
  ids.sort();
  const repeated = new Map<number, number>();
  for (const id of ids.filter((id, n) => id === ids[n - 1])) repeated.set(id, (repeated.get(id) ?? 1) + 1);
  return repeated;
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
  const images: Images = new Map();
  const listed: Listed = { chunks: [], count: 0, several: new Map(), reason: new Map() };
  const classNames = new Map<number, string>();
  const things: number[] = [];
  const faults: string[] = [];
  const seen = new Set<string>();
  const byId = new Set<string>();
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
  let listedImages = 0;
  const addImage = (image: CocoImage, place: Place, unparsed: string | undefined): void => {
    const { id, file_name: name } = image;
    const title = isId(id) ? `image ${id}` : `images[${listedImages}]`;
    listedImages++;
    const isKnown = images.has(id);
    const problem = unparsed ?? problemOfKeys(image, imageKeys) ?? (isKnown ? 'the id occurs twice; ids must be unique' : undefined);
    if (problem !== undefined) {
      faults.push(`${title}: ${problem}`);
      if (isId(id) && !isKnown) images.set(id, undefined);
    } else images.set(id, { id, title, name, ...sizeOf(image), places: [place.start, place.length] });
  };
  const addAnnotation = (value: object, place: Place, unparsed: string | undefined): void => {
    const { image_id: image } = value as { image_id: number };
    const { id, problem = unparsed, categories, reason } = note(value, sizeOf(images.get(image) ?? {}));
    const n = annotations++;
    if (problem !== undefined) {
      faults.push(`${isId(id) ? `${noun} ${id}` : `annotations[${n}]`}: ${problem}`);
      return;
    }
    if (reason) listed.reason.set(listed.count, reason);
    if (typeof categories !== 'number') listed.several.set(listed.count, categories);
    addRow(listed, id as number, image, typeof categories === 'number' ? categories : -1, place.start, place.length);
  };
  const adders = new Map<string, typeof addImage>([
    ['images', addImage],
    ['annotations', addAnnotation],
  ]);
  try {
    const options = { encoding, within: ableById, seen: (bytes: Uint8Array) => hash.update(bytes) };
    for await (const part of partsOf(root, path, options)) {
      const { bytes, place, within: key = part.key } = part;
      const isOne = part.element || part.within !== undefined;
      const text = decodeText(bytes, path, encoding, place.start);
      const { value, problem } = parseValue(text, !known.has(key) || key === 'categories', part.deep);
      seen.add(key);
      if (known.has(key)) refuseForm(key, isOne, value);
      if (part.within !== undefined || (ableById.includes(key) && text === '{}')) byId.add(key);
      const add = isOne ? adders.get(key) : undefined;
      if (add) add(value as CocoImage, place, problem ?? problemOfMember(part, value as Identified));
      else {
        if (key === 'categories' && isOne) addCategory(value as object);
        rest.push({ key, element: isOne, value: text });
      }
    }
  } catch (error) {
    if (error instanceof CopyPasteError) throw error;
    throw refuse(`not a valid COCO document: ${systemMessageOf(error)}`, error);
  }
  if (!seen.has('images')) throw refuse('not a valid COCO document: images are missing');
  const joined = joinAnnotations(images, listed, noun, classNames, faults);
  // Ids of images that are left out are not given to others.
  let largestImage = 0;
  for (const id of images.keys()) largestImage = Math.max(largestImage, id);
  return { path, sha256: hash.digest('hex'), byId: [...byId], rest, largestImage, classNames, things, faults, ...joined };
}

/** Size of an image, if its document states it. */
function sizeOf({ width, height }: Partial<Size>): Size | undefined {
  return width && height ? { width, height } : undefined;
}

const categoryKeys = { id, name: someText, isthing: flag };

/**
 * Parses a value. `NaN` and `Infinity`, which Python writes, are no JSON: they become null, with the problem.
 *
 * @param kept true if the value is kept as text, so that they do not matter.
 * @param deep true if lists and objects are nested too deeply in it.
 */
function parseValue(text: string, kept: boolean, deep = false): { value: unknown; problem?: string } {
  try {
    return { value: JSON.parse(text), ...(deep && !kept && { problem: tooDeep }) };
  } catch (error) {
    let word: string | undefined;
    const without = text.replace(/"[^"\\]*(?:\\[\s\S][^"\\]*)*"?|-?\b(?:NaN|Infinity)\b/g, (part) => {
      if (part.startsWith('"')) return part;
      word ??= part;
      return 'null';
    });
    if (word === undefined) throw error;
    return { value: JSON.parse(without), ...(!kept && { problem: `contains ${word}, which is not JSON` }) };
  }
}

/** Ids by which an image or an annotation is known. */
interface Identified {
  readonly id?: unknown;
  readonly image_id?: unknown;
}

/** Problem of a member of an object by id whose key is another, since the output has ids for keys. */
function problemOfMember({ key, within }: Part, { image_id, id = image_id }: Identified): string | undefined {
  return within === undefined || key === String(id) ? undefined : `its key in ${within} is '${key}', not its id; correct it`;
}

/**
 * Refuses a value of a known key in another form.
 *
 * @param isOne true for one of several values, false for all.
 * @throws {Error} if it is no list of objects, and no object by id that may be one.
 */
function refuseForm(key: string, isOne: boolean, value: unknown): void {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (isOne && !isObject) throw new Error(`${key} contains ${shown(value)}, which is not an object`);
  const isEmpty = Array.isArray(value) ? value.length === 0 : isObject && ableById.includes(key);
  if (!isOne && !isEmpty) throw new Error(`${key} is ${shown(value)}, not a list of objects; write its values as a list`);
}

/** Images by id; undefined for those that cannot be used. */
type Images = Map<number, (Contents['images'][0] & { readonly places: number[] }) | undefined>;

/** Adds the byte ranges of annotations to their images. Adds annotations without a known image or category, or of a repeated id, to `faults`. */
function joinAnnotations(
  images: Images,
  listed: Listed,
  noun: string,
  classNames: ClassNames,
  faults: string[],
): Pick<Contents, 'images' | 'annotations' | 'unpasted'> {
  const unpasted: Partial<Record<Reason, number>> = {};
  const repeated = repeatedIds(listed);
  const used = new Set<number>();
  let annotations = 0;
  const isUnknown = (id: number): boolean => classNames.size > 0 && !classNames.has(id);
  const problemOf = (n: number): string | undefined => {
    const [id, image, category] = [factOf(listed, n, idAt), factOf(listed, n, imageAt), factOf(listed, n, categoryAt)];
    const times = repeated.get(id);
    if (times !== undefined) {
      if (used.has(id)) return `${noun} ${id}: the id occurs ${times === 2 ? 'twice' : `${times} times`}; ids must be unique`;
      used.add(id);
    }
    if (!images.has(image)) return `${noun} ${id} refers to image ${image}, which is not defined; add it to images`;
    const unknown = category >= 0 ? (isUnknown(category) ? category : undefined) : listed.several.get(n)?.find(isUnknown);
    if (unknown === undefined || !images.get(image)) return undefined;
    return `${noun} ${id} refers to category ${unknown}, which is not defined; add it to categories`;
  };
  for (let n = 0; n < listed.count; n++) {
    const problem = problemOf(n);
    if (problem !== undefined) {
      faults.push(problem);
      continue;
    }
    const image = images.get(factOf(listed, n, imageAt));
    // Annotations of an image with a fault are left out together with it.
    if (!image) continue;
    image.places.push(factOf(listed, n, startAt), factOf(listed, n, lengthAt));
    annotations++;
    const found = listed.reason.get(n);
    const size = sizeOf(image);
    const why = typeof found !== 'object' ? found : size && reasonIn(found, size);
    if (why !== undefined) unpasted[why] = (unpasted[why] ?? 0) + 1;
  }
  return { images: [...images.values()].filter((one) => one !== undefined), annotations, unpasted };
}

/** Licence in a document. */
type Stated = Readonly<Record<'id' | 'name' | 'url', unknown>>;

const knownLicences = new WeakMap<CocoDocument['rest'], ReadonlyMap<unknown, Stated>>();

/** Licences of a document by id, the first of each id. */
function licencesIn(rest: CocoDocument['rest']): Map<unknown, Stated> {
  const listed = rest.filter(({ key, element }) => key === 'licenses' && element).map(({ value }) => parseValue(value, true).value);
  return new Map((listed as (Stated | null)[]).reverse().flatMap((one) => (one ? [[one.id, one]] : [])));
}

/** Licence of an image, from the licences that its document lists. */
export function licenceOf({ license: id }: CocoImage, { own: { rest } }: Document<CocoDocument>): Licence | undefined {
  if (!isId(id)) return undefined;
  const licences = knownLicences.get(rest) ?? licencesIn(rest);
  knownLicences.set(rest, licences);
  const found = licences.get(id);
  const { name, url } = found ?? {};
  // CVAT and others list one licence without a name or an address.
  if (found && !name && !url) return undefined;
  return { id, ...(typeof name === 'string' && name && { name }), ...(typeof url === 'string' && url && { url }) };
}

export function instanceOf(categoryId: number, spans: Int32Array, size: Size, crowd: boolean): Instance {
  return { ...instanceOfSpans(categoryId, spans, size), ...(crowd && { crowd: true }) };
}
