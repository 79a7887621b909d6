/** Instances from a stack of drawn elements, as annotation tools with a z-order store them. */
import { instanceOfSpans } from '../masks/instances.ts';
import { fillSpans, filterSpans, union } from '../masks/spans.ts';
import type { Shaped, Size } from '../types.ts';
import type { PastedShapes } from './format.ts';

/** A drawn element. */
export interface Drawn {
  /** Class id; `undefined` if the label is unknown. */
  readonly classId: number | undefined;
  /** Z-order; higher elements cover lower ones. */
  readonly order: number;
  /** Id of the group, 0 for none. Elements of one group and class with pixels form one instance, to which the boxes of the group belong. */
  readonly group: number;
  readonly box: boolean;
  /** Pixels; `undefined` for lines, points and boxes. */
  readonly spans: Int32Array | undefined;
}

/** A shape: the indices of its elements and its z-order. */
export interface Stacked {
  readonly elements: readonly number[];
  readonly order: number;
}

/**
 * Makes shapes from elements, sorted from the lowest to the highest. Higher elements cover lower ones; elements of the same z-order
 * may overlap.
 *
 * @param drawn undefined for an element without a position in the image.
 */
export function shapesOfStack(drawn: readonly (Drawn | undefined)[], size: Size): Shaped<Stacked>[] {
  const groups = new Map<string, number[]>();
  drawn.forEach((one, n) => {
    if (!one) return;
    const key = one.group !== 0 && (one.spans || one.box) ? `${one.group} ${one.classId}` : `alone ${n}`;
    const group = groups.get(key);
    if (group) group.push(n);
    else groups.set(key, [n]);
  });
  const shown = withoutCovered(drawn, size);
  const shapes = [...groups.values()].map((elements) => {
    const id = elements[0] as number;
    const order = elements.reduce((most, n) => Math.max(most, drawn[n]?.order ?? 0), Number.NEGATIVE_INFINITY);
    const classId = drawn[id]?.classId;
    const spans = union(
      elements.flatMap((n) => shown[n] ?? []),
      size,
    );
    const instance = classId !== undefined && spans.length > 0 ? instanceOfSpans(classId, spans, size) : undefined;
    return { id, own: { elements, order }, ...(instance && { instance }) };
  });
  return shapes.sort((a, b) => a.own.order - b.own.order);
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

/** Remaining pixels of an element after pasting, and its z-order. */
interface Change {
  readonly spans: Int32Array;
  readonly order: number;
}

/** Changes of elements by index; undefined if the element is removed. The first element of a shape takes all its remaining pixels. */
export function changesOf({ before, kept }: PastedShapes<unknown, Stacked>): Map<number, Change | undefined> {
  const pixels = new Map(kept.map(({ shape, spans }) => [shape, spans]));
  const changes = new Map<number, Change | undefined>();
  for (const shape of before.shapes) {
    const { elements, order } = shape.own;
    const spans = pixels.get(shape);
    if (pixels.has(shape) && !spans) continue;
    for (const n of elements) changes.set(n, undefined);
    if (spans) changes.set(elements[0] as number, { spans, order });
  }
  return changes;
}

/** The lowest z-order above all shapes of an image. */
export function topOf({ before }: PastedShapes<unknown, Stacked>): number {
  return before.shapes.reduce((most, { own }) => Math.max(most, own.order), -1) + 1;
}
