import { outlinesOfSpans } from '../../masks/outlines.ts';
import { runsOfSpans } from '../../masks/run-lengths.ts';
import type { CvatElement, CvatImage, Pasted, Sample, ShapeSet } from '../../types.ts';
import { idsAfter } from '../coco/write.ts';
import type { DocumentWriter } from '../document-writers.ts';
import { around, changesOf, pastesOf } from '../stack-changes.ts';

/** What a document will have of one image. */
interface Part {
  readonly id: number;
  /** Its opening tag, and what follows that. */
  readonly tag: string;
  readonly rest: string;
}

/** CVAT for images. What changed, and what was pasted, are masks, or polygons where these are wanted and lose nothing. */
export const cvat: DocumentWriter<Part> = {
  plain([part = ''], sample, { image }) {
    const [tag = ''] = /^<image[^"'>]*(?:(?:"[^"]*"|'[^']*')[^"'>]*)*>/.exec(part) ?? [];
    return partOf(tag, part.slice(tag.length), sample, image);
  },

  pasted(pasted, { image }, { polygons, classNames }) {
    const { tag, elements, end } = (pasted.original.shapes as ShapeSet).cvat as CvatImage;
    const changes = changesOf(pasted);
    const space = elements.find(({ before }) => /^\s+$/.test(before))?.before ?? '\n    ';
    const rest = [
      ...elements.map((element, n) => {
        const change = changes.get(n);
        if (change) return element.before + shapeText(element, change.spans, polygons, { z_order: String(change.order) });
        // A comment stays where its element went.
        return changes.has(n) ? element.before.trimEnd() : element.before + element.text;
      }),
      ...pastedTexts(pasted, polygons, space, classNames),
      end,
    ];
    return partOf(tag, rest.join(''), pasted.sample, image);
  },

  text(document, entries) {
    const idOf = idsAfter(document.largestImage);
    return around(
      document,
      (async function* () {
        for await (const { id, tag, rest } of entries()) {
          const own = idOf(id);
          yield (own === id ? tag : withAttribute(tag, 'id', String(own))) + rest;
        }
      })(),
    );
  },
};

/** @param path of the image in the output. */
function partOf(tag: string, rest: string, { image }: Sample, path: string): Part {
  const name = attributeOf(tag, 'name');
  const now = path.slice(image.length - name.length);
  return { id: Number(attributeOf(tag, 'id')), tag: now === name ? tag : withAttribute(tag, 'name', now), rest };
}

/** Texts of what was pasted, with where it comes from. @param space before an element. */
function pastedTexts(pasted: Pasted, polygons: boolean, space: string, classNames: ReadonlyMap<number, string>): string[] {
  const { elements, attributes } = pasted.source.shapes?.cvat ?? { elements: [], attributes: {} as CvatImage['attributes'] };
  return pastesOf(pasted).map(({ spans, order, classId, element, from }) => {
    const foreign = { attributes: { label: classNames.get(classId) as string, source: '', occluded: '0' }, inner: '' };
    const own = element === undefined ? foreign : (elements[element] as CvatElement);
    const inner = own.inner.replace(/<attribute name="copypaste">[^<]*<\/attribute>\s*/g, '').trimEnd();
    const origin = JSON.stringify(element === undefined ? from : { image: attributes.name, ...from }).replace(/[&<>]/g, entityOf);
    const provenance = `${space}  <attribute name="copypaste">${origin}</attribute>${space}`;
    const changes = { source: 'copypaste', z_order: String(order), group_id: undefined };
    return space + shapeText({ ...own, inner: inner + provenance }, spans, polygons, changes);
  });
}

/** What says where an element is. */
const geometry = 'points rle left top width height cx cy rx ry xtl ytl xbr ybr rotation'.split(' ');

/** An element of other pixels. */
function shapeText(
  { attributes, inner }: Pick<CvatElement, 'attributes' | 'inner'>,
  spans: Int32Array,
  polygons: boolean,
  changes: Readonly<Record<string, string | undefined>>,
): string {
  const outlines = polygons ? outlinesOfSpans(spans) : undefined;
  const [outline] = outlines?.length === 1 ? outlines : [];
  const { z_order, group_id, ...own } = { ...attributes, ...changes };
  const all = {
    ...Object.fromEntries(Object.entries(own).filter(([key]) => !geometry.includes(key))),
    ...(outline ? { points: pointsOf(outline) } : runs(spans)),
    z_order,
    group_id,
  };
  const name = outline ? 'polygon' : 'mask';
  const written = Object.entries(all).map(([key, value]) =>
    value === undefined ? '' : ` ${key}="${value.replace(/[&<>"\n\r\t]/g, entityOf)}"`,
  );
  return `<${name}${written.join('')}>${inner}</${name}>`;
}

function pointsOf(outline: readonly number[]): string {
  return Array.from({ length: outline.length / 2 }, (_, n) => `${outline[2 * n]?.toFixed(2)},${outline[2 * n + 1]?.toFixed(2)}`).join(';');
}

function runs(spans: Int32Array): Record<string, string> {
  const { counts, box } = runsOfSpans(spans);
  const [x0, y0, x1, y1] = box;
  return { rle: counts.join(', '), left: String(x0), top: String(y0), width: String(x1 - x0), height: String(y1 - y0) };
}

/** The attributes of a tag that is well-formed. */
const attribute = /([^\s"'=<>/]+)(\s*=\s*)("[^"]*"|'[^']*')/g;

function attributeOf(tag: string, name: string): string {
  const [found] = [...tag.matchAll(attribute)].filter(([, key]) => key === name);
  return (found?.[3] ?? '')
    .slice(1, -1)
    .replace(/\r\n|[\r\n\t]/g, ' ')
    .replace(/&(?:#x([\da-f]+)|#(\d+)|(\w+));/gi, (_all, hex, decimal, entity) => {
      if (entity !== undefined) return entities[entity] ?? '';
      return String.fromCodePoint(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16));
    });
}

function withAttribute(tag: string, name: string, value: string): string {
  return tag.replace(attribute, (all, key, equals) =>
    key === name ? `${key}${equals}"${value.replace(/[&<>"\n\r\t]/g, entityOf)}"` : all,
  );
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function entityOf(character: string): string {
  const name = Object.keys(entities).find((one) => entities[one] === character);
  return name === undefined ? `&#${character.codePointAt(0)};` : `&${name};`;
}
