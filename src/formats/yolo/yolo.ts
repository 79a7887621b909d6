/** The YOLO formats of Ultralytics: a text file per image, with a line `class x y x y …` per instance, in fractions. */
import { posix } from 'node:path';
import { inParts } from '../../base/parts.ts';
import { readText, type Tree } from '../../base/tree.ts';
import { CopyPasteError, type Fault } from '../../errors.ts';
import { instanceOfSpans } from '../../masks/instances.ts';
import { outlineOfSpans } from '../../masks/outlines.ts';
import { spansOfPolygons } from '../../masks/polygons.ts';
import { smallestRectangle } from '../../masks/rectangles.ts';
import { boxOfSpans } from '../../masks/spans.ts';
import type { ClassNames, Shaped, ShapeSet } from '../../types.ts';
import type { LabelFiles, LabelFormat, PastedShapes, ShapeSource } from '../format.ts';
import { configInOutput, readConfig } from './config.ts';
import { faultsOf, isBox, isPose, type Kind, type Line, linesOf, refuseTask } from './lines.ts';

/** The YOLO format for instance segmentation. `data.yaml` holds the class names and the splits. */
export const yolo: LabelFormat<undefined, string> = {
  kind: 'labels',
  ending: '.txt',
  // LabelImg and Label Studio write the class names to this file.
  reserved: 'classes.txt',
  background: true,
  names: (tree, among, bad) => namesOf(tree, among, bad, 'outlines'),
  shapes: shapesOfLines,
  pasted: (pasted) => labelText(pasted, outlineOfSpans),
  boxes: ({ shapes }) => shapes.some(({ own }) => linesOf(own).some(isBox)),
  contradictions({ shapes }, classNames) {
    return shapes.flatMap(({ id, own, instance }) => {
      const [{ classId, values }] = linesOf(own) as [Line];
      const found: string[] = [];
      if (classNames.size > 0 && !classNames.has(classId)) found.push(`shape ${id + 1} has class ${classId}, which has no name`);
      if (values.some((value) => value < 0 || value > 1)) found.push(`shape ${id + 1} has coordinates outside its image`);
      if (!instance && values.length > 4) found.push(`shape ${id + 1} has no pixels inside its image`);
      return found;
    });
  },
};

/** The YOLO format for oriented boxes: outlines of four corners. */
export const yoloOriented: LabelFormat<undefined, string> = {
  ...yolo,
  names: (tree, among, bad) => namesOf(tree, among, bad, 'oriented boxes'),
  pasted: (pasted) => labelText(pasted, (spans) => smallestRectangle(spans, pasted.before.size)),
  boxes: () => true,
};

/** Option that reads labels of four corners as the other kind. */
const others: Readonly<Record<Kind, string>> = {
  outlines: 'if they are oriented boxes, pass --layout yolo-obb',
  'oriented boxes': 'if they are outlines, pass --layout yolo',
};

/**
 * Reads class names from `data.yaml`, else from `classes.txt`, and checks label files.
 *
 * @throws {CopyPasteError} `data` when no label has an outline.
 */
async function namesOf(
  tree: Tree,
  { files, own, counted, encoding }: LabelFiles,
  bad: Map<string, Fault>,
  kind: Kind,
): ReturnType<LabelFormat['names']> {
  const config = await readConfig(tree, encoding);
  const listed = config && config.classNames.size > 0 ? undefined : await readClasses(tree, files, encoding);
  const classNames = listed?.classNames ?? config?.classNames ?? new Map();
  const lengths = new Set<number>();
  const isCounted = new Set(counted);
  let [annotations, boxes, poses] = [0, 0, true];
  await inParts(own, 16, async (file) => {
    const lines = linesOf(await readText(tree.root, file, encoding).catch((error: unknown) => refuse(error, file)));
    if (isCounted.has(file)) {
      annotations += lines.length;
      boxes += lines.filter(isBox).length;
    }
    for (const line of lines) {
      lengths.add(line.values.length);
      poses &&= isPose(line);
    }
    const what = faultsOf(lines, classNames, kind);
    if (what !== undefined) bad.set(file, { path: file, what });
  });
  function refuse(error: unknown, file: string): string {
    if (!(error instanceof CopyPasteError) || error.code !== 'data') throw error;
    bad.set(file, { path: file, what: error.what });
    return '';
  }
  refuseTask(lengths, poses, own, config);
  const notes = lengths.size === 1 && lengths.has(8) ? [`labels have four corners each and are read as ${kind}; ${others[kind]}`] : [];
  const counts = { annotations, unpasted: boxes > 0 ? { box: boxes } : {} };
  if (!config) return { classNames, notes, counts, ...(listed && { config: { file: listed.file } }) };
  return { classNames, notes, counts, config: { file: config.file, ...(await configInOutput(config, tree)) } };
}

/** Reads the `classes.txt` in the root or beside the labels, which has one name per line. */
async function readClasses(
  tree: Tree,
  files: readonly string[],
  encoding: string,
): Promise<{ file: string; classNames: ClassNames } | undefined> {
  const beside = files[0] === undefined ? [] : [posix.join(posix.dirname(files[0]), 'classes.txt')];
  const file = ['classes.txt', 'labels/classes.txt', ...beside].find((name) => tree.has(name));
  if (file === undefined) return undefined;
  const lines = (await readText(tree.root, file, encoding)).split(/\r?\n/).map((line) => line.trim());
  while (lines.at(-1) === '') lines.pop();
  return { file, classNames: new Map(lines.map((name, id) => [id, name])) };
}

/**
 * Reads the shapes of a label file; a line of four numbers is a box, without a mask.
 *
 * @throws {CopyPasteError} `data` when a line is neither a polygon nor a box.
 */
function shapesOfLines({ parts: [text = ''], size, file }: ShapeSource): ShapeSet<undefined, string> {
  const lines = linesOf(text);
  const fault = faultsOf(lines, new Map(), 'outlines');
  if (fault !== undefined) throw new CopyPasteError('data', fault, { path: file });
  const shapes = lines.map((line, id): Shaped<string> => {
    const { classId, values, text: own } = line;
    if (isBox(line)) return { id, own, reason: 'box' };
    const polygon = values.map((value, i) => value * (i % 2 === 0 ? size.width : size.height));
    const spans = spansOfPolygons([polygon], size);
    return { id, own, ...(spans.length > 0 ? { instance: instanceOfSpans(classId, spans, size) } : { reason: 'no area' }) };
  });
  return { size, own: undefined, shapes };
}

/**
 * Writes the label file of an image after pasting: its own lines, untouched ones unchanged, then pastes. A file of boxes gets boxes,
 * because Ultralytics refuses to mix boxes and outlines.
 *
 * @param outline of the pixels of an object, `[x, y, x, y, …]` in pixels.
 */
function labelText(
  { before: { size, shapes }, kept, pasted }: PastedShapes<undefined, string>,
  outline: (spans: Int32Array) => readonly number[],
): string {
  const boxes = shapes.length > 0 && shapes.every(({ own }) => own.split(/\s+/).length === 5);
  const line = (classId: number, spans: Int32Array): string => {
    const values = boxes ? centredBox(spans) : outline(spans);
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
