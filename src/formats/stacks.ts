/** Instances from a stack of drawn elements, as annotation tools with a z-order store them. */
import { instanceOfSpans } from '../masks/instances.ts';
import { boxOfSpans, fillSpans, filterSpans, union } from '../masks/spans.ts';
import type { Box, Reason, Shaped, Size } from '../types.ts';
import type { Document, PastedShape, PastedShapes } from './format.ts';
import { reasonIn, undecided } from './unpasted.ts';

/** A drawn element. */
export interface Drawn {
  /** Class id; `undefined` if the label is unknown. */
  readonly classId: number | undefined;
  /** Z-order; higher elements cover lower ones. */
  readonly order: number;
  /** Id of the group, 0 for none. Elements of one group and class with pixels form one instance, to which the boxes of the group belong. */
  readonly group: number;
  /** Extent of a box. */
  readonly box?: Box | undefined;
  /** Pixels; `undefined` for lines, points and upright boxes. */
  readonly spans: Int32Array | undefined;
  /** Reason why it is never pasted, if it is not for its form. */
  readonly reason?: Reason | undefined;
}

/** A shape: the indices of its elements and its z-order. */
export interface Stacked {
  readonly elements: readonly number[];
  /** Extents of the boxes among its elements that follow the pixels of the others, by index. */
  readonly boxes: ReadonlyMap<number, Box>;
  readonly order: number;
}

/** Facts of an element that tell to which shape it belongs. */
export type Grouped = Pick<Drawn, 'group'> & {
  /** Class id or label. */
  readonly label: unknown;
  readonly form: 'area' | 'box' | 'turned box' | 'other';
};

/** An element with the reason why it is never pasted although it has a form. */
export interface Counted extends Grouped {
  readonly reason?: Reason | undefined;
}

/** Counts of the annotations of a document; elements of one shape with areas count once for each area. */
interface Tally {
  /** Adds the elements of an image. */
  add(elements: readonly (Counted | undefined)[]): void;
  counts(isKnown: (label: unknown) => boolean): Pick<Document, 'annotations' | 'unpasted'>;
}

/** Creates a tally of annotations. Labels are judged at the end, since a document may define them after its images. */
export function createShapeTally(): Tally {
  let annotations = 0;
  const reasons: Partial<Record<Reason, number>> = {};
  const labels = new Map<unknown, number>();
  const count = (reason: Reason, n = 1): void => {
    reasons[reason] = (reasons[reason] ?? 0) + n;
  };
  return {
    add(elements) {
      for (const { areas, rest } of groupsOf(elements)) {
        const all = areas.length > 0 ? areas : rest;
        annotations += all.length;
        for (const { form, label, reason } of all.map((n) => elements[n] as Counted)) {
          if (reason) count(reason);
          else if (areas.length === 0) count(form === 'box' ? 'box' : 'line or point');
          else labels.set(label, (labels.get(label) ?? 0) + 1);
        }
      }
    },
    counts(isKnown) {
      for (const [label, n] of labels) if (!isKnown(label)) count('unknown label', n);
      return { annotations, unpasted: reasons };
    },
  };
}

/** Reason why a polygon is never pasted; undefined if it has pixels. @param size of the image, if it is known. */
export function reasonOfPolygon(points: readonly number[], size: Size | undefined): Reason | undefined {
  const reason = undecided([points]);
  return typeof reason === 'object' ? size && reasonIn(reason, size) : reason;
}

/** Indices of the elements of one shape. */
interface Group {
  /** Elements whose pixels the shape has; turned boxes only if there is no other area. */
  readonly areas: readonly number[];
  /** Boxes that follow the areas, or all elements of a shape without pixels. */
  readonly rest: readonly number[];
}

/**
 * Divides elements into shapes.
 *
 * @param elements undefined for an element without a position in the image.
 */
function groupsOf(elements: readonly (Grouped | undefined)[]): Group[] {
  const groups = new Map<string, number[]>();
  elements.forEach((one, n) => {
    if (!one) return;
    const key = one.group !== 0 && one.form !== 'other' ? `${one.group} ${one.label}` : `alone ${n}`;
    const group = groups.get(key);
    if (group) group.push(n);
    else groups.set(key, [n]);
  });
  return [...groups.values()].map((all) => {
    const of = (form: Grouped['form']): number[] => all.filter((n) => elements[n]?.form === form);
    const areas = [of('area'), of('turned box')].find(({ length }) => length > 0) ?? [];
    const isArea = new Set(areas);
    return { areas, rest: all.filter((n) => !isArea.has(n)) };
  });
}

/**
 * Makes shapes from elements, sorted from the lowest to the highest. Higher elements cover lower ones; elements of the same z-order
 * may overlap.
 *
 * @param drawn undefined for an element without a position in the image.
 */
export function shapesOfStack(drawn: readonly (Drawn | undefined)[], size: Size): Shaped<Stacked>[] {
  const groups = groupsOf(drawn.map((one): Grouped | undefined => one && { group: one.group, label: one.classId, form: formOf(one) }));
  const following = new Set(groups.flatMap(({ rest }) => rest));
  const shown = withoutCovered(
    drawn.map((one, n) => (following.has(n) ? undefined : one)),
    size,
  );
  const shapes = groups.map(({ areas, rest }) => {
    const filled = areas.length > 0 ? areas : rest;
    const id = filled[0] as number;
    const order = filled.reduce((most, n) => Math.max(most, drawn[n]?.order ?? 0), Number.NEGATIVE_INFINITY);
    const classId = drawn[id]?.classId;
    const spans = union(
      areas.flatMap((n) => shown[n] ?? []),
      size,
    );
    const instance = classId !== undefined && spans.length > 0 ? instanceOfSpans(classId, spans, size) : undefined;
    const boxes = new Map(areas.length > 0 ? rest.map((n) => [n, drawn[n]?.box as Box]) : []);
    const elements = [...areas, ...rest].sort((a, b) => a - b);
    const own = { elements, boxes, order };
    return { id, own, ...(instance ? { instance } : { reason: reasonOf(drawn[id], areas.length > 0) }) };
  });
  return shapes.sort((a, b) => a.own.order - b.own.order);
}

/** Reason why a shape without an instance is never pasted. @param first its first element. */
function reasonOf(first: Drawn | undefined, hasArea: boolean): Reason {
  if (first?.reason) return first.reason;
  if (!hasArea) return first?.box ? 'box' : 'line or point';
  return first?.classId === undefined ? 'unknown label' : 'no area';
}

function formOf({ box, spans }: Drawn): Grouped['form'] {
  if (box) return spans ? 'turned box' : 'box';
  return spans ? 'area' : 'other';
}

/** Visible pixels of each element: those that no higher element covers. */
function withoutCovered(drawn: readonly (Drawn | undefined)[], { width, height }: Size): (Int32Array | undefined)[] {
  const shown: (Int32Array | undefined)[] = drawn.map((one) => one?.spans);
  const filled = drawn.flatMap((one, n) => (one?.spans ? [{ n, order: one.order, spans: one.spans }] : []));
  filled.sort((a, b) => b.order - a.order);
  if (filled[0]?.order === filled.at(-1)?.order) return shown;
  const covered = new Uint8Array(width * height);
  for (let from = 0; from < filled.length; ) {
    let to = from;
    while (filled[to]?.order === filled[from]?.order) to++;
    const own = filled.slice(from, to);
    for (const { n, spans } of own) shown[n] = filterSpans(spans, width, (i) => covered[i] === 0);
    for (const { spans } of own) fillSpans(spans, [0, 0, width], covered, 1);
    from = to;
  }
  return shown;
}

/** Remaining pixels of an element after pasting and its z-order, or the new extent of a box. */
export type Change = { readonly spans: Int32Array; readonly order: number } | { readonly box: Box };

/**
 * Changes of elements by index; undefined if the element is removed. The first area of a shape takes all its remaining pixels, and its
 * boxes follow.
 */
export function changesOf({ before, kept }: PastedShapes<unknown, Stacked>): Map<number, Change | undefined> {
  const pixels = new Map(kept.map(({ shape, spans }) => [shape, spans]));
  const changes = new Map<number, Change | undefined>();
  for (const shape of before.shapes) {
    const { elements, boxes, order } = shape.own;
    const spans = pixels.get(shape);
    if (pixels.has(shape) && !spans) continue;
    for (const n of elements) changes.set(n, undefined);
    if (!spans) continue;
    changes.set(shape.id, { spans, order });
    for (const [n, box] of boxes) {
      const now = boxes.size === 1 ? boxOfSpans(spans) : extentWithin(box, spans);
      // A box that held no pixels has lost none.
      if (now || !extentWithin(box, shape.instance?.spans ?? spans)) changes.set(n, { box: now ?? box });
    }
  }
  return changes;
}

/** Extent of the pixels inside a box; undefined if there are none. */
function extentWithin([x0, y0, x1, y1]: Box, spans: Int32Array): Box | undefined {
  const inside: number[] = [];
  for (let i = 0; i < spans.length; i += 3) {
    const [y, from, to] = [spans[i], spans[i + 1], spans[i + 2]] as unknown as Box;
    const [left, right] = [Math.max(from, Math.floor(x0)), Math.min(to, Math.ceil(x1))];
    if (y >= Math.floor(y0) && y < Math.ceil(y1) && left < right) inside.push(y, left, right);
  }
  return inside.length > 0 ? boxOfSpans(Int32Array.from(inside)) : undefined;
}

/**
 * Index of the box that a paste copies with its object, or -1 for a box of its own; undefined if the paste gets none. A paste from another
 * data set gets one if objects of the image have them.
 */
export function boxOfPaste({ before }: PastedShapes<unknown, Stacked>, { origin }: PastedShape<unknown, Stacked>): number | undefined {
  if (origin) return [...origin.shape.own.boxes.keys()][0];
  return before.shapes.some(({ own }) => own.boxes.size > 0) ? -1 : undefined;
}

/** The lowest z-order above all shapes of an image. */
export function topOf({ before }: PastedShapes<unknown, Stacked>): number {
  return before.shapes.reduce((most, { own }) => Math.max(most, own.order), -1) + 1;
}
