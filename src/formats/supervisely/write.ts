/** Writes the files of a Supervisely project. */
import { deflateSync } from 'node:zlib';
import { encodeMask } from '../../codecs/png-masks.ts';
import { CopyPasteError } from '../../errors.ts';
import { type Contour, partsOfSpans } from '../../masks/outlines.ts';
import { boxOfSpans, fillSpans } from '../../masks/spans.ts';
import { type PastedShapes, provenanceOf, type WriteOptions } from '../format.ts';
import { jsonText } from '../json-text.ts';
import type { Polygon } from './drawing.ts';
import { metaFile } from './find.ts';
import type { Forms, ObjectIndices, SuperviselyImage, SuperviselyObject } from './read.ts';

/**
 * Writes the annotation of an image after pasting: its objects in their order, untouched ones unchanged, then pastes. Objects become what
 * their class demands: polygons, one for each part, or a bitmap.
 */
export async function superviselyText(
  { before, kept, pasted }: PastedShapes<SuperviselyImage, ObjectIndices>,
  { classNames }: WriteOptions<Forms>,
): Promise<string> {
  const { file, forms, tail } = before.own;
  const newKey = keysOfInstances(file.objects);
  const written: SuperviselyObject[][] = file.objects.map(() => []);
  for (const { shape, spans } of kept) {
    const [first = 0] = shape.own;
    if (spans) written[first] = await objectsOf(file.objects[first] as SuperviselyObject, spans, forms, newKey);
    else for (const n of shape.own) written[n] = [file.objects[n] as SuperviselyObject];
  }
  const objects = written.flat();
  for (const one of pasted) {
    const classTitle = classNames.get(one.classId) ?? String(one.classId);
    const copied = one.origin?.own.file.objects[one.origin.shape.own[0] as number] ?? { classTitle, description: '', tags: [] };
    const { id: _, instance: _instance, ...rest } = copied as SuperviselyObject & { readonly id?: unknown };
    objects.push(...(await objectsOf({ ...rest, ...{ copypaste: provenanceOf(one) } }, one.spans, forms, newKey)));
  }
  const isSame = objects.length === file.objects.length && objects.every((one, n) => one === file.objects[n]);
  return jsonText(isSame ? file : { ...file, objects }, '') + tail;
}

/** Objects of the form of their class with these pixels. @throws {CopyPasteError} `usage` when the form holds no pixels. */
async function objectsOf(one: SuperviselyObject, spans: Int32Array, forms: Forms, newKey: () => string): Promise<SuperviselyObject[]> {
  const { points: _points, parts: _parts, bitmap: _bitmap, shape, ...rest } = one;
  const form = forms.get(one.classTitle) ?? 'any';
  const typed = (geometryType: string) => ({ ...rest, geometryType, ...(shape !== undefined && { shape: geometryType }) });
  if (form === 'bitmap' || form === 'any') return [{ ...typed('bitmap'), bitmap: await bitmapOf(spans) }];
  if (form === 'multipolygon') return [{ ...typed(form), parts: polygonsOf(spans) }];
  if (form !== 'polygon')
    throw new CopyPasteError(
      'usage',
      `class '${one.classTitle}' has the shape ${form}, which holds no pixels; change it to any, or pass --exclude-classes '${one.classTitle}'`,
      { path: metaFile },
    );
  const polygons = polygonsOf(spans);
  const key = polygons.length > 1 && { instance: one.instance ?? newKey() };
  return polygons.map((points) => ({ ...typed(form), points, ...key }));
}

/** Makes keys that no object of a file has. */
function keysOfInstances(objects: readonly SuperviselyObject[]): () => string {
  const used = new Set(objects.map(({ instance }) => instance));
  let next = 1;
  return () => {
    while (used.has(`copypaste-${next}`)) next++;
    return `copypaste-${next++}`;
  };
}

/** One polygon with its holes for each part of spans, through the outermost pixels of the part and of the holes. */
function polygonsOf(spans: Int32Array): Required<Polygon>[] {
  return partsOfSpans(spans).map(({ outer, holes }) => ({ exterior: atLeastThree(outer), interior: holes.map(atLeastThree) }));
}

/** Repeats the last point of a ring that has fewer than three. */
function atLeastThree(ring: Contour): number[][] {
  const last = ring.at(-1) as Contour[0];
  return [...ring, ...Array.from({ length: Math.max(0, 3 - ring.length) }, () => last)].map((point) => [...point]);
}

/** Bitmap of spans: a PNG of two colours, the first of them transparent. */
async function bitmapOf(spans: Int32Array): Promise<NonNullable<SuperviselyObject['bitmap']>> {
  const box = boxOfSpans(spans);
  const [width, height] = [box[2] - box[0], box[3] - box[1]];
  const ids = new Uint8Array(width * height);
  fillSpans(spans, box, ids, 1);
  const png = await encodeMask({ width, height, ids, palette: Uint8Array.of(0, 0, 0, 255, 255, 255), alpha: Uint8Array.of(0) });
  return { data: deflateSync(png).toString('base64'), origin: [box[0], box[1]] };
}
