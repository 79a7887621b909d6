/** The format CVAT for images 1.1: an XML document of images, each with polygons, masks, boxes and more. */
import { boxOfSpans } from '../../masks/spans.ts';
import { idsByName } from '../class-ids.ts';
import { idsAfter, type Surroundings, withSurroundings } from '../documents.ts';
import { type DocumentFormat, type PastedShapes, provenanceOf, type WriteOptions } from '../format.ts';
import { boxOfPaste, changesOf, type Stacked, topOf } from '../stacks.ts';
import { type CvatElement, type CvatImage, labelOf, openCvat, shapesOfCvat } from './read.ts';
import { boxText, type CvatEntry, entityOf, entryOf, shapeText, withAttribute } from './write.ts';

/** The CVAT format. Covered and pasted elements become masks or, with `polygons`, polygons if they keep all pixels. */
export const cvat: DocumentFormat<CvatImage, Stacked, CvatEntry, Surroundings> = {
  kind: 'documents',
  polygons: true,
  classesByName: true,
  open: openCvat,
  shapes: shapesOfCvat,

  plain([part = ''], sample, { image }) {
    const [tag = ''] = /^<image[^"'>]*(?:(?:"[^"]*"|'[^']*')[^"'>]*)*>/.exec(part) ?? [];
    return entryOf(tag, part.slice(tag.length), sample, image);
  },

  pasted(pasted, { image }, options) {
    const { tag, elements, end } = pasted.before.own;
    const changes = changesOf(pasted);
    const space = elements.find(({ before }) => /^\s+$/.test(before))?.before ?? '\n    ';
    const rest = [
      ...elements.map((element, n) => {
        const change = changes.get(n);
        if (change && 'box' in change) return element.before + boxText(element, change.box);
        if (change) return element.before + shapeText(element, change.spans, options.polygons, { z_order: String(change.order) });
        // Comments before a removed element stay.
        return changes.has(n) ? element.before.trimEnd() : element.before + element.text;
      }),
      ...pastedTexts(pasted, space, options),
      end,
    ];
    return entryOf(tag, rest.join(''), pasted.sample, image);
  },

  text({ own, largestIds }, entries) {
    const idOf = idsAfter(largestIds?.image ?? 0);
    return withSurroundings(
      own,
      (async function* () {
        for await (const { id, tag, rest } of entries()) {
          const own = idOf(id);
          yield (Object.is(own, id) ? tag : withAttribute(tag, 'id', String(own))) + rest;
        }
      })(),
    );
  },

  contradictions({ own: { elements, attributes }, shapes }, classNames) {
    const names = idsByName(classNames);
    return shapes.flatMap(({ id }) => {
      const label = labelOf(elements[id]?.attributes ?? {});
      if (label === undefined || names.has(label)) return [];
      return [`image '${attributes.name}': element ${id} refers to the label '${label}', which is not defined`];
    });
  },
};

/** Texts of pasted elements with their provenance. @param space white space before an element. */
function pastedTexts(pasted: PastedShapes<CvatImage, Stacked>, space: string, { polygons, classNames }: WriteOptions): string[] {
  let group = pasted.before.own.elements.reduce((most, { attributes }) => Math.max(most, Number(attributes.group_id) || 0), 0);
  return pasted.pasted.flatMap((one) => {
    const { spans, classId, origin } = one;
    const copied = (n = -1): Pick<CvatElement, 'attributes' | 'inner'> => {
      const foreign = { attributes: { label: classNames.get(classId) as string, source: '', occluded: '0' }, inner: '' };
      const own = origin?.own.elements[n] ?? foreign;
      const from = provenanceOf(one, origin && { image: origin.own.attributes.name, element: n });
      const inner = own.inner.replace(/<attribute name="copypaste">[^<]*<\/attribute>\s*/g, '').trimEnd();
      const provenance = `${space}  <attribute name="copypaste">${JSON.stringify(from).replace(/[&<>]/g, entityOf)}</attribute>${space}`;
      return { ...own, inner: inner + provenance };
    };
    const box = boxOfPaste(pasted, one);
    const group_id = box === undefined ? undefined : String(++group);
    const changes = { source: 'copypaste', z_order: String(topOf(pasted)), group_id };
    const texts = [shapeText(copied(origin?.shape.id), spans, polygons, changes)];
    if (box !== undefined) texts.push(boxText(copied(box), boxOfSpans(spans), changes));
    return texts.map((text) => space + text);
  });
}
