/** Mask files: PNG and BMP (ids, palettes or colours), grey TIFF, and NumPy's arrays. */

import { CopyPasteError } from '../errors.ts';
import type { Colours, Mask, MaskCoding } from '../types.ts';
import { bmpHeader, decodeBmp, encodeBmp, isBmp } from './bmp.ts';
import { decodeTiffMask } from './image.ts';
import { type MaskFormat, maskFormatOf } from './image-names.ts';
import { idsOf, maskValuesOf, objectsOf } from './mask-values.ts';
import { decodeArchive, decodeArray, encodeArchive, encodeArray } from './numpy.ts';
import { pngHeader } from './png.ts';
import { decodeMask, decodeObjects, encodeMask } from './png-masks.ts';
import { encodeTiff } from './tiff.ts';

/**
 * Decodes a mask; the extension of its file chooses the format.
 *
 * @throws {CopyPasteError} `data` if the file is damaged or holds no ids.
 */
export async function readMask(bytes: Uint8Array, file: string, { colours, threshold, ignore }: MaskCoding = {}): Promise<Mask> {
  const mask = await decode(bytes, file, { colours, ignore });
  return threshold === undefined ? mask : divided(mask, isBilevel(bytes, file) ? Math.min(1, threshold) : threshold);
}

/** Tests if a PNG or BMP holds black and white in one bit. */
function isBilevel(bytes: Uint8Array, file: string): boolean {
  if (!isBmp(bytes)) {
    const { depth, colour } = pngHeader(bytes) ?? {};
    return depth === 1 && colour === 'grey';
  }
  const { bits, palette } = bmpHeader(bytes, file, 'mask');
  return bits === 1 && palette?.join() === '0,0,0,255,255,255';
}

async function decode(bytes: Uint8Array, file: string, { colours, ignore }: MaskCoding): Promise<Mask> {
  const format = maskFormatOf(file);
  if (format === 'bmp') return idsOf(decodeBmp(bytes, file, 'mask'), file, colours);
  return decodeIds(bytes, file, format, ignore) ?? decodeMask(bytes, file, colours);
}

/** Decodes a mask in a format that holds ids alone; `undefined` for others. */
function decodeIds(
  bytes: Uint8Array,
  file: string,
  format: MaskFormat | undefined,
  ignore?: Iterable<number>,
): Promise<Mask> | Mask | undefined {
  if (format === 'tiff') return decodeTiffMask(bytes, file);
  if (format === 'npy') return decodeArray(bytes, file, ignore);
  return format === 'npz' ? decodeArchive(bytes, file, ignore) : undefined;
}

/**
 * Divides the values of a mask into ids 0 and 1, which are written as 0 and white: 255, or 65535 if the threshold is above 255, or the largest
 * value of the file's type.
 */
function divided({ width, height, ids: values, colours, array }: Mask, threshold: number): Mask {
  const ids = new Uint8Array(values.length);
  for (let i = 0; i < ids.length; i++) ids[i] = (values[i] as number) >= threshold ? 1 : 0;
  const white = Math.min(values instanceof Uint16Array && threshold > 0xff ? 0xffff : 0xff, array?.largest ?? 0xffff);
  const byId: Colours = [
    [0, 0, 0],
    [white, white, white],
  ];
  return { width, height, ids, colours: { byId, channels: colours?.channels ?? 1 }, ...(array && { array }) };
}

/**
 * Decodes an instance mask; the extension of its file chooses the format.
 *
 * @throws {CopyPasteError} `data` if the file is damaged or holds no ids.
 */
export async function readObjects(bytes: Uint8Array, file: string): Promise<Mask> {
  const format = maskFormatOf(file);
  if (format === 'bmp') return objectsOf(decodeBmp(bytes, file, 'mask'), file);
  return decodeIds(bytes, file, format) ?? decodeObjects(bytes, file);
}

/**
 * Encodes a mask in the format of its file's extension, which `codec` names.
 *
 * @throws {CopyPasteError} `data` if the format cannot hold an id.
 */
export async function writeMask(mask: Mask, file: string): Promise<{ bytes: Uint8Array; codec: MaskFormat }> {
  const codec = maskFormatOf(file) ?? 'png';
  if (codec === 'png') return { bytes: await encodeMask(mask), codec };
  if (codec === 'npy') return { bytes: encodeArray(mask, file), codec };
  if (codec === 'npz') return { bytes: await encodeArchive(mask, file), codec };
  const { values, ...stored } = maskValuesOf(mask);
  if (codec === 'tiff') {
    const depth = values instanceof Uint16Array ? 16 : 8;
    return { bytes: await encodeTiff({ ...stored, depth, data: values }), codec };
  }
  if (values instanceof Uint16Array)
    throw new CopyPasteError('data', 'an id above 255 does not fit into a BMP; convert it to PNG', { path: file });
  return { bytes: encodeBmp({ ...stored, values }), codec };
}
