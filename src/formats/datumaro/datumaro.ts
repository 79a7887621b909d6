/** The Datumaro format: a document with one item per image. */
import { withoutExtension } from '../../base/paths.ts';
import { singleOutline } from '../../masks/outlines.ts';
import { countsOfSpans, packCounts } from '../../masks/run-lengths.ts';
import type { Sample, Size } from '../../types.ts';
import { type Surroundings, withSurroundings } from '../documents.ts';
import type { DocumentFormat } from '../format.ts';
import { jsonText, parseJson } from '../json-text.ts';
import { changesOf, type Stacked, topOf } from '../stacks.ts';
import { type DatumaroAnnotation, type DatumaroItem, openDatumaro, shapesOfDatumaro } from './read.ts';

/** The Datumaro format. Its entry for an image is the JSON text of an item. */
export const datumaro: DocumentFormat<DatumaroItem, Stacked, string, Surroundings> = {
  kind: 'documents',
  polygons: true,
  open: openDatumaro,
  shapes: shapesOfDatumaro,

  plain([part = ''], sample, { image }) {
    return image === sample.image ? part : jsonText(renamedItem(parseJson(part), sample, image));
  },

  pasted(pasted, { image }, { polygons }) {
    const { own: item, size } = pasted.before;
    const changes = changesOf(pasted);
    const kept = item.annotations.flatMap((annotation, n) => {
      const change = changes.get(n);
      if (change) return [{ ...shaped(annotation, change.spans, size, polygons), z_order: change.order }];
      return changes.has(n) ? [] : [annotation];
    });
    const largest = item.annotations.reduce((most, { id }) => Math.max(most, Number(id) || 0), 0);
    const top = topOf(pasted);
    const added = pasted.pasted.map(({ spans, classId, source, instance, placement, origin }, n) => {
      const foreign: DatumaroAnnotation = { type: 'mask', label_id: classId };
      const { object_id: _, ...own } = origin?.own.annotations[origin.shape.id] ?? foreign;
      const from = origin ? { item: origin.own.id, element: origin.shape.id, placement } : { source, instance, placement };
      const attributes = { ...own.attributes, copypaste: JSON.stringify(from) };
      return { ...shaped(own, spans, size, polygons), id: largest + 1 + n, group: 0, z_order: top, attributes };
    });
    return jsonText(renamedItem({ ...item, annotations: [...kept, ...added] }, pasted.sample, image));
  },

  text: ({ own }, entries) => withSurroundings(own, entries()),

  contradictions({ own: { id: item, annotations }, shapes }, classNames) {
    return shapes.flatMap(({ id }) => {
      const label = annotations[id]?.label_id ?? undefined;
      if (label === undefined || classNames.has(label)) return [];
      return [`item '${item}': annotations[${id}] refers to label ${label}, which is not defined`];
    });
  },
};

/** Gives an item the name of its output image. @param path of the image in the output. */
function renamedItem(item: DatumaroItem, { image }: Sample, path: string): DatumaroItem {
  const before = item.image.path;
  const after = path.slice(image.length - before.length);
  return { ...item, id: item.id + withoutExtension(after).slice(withoutExtension(before).length), image: { ...item.image, path: after } };
}

/** Replaces the pixels of an annotation. */
function shaped(annotation: DatumaroAnnotation, spans: Int32Array, size: Size, polygons: boolean): DatumaroAnnotation {
  const { points: _points, rle: _rle, bbox: _bbox, ...own } = annotation;
  const outline = polygons ? singleOutline(spans) : undefined;
  if (outline) return { ...own, type: 'polygon', points: outline };
  return { ...own, type: 'mask', rle: { counts: packCounts(countsOfSpans(spans, size)), size: [size.height, size.width] } };
}
