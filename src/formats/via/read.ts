/** Reads VIA documents: exports and projects. */
import { createHash } from 'node:crypto';
import { decodeText } from '../../base/text.ts';
import { CopyPasteError, messageOf, systemMessageOf } from '../../errors.ts';
import { instanceOfSpans } from '../../masks/instances.ts';
import { outlineOfEllipse, spansOfPolygons } from '../../masks/polygons.ts';
import type { Reason, Shaped, ShapeSet, Size } from '../../types.ts';
import { idsByName } from '../class-ids.ts';
import { readRange, readSurroundings, type Surroundings } from '../documents.ts';
import { type DocumentContents, type DocumentFormat, type DocumentImage, type ShapeSource, unnamedClass } from '../format.ts';
import { type Part, partsOf, tooDeep, twice } from '../json.ts';
import { parseJson } from '../json-text.ts';
import { object, shown } from '../keys.ts';
import { reasonOfPolygon } from '../stacks.ts';
import { type ClassAttribute, classOfRegion, createAttributeTally } from './classes.ts';
import { problemOfImage, problemOfRegion, regionsOf, type ViaImage, type ViaRegion, type ViaShape } from './values.ts';

/** Text of a document around its images, and the attribute that holds the class. */
export interface ViaDocument extends Surroundings {
  readonly attribute: ClassAttribute;
  /** Text between the brackets of a project's list of image ids, which is cut out of the surroundings. */
  readonly ids?: string;
  /** Surroundings after the list of image ids, if it is before or after the images. */
  readonly headRest?: string;
  readonly tailRest?: string;
}

/** An image with its key in the document. */
export interface ViaOwn {
  /** Object with the image as its only member, which remembers its text. */
  readonly member: Readonly<Record<string, ViaImage>>;
  readonly key: string;
  readonly image: ViaImage;
  readonly attribute: ClassAttribute;
}

/** Keys of a project besides its images. */
const setting = /^_via_/;
const imagesKey = '_via_img_metadata';
const idsKey = '_via_image_id_list';

/** Scans a document. @throws {CopyPasteError} `data` when it is not a valid VIA document, `usage` when its class attribute is ambiguous. */
export async function openVia(
  ...[root, { masks: path }, encoding, refuse, classAttribute]: Parameters<DocumentFormat['open']>
): Promise<DocumentContents<ViaDocument>> {
  const hash = createHash('sha256');
  const images: DocumentImage[] = [];
  const placed: Pick<DocumentImage, 'places'>[] = [];
  const faults: string[] = [];
  const unpasted: Partial<Record<Reason, number>> = {};
  const attributes = createAttributeTally();
  let annotations = 0;
  let defined = {};
  let ids: { readonly start: number; end: number } | undefined;
  let begun = false;
  const keys = new Set<string>();
  const count = (reason: Reason, n: number): void => {
    if (n > 0) unpasted[reason] = (unpasted[reason] ?? 0) + n;
  };
  const addImage = ({ key, keyStart = 0, place, deep }: Part, content: string): void => {
    if (keys.has(key)) throw new Error(twice(key, keyStart));
    keys.add(key);
    const places = [keyStart, place.start + place.length - keyStart];
    placed.push({ places });
    const { image, problem } = deep ? { problem: tooDeep } : parseImage(content);
    if (!image) {
      faults.push(`image '${key}': ${problem}`);
      return;
    }
    const title = `image '${image.filename}'`;
    images.push({ title, name: image.filename, places });
    for (const [n, region] of regionsOf(image).entries()) {
      const problem = problemOfRegion(region);
      if (problem === undefined) {
        annotations++;
        const reason = reasonOf(region.shape_attributes);
        if (reason) count(reason, 1);
        attributes.add(region.region_attributes, reason === undefined);
      } else faults.push(`${title}: regions[${n}]: ${problem}`);
    }
  };
  try {
    for await (const part of partsOf(root, path, { encoding, within: [imagesKey], seen: (bytes) => hash.update(bytes) })) {
      const { key, element, bytes, place, within } = part;
      const isMember = within !== undefined;
      begun ||= setting.test(key) || !element;
      if (key === idsKey && !isMember && element) ids = { start: ids?.start ?? place.start, end: place.start + place.length };
      else if (element) throw new Error(`'${key}' is a list, not an image`);
      else {
        const content = decodeText(bytes, path, encoding, place.start);
        if (isMember || !setting.test(key)) addImage(part, content);
        else if (key === '_via_attributes') defined = definedIn(JSON.parse(content));
        else if (key === imagesKey) refuseUnlessEmpty(key, content);
      }
    }
  } catch (error) {
    if (error instanceof CopyPasteError) throw error;
    throw refuse(`not a valid VIA document: ${systemMessageOf(error)}`, error);
  }
  if (!begun && placed.length === 0) throw refuse('not a valid VIA document: it has no images');
  const { attribute, classNames, unlabelled, notes } = attributes.choose(path, defined, classAttribute);
  count('unknown label', unlabelled);
  const own = {
    attribute,
    ...(await readSurroundings(root, path, placed, ',', encoding)),
    ...(ids && (await cutList(root, path, encoding, ids, placed))),
  };
  return { images, classNames, faults, notes, document: { path, sha256: hash.digest('hex'), annotations, unpasted, keypoints: 0, own } };
}

/** Refuses a value of a key that is not read member by member. @throws {Error} unless it is an empty object. */
function refuseUnlessEmpty(key: string, content: string): void {
  if (content !== '{}') throw new Error(`${key} is ${shown(JSON.parse(content))}, not an object`);
}

/** Cuts the list of image ids out of the text before or after the images. */
async function cutList(
  root: string,
  path: string,
  encoding: string,
  { start, end }: { readonly start: number; readonly end: number },
  placed: readonly Pick<DocumentImage, 'places'>[],
): Promise<Partial<ViaDocument>> {
  const textOf = (from: number, to?: number): Promise<string> => readRange(root, path, encoding, from, to);
  const [first] = placed[0]?.places ?? [];
  const [last = 0, length = 0] = placed.at(-1)?.places ?? [];
  const ids = await textOf(start, end);
  if (first === undefined || start < first) return { ids, head: await textOf(0, start), headRest: await textOf(end, first) };
  return { ids, tail: await textOf(last + length, start), tailRest: await textOf(end) };
}

/** Attributes of regions that a project defines. */
function definedIn(value: unknown): object {
  const { region } = (object.fits(value) ? value : {}) as { region?: unknown };
  return object.fits(region) ? (region as object) : {};
}

/** Parses an image, or names the problem. */
function parseImage(content: string): { readonly image?: ViaImage; readonly problem?: string | undefined } {
  try {
    const image: unknown = JSON.parse(content);
    const problem = problemOfImage(image);
    return problem === undefined ? { image: image as ViaImage } : { problem };
  } catch (error) {
    // `NaN`, which Python writes, is no JSON.
    return { problem: `is not JSON: ${messageOf(error)}` };
  }
}

/** Reason why a region is never pasted, apart from its class. @param size of its image, if it is known. */
function reasonOf({ name, all_points_x: xs = [], all_points_y: ys = [] }: ViaShape, size?: Size): Reason | undefined {
  if (name === 'rect') return 'box';
  if (name === 'circle' || name === 'ellipse') return undefined;
  if (name !== 'polygon') return 'line or point';
  return xs.length < 3 ? 'too few points' : reasonOfPolygon(cornersOf(xs, ys), size);
}

function cornersOf(xs: readonly number[], ys: readonly number[]): number[] {
  return xs.flatMap((x, n) => [x, ys[n] as number]);
}

/** Parses the text of an image with its key. */
export function parseMember(part: string): Pick<ViaOwn, 'member' | 'key' | 'image'> {
  const member: ViaOwn['member'] = parseJson(`{${part}}`);
  const [[key, image]] = Object.entries(member) as [[string, ViaImage]];
  return { member, key, image };
}

/** Reads the shapes of one image; rectangles, polylines and points have no instance. */
export function shapesOfVia({ parts: [part = ''], size, classNames, document }: ShapeSource<ViaDocument>): ShapeSet<ViaOwn, ViaRegion> {
  const parsed = parseMember(part);
  const attribute = document?.own.attribute;
  const ids = idsByName(classNames);
  const shapes = regionsOf(parsed.image).flatMap((own, id): Shaped<ViaRegion>[] => {
    if (problemOfRegion(own) !== undefined) return [];
    const named = attribute ? classOfRegion(own.region_attributes, attribute.name) : unnamedClass;
    const classId = named === undefined ? undefined : ids.get(named);
    const outline = classId === undefined ? undefined : outlineOf(own.shape_attributes);
    const spans = outline && spansOfPolygons([outline], size);
    if (spans && spans.length > 0) return [{ id, own, instance: instanceOfSpans(classId as number, spans, size) }];
    return [{ id, own, reason: reasonOf(own.shape_attributes, size) ?? (classId === undefined ? 'unknown label' : 'no area') }];
  });
  return { size, own: { ...parsed, attribute }, shapes };
}

/** Outline of a shape `[x, y, x, y, …]`; undefined if it has no area. */
export function outlineOf({
  name,
  all_points_x: xs = [],
  all_points_y: ys = [],
  cx = 0,
  cy = 0,
  r = 0,
  ...ellipse
}: ViaShape): number[] | undefined {
  if (name === 'polygon') return xs.length < 3 ? undefined : cornersOf(xs, ys);
  if (name === 'circle') return outlineOfEllipse([cx, cy], [Math.abs(r), Math.abs(r)], 0);
  if (name !== 'ellipse') return undefined;
  const { rx = 0, ry = 0, theta } = ellipse;
  // In radians, clockwise.
  return outlineOfEllipse([cx, cy], [Math.abs(rx), Math.abs(ry)], ((theta ?? 0) * 180) / Math.PI);
}
