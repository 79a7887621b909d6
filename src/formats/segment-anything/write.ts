/** Writes annotation files of Segment Anything. */
import { basename } from 'node:path';
import { countsOfSpans, packCounts } from '../../masks/run-lengths.ts';
import { areaOfSpans, boxOfSpans } from '../../masks/spans.ts';
import type { ClassNames, Shaped, Size } from '../../types.ts';
import { type PastedShape, type PastedShapes, provenanceOf } from '../format.ts';
import { jsonText, withValue } from '../json-text.ts';
import { onlyClass, type SamAnnotation, type SamImage } from './read.ts';

/** Writes the file of an image after pasting. @param path of the image in the output. */
export function segmentAnythingText(
  { before, kept, pasted }: PastedShapes<SamImage, SamAnnotation>,
  path: string,
  classNames: ClassNames,
): string {
  const { document, text } = before.own;
  const { size } = before;
  if (pasted.length === 0 && kept.length === before.shapes.length && kept.every(({ spans }) => !spans)) return renamedText(text, path);
  let id = document.annotations.reduce((most, one) => Math.max(most, one.id ?? 0), 0);
  const annotations = [
    ...kept.map(({ shape, spans }) => (spans ? masked(shape.own, shape, spans, size) : shape.own)),
    ...pasted.map((one) => pastedAnnotation(one, ++id, size, classNames)),
  ];
  const { file_name } = document.image;
  const image = file_name ? { ...document.image, file_name: renamedPath(file_name, path) } : document.image;
  return `${jsonText({ ...document, image, annotations })}\n`;
}

/** Replaces the name of the image in a file, and nothing else. */
export function renamedText(text: string, path: string): string {
  return withValue(text, 'image', (image) =>
    withValue(image, 'file_name', (text) => {
      const name: string | null = JSON.parse(text);
      const next = name && renamedPath(name, path);
      return next === name ? text : JSON.stringify(next);
    }),
  );
}

/** Replaces the file name of a path. */
function renamedPath(name: string, path: string): string {
  return name.slice(0, Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1) + basename(path);
}

/** Tests if annotations have classes: without them, all are of one class. */
function hasClasses(classNames: ClassNames): boolean {
  return classNames.size > 1 || classNames.get(onlyClass.id) !== onlyClass.name;
}

/** A pasted annotation; the scores of the model are those of its source. */
function pastedAnnotation(one: PastedShape<SamImage, SamAnnotation>, id: number, size: Size, classNames: ClassNames): SamAnnotation {
  const { origin, spans, classId } = one;
  const own = origin && { image_id: origin.own.document.image.image_id, annotation_id: origin.shape.own.id };
  const isNamed = own?.image_id !== undefined && own.annotation_id !== undefined;
  return {
    ...masked(origin?.shape.own ?? {}, origin?.shape, spans, size),
    ...(hasClasses(classNames) && { category_id: classId, category: classNames.get(classId) ?? `${classId}` }),
    id,
    point_coords: [pointOn(spans)],
    crop_box: [0, 0, size.width, size.height],
    copypaste: provenanceOf(one, isNamed ? own : undefined),
  };
}

/** An annotation with new pixels. @param before the shape that had other pixels. */
function masked<A extends Partial<SamAnnotation>>(
  annotation: A,
  before: Shaped<SamAnnotation> | undefined,
  spans: Int32Array,
  size: Size,
): A & SamAnnotation {
  const counts = countsOfSpans(spans, size);
  const isList = Array.isArray(annotation.segmentation?.counts);
  const [x0, y0, x1, y1] = boxOfSpans(spans);
  const less = isShort(before) ? 1 : 0;
  const points = annotation.point_coords?.filter((point) => holds(spans, point));
  return {
    ...annotation,
    bbox: [x0, y0, x1 - x0 - less, y1 - y0 - less],
    area: areaOfSpans(spans),
    segmentation: { size: [size.height, size.width], counts: isList ? counts : packCounts(counts) },
    ...(points && { point_coords: points.length > 0 ? points : [pointOn(spans)] }),
  };
}

/** Tests if boxes end at the last pixel, as in SA-1B, and not behind it, as in COCO. */
function isShort(shape: Shaped<SamAnnotation> | undefined): boolean {
  const [, , width] = shape?.own.bbox ?? [];
  const [x0, , x1] = shape?.instance?.box ?? [];
  return width === undefined || x0 === undefined || x1 === undefined || width !== x1 - x0;
}

function holds(spans: Int32Array, [x = 0, y = 0]: readonly number[]): boolean {
  for (let i = 0; i < spans.length; i += 3)
    if (spans[i] === Math.floor(y) && (spans[i + 1] as number) <= x && x < (spans[i + 2] as number)) return true;
  return false;
}

/** Middle of the longest span. */
function pointOn(spans: Int32Array): [x: number, y: number] {
  let longest = 0;
  const length = (i: number): number => (spans[i + 2] as number) - (spans[i + 1] as number);
  for (let i = 3; i < spans.length; i += 3) if (length(i) > length(longest)) longest = i;
  return [((spans[longest + 1] as number) + (spans[longest + 2] as number)) / 2, (spans[longest] as number) + 0.5];
}
