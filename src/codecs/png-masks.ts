/** Masks in PNG files. */
import { CopyPasteError } from '../errors.ts';
import type { Colours, Mask } from '../types.ts';
import { idsOf, type MaskValues, maskValuesOf, objectsOf } from './mask-values.ts';
import { channelsOf, decodeValues, encodePng } from './png.ts';

/**
 * Decodes a mask into ids: the values of a grey or palette PNG as stored, or the ids of a PNG's colours. Every CRC is checked, since a
 * flipped bit would otherwise give wrong ids.
 *
 * @param colours colours of the class ids, for a PNG of colours.
 * @throws {CopyPasteError} `data` if the file is damaged or holds unknown colours.
 */
export function decodeMask(bytes: Uint8Array, file: string, colours?: Colours): Mask {
  return idsOf(storedValues(bytes, file), file, colours);
}

/**
 * Decodes an instance mask of ids, or of colours, which get ids.
 *
 * @throws {CopyPasteError} `data` if the file is damaged or has more than 65535 colours.
 */
export function decodeObjects(bytes: Uint8Array, file: string): Mask {
  return objectsOf(storedValues(bytes, file), file);
}

function storedValues(bytes: Uint8Array, file: string): MaskValues {
  const { width, height, depth, colour, values, chunks, damaged } = decodeValues(bytes, file);
  const channels = channelsOf[colour];
  if (channels === 2 || (channels > 1 && depth !== 8))
    throw new CopyPasteError('data', 'mask stores colours, not ids; convert it to a grey or palette PNG', { path: file });
  if (colour !== 'palette') return { width, height, channels, values };
  const palette = chunks.get('PLTE')?.[0];
  if (!palette || palette.length === 0 || palette.length > 768 || palette.length % 3 !== 0)
    throw damaged('its palette does not have 1 to 256 colours');
  const alpha = chunks.get('tRNS')?.[0];
  return { width, height, channels, values, palette: Uint8Array.from(palette), ...(alpha && { alpha: Uint8Array.from(alpha) }) };
}

/** Encodes a mask as grey of 8 or 16 bits, as indices of its palette, or as its colours. */
export function encodeMask(mask: Mask): Promise<Uint8Array> {
  const { width, height, channels, values, palette, alpha } = maskValuesOf(mask);
  const deep = values instanceof Uint16Array;
  const chunks: [string, Uint8Array][] = [];
  if (palette) chunks.push(['PLTE', palette]);
  if (palette && alpha) chunks.push(['tRNS', alpha]);
  const data = deep ? bigEndian(values) : values;
  return encodePng({ width, height, depth: deep ? 16 : 8, channels, data, filter: 'up', chunks, indexed: palette !== undefined });
}

/** Bytes of 16-bit values, as PNG stores them. */
function bigEndian(values: Uint16Array): Uint8Array {
  const bytes = new Uint8Array(values.length * 2);
  for (let i = 0; i < values.length; i++) {
    bytes[2 * i] = (values[i] as number) >> 8;
    bytes[2 * i + 1] = (values[i] as number) & 255;
  }
  return bytes;
}
