/** Lines of YOLO label files: a class and the numbers of a box, an outline or a pose, in fractions of the image's size. */
import { chunksOf, inParts } from '../../base/parts.ts';
import { filesBelow, readText, type Tree } from '../../base/tree.ts';
import { CopyPasteError } from '../../errors.ts';
import type { ClassNames } from '../../types.ts';
import { type Folders, partsOf } from '../folders.ts';
import { listed } from '../keys.ts';

/** A line of a label file. */
export interface Line {
  readonly text: string;
  /** Number of the line in its file, from 1. */
  readonly number: number;
  readonly classId: number;
  readonly values: readonly number[];
}

/** Lines of a label file that are not empty. */
export function linesOf(text: string): Line[] {
  return text.split(/\r?\n/).flatMap((line, i) => {
    const trimmed = line.trim();
    if (trimmed === '') return [];
    const [classId = Number.NaN, ...values] = trimmed.split(/\s+/).map(Number);
    return [{ text: trimmed, number: i + 1, classId, values }];
  });
}

/** Kind of the annotations in label files. */
export type Kind = 'outlines' | 'oriented boxes';

/** Tests if a line has the centre and size of a box. */
export function isBox({ values }: Line): boolean {
  return values.length === 4;
}

/** Share of the lines that must be parallelograms in a set of oriented boxes; people draw some of them by hand. */
const leastRectangles = 0.75;

/**
 * Tests if a data set has oriented boxes: each line has four corners, most lines are parallelograms, and one or more are turned. Outlines of
 * four corners may look the same. Reads files until one line has another number of values.
 */
export async function hasOrientedBoxes(tree: Tree, found: readonly Folders[], encoding: string): Promise<boolean> {
  const folders = found.flatMap(partsOf).map(({ masks }) => masks);
  const isLabel = (file: string): boolean => file.endsWith('.txt') && !file.endsWith('classes.txt');
  const labels = [...new Set(folders.flatMap((folder) => filesBelow(tree, folder).filter(isLabel)))];
  let [all, rectangles, turned] = [0, 0, 0];
  for (const files of chunksOf(labels)) {
    const texts = await inParts(files, 16, (file) => readText(tree.root, file, encoding).catch(() => ''));
    for (const { values } of texts.flatMap(linesOf)) {
      if (values.length !== 8) return false;
      const look = lookOf(values);
      all++;
      if (look !== 'other') rectangles++;
      if (look === 'turned') turned++;
    }
  }
  return turned > 0 && rectangles >= leastRectangles * all;
}

/** Look of an outline of four corners; opposite sides of a turned rectangle stay equal in fractions of width and height. */
function lookOf(corners: readonly number[]): 'upright' | 'turned' | 'other' {
  const [ax = 0, ay = 0, bx = 0, by = 0, cx = 0, cy = 0, dx = 0, dy = 0] = corners;
  const size = Math.max(Math.abs(cx - ax), Math.abs(cy - ay), Math.abs(dx - bx), Math.abs(dy - by));
  const isFlat = (x: number, y: number): boolean => Math.min(Math.abs(x), Math.abs(y)) <= 0.02 * size;
  if (isFlat(bx - ax, by - ay) && isFlat(cx - bx, cy - by) && isFlat(dx - cx, dy - cy) && isFlat(ax - dx, ay - dy)) return 'upright';
  return Math.max(Math.abs(ax + cx - bx - dx), Math.abs(ay + cy - by - dy)) <= 0.1 * size ? 'turned' : 'other';
}

/**
 * Finds the faults of a label file that make Ultralytics drop its image: lines that are no annotations, coordinates that are no
 * fractions, classes that have no name.
 */
export function faultsOf(lines: readonly Line[], classNames: ClassNames, kind: Kind): string | undefined {
  const faults = lines.flatMap((line) => faultOf(line, classNames, kind) ?? []);
  return faults.length > 0 ? listed(faults) : undefined;
}

function faultOf(line: Line, classNames: ClassNames, kind: Kind): string | undefined {
  const { number, classId, text, values } = line;
  if (kind === 'oriented boxes' && values.length !== 8)
    return `line ${number} has no four corners 'class x y x y x y x y': '${text.slice(0, 40)}'`;
  const isClass = Number.isInteger(classId) && classId >= 0 && classId < 65535;
  const isShape = values.length === 4 || (values.length >= 6 && values.length % 2 === 0);
  if (!isClass || !isShape || !values.every(Number.isFinite))
    return `line ${number} is neither a polygon 'class x y x y x y …' nor a box 'class x y width height': '${text.slice(0, 40)}'`;
  const far = beyond(line);
  if (far !== undefined)
    return `line ${number} has the coordinate ${far}, but coordinates are fractions of the image's width and height, from 0 to 1; divide pixels by them`;
  if (classNames.size > 0 && !classNames.has(classId))
    return `line ${number} has class ${classId}, which has no name; add it to the names, or correct the line`;
  return undefined;
}

/** Tolerance of Ultralytics for the centre and the size of a box. */
const [least, most] = [-0.01, 1.01];

/** A coordinate of a line whose box Ultralytics refuses; undefined if it accepts the box. */
function beyond(line: Line): number | undefined {
  const { values } = line;
  let box = values;
  if (!isBox(line)) {
    const [x, y] = [0, 1].map((axis) => values.filter((_, i) => i % 2 === axis)) as [number[], number[]];
    const [[x0, x1], [y0, y1]] = [rangeOf(x), rangeOf(y)];
    box = [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0];
  }
  if (box.every((value) => value >= least && value <= most)) return undefined;
  return values.find((value) => value > most) ?? values.find((value) => value < least) ?? box.find((value) => value > most);
}

/** The least and the greatest of values. */
function rangeOf(values: readonly number[]): [least: number, greatest: number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return [low, high];
}

/** Tests if a line is a box with key points, each with a visibility of 0, 1 or 2. */
export function isPose({ values }: Line): boolean {
  const flags = values.filter((_, i) => i > 4 && i % 3 === 0);
  return values.length > 4 && values.length % 3 === 1 && flags.every((flag) => flag === 0 || flag === 1 || flag === 2) && flags.includes(2);
}

/**
 * Refuses a set of boxes or of poses.
 *
 * @param counts numbers of values of the lines.
 * @param poses true if every line looks like a pose.
 * @throws {CopyPasteError} `data` if no line has an outline.
 */
export function refuseTask(
  counts: ReadonlySet<number>,
  poses: boolean,
  files: readonly string[],
  config: { readonly file: string; readonly keypoints?: readonly [number, number] | undefined } | undefined,
): void {
  const all = (holds: (count: number) => boolean): boolean => counts.size > 0 && [...counts].every(holds);
  const refuse = (path: string, what: string): CopyPasteError => new CopyPasteError('data', what, { path });
  const [first = ''] = files;
  const folder = first.slice(0, first.lastIndexOf('/') + 1);
  if (all((count) => count === 4))
    throw refuse(folder, 'all labels are boxes (YOLO detect), which cannot be pasted; add outlines (YOLO segment)');
  const [points, each] = config?.keypoints ?? [0, 0];
  if (config && points > 0 && all((count) => count === 4 || count === 4 + points * each))
    throw refuse(
      config.file,
      `'kpt_shape: [${points}, ${each}]' says that labels are boxes with key points (YOLO pose), which cannot be pasted; add outlines (YOLO segment)`,
    );
  if (poses && counts.size > 0)
    throw refuse(folder, 'all labels are boxes with key points (YOLO pose), which cannot be pasted; add outlines (YOLO segment)');
}
