/** Mask files: PNG (ids, palettes or colours) and grey TIFF. */

import type { Colours, Mask, MaskCoding } from '../types.ts';
import { decodeTiffMask } from './image.ts';
import { formatOf } from './image-names.ts';
import { decodeMask, decodeObjects, encodeMask } from './png-masks.ts';
import { encodeTiff } from './tiff.ts';

/**
 * Decodes a mask; the extension of its file chooses the format.
 *
 * @throws {CopyPasteError} `data` if the file is damaged or holds no ids.
 */
export async function readMask(bytes: Uint8Array, file: string, { colours, threshold }: MaskCoding = {}): Promise<Mask> {
  const mask = formatOf(file) === 'tiff' ? await decodeTiffMask(bytes, file) : decodeMask(bytes, file, colours);
  return threshold === undefined ? mask : divided(mask, threshold);
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
  return formatOf(file) === 'tiff' ? decodeTiffMask(bytes, file) : decodeObjects(bytes, file);
}

/** Encodes a mask in the format of its file's extension, which `codec` names. */
export async function writeMask(mask: Mask, file: string): Promise<{ bytes: Uint8Array; codec: 'png' | 'tiff' }> {
  if (formatOf(file) !== 'tiff') return { bytes: await encodeMask(mask), codec: 'png' };
  const { width, height, colours } = mask;
  const ids = colours ? mask.ids.map((id) => (colours.byId[id] as Colours[0])[0]) : mask.ids;
  const depth = ids instanceof Uint16Array ? 16 : 8;
  return { bytes: await encodeTiff({ width, height, depth, channels: 1, data: ids }), codec: 'tiff' };
}
