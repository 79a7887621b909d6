/** Mask files: PNG and BMP (ids, palettes or colours), and grey TIFF. */

import { CopyPasteError } from '../errors.ts';
import type { Colours, Mask, MaskCoding } from '../types.ts';
import { decodeBmp, encodeBmp } from './bmp.ts';
import { decodeTiffMask } from './image.ts';
import { type MaskFormat, maskFormatOf } from './image-names.ts';
import { idsOf, maskValuesOf, objectsOf } from './mask-values.ts';
import { decodeMask, decodeObjects, encodeMask } from './png-masks.ts';
import { encodeTiff } from './tiff.ts';

/**
 * Decodes a mask; the extension of its file chooses the format.
 *
 * @throws {CopyPasteError} `data` if the file is damaged or holds no ids.
 */
export async function readMask(bytes: Uint8Array, file: string, { colours, threshold }: MaskCoding = {}): Promise<Mask> {
  const mask = await decode(bytes, file, colours);
  return threshold === undefined ? mask : divided(mask, threshold);
}

async function decode(bytes: Uint8Array, file: string, colours: Colours | undefined): Promise<Mask> {
  const format = maskFormatOf(file);
  if (format === 'tiff') return decodeTiffMask(bytes, file);
  return format === 'bmp' ? idsOf(decodeBmp(bytes, file, 'mask'), file, colours) : decodeMask(bytes, file, colours);
}

/** Colours of the two classes that a threshold divides. */
const twoColours: Colours = [
  [0, 0, 0],
  [255, 255, 255],
];

/** Divides the values of a mask into ids 0 and 1, which are written as 0 and 255. */
function divided({ width, height, ids: values, colours }: Mask, threshold: number): Mask {
  const ids = new Uint8Array(values.length);
  for (let i = 0; i < ids.length; i++) ids[i] = (values[i] as number) >= threshold ? 1 : 0;
  return { width, height, ids, colours: { byId: twoColours, channels: colours?.channels ?? 1 } };
}

/**
 * Decodes an instance mask; the extension of its file chooses the format.
 *
 * @throws {CopyPasteError} `data` if the file is damaged or holds no ids.
 */
export async function readObjects(bytes: Uint8Array, file: string): Promise<Mask> {
  const format = maskFormatOf(file);
  if (format === 'tiff') return decodeTiffMask(bytes, file);
  return format === 'bmp' ? objectsOf(decodeBmp(bytes, file, 'mask'), file) : decodeObjects(bytes, file);
}

/**
 * Encodes a mask in the format of its file's extension, which `codec` names.
 *
 * @throws {CopyPasteError} `data` if the format cannot hold an id.
 */
export async function writeMask(mask: Mask, file: string): Promise<{ bytes: Uint8Array; codec: MaskFormat }> {
  const codec = maskFormatOf(file) ?? 'png';
  if (codec === 'png') return { bytes: await encodeMask(mask), codec };
  const { values, ...stored } = maskValuesOf(mask);
  if (codec === 'tiff') {
    const depth = values instanceof Uint16Array ? 16 : 8;
    return { bytes: await encodeTiff({ ...stored, depth, data: values }), codec };
  }
  if (values instanceof Uint16Array)
    throw new CopyPasteError('data', 'an id above 255 does not fit into a BMP; convert it to PNG', { path: file });
  return { bytes: encodeBmp({ ...stored, values }), codec };
}
