import { outlinesOfSpans } from '../../masks/outlines.ts';
import { countsOfSpans, packCounts } from '../../masks/run-lengths.ts';
import type { DatumaroAnnotation, DatumaroItem, Sample, ShapeSet, Size } from '../../types.ts';
import type { DocumentWriter } from '../document-writers.ts';
import { around, changesOf, pastesOf } from '../stack-changes.ts';

/** Datumaro's own format. What it has of one image is an item, as text. */
export const datumaro: DocumentWriter<string> = {
  plain([part = ''], sample, { image }) {
    return image === sample.image ? part : JSON.stringify(renamed(JSON.parse(part), sample, image));
  },

  pasted(pasted, { image }, { polygons }) {
    const { item, size } = pasted.original.shapes as ShapeSet & { item: DatumaroItem };
    const source = pasted.source.shapes?.item;
    const changes = changesOf(pasted);
    const kept = item.annotations.flatMap((annotation, n) => {
      const change = changes.get(n);
      if (change) return [{ ...shaped(annotation, change.spans, size, polygons), z_order: change.order }];
      return changes.has(n) ? [] : [annotation];
    });
    const largest = item.annotations.reduce((most, { id }) => Math.max(most, Number(id) || 0), 0);
    const added = pastesOf(pasted).map(({ spans, order, classId, element, from }, n) => {
      const foreign: DatumaroAnnotation = { type: 'mask', label_id: classId };
      const copied = element === undefined ? undefined : source?.annotations[element];
      const { object_id: _, ...own } = copied ?? foreign;
      const copypaste = JSON.stringify(element === undefined ? from : { item: source?.id, ...from });
      const changed = { id: largest + 1 + n, group: 0, z_order: order, attributes: { ...own.attributes, copypaste } };
      return { ...shaped(own, spans, size, polygons), ...changed };
    });
    return JSON.stringify(renamed({ ...item, annotations: [...kept, ...added] }, pasted.sample, image));
  },

  text: (document, entries) => around(document, entries()),
};

/** @param path of the image in the output. */
function renamed(item: DatumaroItem, { image }: Sample, path: string): DatumaroItem {
  const before = item.image.path;
  const after = path.slice(image.length - before.length);
  const stem = (name: string): string => name.replace(/\.[^./]+$/, '');
  return { ...item, id: item.id + stem(after).slice(stem(before).length), image: { ...item.image, path: after } };
}

/** An annotation of other pixels. */
function shaped(annotation: DatumaroAnnotation, spans: Int32Array, size: Size, polygons: boolean): DatumaroAnnotation {
  const { points: _points, rle: _rle, bbox: _bbox, ...own } = annotation;
  const outlines = polygons ? outlinesOfSpans(spans) : undefined;
  const [outline] = outlines?.length === 1 ? outlines : [];
  if (outline) return { ...own, type: 'polygon', points: outline };
  return { ...own, type: 'mask', rle: { counts: packCounts(countsOfSpans(spans, size)), size: [size.height, size.width] } };
}
