/** Writes VIA documents. */
import { componentsOfSpans } from '../../masks/instances.ts';
import { outlineOfSpans } from '../../masks/outlines.ts';
import type { ClassNames, Sample } from '../../types.ts';
import { withSurroundings } from '../documents.ts';
import { type Document, type PastedShape, type PastedShapes, provenanceOf } from '../format.ts';
import { renamed } from '../image-names.ts';
import { jsonText } from '../json-text.ts';
import { provenanceKey } from './classes.ts';
import { parseMember, type ViaDocument, type ViaOwn } from './read.ts';
import { problemOfRegion, regionsOf, type ViaImage, type ViaRegion } from './values.ts';

/** An image in an output document. */
export interface ViaEntry {
  /** Key of the image in the input. */
  readonly from: string;
  readonly key: string;
  /** Text of the image with its key. */
  readonly text: string;
}

/** Size that VIA takes for unknown. */
const unknownSize = -1;

/** Entry of an image without pastes. @param path of the image in the output. */
export function plainEntry(part: string, sample: Sample, path: string): ViaEntry {
  const own = parseMember(part);
  const regions = regionsOf(own.image).filter((region) => problemOfRegion(region) === undefined);
  return entryOf(own, regions, renamed(own.image.filename, sample.image, path), own.image.size);
}

/** Entry of an image after pasting: a covered region becomes one polygon for each of its remaining parts. */
export function pastedEntry(
  { sample, before: { own, shapes }, kept, pasted }: PastedShapes<ViaOwn, ViaRegion>,
  path: string,
  classNames: ClassNames,
): ViaEntry {
  const filename = renamed(own.image.filename, sample.image, path);
  const isUntouched = pasted.length === 0 && kept.length === shapes.length && kept.every(({ spans }) => !spans);
  const regions = [
    ...kept.flatMap(({ shape, spans }) => (spans ? drawn(shape.own, spans) : [shape.own])),
    ...pasted.flatMap((one) => drawn(pastedRegion(one, own, classNames), one.spans)),
  ];
  // The size of the encoded file is not known here.
  return entryOf(own, regions, filename, isUntouched ? own.image.size : unknownSize);
}

/** Regions with the outline of each part of spans, joined with those of its holes. */
export function drawn(region: ViaRegion, spans: Int32Array): ViaRegion[] {
  return componentsOfSpans(spans).map((part) => {
    const outline = outlineOfSpans(part);
    const every = (rest: number): number[] => outline.filter((_, i) => i % 2 === rest);
    return { ...region, shape_attributes: { name: 'polygon', all_points_x: every(0), all_points_y: every(1) } };
  });
}

/** A pasted region with its class and its source, before it has its shape. */
function pastedRegion(paste: PastedShape<ViaOwn, ViaRegion>, { attribute }: ViaOwn, classNames: ClassNames): ViaRegion {
  const { classId, origin } = paste;
  const from = provenanceOf(paste, origin && { image: origin.own.image.filename, region: origin.shape.id });
  const name = classNames.get(classId) ?? String(classId);
  const foreign = attribute && { [attribute.name]: attribute.ticks ? { [name]: true } : name };
  const attributes = origin?.shape.own.region_attributes ?? foreign;
  return {
    ...(origin?.shape.own ?? { shape_attributes: {} }),
    region_attributes: { ...attributes, [provenanceKey]: JSON.stringify(from) },
  };
}

function entryOf(
  { member, key, image }: Omit<ViaOwn, 'attribute'>,
  regions: readonly ViaRegion[],
  filename: string,
  size: ViaImage['size'],
): ViaEntry {
  const before = regionsOf(image);
  const isSame = regions.length === before.length && regions.every((region, n) => region === before[n]);
  const written = isSame ? image.regions : Array.isArray(image.regions) ? regions : Object.fromEntries(regions.entries());
  const next = { ...image, filename, ...(size !== undefined && { size }), regions: written };
  const isNew = filename !== image.filename || size !== image.size;
  const nextKey = isNew ? (key === image.filename ? filename : `${filename}${size ?? ''}`) : key;
  const text = jsonText(nextKey === key && isSame && !isNew ? member : { [nextKey]: next });
  return { from: key, key: nextKey, text: text.slice(1, -1) };
}

/** Writes the text of a document. All else than images is written to the letter, except a project's list of the images. */
export async function* documentText({ own }: Document<ViaDocument>, entries: () => AsyncIterable<ViaEntry>): AsyncGenerator<string> {
  const { ids, head, headRest, tail, tailRest } = own;
  const list = ids === undefined ? '' : await listOf(ids, entries());
  const whole = {
    ...own,
    head: headRest === undefined ? head : head + list + headRest,
    tail: tailRest === undefined ? tail : tail + list + tailRest,
  };
  yield* withSurroundings(
    whole,
    (async function* () {
      for await (const { text } of entries()) yield text;
    })(),
  );
}

/** Ids of the images in the output, in the order of the input; its text if nothing differs. */
async function listOf(text: string, entries: AsyncIterable<ViaEntry>): Promise<string> {
  const before: unknown[] = JSON.parse(`[${text}]`);
  const keys = new Map<unknown, string[]>();
  for await (const { from, key } of entries) keys.set(from, [...(keys.get(from) ?? []), key]);
  const order = new Set([...before, ...keys.keys()]);
  const after = [...order].flatMap((id) => keys.get(id) ?? []);
  return after.length === before.length && after.every((id, n) => id === before[n])
    ? text
    : after.map((id) => JSON.stringify(id)).join(',');
}
