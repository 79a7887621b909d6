/** Mask files: PNG (ids, palettes or colours) and grey TIFF. */

import type { Colours, Mask } from '../types.ts';
import { decodeTiffMask } from './image.ts';
import { formatOf } from './image-names.ts';
import { decodeMask, decodeObjects, encodeMask } from './png-masks.ts';
import { encodeTiff } from './tiff.ts';

/**
 * Decodes a mask; the extension of its file chooses the format.
 *
 * @param colours colours of the class ids, for a PNG of colours.
 * @throws {CopyPasteError} `data` if the file is damaged or holds no ids.
 */
export async function readMask(bytes: Uint8Array, file: string, colours?: Colours): Promise<Mask> {
  return formatOf(file) === 'tiff' ? decodeTiffMask(bytes, file) : decodeMask(bytes, file, colours);
}

/**
 * Decodes an instance mask; the extension of its file chooses the format.
 *
 * @throws {CopyPasteError} `data` if the file is damaged or holds no ids.
 */
export async function readObjects(bytes: Uint8Array, file: string): Promise<Mask> {
  return formatOf(file) === 'tiff' ? decodeTiffMask(bytes, file) : decodeObjects(bytes, file);
}

/** Encodes a mask in the format of its file's extension, which `codec` names. */
export async function writeMask(mask: Mask, file: string): Promise<{ bytes: Uint8Array; codec: 'png' | 'tiff' }> {
  if (formatOf(file) !== 'tiff') return { bytes: await encodeMask(mask), codec: 'png' };
  const { width, height, ids } = mask;
  const depth = ids instanceof Uint16Array ? 16 : 8;
  return { bytes: await encodeTiff({ width, height, depth, channels: 1, data: ids }), codec: 'tiff' };
}
