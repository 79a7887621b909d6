import { giveBack } from '../base/buffers.ts';
import { readInput } from '../base/digest.ts';
import { decodeImage } from '../codecs/image.ts';
import { bandsOf } from '../codecs/pixels.ts';
import type { Annotations, Image } from '../types.ts';

/** A decoded image, with the SHA-256 of its file. */
export interface LoadedImage {
  readonly image: Image;
  readonly sha256: string;
}

/** Reads and decodes the image of a sample. */
export async function loadImage({ sample, input, mask }: Annotations): Promise<LoadedImage> {
  const { bytes, sha256 } = await readInput(input, sample.image);
  const image = await decodeImage(bytes, mask, sample.image, sample.format);
  giveBack(bytes);
  return { image, sha256 };
}

/** Bytes of a sample's decoded image. */
export function bytesOfImage({ sample: { format }, mask }: Annotations): number {
  return bandsOf(format) * (format.depth / 8) * mask.ids.length;
}
