/** Reads labelme files. */
import { CopyPasteError, messageOf } from '../../errors.ts';
import { instanceOfSpans } from '../../masks/instances.ts';
import { isCoordinate } from '../../masks/polygons.ts';
import type { ShapeSet } from '../../types.ts';
import type { ShapeSource } from '../format.ts';
import { parseJson } from '../json-text.ts';
import { type LabelmeShape, spansOfShapes } from './drawing.ts';

/** Content of a labelme file. */
export interface LabelmeDocument {
  readonly shapes: readonly LabelmeShape[];
  readonly imagePath?: string;
  readonly imageWidth?: number;
  readonly imageHeight?: number;
}

/** Indices of the shapes of one instance in their file. */
export type ShapeIndices = readonly number[];

function refused(file: string, why: string, cause?: unknown): CopyPasteError {
  return new CopyPasteError('data', `not a valid labelme file: ${why}`, { path: file, cause });
}

/** Parses a labelme file. @throws {CopyPasteError} `data` when it is not in labelme's format. */
export function parseLabelme(text: string, file: string): LabelmeDocument {
  let document: Partial<LabelmeDocument> | null;
  try {
    document = parseJson(text);
  } catch (cause) {
    throw refused(file, messageOf(cause), cause);
  }
  if (!Array.isArray(document?.shapes)) throw refused(file, 'shapes are missing');
  for (const [i, shape] of document.shapes.entries()) {
    const points: unknown = shape?.points;
    const fine = Array.isArray(points) && points.every((point) => Array.isArray(point) && point.length === 2 && point.every(isCoordinate));
    if (typeof shape?.label !== 'string' || !fine) throw refused(file, `shapes[${i}] needs a label and a list of points`);
  }
  return document as LabelmeDocument;
}

/**
 * Reads the shapes of a labelme file; shapes of one group and label are one instance.
 *
 * @throws {CopyPasteError} `data` when the file is not in labelme's format, or states another image size.
 */
export function shapesOfLabelme({ parts: [text = ''], size, file, classNames }: ShapeSource): ShapeSet<LabelmeDocument, ShapeIndices> {
  const document = parseLabelme(text, file);
  const { imageWidth: width, imageHeight: height } = document;
  if ((width ?? size.width) !== size.width || (height ?? size.height) !== size.height) {
    throw new CopyPasteError('data', `states an image of ${width}×${height}, but its image is ${size.width}×${size.height}`, {
      path: file,
    });
  }
  const ids = new Map([...classNames].map(([id, name]) => [name, id]));
  const groups = new Map<string, number[]>();
  document.shapes.forEach((shape, i) => {
    const { label, group_id: group } = shape;
    const key = group === null || group === undefined ? `shape ${i}` : `group ${group} ${label}`;
    groups.set(key, [...(groups.get(key) ?? []), i]);
  });
  const shapes = [...groups.values()].map((indices, id) => {
    const parts = indices.map((index) => document.shapes[index] as LabelmeShape);
    const label = parts[0]?.label as string;
    const classId = ids.get(label);
    let spans = new Int32Array(0);
    try {
      if (classId !== undefined) spans = spansOfShapes(parts, size) as typeof spans;
    } catch (cause) {
      throw refused(file, `shape '${label}': ${messageOf(cause)}`, cause);
    }
    const instance = spans.length > 0 ? instanceOfSpans(classId as number, spans, size) : undefined;
    return { id, own: indices, ...(instance && { instance }) };
  });
  return { size, own: document, shapes };
}
