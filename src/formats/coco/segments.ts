/** PNGs of panoptic segments, with the id of a segment at each pixel. */
import { channelsOf, decodeValues, encodePng } from '../../codecs/png.ts';
import { CopyPasteError } from '../../errors.ts';
import type { Size } from '../../types.ts';

/**
 * Decodes a panoptic PNG into segment ids: red + 256 green + 65536 blue.
 *
 * @throws {CopyPasteError} `data` if the file is damaged or is not RGB with 8 bits.
 */
export function decodeSegments(bytes: Uint8Array, file: string): Size & { ids: Int32Array } {
  const { width, height, colour, values } = decodeValues(bytes, file);
  const channels = channelsOf[colour];
  if (channels < 3) throw new CopyPasteError('data', 'not a panoptic PNG, which must be RGB; convert it', { path: file });
  const words = new Int32Array(width * height);
  for (let i = 0, at = 0; i < words.length; i++, at += channels) {
    words[i] = (values[at] as number) | ((values[at + 1] as number) << 8) | ((values[at + 2] as number) << 16);
  }
  return { width, height, ids: words };
}

/** Encodes segment ids of 24 bits as a panoptic PNG. */
export function encodeSegments(ids: Int32Array, { width, height }: Size): Promise<Uint8Array> {
  const data = new Uint8Array(3 * ids.length);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    data[3 * i] = id & 255;
    data[3 * i + 1] = (id >> 8) & 255;
    data[3 * i + 2] = id >> 16;
  }
  return encodePng({ width, height, depth: 8, channels: 3, data, filter: 'up' });
}
