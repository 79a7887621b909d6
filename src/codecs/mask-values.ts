/** Values of mask files, and the ids that they stand for: ids themselves, indices of a palette, or colours. */
import { CopyPasteError } from '../errors.ts';
import { objectColours } from '../masks/palette.ts';
import type { Colours, Mask, Size } from '../types.ts';

/** Values of a mask file `[H, W, channels]`, with the palette of its indices. */
export interface MaskValues extends Size, Pick<Mask, 'palette' | 'alpha'> {
  readonly channels: 1 | 3 | 4;
  readonly values: Mask['ids'];
}

/**
 * Ids of the values of a mask file: the values of one channel, or the ids of colours.
 *
 * @param colours colours of the class ids, for RGB.
 * @throws {CopyPasteError} `data` for unknown colours.
 */
export function idsOf({ width, height, channels, values, palette, alpha }: MaskValues, file: string, colours?: Colours): Mask {
  if (channels === 1) return { width, height, ids: values, ...(palette && { palette }), ...(alpha && { alpha }) };
  if (!colours) refuseColours(values, channels, file);
  const byId = colours ?? greys;
  return { width, height, ids: idsOfColours(values, channels, width, byId, file), colours: { byId, channels } };
}

/** Colours of ids that are stored as equal red, green and blue. */
const greys: Colours = Array.from({ length: 256 }, (_, id) => [id, id, id]);

/** Refuses pixels that are not opaque greys. @throws {CopyPasteError} `data` with the first one. */
function refuseColours(values: Mask['ids'], channels: 3 | 4, file: string): void {
  for (let at = 0; at < values.length; at += channels) {
    const [red, green, blue] = [values[at] as number, values[at + 1] as number, values[at + 2] as number];
    if (red !== green || red !== blue)
      throw new CopyPasteError('data', 'mask stores colours, not class ids; map them with --color-map FILE, or convert it to ids', {
        path: file,
      });
    if (channels === 4 && values[at + 3] !== 255)
      throw new CopyPasteError('data', 'mask is RGBA with transparent pixels, which have no class id; remove its alpha channel', {
        path: file,
      });
  }
}

/**
 * Ids of the values of an instance mask; each colour gets an id.
 *
 * @throws {CopyPasteError} `data` for more than 65535 colours.
 */
export function objectsOf(stored: MaskValues, file: string): Mask {
  const { width, height, channels, values } = stored;
  if (channels === 1) return idsOf(stored, file);
  const found = new Map<number, Colours[0]>();
  let last = -1;
  for (let at = 0; at < values.length; at += channels) {
    const [red, green, blue] = [values[at] as number, values[at + 1] as number, values[at + 2] as number];
    const word = red | (green << 8) | (blue << 16);
    if (word !== last && !found.has(word)) {
      if (found.size === 0xffff)
        throw new CopyPasteError('data', 'has more than 65535 colours, too many for object ids; give each object one colour', {
          path: file,
        });
      found.set(word, [red, green, blue]);
    }
    last = word;
  }
  const colours = objectColours([...found.values()]);
  return { width, height, ids: idsOfColours(values, channels, width, colours, file), colours: { byId: colours, channels } };
}

/** Maps the colours of pixels to ids. @throws {CopyPasteError} `data` for the first colour that has no id. */
function idsOfColours(data: Mask['ids'], channels: 3 | 4, width: number, colours: Colours, file: string): Mask['ids'] {
  const word = (red: number, green: number, blue: number): number => red | (green << 8) | (blue << 16);
  const idOf = new Map(colours.map((colour, id) => [word(...colour), id]));
  const ids = new (colours.length > 256 ? Uint16Array : Uint8Array)(data.length / channels);
  let last = -1;
  let id: number | undefined;
  for (let i = 0, at = 0; i < ids.length; i++, at += channels) {
    const [red, green, blue] = [data[at] as number, data[at + 1] as number, data[at + 2] as number];
    const colour = word(red, green, blue);
    if (colour !== last) id = idOf.get(colour);
    last = colour;
    if (id === undefined) {
      const where = `(${i % width}, ${Math.floor(i / width)})`;
      throw new CopyPasteError('data', `rgb(${red}, ${green}, ${blue}) at pixel ${where} is not in the colour map; add it`, { path: file });
    }
    ids[i] = id;
  }
  return ids;
}

/** Values that a mask's file holds: its ids, with a palette of at least as many colours, or its colours. */
export function maskValuesOf(mask: Mask): MaskValues {
  const { width, height, ids, palette, alpha, colours } = mask;
  if (colours) {
    const { byId, channels } = colours;
    const isWide = channels === 1 && byId.some(([value]) => value > 255);
    const values = new (isWide ? Uint16Array : Uint8Array)(channels * ids.length).fill(255);
    for (let i = 0, at = 0; i < ids.length; i++, at += channels) {
      const colour = byId[ids[i] as number] as Colours[0];
      values[at] = colour[0];
      if (channels === 1) continue;
      values[at + 1] = colour[1];
      values[at + 2] = colour[2];
    }
    return { width, height, channels, values };
  }
  if (!palette || ids instanceof Uint16Array) return { width, height, channels: 1, values: ids };
  // Readers may refuse an index beyond the palette, so a pasted id extends it.
  const entries = Math.max(palette.length / 3, ids.reduce((largest, id) => Math.max(largest, id), 0) + 1);
  const extended = new Uint8Array(entries * 3);
  extended.set(palette);
  return { width, height, channels: 1, values: ids, palette: extended, ...(alpha && { alpha }) };
}
