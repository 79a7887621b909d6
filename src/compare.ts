import { decodeImage, imageHeaderOf } from './image.ts';
import { decodeMask, pngHeader } from './png.ts';
import type { Size } from './types.ts';

/**
 * Says where two encoded images or masks first differ.
 *
 * @returns `undefined` where all bytes are the same.
 */
export async function describeDifference(path: string, there: Uint8Array, expected: Uint8Array): Promise<string | undefined> {
  if (Buffer.compare(there, expected) === 0) return undefined;
  if (/\.(txt|json)$/.test(path)) return 'holds another text';
  const colour = pngHeader(expected)?.colour;
  const decode = colour === 'grey' || colour === 'palette' ? decodeIds : decodeAny;
  let one: Decoded;
  try {
    one = await decode(there, path);
  } catch {
    return 'cannot be decoded';
  }
  const other = await decode(expected, path);
  if (one.width !== other.width || one.height !== other.height) return `is ${one.width}×${one.height}, not ${other.width}×${other.height}`;
  const at = one.values.findIndex((value, i) => value !== other.values[i]);
  if (at < 0) return 'holds the same pixels in other bytes';
  return `differs from pixel (${at % one.width}, ${Math.floor(at / one.width)}) on: ${one.show(at)} there, ${other.show(at)} expected`;
}

interface Decoded extends Size {
  readonly values: Int32Array | Uint8Array | Uint16Array;
  show(at: number): string;
}

async function decodeIds(bytes: Uint8Array, path: string): Promise<Decoded> {
  const { width, height, ids } = decodeMask(bytes, path);
  return { width, height, values: ids, show: (at) => `value ${ids[at]}` };
}

async function decodeAny(bytes: Uint8Array, path: string): Promise<Decoded> {
  const { stored, channels } = await imageHeaderOf(bytes, path);
  const pixels = new Int32Array(stored.width * stored.height);
  await decodeImage(bytes, stored, pixels, path, { channels, icc: false, upright: false });
  const show = (at: number): string => {
    const word = pixels[at] as number;
    return `rgb(${word & 255}, ${(word >> 8) & 255}, ${(word >> 16) & 255})`;
  };
  return { ...stored, values: pixels, show };
}
