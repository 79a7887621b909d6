import type { CocoAnnotation, Document, Pasted, ShapeSet } from '../types.ts';

/** What an element that an annotation tool has drawn is now. */
export interface Change {
  readonly spans: Int32Array;
  readonly order: number;
}

/** The elements that pastes changed, by number, nothing where they are gone; of several that are one instance the first stands for all. */
export function changesOf({ original, shapes }: Pasted): Map<number, Change | undefined> {
  const kept = new Map((shapes as NonNullable<Pasted['shapes']>).kept.map(({ index, spans }) => [index, spans]));
  const changes = new Map<number, Change | undefined>();
  (original.shapes as ShapeSet).shapes.forEach(({ elements = [], order = 0 }, index) => {
    const spans = kept.get(index);
    if (kept.has(index) && !spans) return;
    for (const n of elements) changes.set(n, undefined);
    if (spans) changes.set(elements[0] as number, { spans, order });
  });
  return changes;
}

/** What was pasted, which lies above all else. */
interface Paste extends Change {
  readonly classId: number;
  /** The source's element that it comes from; none where the source is of another data set. */
  readonly element?: number;
  /** Where it comes from: that element, or an instance of a sample of another data set; its placement from 1. */
  readonly from: { readonly element: number; readonly placement: number } | NonNullable<CocoAnnotation['copypaste']>;
}

export function pastesOf({ plan, original, shapes, source }: Pasted): Paste[] {
  const order = (original.shapes as ShapeSet).shapes.reduce((most, { order = 0 }) => Math.max(most, order), -1) + 1;
  const shown = source.shapes?.shapes.filter(({ instance }) => instance) ?? [];
  return (shapes as NonNullable<Pasted['shapes']>).pasted.map(({ placement: n, spans }) => {
    const { instance, classId } = plan.placements[n] as Pasted['plan']['placements'][0];
    const placement = n + 1;
    if (source.inputs) return { spans, order, classId, from: { source: source.sample.id, instance, placement } };
    const element = shown[instance]?.id as number;
    return { spans, order, classId, element, from: { element, placement } };
  });
}

/** The text of a document that has its images' parts one after another. */
export async function* around({ rest }: Document, parts: AsyncIterable<string>): AsyncGenerator<string> {
  const text = (key: string): string => rest.find((one) => one.key === key)?.value ?? '';
  yield text('head');
  let separator = '';
  for await (const part of parts) {
    yield separator + part;
    separator = text('between');
  }
  yield text('tail');
}
