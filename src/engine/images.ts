import { giveBack } from '../base/buffers.ts';
import { readInput } from '../base/digest.ts';
import type { List } from '../base/list.ts';
import { decodeImage } from '../codecs/image.ts';
import { bandsOf } from '../codecs/pixels.ts';
import { paintCutouts } from '../dataset/painted.ts';
import type { Annotations, Image, Sample } from '../types.ts';

/** A decoded image. */
export interface LoadedImage {
  readonly image: Image;
  /** SHA-256 of its file; absent if it was painted from cut-outs. */
  readonly sha256?: string;
}

/** Reads and decodes the image of a sample. @param used indices of the instances that are needed of a sample of cut-outs; default all. */
export async function loadImage(annotations: Annotations, used?: Iterable<number>): Promise<LoadedImage> {
  const { sample, input, mask, cutouts } = annotations;
  if (cutouts) return { image: await paintCutouts(annotations, used ?? cutouts.keys()) };
  const { bytes, sha256 } = await readInput(input, sample.image);
  const image = await decodeImage(bytes, mask, sample.image, sample.format);
  giveBack(bytes);
  return { image, sha256 };
}

/** Bytes of a sample's decoded image. */
export function bytesOfImage({ format, size: { width, height } }: Pick<Sample, 'format' | 'size'>): number {
  return bandsOf(format) * (format.depth / 8) * width * height;
}

/** Bytes of the decoded images of samples. */
export function bytesOfImages(samples: List<Sample>): number {
  return samples.reduce((sum, sample) => sum + bytesOfImage(sample), 0);
}
