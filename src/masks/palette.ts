import type { Colours } from '../types.ts';

/** A channel of the colour that Pascal VOC gives an id: every third bit, the lowest first. Each id of 24 bits has its own. */
export function vocColour(id: number, channel: number): number {
  return [0, 1, 2, 3, 4, 5, 6, 7].reduce((value, n) => value | (((id >> (3 * n + channel)) & 1) << (7 - n)), 0);
}

/** The palette of Pascal VOC, of so many colours. */
export function vocPalette(entries: number): Uint8Array {
  return Uint8Array.from({ length: 3 * entries }, (_, i) => vocColour(Math.floor(i / 3), i % 3));
}

type Colour = Colours[0];

/** Pascal VOC's colours, by id. */
export const vocColours: Colours = Array.from({ length: 256 }, (_, id): Colour => [vocColour(id, 0), vocColour(id, 1), vocColour(id, 2)]);

/**
 * What the colours of an instance mask stand for, by Pascal VOC's colours, as CVAT and Datumaro write them; or, where others occur, in
 * the order in which they come, but that black is 0 and VOC's void 255. There are free ids for as many objects again, with colours that
 * are none of VOC's either, so that these are never taken for them.
 *
 * @param own the colours of the mask, as they come, of which ids of 16 bits are enough.
 */
export function objectColours(own: readonly Colour[]): Colours {
  const known = new Set(vocColours.map(String));
  if (own.every((colour) => known.has(String(colour)))) return vocColours;
  const [black, empty] = [vocColours[0] as Colour, vocColours[255] as Colour];
  const objects = own.filter((colour) => ![black, empty].map(String).includes(String(colour)));
  const taken = new Set([...own, black, empty].map(String));
  const entries = Math.min(0x10000, Math.max(256, 2 * objects.length));
  const byId: Colour[] = [black];
  for (let free = 256, n = 0; byId.length < entries; ) {
    const next = byId.length === 255 ? empty : objects[n++];
    if (next) byId.push(next);
    else {
      for (; taken.has(String([0, 1, 2].map((channel) => vocColour(free, channel)))); free++);
      byId.push([vocColour(free, 0), vocColour(free, 1), vocColour(free++, 2)]);
    }
  }
  return byId;
}
