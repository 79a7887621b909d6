/** Writes CVAT images and elements. */

import { singleOutline } from '../../masks/outlines.ts';
import { runsOfSpans } from '../../masks/run-lengths.ts';
import type { Box, Sample } from '../../types.ts';
import { renamed } from '../image-names.ts';
import type { CvatElement } from './read.ts';

/** An image in an output document. */
export interface CvatEntry {
  readonly id: number;
  /** Opening tag. */
  readonly tag: string;
  /** Text after the opening tag. */
  readonly rest: string;
}

/** Makes an entry with the name of the output image. @param path of the image in the output. */
export function entryOf(tag: string, rest: string, { image }: Sample, path: string): CvatEntry {
  const name = attributeOf(tag, 'name');
  const now = renamed(name, image, path);
  return { id: Number(attributeOf(tag, 'id')), tag: now === name ? tag : withAttribute(tag, 'name', now), rest };
}

/** Attributes that describe the geometry of an element. */
const geometry = 'points rle left top width height cx cy rx ry xtl ytl xbr ybr rotation'.split(' ');

/** Attributes of an element, and the text between its tags. */
type Element = Pick<CvatElement, 'attributes' | 'inner'>;
type Attributes = Readonly<Record<string, string | undefined>>;

/** Writes an element with new pixels. */
export function shapeText(element: Element, spans: Int32Array, polygons: boolean, changes: Attributes): string {
  const outline = polygons ? singleOutline(spans) : undefined;
  return elementText(outline ? 'polygon' : 'mask', element, outline ? { points: pointsOf(outline) } : runs(spans), changes);
}

/** Writes a box with a new extent. */
export function boxText(element: Element, [x0, y0, x1, y1]: Box, changes: Attributes = {}): string {
  const corners = [x0, y0, x1, y1].map((value) => value.toFixed(2)) as [string, string, string, string];
  return elementText('box', element, { xtl: corners[0], ytl: corners[1], xbr: corners[2], ybr: corners[3] }, changes);
}

function elementText(name: string, { attributes, inner }: Element, place: Attributes, changes: Attributes): string {
  const { z_order, group_id, ...own } = { ...attributes, ...changes };
  const kept = Object.entries(own).filter(([key]) => !geometry.includes(key));
  const written = Object.entries({ ...Object.fromEntries(kept), ...place, z_order, group_id }).map(([key, value]) =>
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

/** Matches one attribute of a well-formed tag. */
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

/** Replaces the value of an attribute. */
export function withAttribute(tag: string, name: string, value: string): string {
  return tag.replace(attribute, (all, key, equals) =>
    key === name ? `${key}${equals}"${value.replace(/[&<>"\n\r\t]/g, entityOf)}"` : all,
  );
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** Escapes a character as an XML entity. */
export function entityOf(character: string): string {
  const name = Object.keys(entities).find((one) => entities[one] === character);
  return name === undefined ? `&#${character.codePointAt(0)};` : `&${name};`;
}
