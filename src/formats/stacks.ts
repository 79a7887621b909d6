/** Shapes that an annotation tool has drawn into an image one over the other, each an element of a list. */
import { instanceOfSpans } from '../masks/instances.ts';
import { fillSpans, filterSpans, union } from '../masks/spans.ts';
import type { Shaped, Size } from '../types.ts';
import type { PastedShapes } from './format.ts';

/** One element. */
export interface Drawn {
  /** Absent where its label is none. */
  readonly classId: number | undefined;
  /** How far up it lies. */
  readonly order: number;
  /** Those of one group and class that have pixels are one instance; boxes of a group go with it. */
  readonly group: number;
  readonly box: boolean;
  /** Its pixels; lines, points and boxes have none. */
  readonly spans: Int32Array | undefined;
}

/** The elements that are one shape, and how far up it lies. */
export interface Stacked {
  readonly elements: readonly number[];
  readonly order: number;
}

/**
 * The instances of shapes, from the lowest to the topmost: what lies above takes pixels from what is below, what lies level shares
 * them.
 *
 * @param drawn nothing for what has no place in the image.
 */
export function instancesOfStack(drawn: readonly (Drawn | undefined)[], size: Size): Shaped<Stacked>[] {
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

/** The pixels of each shape that none above it has. */
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

/** The pixels of an element after pastes. */
interface Change {
  readonly spans: Int32Array;
  readonly order: number;
}

/** Elements that pastes changed, by number; nothing where they are gone. Of several that are one instance the first stands for all. */
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

/** The order of what lies above all shapes of an image. */
export function topOf({ before }: PastedShapes<unknown, Stacked>): number {
  return before.shapes.reduce((most, { own }) => Math.max(most, own.order), -1) + 1;
}
