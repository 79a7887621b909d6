import type { Colours } from '../types.ts';

/** A channel of Pascal VOC's colour for an id: every third bit of the id, the lowest as the highest. Ids of 24 bits all differ. */
export function vocColour(id: number, channel: number): number {
  return [0, 1, 2, 3, 4, 5, 6, 7].reduce((value, n) => value | (((id >> (3 * n + channel)) & 1) << (7 - n)), 0);
}

/** Pascal VOC's palette with the given number of entries, as RGB triples. */
export function vocPalette(entries: number): Uint8Array {
  return Uint8Array.from({ length: 3 * entries }, (_, i) => vocColour(Math.floor(i / 3), i % 3));
}

type Colour = Colours[0];

/** Pascal VOC's colours, by id. */
export const vocColours: Colours = Array.from({ length: 256 }, (_, id): Colour => [vocColour(id, 0), vocColour(id, 1), vocColour(id, 2)]);

/**
 * Colours by object id of an instance mask: Pascal VOC's, as CVAT and Datumaro write them, if the mask has no others; else its own in
 * the order in which they occur, except that black is 0 and VOC's ignore colour 255. As many ids again are free for pastes. Their
 * colours are not VOC's, so that no reader takes the mask for one in VOC's colours.
 *
 * @param own colours of the mask in the order in which they occur, at most 65,536.
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
