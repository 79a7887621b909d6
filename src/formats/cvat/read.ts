/** Reads CVAT documents. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { utf8 } from '../../base/text.ts';
import { cannotRead } from '../../base/tree.ts';
import { CopyPasteError, messageOf } from '../../errors.ts';
import { isCoordinate, outlineOfEllipse, spansOfPolygons, turned } from '../../masks/polygons.ts';
import { spansOfRuns } from '../../masks/run-lengths.ts';
import type { Box, ClassNames, ShapeSet, Size } from '../../types.ts';
import { readSurroundings, type Surroundings } from '../documents.ts';
import type { DocumentContents, DocumentFormat, DocumentImage, ShapeSource } from '../format.ts';
import { type Counted, createTally, type Drawn, reasonOfPolygon, type Stacked, shapesOfStack } from '../stacks.ts';
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

export interface CvatDocument extends Surroundings {
  readonly largestImage: number;
}

/** Elements with a position in the image; tags have none. */
const placed = new Set(['polygon', 'mask', 'ellipse', 'box', 'polyline', 'points', 'skeleton', 'cuboid']);

/** Scans a document. @throws {CopyPasteError} `data` when it is not a valid CVAT document. */
export async function openCvat(
  ...[root, { masks: path }, encoding, refuse]: Parameters<DocumentFormat['open']>
): Promise<DocumentContents<CvatDocument>> {
  const hash = createHash('sha256');
  const images: DocumentImage[] = [];
  const labels = new Set<string>();
  const used = new Set<string>();
  const found = createTally();
  let largestImage = 0;
  let image: { title: string; name: string; split?: string; width: number; height: number } | undefined;
  let elements: Counted[] = [];
  let begun = false;
  const open = ({ name, attributes }: XmlTag, parents: readonly XmlTag[]): void => {
    if (parents.length === 0 && name !== 'annotations') throw new Error(`the root element is ${short(name)}, not annotations`);
    if (parents.length === 1 && name === 'track')
      throw new Error("the document contains tracks of a video; export it as 'CVAT for images'");
    if (parents.length === 1 && name === 'image') {
      image = imageOf(attributes);
      elements = [];
      largestImage = Math.max(largestImage, Number(attributes.id));
      begun = true;
    } else if (parents.length === 1 && begun) throw new Error(`the element ${short(name)} is between images; move it before them`);
    if (parents.length !== 2 || !image || !placed.has(name)) return;
    if (attributes.label !== undefined) used.add(attributes.label);
    elements.push({ group: integerIn(name, attributes, 'group_id'), label: attributes.label, ...formOf(name, attributes, image) });
    integerIn(name, attributes, 'z_order');
  };
  const close = ({ name, start }: XmlTag, parents: readonly XmlTag[], end: number, text: string): void => {
    if (name === 'name' && parents.at(-1)?.name === 'label' && parents[1]?.name === 'meta') labels.add(text);
    if (parents.length !== 1 || name !== 'image' || !image) return;
    images.push({ ...image, places: [start, end - start] });
    found.add(elements);
    image = undefined;
  };
  const file = createReadStream(join(root, path), { highWaterMark: 1 << 20 });
  let failed: Error | undefined;
  file.on('error', (error) => {
    failed = error;
  });
  try {
    await readXml(
      (async function* () {
        for await (const chunk of file) {
          hash.update(chunk);
          yield chunk;
        }
      })(),
      path,
      encoding,
      { open, close },
    );
  } catch (error) {
    if (failed) throw cannotRead(path, failed);
    if (error instanceof CopyPasteError) throw error;
    throw refuse(`not a valid CVAT document: ${short(messageOf(error), 200)}`, error);
  }
  const classNames: ClassNames = new Map([...labels, ...[...used].filter((label) => !labels.has(label))].map((name, id) => [id, name]));
  const surroundings = await readSurroundings(root, path, images, '\n  ', encoding);
  const own = { ...surroundings, head: inUtf8(surroundings.head), largestImage };
  return {
    images: withSplits(images, path),
    classNames,
    document: { path, sha256: hash.digest('hex'), ...found.counts((label) => label !== undefined), keypoints: 0, own },
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
  const { title, width, height } = imageOf(image.attributes);
  const size = { width, height };
  const ids = new Map([...classNames].map(([id, name]) => [name, id]));
  const refuse = (what: string): CopyPasteError => new CopyPasteError('data', `${title}: ${what}`, { path: file });
  const drawn = image.elements.map((element): Drawn | undefined => {
    const { name, attributes } = element;
    if (!placed.has(name)) return undefined;
    const classId = ids.get(attributes.label ?? '');
    const { form } = formOf(name, attributes, size);
    const spans = form === 'area' || form === 'turned box' ? spansOfElement(element, size, refuse) : undefined;
    const box = name === 'box' ? numbersOf(element, corners, refuse) : undefined;
    return { classId, order: integerIn(name, attributes, 'z_order'), group: integerIn(name, attributes, 'group_id'), box, spans };
  });
  return { size, own: image, shapes: shapesOfStack(drawn, size) };
}

/** Form of an element, and why it is never pasted. A rotated box has pixels; an upright box is only a box. */
function formOf(name: string, { rotation = '0', points = '' }: CvatElement['attributes'], size: Size): Pick<Counted, 'form' | 'reason'> {
  if (name === 'box') return { form: Number(rotation) === 0 ? 'box' : 'turned box' };
  if (name === 'mask' || name === 'ellipse') return { form: 'area' };
  if (name !== 'polygon') return { form: 'other' };
  const outline = outlineOf(points);
  if (outline.length < 3) return { form: 'other', reason: 'too few points' };
  const flat = outline.flat();
  // A wrong outline is refused when it is read.
  return { form: 'area', ...(flat.every(isCoordinate) && flat.length % 2 === 0 && { reason: reasonOfPolygon(flat, size) }) };
}

/** Points of a polygon. */
function outlineOf(points: string): number[][] {
  return points.trim() === '' ? [] : points.split(';').map((point) => point.split(',').map(numberOf));
}

/** Integer in an attribute, 0 if it is absent. @throws {Error} when it is no integer. */
function integerIn(name: string, attributes: CvatElement['attributes'], key: 'group_id' | 'z_order'): number {
  const text = attributes[key] || '0';
  const value = numberOf(text);
  if (!Number.isSafeInteger(value)) throw new Error(`a ${name} has the ${key} '${short(text)}', which is not an integer`);
  return value;
}

/** Takes the facts of an image from its attributes. */
function imageOf({ name, subset, id, ...sizes }: CvatElement['attributes']): Omit<DocumentImage, 'places'> & Size {
  const [width, height] = [Number(sizes.width), Number(sizes.height)];
  const fine = [Number(id), width, height].every((value) => Number.isSafeInteger(value) && value >= 0) && width * height > 0;
  if (!fine || id === '' || !name) throw new Error(`image '${short(name ?? id ?? '')}' needs an id, name, width and height`);
  return { title: `image '${short(name)}'`, name, width, height, ...(subset && { split: subset }) };
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

type Keys = readonly [string, string, string, string];

/** Attributes with the corners of a box. */
const corners: Keys = ['xtl', 'ytl', 'xbr', 'ybr'];

/** Four attributes that are numbers. @throws {CopyPasteError} `data` when one is missing, or far outside the image. */
function numbersOf({ name, attributes }: CvatElement, keys: Keys, refuse: (what: string) => CopyPasteError): Box {
  const values = keys.map((key) => numberOf(attributes[key]));
  if (!values.every(isCoordinate)) throw refuse(`a ${name} needs ${keys.join(', ')}, and none may be far outside the image`);
  return values as unknown as Box;
}

/** Spans of an element. @throws {CopyPasteError} `data` when its geometry is invalid. */
function spansOfElement(element: CvatElement, size: Size, refuse: (what: string) => CopyPasteError): Int32Array {
  const { name, attributes } = element;
  const numbers = (...keys: Keys): Box => numbersOf(element, keys, refuse);
  const degrees = Number(attributes.rotation ?? '0');
  if (!isCoordinate(degrees))
    throw refuse(`a ${name} has the rotation '${short(attributes.rotation ?? '')}', which is not a number of degrees`);
  if (name === 'polygon') {
    const points = outlineOf(attributes.points ?? '');
    const fine = points.every((point) => point.length === 2 && point.every(isCoordinate));
    if (!fine) throw refuse('a polygon needs points x,y, and none may be far outside the image');
    return spansOfPolygons([points.flat()], size);
  }
  if (name === 'ellipse') {
    const [cx, cy, rx, ry] = numbers('cx', 'cy', 'rx', 'ry');
    return spansOfPolygons([outlineOfEllipse([cx, cy], [Math.abs(rx), Math.abs(ry)], degrees)], size);
  }
  if (name === 'box') {
    const [x0, y0, x1, y1] = numbers(...corners);
    const centre = [(x0 + x1) / 2, (y0 + y1) / 2] as const;
    return spansOfPolygons([turned([x0, y0, x1, y0, x1, y1, x0, y1], centre, degrees)], size);
  }
  const [left, top, width, height] = numbers('left', 'top', 'width', 'height');
  const inside = [left, top, width, height].every((value) => Number.isInteger(value) && value >= 0);
  if (!inside || left + width > size.width || top + height > size.height) throw refuse('a mask reaches outside its image');
  const counts = (attributes.rle ?? '').split(',').map(numberOf);
  const spans = spansOfRuns(counts, [left, top, left + width, top + height]);
  if (!spans) throw refuse('the run lengths of a mask do not add up to its width × height');
  return spans;
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
