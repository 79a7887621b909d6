/** Masks in PNG files: ids, indices of a palette, or colours that stand for ids. */
import { CopyPasteError } from '../errors.ts';
import { objectColours } from '../masks/palette.ts';
import type { Colours, Mask } from '../types.ts';
import { channelsOf, decodeValues, encodePng } from './png.ts';

/**
 * Decodes a mask into ids: the values of a grey or palette PNG as stored, or the ids of a PNG's colours. Every CRC is checked, since a
 * flipped bit would otherwise give wrong ids.
 *
 * @param colours colours of the class ids, for a PNG of colours.
 * @throws {CopyPasteError} `data` if the file is damaged or holds unknown colours.
 */
export function decodeMask(bytes: Uint8Array, file: string, colours?: Colours): Mask {
  const { width, height, depth, colour, values, chunks, damaged } = decodeValues(bytes, file);
  if (colour === 'rgb' || colour === 'rgb-alpha') {
    if (depth !== 8) throw new CopyPasteError('data', 'mask stores colours, not ids; convert it to a grey or palette PNG', { path: file });
    const channels = channelsOf[colour];
    if (!colours) refuseColours(values, channels, file);
    const byId = colours ?? greys;
    return { width, height, ids: idsOfColours(values, channels, width, byId, file), colours: { byId, channels } };
  }
  if (colour === 'grey') return { width, height, ids: values };
  if (colour !== 'palette')
    throw new CopyPasteError('data', 'mask stores colours, not ids; convert it to a grey or palette PNG', { path: file });
  const palette = chunks.get('PLTE')?.[0];
  if (!palette || palette.length === 0 || palette.length > 768 || palette.length % 3 !== 0)
    throw damaged('its palette does not have 1 to 256 colours');
  const alpha = chunks.get('tRNS')?.[0];
  return { width, height, ids: values, palette: Uint8Array.from(palette), ...(alpha && { alpha: Uint8Array.from(alpha) }) };
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
 * Decodes an instance mask of ids, or of colours, which get ids.
 *
 * @throws {CopyPasteError} `data` if the file is damaged or has more than 65535 colours.
 */
export function decodeObjects(bytes: Uint8Array, file: string): Mask {
  const { width, height, depth, colour, values } = decodeValues(bytes, file);
  if (depth !== 8 || (colour !== 'rgb' && colour !== 'rgb-alpha')) return decodeMask(bytes, file);
  const channels = channelsOf[colour];
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

/** Encodes a mask as grey of 8 or 16 bits, as indices of its palette, or as its colours. */
export function encodeMask(mask: Mask): Promise<Uint8Array> {
  const { width, height, ids, palette, alpha, colours } = mask;
  if (colours) {
    const { byId, channels } = colours;
    const data = new Uint8Array(channels * ids.length).fill(255);
    for (let i = 0, at = 0; i < ids.length; i++, at += channels) {
      const colour = byId[ids[i] as number] as Colours[0];
      data[at] = colour[0];
      if (channels === 1) continue;
      data[at + 1] = colour[1];
      data[at + 2] = colour[2];
    }
    return encodePng({ width, height, depth: 8, channels, data, filter: 'up' });
  }
  if (ids instanceof Uint16Array) {
    const bytes = new Uint8Array(ids.length * 2);
    for (let i = 0; i < ids.length; i++) {
      bytes[2 * i] = (ids[i] as number) >> 8;
      bytes[2 * i + 1] = (ids[i] as number) & 255;
    }
    return encodePng({ width, height, depth: 16, channels: 1, data: bytes, filter: 'up' });
  }
  const chunks: [string, Uint8Array][] = [];
  if (palette) {
    // Readers may refuse an index beyond the palette, so a pasted id extends it.
    const entries = Math.max(palette.length / 3, ids.reduce((largest, id) => Math.max(largest, id), 0) + 1);
    const plte = new Uint8Array(entries * 3);
    plte.set(palette);
    chunks.push(['PLTE', plte]);
    if (alpha) chunks.push(['tRNS', alpha]);
  }
  return encodePng({ width, height, depth: 8, channels: 1, data: ids, filter: 'up', chunks, indexed: palette !== undefined });
}
