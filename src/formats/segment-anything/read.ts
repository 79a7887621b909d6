/** Reads annotation files of Segment Anything, as in the data set SA-1B. */
import { CopyPasteError, messageOf } from '../../errors.ts';
import { instanceOfSpans } from '../../masks/instances.ts';
import { spansOfRle } from '../../masks/run-lengths.ts';
import type { Instance, ShapeSet, Size } from '../../types.ts';
import { isClassId, largestClassId } from '../class-ids.ts';
import { type Provenance, type ShapeSource, unnamedClass } from '../format.ts';
import { parseJson } from '../json-text.ts';
import { integer, type Keys, length, list, listed, object, optional, problemOfKeys, text } from '../keys.ts';
import { problemOfRuns, type Runs } from '../rle.ts';

/** Content of an annotation file. */
export interface SamDocument {
  readonly image: {
    readonly image_id?: unknown;
    readonly file_name?: string | null;
    readonly width?: number | null;
    readonly height?: number | null;
  };
  readonly annotations: readonly SamAnnotation[];
}

export interface SamAnnotation {
  readonly id?: number | null;
  readonly segmentation: Runs;
  /** Left, top, width and height. */
  readonly bbox?: readonly number[] | null;
  readonly area?: number | null;
  /** Class and its name, as `pack` writes them; SA-1B has no classes. */
  readonly category_id?: number | null;
  readonly category?: string | null;
  readonly iscrowd?: number | boolean | null;
  /** 0 for a region of stuff. */
  readonly isthing?: number | boolean | null;
  /** Points on the object that the model was given. */
  readonly point_coords?: readonly (readonly number[])[] | null;
  /** Part of the image that the model was given, as left, top, width and height. */
  readonly crop_box?: readonly number[] | null;
  /** Source of a paste. */
  readonly copypaste?: Provenance;
}

/** A document with its text. */
export interface SamImage {
  readonly document: SamDocument;
  readonly text: string;
}

/** Id and name of the class of objects without one. */
export const onlyClass = { id: 0, name: unnamedClass } as const;

const isNumber = (value: unknown): boolean => typeof value === 'number';
const number = optional({ expects: 'a number', fits: isNumber });
const box = optional({
  expects: 'a list of four numbers',
  fits: (value) => Array.isArray(value) && (value.length === 4 || value.length === 0) && value.every(isNumber),
});
const flag = { expects: '0, 1, true or false', fits: (value: unknown): boolean => [0, 1, true, false].includes(value as number) };
const documentKeys: Keys = { image: object, annotations: list };
const imageKeys: Keys = { file_name: optional(text), width: optional(length), height: optional(length) };
const annotationKeys: Keys = {
  id: optional(integer),
  segmentation: object,
  bbox: box,
  crop_box: box,
  area: number,
  category_id: optional({ expects: `a class id from 0 to ${largestClassId}`, fits: isClassId }),
  category: optional(text),
  iscrowd: optional(flag),
  isthing: optional(flag),
  predicted_iou: number,
  stability_score: number,
  point_coords: optional({
    expects: 'a list of points',
    fits: (value) => Array.isArray(value) && value.every((point) => Array.isArray(point) && point.length === 2 && point.every(isNumber)),
  }),
};

/** Parses a file. @throws {CopyPasteError} `data` with its problems when it is not in the format. */
export function parseSegmentAnything(content: string, file: string): SamDocument {
  const refuse = (why: string, cause?: unknown): CopyPasteError =>
    new CopyPasteError('data', `not a valid file of Segment Anything: ${why}`, { path: file, cause });
  let document: SamDocument;
  try {
    document = parseJson(content);
  } catch (cause) {
    throw refuse(messageOf(cause), cause);
  }
  const problem = problemOfKeys(document, documentKeys) ?? within('image', problemOfKeys(document.image, imageKeys));
  if (problem !== undefined) throw refuse(problem);
  const size = sizeOf(document);
  const problems = document.annotations.flatMap((annotation, n) => {
    const ofKeys =
      problemOfKeys(annotation, annotationKeys) ??
      problemOfClass(annotation) ??
      within('segmentation', problemOfRuns(annotation.segmentation, size));
    return ofKeys === undefined ? [] : [`annotations[${n}]: ${ofKeys}`];
  });
  if (problems.length > 0) throw refuse(listed(problems));
  return document;
}

function problemOfClass({ category_id: id, category: name }: SamAnnotation): string | undefined {
  return (id ?? undefined) === undefined && (name ?? undefined) !== undefined ? 'category has no category_id' : undefined;
}

/**
 * Classes of annotations: those that they name, or a single one.
 *
 * @param names collects the classes by id.
 * @returns the problem if a class has another name already.
 */
export function problemOfNames({ annotations }: SamDocument, names: Map<number, string>): string | undefined {
  for (const { category_id, category } of annotations) {
    const id = category_id ?? onlyClass.id;
    const name = category ?? ((category_id ?? undefined) === undefined ? onlyClass.name : `${id}`);
    const known = names.get(id) ?? name;
    if (known !== name) return `class ${id} is '${name}', but '${known}' elsewhere; give it one name`;
    names.set(id, name);
  }
  return undefined;
}

function within(key: string, problem: string | undefined): string | undefined {
  return problem === undefined ? undefined : `${key}: ${problem}`;
}

/** Size of the image, if the file states it. */
function sizeOf({ image: { width, height } }: SamDocument): Size | undefined {
  return width && height ? { width, height } : undefined;
}

/** Reads the shapes of a file. @throws {CopyPasteError} `data` when it is not in the format, or states another image size. */
export function shapesOfSegmentAnything({ parts: [content = ''], size, file }: ShapeSource): ShapeSet<SamImage, SamAnnotation> {
  const document = parseSegmentAnything(content, file);
  const { width, height } = sizeOf(document) ?? size;
  if (width !== size.width || height !== size.height)
    throw new CopyPasteError('data', `states an image of ${width}×${height}, but its image is ${size.width}×${size.height}`, {
      path: file,
    });
  const shapes = document.annotations.map((own, id) => {
    const instance = instanceOf(own, size);
    if (instance === null) throw new CopyPasteError('data', `annotations[${id}]: ${problemOfRuns(own.segmentation, size)}`, { path: file });
    if (!instance) return { id, own, reason: 'no area' as const };
    const reason = unpastedReason(own);
    return reason ? { id, own, instance: { ...instance, crowd: true }, reason } : { id, own, instance };
  });
  return { size, own: { document, text: content }, shapes };
}

/** Reason why an annotation with pixels is never pasted. */
export function unpastedReason({ isthing, iscrowd }: SamAnnotation): 'stuff' | 'crowd' | undefined {
  return isthing === 0 || isthing === false ? 'stuff' : iscrowd ? 'crowd' : undefined;
}

/** Instance of an annotation; undefined if it has no pixel, null if its run lengths are not those of the image. */
function instanceOf({ segmentation, category_id }: SamAnnotation, size: Size): Instance | undefined | null {
  const spans = problemOfRuns(segmentation, size) === undefined ? spansOfRle(segmentation.counts, size) : undefined;
  if (!spans) return null;
  return spans.length > 0 ? instanceOfSpans(category_id ?? onlyClass.id, spans, size) : undefined;
}
