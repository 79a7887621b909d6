/** Samples whose images are painted from cut-outs: their alpha becomes the masks of instances. */
import { giveBack } from '../base/buffers.ts';
import { readInput } from '../base/digest.ts';
import { decodeImage } from '../codecs/image.ts';
import { inDepth, takePixels } from '../codecs/pixels.ts';
import type { Annotations, Cutout, Image, ImageInfo, Instance, Size } from '../types.ts';
import { foreignClass } from './classes.ts';

/** Format of the image of a sample. */
export function imageOfCutouts(depth: ImageInfo['depth']): ImageInfo {
  return { channels: 3, depth, icc: false, cmyk: false, upright: false };
}

/** Format of a cut-out that `extract` has written. */
export function cutoutFormat(depth: ImageInfo['depth']): ImageInfo {
  return { ...imageOfCutouts(depth), channels: 4 };
}

/** An instance without a cut-out, which keeps the indices of the others. */
export const missing: Instance = {
  classId: foreignClass,
  box: [0, 0, 0, 0],
  area: 0,
  truncated: false,
  crowd: true,
  spans: new Int32Array(0),
  start: 0,
  end: 0,
};

/**
 * Paints the image of a sample from its cut-outs. Pixels outside the instances are 0; no paste shows them.
 *
 * @param used indices of the instances that are needed.
 */
export async function paintCutouts({ sample, input, mask, instances, cutouts }: Annotations, used: Iterable<number>): Promise<Image> {
  const { width, height } = mask;
  const { depth } = sample.format;
  const pixels = takePixels(depth, 3 * width * height).fill(0);
  for (const index of used) {
    const cutout = cutouts?.get(index) as Cutout;
    const { bytes } = await readInput(input, cutout.path);
    const { pixels: own } = await decodeImage(bytes, cutout.size, cutout.path, cutout.format);
    giveBack(bytes);
    copySpans(inDepth({ pixels: own, depth: cutout.format.depth }, depth), cutout, instances[index] as Instance, pixels, mask);
  }
  return { width, height, pixels, bands: 3, depth, channels: 3 };
}

/** Copies the pixels of an instance from its cut-out, RGBA, to an image, RGB. */
function copySpans(
  from: Image['pixels'],
  { at: [left, top], size: { width } }: Cutout,
  { spans, start, end }: Instance,
  to: Image['pixels'],
  size: Size,
): void {
  for (let s = start; s < end; s += 3) {
    const y = spans[s] as number;
    const x1 = spans[s + 2] as number;
    for (let x = spans[s + 1] as number; x < x1; x++) {
      const i = 4 * ((y - top) * width + x - left);
      const o = 3 * (y * size.width + x);
      to[o] = from[i] as number;
      to[o + 1] = from[i + 1] as number;
      to[o + 2] = from[i + 2] as number;
    }
  }
}
