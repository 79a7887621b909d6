/** labelme: a JSON file of shapes beside each image. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inParts } from '../../base/parts.ts';
import { type Tree, withoutExtension } from '../../base/tree.ts';
import { formatOf } from '../../codecs/image.ts';
import { CopyPasteError, messageOf } from '../../errors.ts';
import { instanceOfSpans } from '../../masks/instances.ts';
import { isCoordinate } from '../../masks/polygons.ts';
import type { ClassNames, LabelmeDocument, LabelmeShape, ShapeSet, Size } from '../../types.ts';
import type { Folders, LabelReader } from '../layouts.ts';
import { noClass, spansOfShapes } from './drawing.ts';

/** Folders of splits, or the root, that hold a JSON file and an image of one name. */
export function findLabelme(tree: Tree, splits: readonly string[]): Folders[] {
  const images = new Set(tree.files.filter((file) => formatOf(file) !== undefined).map(withoutExtension));
  const pairs = tree.files.filter((file) => file.endsWith('.json') && images.has(withoutExtension(file)));
  const found = splits.filter((split) => pairs.some((file) => file.startsWith(`${split}/`)));
  if (found.length > 0) return found.map((split) => ({ split, images: split, masks: split }));
  return pairs.length > 0 ? [{ split: '', images: '', masks: '' }] : [];
}

/** The names of classes are all labels, in alphabetical order: a class id is a place among them. */
export const labelme: LabelReader = {
  ending: '.json',
  async names(root, _tree, { files }, bad) {
    const labels = new Set<string>();
    await inParts(files, 8, async (file) => {
      try {
        for (const { label } of parseLabelme(await readFile(join(root, file)), file).shapes) labels.add(label);
      } catch (error) {
        bad.set(file, messageOf(error));
      }
    });
    const names = [...labels].filter((label) => !noClass.has(label)).sort();
    return { classNames: new Map(names.map((name, id) => [id, name])) };
  },
  shapes: shapesOfLabelme,
};

function refused(file: string, why: string, cause?: unknown): CopyPasteError {
  return new CopyPasteError('data', `${file}: not a labelme file: ${why}`, { cause });
}

/** @throws {CopyPasteError} `data` for what is not labelme's format. */
function parseLabelme(bytes: Uint8Array, file: string): LabelmeDocument {
  let document: Partial<LabelmeDocument> | null;
  try {
    document = JSON.parse(Buffer.from(bytes).toString());
  } catch (cause) {
    throw refused(file, messageOf(cause), cause);
  }
  if (!Array.isArray(document?.shapes)) throw refused(file, 'it has no shapes');
  for (const [i, shape] of document.shapes.entries()) {
    const points: unknown = shape?.points;
    const fine = Array.isArray(points) && points.every((point) => Array.isArray(point) && point.length === 2 && point.every(isCoordinate));
    if (typeof shape?.label !== 'string' || !fine) throw refused(file, `shapes[${i}] has no label and points`);
  }
  return document as LabelmeDocument;
}

/**
 * The shapes of a labelme file; those of one group and label are one instance.
 *
 * @throws {CopyPasteError} `data` where it is none, or of an image of another size.
 */
export function shapesOfLabelme(bytes: Uint8Array, size: Size, file: string, names: ClassNames): ShapeSet {
  const document = parseLabelme(bytes, file);
  const { imageWidth: width, imageHeight: height } = document;
  if ((width ?? size.width) !== size.width || (height ?? size.height) !== size.height) {
    throw new CopyPasteError('data', `${file}: is of an image of ${width}×${height}, which is ${size.width}×${size.height}`);
  }
  const ids = new Map([...names].map(([id, name]) => [name, id]));
  const groups = new Map<string, LabelmeShape[]>();
  document.shapes.forEach((shape, i) => {
    const { label, group_id: group } = shape;
    const key = group === null || group === undefined ? `shape ${i}` : `group ${group} ${label}`;
    groups.set(key, [...(groups.get(key) ?? []), shape]);
  });
  const shapes = [...groups.values()].map((parts, id) => {
    const label = parts[0]?.label as string;
    const classId = ids.get(label);
    let spans = new Int32Array(0);
    try {
      if (classId !== undefined) spans = spansOfShapes(parts, size) as typeof spans;
    } catch (cause) {
      throw refused(file, `shape '${label}': ${messageOf(cause)}`, cause);
    }
    const instance = spans.length > 0 ? instanceOfSpans(classId as number, spans, size) : undefined;
    return { id, parts, ...(instance && { instance }) };
  });
  return { size, document, shapes };
}
