/** Reads labelme files. */
import { CopyPasteError, messageOf } from '../../errors.ts';
import { instanceOfSpans } from '../../masks/instances.ts';
import { isCoordinate } from '../../masks/polygons.ts';
import type { ShapeSet } from '../../types.ts';
import { idsByName } from '../class-ids.ts';
import type { ShapeSource } from '../format.ts';
import { parseJson } from '../json-text.ts';
import { integer, type Keys, length, list, listed, optional, problemOfKeys, shown, text } from '../keys.ts';
import { hasArea, type LabelmeShape, spansOfShapes, unpastedReason } from './drawing.ts';

/** Content of a labelme file. */
export interface LabelmeDocument {
  readonly shapes: readonly LabelmeShape[];
  readonly imagePath?: string | null;
  readonly imageWidth?: number | null;
  readonly imageHeight?: number | null;
}

/** Indices of the shapes of one instance in their file. */
export type ShapeIndices = readonly number[];

function refused(file: string, why: string, cause?: unknown): CopyPasteError {
  return new CopyPasteError('data', `not a valid labelme file: ${why}`, { path: file, cause });
}

const documentKeys: Keys = { shapes: list, imagePath: optional(text), imageWidth: optional(length), imageHeight: optional(length) };

const shapeKeys: Keys = {
  label: text,
  points: list,
  shape_type: optional(text),
  group_id: optional({ expects: 'an integer or text', fits: (value) => integer.fits(value) || text.fits(value) }),
  mask: optional(text),
};

/** Names the first point that is not a pair of coordinates. */
function problemOfPoints(points: readonly unknown[]): string | undefined {
  for (const [i, point] of points.entries()) {
    if (!Array.isArray(point) || point.length !== 2) return `points[${i}] is ${shown(point)}, not [x, y]`;
    const wrong = point.find((value) => !isCoordinate(value));
    if (wrong !== undefined) {
      const far = typeof wrong === 'number' && Number.isFinite(wrong);
      return `points[${i}] contains ${shown(wrong)}, ${far ? 'which is far outside the image' : 'not a number'}`;
    }
  }
  return undefined;
}

/** Parses a labelme file. @throws {CopyPasteError} `data` with its problems when it is not in labelme's format. */
export function parseLabelme(content: string, file: string): LabelmeDocument {
  let document: Partial<LabelmeDocument> | null;
  try {
    document = parseJson(content);
  } catch (cause) {
    throw refused(file, messageOf(cause), cause);
  }
  if (document?.shapes === undefined) throw refused(file, 'shapes are missing');
  const problem = problemOfKeys(document, documentKeys);
  if (problem !== undefined) throw refused(file, problem);
  const problems = document.shapes.flatMap((shape, i) => {
    const problem = problemOfKeys(shape, shapeKeys) ?? problemOfPoints(shape.points);
    return problem === undefined ? [] : [`shapes[${i}]: ${problem}`];
  });
  if (problems.length > 0) throw refused(file, listed(problems));
  return document as LabelmeDocument;
}

/**
 * Reads the shapes of a labelme file; shapes with an area, of one group and label, are one instance.
 *
 * @throws {CopyPasteError} `data` when the file is not in labelme's format, or states another image size.
 */
export function shapesOfLabelme({ parts: [content = ''], size, file, classNames }: ShapeSource): ShapeSet<LabelmeDocument, ShapeIndices> {
  const document = parseLabelme(content, file);
  const [width, height] = [document.imageWidth ?? size.width, document.imageHeight ?? size.height];
  if (width !== size.width || height !== size.height) {
    throw new CopyPasteError('data', `states an image of ${width}×${height}, but its image is ${size.width}×${size.height}`, {
      path: file,
    });
  }
  const ids = idsByName(classNames);
  const groups = new Map<string, number[]>();
  document.shapes.forEach((shape, i) => {
    const { label, group_id: group } = shape;
    const alone = group === null || group === undefined || !hasArea(shape);
    const key = alone ? `shape ${i}` : `group ${group} ${label}`;
    const known = groups.get(key);
    if (known) known.push(i);
    else groups.set(key, [i]);
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
    return { id, own: indices, ...(instance ? { instance } : { reason: unpastedReason(parts[0] as LabelmeShape, size) ?? 'no area' }) };
  });
  return { size, own: document, shapes };
}
