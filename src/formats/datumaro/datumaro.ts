/** The Datumaro format: a document with one item per image. */

import { withoutExtension } from '../../base/paths.ts';
import { singleOutline } from '../../masks/outlines.ts';
import { countsOfSpans, packCounts } from '../../masks/run-lengths.ts';
import { boxOfSpans } from '../../masks/spans.ts';
import type { Box, Sample, Size } from '../../types.ts';
import { type Surroundings, withSurroundings } from '../documents.ts';
import { type DocumentFormat, provenanceOf } from '../format.ts';
import { renamed } from '../image-names.ts';
import { jsonText, parseJson } from '../json-text.ts';
import { boxOfPaste, changesOf, type Stacked, topOf } from '../stacks.ts';
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
      if (!change) return changes.has(n) ? [] : [annotation];
      if ('box' in change) return [{ ...annotation, bbox: bboxOf(change.box) }];
      return [{ ...shaped(annotation, change.spans, size, polygons), z_order: change.order }];
    });
    let id = largestOf(item, 'id');
    let group = largestOf(item, 'group');
    const z_order = topOf(pasted);
    const added = pasted.pasted.flatMap((one): DatumaroAnnotation[] => {
      const { spans, classId, origin } = one;
      const copied = (n: number | undefined, type: string): DatumaroAnnotation => {
        const { object_id: _, ...own } = origin?.own.annotations[n ?? -1] ?? { type, label_id: classId };
        const from = provenanceOf(one, origin && { item: origin.own.id, element: n });
        return { ...own, type, attributes: { ...own.attributes, copypaste: JSON.stringify(from) } };
      };
      const own = { ...shaped(copied(origin?.shape.id, 'mask'), spans, size, polygons), id: ++id, group: 0, z_order };
      const box = boxOfPaste(pasted, one);
      if (box === undefined) return [own];
      group++;
      return [
        { ...own, group },
        { ...copied(box, 'bbox'), id: ++id, group, bbox: bboxOf(boxOfSpans(spans)), z_order },
      ];
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

function largestOf({ annotations }: DatumaroItem, key: 'id' | 'group'): number {
  return annotations.reduce((most, one) => Math.max(most, Number(one[key]) || 0), 0);
}

function bboxOf([x0, y0, x1, y1]: Box): number[] {
  return [x0, y0, x1 - x0, y1 - y0];
}

/** Gives an item the name of its output image. @param path of the image in the output. */
function renamedItem(item: DatumaroItem, { image }: Sample, path: string): DatumaroItem {
  const before = item.image.path;
  const after = renamed(before, image, path);
  return { ...item, id: item.id + withoutExtension(after).slice(withoutExtension(before).length), image: { ...item.image, path: after } };
}

/** Replaces the pixels of an annotation. */
function shaped(annotation: DatumaroAnnotation, spans: Int32Array, size: Size, polygons: boolean): DatumaroAnnotation {
  const { points: _points, rle: _rle, bbox: _bbox, ...own } = annotation;
  const outline = polygons ? singleOutline(spans) : undefined;
  if (outline) return { ...own, type: 'polygon', points: outline };
  return { ...own, type: 'mask', rle: { counts: packCounts(countsOfSpans(spans, size)), size: [size.height, size.width] } };
}
