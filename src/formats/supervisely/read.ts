/** Reads the files of a Supervisely project. */
import { inflateSync } from 'node:zlib';
import { readText, type Tree } from '../../base/tree.ts';
import { channelsOf, decodeValues, maxPixels, pngHeader } from '../../codecs/png.ts';
import { CopyPasteError, messageOf } from '../../errors.ts';
import { instanceOfSpans } from '../../masks/instances.ts';
import { isCoordinate } from '../../masks/polygons.ts';
import { spansOfPixels, union } from '../../masks/spans.ts';
import type { Box, Reason, ShapeSet, Size } from '../../types.ts';
import type { ConfigFile, ShapeSource } from '../format.ts';
import { parseJson } from '../json-text.ts';
import { integer, type Keys, length, list, listed, object, optional, problemOfKeys, text } from '../keys.ts';
import { boxOf, type Polygon, type Ring, spansOfPolygon } from './drawing.ts';
import { metaFile } from './find.ts';

/** Annotation of one image. */
export interface SuperviselyFile {
  readonly size: Size;
  readonly objects: readonly SuperviselyObject[];
}

export interface SuperviselyObject {
  readonly classTitle: string;
  readonly geometryType?: string;
  /** Form, in older versions. */
  readonly shape?: string;
  readonly points?: Polygon;
  readonly parts?: readonly Polygon[];
  readonly bitmap?: Bitmap | null;
  /** Key that the parts of one object share. */
  readonly instance?: string | null;
}

/** A PNG, compressed with zlib, as base64, and the position of its first pixel. */
interface Bitmap {
  readonly data: string;
  readonly origin: readonly [x: number, y: number];
}

/** Forms of the classes that `meta.json` lists, by title. */
export type Forms = ReadonlyMap<string, string>;

/** Indices of the objects of one instance. */
export type ObjectIndices = readonly number[];

/** Annotation of one image, with the white space after it, and the forms of the classes. */
export interface SuperviselyImage {
  readonly file: SuperviselyFile;
  readonly forms: Forms;
  readonly tail: string;
}

/** Forms with an area. */
const filled = ['polygon', 'multipolygon', 'bitmap'];

const classKeys: Keys = { title: text, shape: optional(text) };

/**
 * Reads the classes of `meta.json`, in their order.
 *
 * @returns undefined if there is no such file.
 * @throws {CopyPasteError} `data` when it is invalid.
 */
export async function readMeta(tree: Tree, encoding: string): Promise<(ConfigFile & { readonly forms: Forms }) | undefined> {
  if (!tree.has(metaFile)) return undefined;
  const refuse = (why: string, cause?: unknown): CopyPasteError =>
    new CopyPasteError('data', `not a valid Supervisely project: ${why}`, { path: metaFile, cause });
  let meta: { readonly classes?: readonly { readonly title: string; readonly shape?: string | null }[] };
  try {
    meta = JSON.parse(await readText(tree.root, metaFile, encoding));
  } catch (cause) {
    throw cause instanceof CopyPasteError ? cause : refuse(messageOf(cause), cause);
  }
  const problem = problemOfKeys(meta, { classes: list });
  if (problem !== undefined) throw refuse(problem);
  const forms = new Map<string, string>();
  for (const [n, one] of (meta.classes ?? []).entries()) {
    const problem = problemOfKeys(one, classKeys);
    if (problem !== undefined) throw refuse(`classes[${n}]: ${problem}`);
    if (forms.has(one.title)) throw refuse(`classes[${n}]: the title '${one.title}' occurs twice`);
    forms.set(one.title, one.shape ?? 'any');
  }
  return { file: metaFile, forms };
}

const fileKeys: Keys = { size: object, objects: list };
const sizeKeys: Keys = { width: length, height: length };
const objectKeys: Keys = {
  classTitle: text,
  geometryType: optional(text),
  shape: optional(text),
  instance: optional(text),
  tags: optional(list),
};
const ring = {
  expects: 'a list of points [x, y]',
  fits: (value: unknown): value is Ring =>
    Array.isArray(value) && value.every((point) => Array.isArray(point) && point.length === 2 && point.every(isCoordinate)),
};
const rings = { expects: 'a list of lists of points', fits: (value: unknown) => Array.isArray(value) && value.every(ring.fits) };
const polygonKeys: Keys = { exterior: ring, interior: optional(rings) };
const bitmapKeys: Keys = {
  data: text,
  origin: {
    expects: 'a list of two integers',
    fits: (value) => Array.isArray(value) && value.length === 2 && value.every((one) => integer.fits(one) && isCoordinate(one)),
  },
};

/** Form of an object; undefined if nothing says it. */
function formOf({ geometryType, shape, bitmap, classTitle }: SuperviselyObject, forms: Forms): string | undefined {
  const own = geometryType ?? shape ?? (bitmap ? 'bitmap' : forms.get(classTitle));
  return own === 'any' ? undefined : own;
}

/** Parses the annotation of an image. @throws {CopyPasteError} `data` with all its problems when it is not in Supervisely's format. */
export function parseSupervisely(content: string, path: string, forms: Forms): SuperviselyFile {
  const refuse = (why: string, cause?: unknown): CopyPasteError =>
    new CopyPasteError('data', `not a valid Supervisely annotation: ${why}`, { path, cause });
  let file: SuperviselyFile;
  try {
    file = parseJson(content);
  } catch (cause) {
    throw refuse(messageOf(cause), cause);
  }
  const problem = problemOfKeys(file, fileKeys);
  if (problem !== undefined) throw refuse(problem);
  const ofSize = problemOfKeys(file.size, sizeKeys);
  if (ofSize !== undefined) throw refuse(`size: ${ofSize}`);
  const problems = file.objects.flatMap((one, n) => {
    const problem = problemOfObject(one, forms);
    return problem === undefined ? [] : [`objects[${n}]: ${problem}`];
  });
  if (problems.length > 0) throw refuse(listed(problems));
  return file;
}

function problemOfObject(one: SuperviselyObject, forms: Forms): string | undefined {
  const problem = problemOfKeys(one, objectKeys);
  if (problem !== undefined) return problem;
  if (forms.size > 0 && !forms.has(one.classTitle)) return `classTitle '${one.classTitle}' is no class of ${metaFile}`;
  const form = formOf(one, forms);
  if (form === undefined) return 'geometryType is missing';
  if (form === 'polygon' || form === 'rectangle') return within('points', problemOfKeys(one.points, polygonKeys));
  if (form === 'multipolygon') {
    const problem = problemOfKeys(one, { parts: list });
    if (problem !== undefined) return problem;
    return (one.parts ?? [])
      .map((part, n) => within(`parts[${n}]`, problemOfKeys(part, polygonKeys)))
      .find((problem) => problem !== undefined);
  }
  if (form !== 'bitmap') return undefined;
  const ofBitmap = problemOfKeys(one.bitmap, bitmapKeys);
  if (ofBitmap !== undefined) return within('bitmap', ofBitmap);
  try {
    pngOf(one.bitmap as Bitmap);
    return undefined;
  } catch (cause) {
    return `bitmap: data: ${messageOf(cause)}`;
  }
}

function within(key: string, problem: string | undefined): string | undefined {
  return problem === undefined ? undefined : `${key}: ${problem}`;
}

/** The PNG of a bitmap. Some are not compressed a second time. @throws {Error} when it is none, or too large. */
function pngOf({ data }: Bitmap): Uint8Array {
  let bytes: Uint8Array = Buffer.from(data, 'base64');
  if (!pngHeader(bytes)) bytes = inflateSync(bytes, { maxOutputLength: 4 * maxPixels });
  const header = pngHeader(bytes);
  if (!header) throw new Error('it is not a PNG');
  if (header.width * header.height > maxPixels) throw new Error('the PNG has more than 64 megapixels');
  return bytes;
}

/** Spans of a bitmap: pixels that are not transparent or, without transparency, not 0; those outside the image are cut off. */
function spansOfBitmap(bitmap: Bitmap, { width, height }: Size): Int32Array {
  const { values, colour, chunks, ...png } = decodeValues(pngOf(bitmap), 'the bitmap');
  const alpha = chunks.get('tRNS')?.[0];
  const channels = channelsOf[colour];
  if (colour === 'rgb') throw new Error('the bitmap has colours and no transparency');
  const isSet = (value: number): boolean => (colour === 'palette' && alpha ? (alpha[value] ?? 255) : value) !== 0;
  const [left, top] = bitmap.origin;
  const box: Box = [Math.max(0, left), Math.max(0, top), Math.min(width, left + png.width), Math.min(height, top + png.height)];
  return spansOfPixels(box, (x, y) => isSet(values[channels * ((y - top) * png.width + x - left) + channels - 1] as number));
}

/** Spans of an object with an area; empty for all others. @throws {Error} when a bitmap is damaged. */
function spansOfObject(one: SuperviselyObject, forms: Forms, size: Size): Int32Array {
  const form = formOf(one, forms);
  if (reasonOf(one, forms, size) !== undefined) return new Int32Array(0);
  if (form === 'bitmap') return spansOfBitmap(one.bitmap as Bitmap, size);
  const polygons = form === 'polygon' ? [one.points as Polygon] : (one.parts ?? []);
  return union(
    polygons.map((polygon) => spansOfPolygon(polygon, size)),
    size,
  );
}

/** Reason why an object is never pasted; undefined if it can be. */
export function reasonOf(one: SuperviselyObject, forms: Forms, size: Size): Reason | undefined {
  const form = formOf(one, forms) as string;
  if (form === 'rectangle') return 'box';
  if (!filled.includes(form)) return `of type '${form}'`;
  if (form === 'bitmap') return undefined;
  const outer = (form === 'polygon' ? [one.points as Polygon] : (one.parts ?? [])).map(({ exterior }) => exterior);
  if (outer.every(({ length }) => length < 3)) return 'too few points';
  const isOutside = ([x0, y0, x1, y1]: Box): boolean => x0 >= x1 || y0 >= y1;
  return outer.every((one) => isOutside(boxOf(one, size))) ? 'outside the image' : undefined;
}

/**
 * Reads the shapes of an image; objects with an area, of one `instance` and class, are one.
 *
 * @throws {CopyPasteError} `data` when the file is not in Supervisely's format, or states another size of the image.
 */
export function shapesOfSupervisely({
  parts: [content = ''],
  size,
  file: path,
  classNames,
  own,
}: ShapeSource<Forms>): ShapeSet<SuperviselyImage, ObjectIndices> {
  const forms = own ?? new Map<string, string>();
  const file = parseSupervisely(content, path, forms);
  const { width, height } = file.size;
  if (width !== size.width || height !== size.height)
    throw new CopyPasteError('data', `states an image of ${width}×${height}, but its image is ${size.width}×${size.height}`, { path });
  const ids = new Map([...classNames].map(([id, name]) => [name, id]));
  const groups = new Map<string, number[]>();
  for (const [n, one] of file.objects.entries()) {
    const isPart = one.instance && reasonOf(one, forms, size) === undefined;
    const key = isPart ? JSON.stringify([one.instance, one.classTitle]) : `${n}`;
    const known = groups.get(key);
    if (known) known.push(n);
    else groups.set(key, [n]);
  }
  const shapes = [...groups.values()].map((indices, id) => {
    const [first = 0] = indices;
    const classId = ids.get(file.objects[first]?.classTitle as string);
    try {
      const spans = union(
        indices.map((n) => spansOfObject(file.objects[n] as SuperviselyObject, forms, size)),
        size,
      );
      const instance = classId !== undefined && spans.length > 0 ? instanceOfSpans(classId, spans, size) : undefined;
      return { id, own: indices, ...(instance && { instance }) };
    } catch (cause) {
      throw new CopyPasteError('data', `not a valid Supervisely annotation: objects[${first}]: ${messageOf(cause)}`, { path, cause });
    }
  });
  return { size, own: { file, forms, tail: content.slice(content.trimEnd().length) }, shapes };
}
