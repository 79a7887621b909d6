import { bmpHeader, isBmp } from '../codecs/bmp.ts';
import { decodeImage, imageHeaderOf } from '../codecs/image.ts';
import { arrayFormatOf } from '../codecs/image-names.ts';
import { readMask } from '../codecs/masks.ts';
import { pngHeader } from '../codecs/png.ts';
import type { SampleFile, Size } from '../types.ts';

/** A difference between a file and what is expected of it. */
export interface Difference {
  readonly path: string;
  readonly what: string;
}

/**
 * Describes the first difference between two files of an output.
 *
 * @returns `undefined` if all bytes are equal.
 */
export async function describeDifference({ path, role }: SampleFile, there: Uint8Array, expected: Uint8Array): Promise<string | undefined> {
  if (Buffer.compare(there, expected) === 0) return undefined;
  if (role === 'labels') return 'has different text';
  const decode = storesIds(expected, path, role) ? decodeIds : decodeAny;
  let one: Decoded;
  try {
    one = await decode(there, path);
  } catch {
    return 'cannot be decoded';
  }
  const other = await decode(expected, path);
  if (one.width !== other.width || one.height !== other.height) return `is ${one.width}×${one.height}, not ${other.width}×${other.height}`;
  if (one.perPixel !== other.perPixel) return 'has a different number of channels';
  if (one.values.BYTES_PER_ELEMENT !== other.values.BYTES_PER_ELEMENT) return 'has a different bit depth';
  const first = one.values.findIndex((value, i) => value !== other.values[i]);
  if (first < 0) return 'has the same pixels, encoded differently';
  const at = Math.floor(first / one.perPixel);
  return `first differs at pixel (${at % one.width}, ${Math.floor(at / one.width)}): has ${one.show(at)}, expected ${other.show(at)}`;
}

/** Tests if a file holds ids or indices, and not colours. */
function storesIds(bytes: Uint8Array, path: string, role: SampleFile['role']): boolean {
  if (role !== 'image' && arrayFormatOf(path) !== undefined) return true;
  if (isBmp(bytes)) return role !== 'image' && bmpHeader(bytes, path, 'mask').palette !== undefined;
  const colour = pngHeader(bytes)?.colour;
  return colour === 'grey' || colour === 'palette';
}

/** Values of a decoded image or mask, with the text that shows a pixel. */
interface Decoded extends Size {
  readonly values: Uint8Array | Uint16Array;
  readonly perPixel: number;
  show(at: number): string;
}

async function decodeIds(bytes: Uint8Array, path: string): Promise<Decoded> {
  const { width, height, ids } = await readMask(bytes, path, { ignore: [255] });
  return { width, height, values: ids, perPixel: 1, show: (at) => `value ${ids[at]}` };
}

async function decodeAny(bytes: Uint8Array, path: string): Promise<Decoded> {
  const { stored, format } = await imageHeaderOf(bytes, path);
  const { pixels, bands } = await decodeImage(bytes, stored, path, { ...format, icc: false, upright: false });
  const show = (at: number): string => `rgb(${pixels.slice(bands * at, bands * at + 3).join(', ')})`;
  return { ...stored, values: pixels, perPixel: bands, show };
}
