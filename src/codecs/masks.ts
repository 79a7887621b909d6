/** Masks in the formats that keep ids: PNG, with its palettes and colours, and grey TIFF. */

import type { Colours, Mask } from '../types.ts';
import { decodeTiffMask } from './image.ts';
import { formatOf } from './image-names.ts';
import { decodeMask, decodeObjects, encodeMask } from './png.ts';
import { encodeTiff } from './tiff.ts';

/**
 * Decodes a mask as its name says.
 *
 * @param colours what colours stand for, in a PNG that holds them.
 * @throws {CopyPasteError} `data` where the file is damaged or holds no ids.
 */
export async function readMask(bytes: Uint8Array, file: string, colours?: Colours): Promise<Mask> {
  return formatOf(file) === 'tiff' ? decodeTiffMask(bytes, file) : decodeMask(bytes, file, colours);
}

/** Decodes an instance mask as its name says. @throws {CopyPasteError} `data` where the file is damaged or holds no ids. */
export async function readObjects(bytes: Uint8Array, file: string): Promise<Mask> {
  return formatOf(file) === 'tiff' ? decodeTiffMask(bytes, file) : decodeObjects(bytes, file);
}

/** Encodes a mask as the name of its file says; `codec` names the format. */
export async function writeMask(mask: Mask, file: string): Promise<{ bytes: Uint8Array; codec: 'png' | 'tiff' }> {
  if (formatOf(file) !== 'tiff') return { bytes: await encodeMask(mask), codec: 'png' };
  const { width, height, ids } = mask;
  const depth = ids instanceof Uint16Array ? 16 : 8;
  return { bytes: await encodeTiff({ width, height, depth, channels: 1, data: ids }), codec: 'tiff' };
}
