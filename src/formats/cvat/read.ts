/** Reads CVAT documents. */
import { createHash } from 'node:crypto';
import { joinPath } from '../../base/paths.ts';
import { partsOfRegular } from '../../base/regular.ts';
import { utf8 } from '../../base/text.ts';
import { cannotRead } from '../../base/tree.ts';
import { CopyPasteError, codeOf, messageOf } from '../../errors.ts';
import { isCoordinate, outlineOfEllipse, spansOfPolygons, turned } from '../../masks/polygons.ts';
import { areRunsOf, spansOfRuns } from '../../masks/run-lengths.ts';
import type { Box, ClassNames, Reason, ShapeSet, Size } from '../../types.ts';
import { idsByName } from '../class-ids.ts';
import { readSurroundings, type Surroundings } from '../documents.ts';
import type { DocumentContents, DocumentFormat, DocumentImage, ShapeSource } from '../format.ts';
import { type Counted, createShapeTally, type Drawn, reasonOfPolygon, type Stacked, shapesOfStack } from '../stacks.ts';
import { readXml, type XmlTag } from '../xml.ts';

/** An image of a document, divided into its texts. */
export interface CvatImage {
  /** Opening tag, unchanged. */
  readonly tag: string;
  readonly attributes: CvatElement['attributes'];
  readonly elements: readonly CvatElement[];
  /** Text after the last element. */
  readonly end: string;
}

/** An element of an image: a shape or a tag. */
export interface CvatElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Text between the previous element and this one, unchanged. */
  readonly before: string;
  /** Text of the element with its tags. */
  readonly text: string;
  /** Text between its tags. */
  readonly inner: string;
}

/** Elements with a position in the image; tags have none. */
const placed = new Set(['polygon', 'mask', 'ellipse', 'box', 'polyline', 'points', 'skeleton', 'cuboid']);

/** Scans a document. @throws {CopyPasteError} `data` when it is not a valid CVAT document. */
export async function openCvat(
  ...[root, { masks: path }, encoding, refuse]: Parameters<DocumentFormat['open']>
): Promise<DocumentContents<Surroundings>> {
  const hash = createHash('sha256');
  const images: DocumentImage[] = [];
  const places: Pick<DocumentImage, 'places'>[] = [];
  const faults: string[] = [];
  const labels = new Set<string>();
  const used = new Set<string>();
  const found = createShapeTally();
  let [largestImage, largestOfImage] = [0, 0];
  let image: Facts | undefined;
  let elements: Counted[] = [];
  let children = 0;
  let begun = false;
  const open = ({ name, attributes }: XmlTag, parents: readonly XmlTag[]): void => {
    if (parents.length === 0 && name !== 'annotations') throw new Error(`the root element is ${short(name)}, not annotations`);
    if (parents.length === 1 && name === 'track')
      throw new Error("the document contains tracks of a video; export it as 'CVAT for images'");
    if (parents.length === 1 && name === 'image') {
      image = factsOf(attributes, places.length);
      elements = [];
      children = 0;
      largestImage = Math.max(largestImage, Number(attributes.id) || 0);
      begun = true;
    } else if (parents.length === 1 && begun) throw new Error(`the element ${short(name)} is between images; move it before them`);
    if (parents.length !== 2 || !image) return;
    const n = children++;
    if (!placed.has(name)) return;
    const label = labelOf(attributes);
    if (label !== undefined) used.add(label);
    // Without a size, nothing can be said of its elements.
    if (image.width * image.height === 0) return;
    const geometry = geometryOf(name, attributes, image);
    if (typeof geometry === 'string') image.problems.push(`element ${n}: ${geometry}`);
    else {
      const group = integerIn(attributes, 'group_id');
      elements.push({ group, label, form: geometry.form, reason: reasonOf(geometry, image) });
      largestOfImage = Math.max(largestOfImage, group, integerIn(attributes, 'z_order'));
    }
  };
  const close = ({ name, start }: XmlTag, parents: readonly XmlTag[], end: number, text: string): void => {
    if (name === 'name' && parents.at(-1)?.name === 'label' && parents[1]?.name === 'meta') labels.add(text);
    if (parents.length !== 1 || name !== 'image' || !image) return;
    const place = { places: [start, end - start] };
    places.push(place);
    const { name: file, width, height, problems, ...rest } = image;
    const size = width > 0 && height > 0 && { width, height };
    if (file === '') faults.push(...problems.map((problem) => `${rest.title}: ${problem}`));
    else images.push({ ...rest, name: file, ...size, ...place, ...(problems.length > 0 && { problems }) });
    if (problems.length === 0) found.add(elements);
    image = undefined;
  };
  try {
    await readXml(
      (async function* () {
        for await (const chunk of partsOfRegular(joinPath(root, path))) {
          hash.update(chunk);
          yield chunk;
        }
      })(),
      path,
      encoding,
      { open, close },
    );
  } catch (error) {
    if (error instanceof CopyPasteError) throw error;
    if (codeOf(error) !== undefined) throw cannotRead(path, error);
    throw refuse(`not a valid CVAT document: ${short(messageOf(error), 200)}`, error);
  }
  const classNames: ClassNames = new Map([...labels, ...[...used].filter((label) => !labels.has(label))].map((name, id) => [id, name]));
  const surroundings = await readSurroundings(root, path, places, '\n  ', encoding);
  const own = { ...surroundings, head: inUtf8(surroundings.head) };
  return {
    images: withSplits(images, path),
    faults,
    classNames,
    document: {
      path,
      sha256: hash.digest('hex'),
      ...found.counts((label) => label !== undefined),
      keypoints: 0,
      largestOfImage,
      largestIds: { image: largestImage },
      own,
    },
  };
}

/** Names the splits of a document: its subsets. In a folder, which is a split by itself, the names of several subsets begin with the folder's. */
function withSplits(images: readonly DocumentImage[], path: string): DocumentImage[] {
  const around = path.slice(0, path.lastIndexOf('/') + 1);
  const isOnly = new Set(images.map(({ split }) => split)).size <= 1;
  if (around === '') return [...images];
  return images.map(({ split, ...image }) => (isOnly ? image : { ...image, split: `${around}${split ?? 'default'}` }));
}

/** Reads the shapes of one image. @throws {CopyPasteError} `data` when an element is invalid. */
export async function shapesOfCvat({ parts: [part = ''], file, classNames }: ShapeSource): Promise<ShapeSet<CvatImage, Stacked>> {
  const image = await parseImage(part, file);
  const size = factsOf(image.attributes, 0);
  const refuse = (what: string): CopyPasteError => new CopyPasteError('data', `${size.title}: ${what}`, { path: file });
  const [problem] = size.problems;
  if (problem !== undefined) throw refuse(problem);
  const ids = idsByName(classNames);
  const drawn = image.elements.map(({ name, attributes }, n): Drawn | undefined => {
    if (!placed.has(name)) return undefined;
    const geometry = geometryOf(name, attributes, size);
    if (typeof geometry === 'string') throw refuse(`element ${n}: ${geometry}`);
    return {
      classId: ids.get(attributes.label ?? ''),
      order: integerIn(attributes, 'z_order'),
      group: integerIn(attributes, 'group_id'),
      box: geometry.box,
      spans: spansOf(geometry, size),
      reason: reasonOf(geometry, size),
    };
  });
  const { width, height } = size;
  return { size: { width, height }, own: image, shapes: shapesOfStack(drawn, { width, height }) };
}

/** Facts of an image, from its attributes; the name is empty and the size 0 if they are wrong. */
interface Facts extends Size {
  readonly title: string;
  readonly name: string;
  readonly split?: string;
  readonly problems: string[];
}

/** Takes the facts of an image from its attributes. @param n number of images before it. */
function factsOf({ name = '', subset, id = '', ...sizes }: CvatElement['attributes'], n: number): Facts {
  const wanted = { id, name, width: sizes.width ?? '', height: sizes.height ?? '' };
  const missing = Object.entries(wanted).flatMap(([key, value]) => (value === '' ? [key] : []));
  const problems = missing.length > 0 ? [`${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing`] : [];
  for (const [key, least] of [
    ['id', 0],
    ['width', 1],
    ['height', 1],
  ] as const) {
    const value = Number(wanted[key]);
    if (wanted[key] !== '' && !(Number.isSafeInteger(value) && value >= least))
      problems.push(`${key} is '${short(wanted[key])}', not an integer from ${least}`);
  }
  const length = (text: string): number => (Number.isSafeInteger(Number(text)) ? Math.max(0, Number(text)) : 0);
  const title = name !== '' ? `image '${short(name)}'` : id !== '' ? `image ${short(id)}` : `images[${n}]`;
  return { title, name, width: length(wanted.width), height: length(wanted.height), ...(subset && { split: subset }), problems };
}

/** Geometry of an element in numbers. */
interface Geometry extends Pick<Counted, 'form'> {
  /** Outline of a polygon, an ellipse or a turned box. */
  readonly outline?: readonly number[];
  /** Run lengths in a box, row by row. */
  readonly runs?: { readonly counts: readonly number[]; readonly within: Box };
  /** Extent of a box. */
  readonly box?: Box;
  readonly isPolygon?: true;
}

/** Geometry of an element, or what is wrong with it. A rotated box has pixels; an upright box is only a box. */
function geometryOf(name: string, attributes: CvatElement['attributes'], size: Size): Geometry | string {
  for (const key of ['group_id', 'z_order'] as const) {
    if (!Number.isSafeInteger(integerIn(attributes, key)))
      return `a ${name} has the ${key} '${short(attributes[key] ?? '')}', which is not an integer`;
  }
  const degrees = Number(attributes.rotation ?? '0');
  if (['box', 'ellipse'].includes(name) && !isCoordinate(degrees))
    return `a ${name} has the rotation '${short(attributes.rotation ?? '')}', which is not a number of degrees`;
  if (name === 'polygon') return polygonOf(attributes.points ?? '');
  if (name === 'mask') return maskOf(attributes, size);
  const keys = name === 'ellipse' ? radii : corners;
  if (name !== 'ellipse' && name !== 'box') return { form: 'other' };
  const numbers = numbersIn(attributes, keys);
  if (!numbers) return `${name === 'ellipse' ? 'an' : 'a'} ${name} needs ${keys.join(', ')}, and none may be far outside the image`;
  const [x0, y0, x1, y1] = numbers;
  if (name === 'ellipse') return { form: 'area', outline: outlineOfEllipse([x0, y0], [Math.abs(x1), Math.abs(y1)], degrees) };
  if (degrees === 0) return { form: 'box', box: numbers };
  const centre = [(x0 + x1) / 2, (y0 + y1) / 2] as const;
  return { form: 'turned box', box: numbers, outline: turned([x0, y0, x1, y0, x1, y1, x0, y1], centre, degrees) };
}

type Keys = readonly [string, string, string, string];

/** Attributes with the corners of a box, the centre and radii of an ellipse, and the box of a mask. */
const [corners, radii, extent]: readonly [Keys, Keys, Keys] = [
  ['xtl', 'ytl', 'xbr', 'ybr'],
  ['cx', 'cy', 'rx', 'ry'],
  ['left', 'top', 'width', 'height'],
];

/** Four attributes that are numbers; undefined if one is missing, or far outside the image. */
function numbersIn(attributes: CvatElement['attributes'], keys: Keys): Box | undefined {
  const values = keys.map((key) => numberOf(attributes[key]));
  return values.every(isCoordinate) ? (values as unknown as Box) : undefined;
}

function polygonOf(points: string): Geometry | string {
  const outline = points.trim() === '' ? [] : points.split(';').map((point) => point.split(',').map(numberOf));
  const flat = outline.flat();
  // Any text with fewer than three points is kept.
  if (outline.length < 3) return { form: 'other', isPolygon: true };
  if (!outline.every(({ length }) => length === 2) || !flat.every(isCoordinate))
    return 'a polygon needs points x,y, and none may be far outside the image';
  return { form: 'area', outline: flat, isPolygon: true };
}

function maskOf(attributes: CvatElement['attributes'], size: Size): Geometry | string {
  const numbers = numbersIn(attributes, extent);
  if (!numbers) return `a mask needs ${extent.join(', ')}, and none may be far outside the image`;
  const [left, top, width, height] = numbers;
  const inside = numbers.every((value) => Number.isInteger(value) && value >= 0);
  if (!inside || left + width > size.width || top + height > size.height) return 'a mask reaches outside its image';
  const counts = (attributes.rle ?? '').split(',').map(numberOf);
  if (!areRunsOf(counts, width * height)) return 'the run lengths of a mask do not add up to its width × height';
  return { form: 'area', runs: { counts, within: [left, top, left + width, top + height] } };
}

/** Reason why an element of this geometry is never pasted. */
function reasonOf({ form, outline, isPolygon }: Geometry, size: Size): Reason | undefined {
  if (!isPolygon) return undefined;
  return form === 'other' ? 'too few points' : reasonOfPolygon(outline ?? [], size);
}

/** Pixels of a geometry; undefined if it has none. */
function spansOf({ outline, runs }: Geometry, size: Size): Int32Array | undefined {
  if (outline) return spansOfPolygons([outline], size);
  return runs && spansOfRuns(runs.counts, runs.within);
}

/** Label of an element; an empty one is none. */
export function labelOf({ label }: CvatElement['attributes']): string | undefined {
  return label === '' ? undefined : label;
}

/** Integer in an attribute, 0 if it is absent. */
function integerIn(attributes: CvatElement['attributes'], key: 'group_id' | 'z_order'): number {
  return numberOf(attributes[key] || '0');
}

/** Divides the text of an image into its elements. */
async function parseImage(part: string, file: string): Promise<CvatImage> {
  const bytes = Buffer.from(part);
  const elements: CvatElement[] = [];
  let tag = '';
  let attributes: CvatElement['attributes'] = {};
  let from = 0;
  let end = '';
  await readXml([bytes], file, utf8, {
    open: (opened, parents) => {
      if (parents.length > 0) return;
      attributes = opened.attributes;
      from = opened.inner;
    },
    close: ({ name, attributes, start, inner }, parents, past) => {
      const text = (from: number, to: number): string => bytes.toString('utf8', from, to);
      // A self-closing tag has no content.
      const holds = past > inner;
      if (parents.length === 1) {
        const whole = text(start, past);
        const held = holds ? text(inner, past).slice(0, whole.lastIndexOf('</') - whole.length) : '';
        elements.push({ name, attributes, before: text(from, start), text: whole, inner: held });
        from = past;
      } else if (parents.length === 0) {
        tag = holds ? text(0, inner) : `${text(0, inner - 2)}>`;
        end = holds ? text(from, past) : '\n  </image>';
      }
    },
  });
  return { tag, attributes, elements, end };
}

function numberOf(text = ''): number {
  return text.trim() === '' ? Number.NaN : Number(text);
}

/** Shortens a text to one line of a message. */
function short(text: string, length = 60): string {
  return text.replace(/\s+/g, ' ').slice(0, length);
}

/** Changes the encoding that an XML declaration states to that of the output. */
function inUtf8(head: string): string {
  return head.replace(/^(<\?xml[^>]*?\sencoding\s*=\s*)(["'])[^"']*\2/, '$1$2utf-8$2');
}
