/** The YOLO segmentation format of Ultralytics: a text file per image, with a line `class x y x y …` per instance, in fractions. */
import { readText } from '../../base/tree.ts';
import { CopyPasteError, messageOf } from '../../errors.ts';
import { instanceOfSpans } from '../../masks/instances.ts';
import { outlineOfSpans } from '../../masks/outlines.ts';
import { isCoordinate, spansOfPolygons } from '../../masks/polygons.ts';
import { boxOfSpans } from '../../masks/spans.ts';
import type { ShapeSet } from '../../types.ts';
import type { Folders } from '../folders.ts';
import type { LabelFormat, PastedShapes, ShapeSource } from '../format.ts';

/**
 * The YOLO format. `data.yaml` holds the class names, as a list or by id. It also locates the splits: Ultralytics resolves them against its
 * `path:`, relative to the working directory, or against the folder of `data.yaml` if there is no `path:`.
 */
export const yolo: LabelFormat<undefined, string> = {
  kind: 'labels',
  ending: '.txt',
  // LabelImg writes the class names to this file.
  reserved: 'classes.txt',
  background: true,
  async names(root, { files }, { folders, encoding }) {
    const file = files.find((name) => /^(data|dataset)\.ya?ml$/.test(name)) ?? files.find((name) => /^[^/]+\.ya?ml$/.test(name));
    if (file === undefined) return { classNames: new Map() };
    return configOf(await readText(root, file, encoding), file, folders);
  },
  shapes: shapesOfLines,
  pasted: labelText,
  contradictions({ shapes }, classNames) {
    return shapes.flatMap(({ id, own: line, instance }) => {
      const [classId = 0, ...values] = line.split(/\s+/).map(Number);
      const found: string[] = [];
      if (classNames.size > 0 && !classNames.has(classId)) found.push(`shape ${id + 1} has class ${classId}, which has no name`);
      if (values.some((value) => value < 0 || value > 1)) found.push(`shape ${id + 1} has coordinates outside its image`);
      if (!instance && values.length > 4) found.push(`shape ${id + 1} has no pixels inside its image`);
      return found;
    });
  },
};

/** Class names of a `data.yaml`, and the text that the output gets. @throws {CopyPasteError} `data` when it is not YAML. */
async function configOf(text: string, file: string, folders: readonly Folders[]): ReturnType<LabelFormat['names']> {
  const { parse } = await import('yaml');
  const read = (yaml: string): Record<string, unknown> => {
    try {
      return parse(yaml) ?? {};
    } catch (cause) {
      throw new CopyPasteError('data', `not valid YAML: ${messageOf(cause)}; correct it`, { path: file, cause });
    }
  };
  const { names, path, ...rest } = read(text);
  const classNames = new Map(Object.entries(names ?? {}).map(([id, name]) => [Number(id), String(name)]));
  const away = ['train', 'val', 'test'].flatMap((split) =>
    [rest[split]].flat().flatMap((value) => (typeof value === 'string' && !hasImages(value, folders) ? [`${split}: ${value}`] : [])),
  );
  // A path of `.` works if training starts in the output folder.
  const has = typeof path === 'string' && !['', '.', './'].includes(path);
  const without = text.replace(/^path[ \t]*:/m, '# $&');
  if (has && away.length === 0 && read(without).path === undefined) {
    const note = `${file}: 'path: ${path}' points outside the output; it is commented out there`;
    return { classNames, config: { file, text: without, note } };
  }
  const leading = [...(has ? [`path: ${path}`] : []), ...away].join(', ');
  if (leading === '') return { classNames, config: { file } };
  const note = `${file}: '${leading}' points outside the output, so training would read other data; correct it in the output`;
  return { classNames, config: { file, note } };
}

/** Tests if a split's path, relative to `data.yaml`, contains images of the data set. Like Ultralytics, ignores a leading `../`. */
function hasImages(path: string, folders: readonly Folders[]): boolean {
  const folder = path.replace(/^(\.\/)+|^\.\.\//, '').replace(/\/+$/, '');
  return folders.some(({ images }) => folder === '' || folder === '.' || images === folder || images.startsWith(`${folder}/`));
}

/**
 * Reads the shapes of a label file; a line of four numbers is a box, without a mask.
 *
 * @throws {CopyPasteError} `data` when a line is neither a polygon nor a box.
 */
function shapesOfLines({ parts: [text = ''], size, file }: ShapeSource): ShapeSet<undefined, string> {
  const lines = text.split(/\r?\n/).flatMap((line, i) => (line.trim() === '' ? [] : [{ line: line.trim(), number: i + 1 }]));
  const shapes = lines.map(({ line, number }, id) => {
    const [classId, ...values] = line.split(/\s+/).map(Number);
    const fine =
      Number.isInteger(classId) &&
      (classId as number) >= 0 &&
      (classId as number) < 65535 &&
      values.every((value) => isCoordinate(value * Math.max(size.width, size.height)));
    if (!fine || (values.length !== 4 && (values.length < 6 || values.length % 2 === 1))) {
      throw new CopyPasteError(
        'data',
        `line ${number} is neither a polygon 'class x y x y x y …' nor a box 'class x y width height': '${line.slice(0, 40)}'`,
        { path: file },
      );
    }
    if (values.length === 4) return { id, own: line };
    const polygon = values.map((value, i) => value * (i % 2 === 0 ? size.width : size.height));
    const spans = spansOfPolygons([polygon], size);
    if (spans.length === 0) return { id, own: line };
    return { id, own: line, instance: instanceOfSpans(classId as number, spans, size) };
  });
  return { size, own: undefined, shapes };
}

/**
 * Writes the label file of an image after pasting: its own lines, untouched ones unchanged, then pastes. A file of boxes gets boxes,
 * because Ultralytics refuses to mix boxes and outlines.
 */
function labelText({ before: { size, shapes }, kept, pasted }: PastedShapes<undefined, string>): string {
  const boxes = shapes.length > 0 && shapes.every(({ own }) => own.split(/\s+/).length === 5);
  const line = (classId: number, spans: Int32Array): string => {
    const values = boxes ? centredBox(spans) : outlineOfSpans(spans);
    return [classId, ...values.map((value, i) => round(value / (i % 2 === 0 ? size.width : size.height)))].join(' ');
  };
  const lines = [
    ...kept.map(({ shape: { own, instance }, spans }) => (spans && instance ? line(instance.classId, spans) : own)),
    ...pasted.map(({ classId, spans }) => line(classId, spans)),
  ];
  return lines.map((one) => `${one}\n`).join('');
}

/** Centre and size of the box around spans, as YOLO stores boxes. */
function centredBox(spans: Int32Array): number[] {
  const [x0, y0, x1, y1] = boxOfSpans(spans);
  return [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0];
}

/** Rounds to 7 decimals, a thousandth of a pixel in an image of 10,000 pixels. */
function round(fraction: number): number {
  return Math.round(fraction * 1e7) / 1e7;
}
