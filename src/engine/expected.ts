import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { inParts } from '../base/parts.ts';
import { joinPath } from '../base/paths.ts';
import { stateOf } from '../base/regular.ts';
import { formatOf, type ImageFormat } from '../codecs/image-names.ts';
import { type Dataset, wholeFiles } from '../dataset/open.ts';
import { filesOfSample } from '../dataset/sample-files.ts';
import type { AugmentOptions } from '../options.ts';
import { isRemote } from '../storage/store.ts';
import type { Sample } from '../types.ts';

/** Expected size of an output. */
export interface Expected {
  /** Number of samples, with those that are copied. */
  readonly samples: number;
  /** Estimated bytes of all files. */
  readonly bytes: number;
  /** Free bytes where the output would be, if its folder is known. */
  readonly free?: number;
}

/** Bytes per pixel of augmented images of CamVid, 8-bit RGB, at the default quality. Other photographs differ by half. */
const bytesPerPixel: Readonly<Record<ImageFormat, number>> = { png: 1.7, jpeg: 0.48, webp: 0.35, tiff: 1.7, avif: 0.41, bmp: 3 };

/** Estimates the output of a run from the sizes of its input files. An image that is not converted keeps about its size. */
export async function expectedOf(dataset: Dataset, options: AugmentOptions): Promise<Expected> {
  const { root, samples, others } = dataset;
  const { copies, includeOriginals, imageFormat, out } = options;
  const sizeOf = async (path: string): Promise<number> =>
    stateOf(joinPath(root, path)).then(
      ({ size }) => size,
      () => 0,
    );
  const sizesOf = async (sample: Sample): Promise<{ image: number; rest: number }> => {
    const sizes = await inParts(filesOfSample(sample), 4, async ({ role, path }) => ({ role, size: await sizeOf(path) }));
    const sum = (image: boolean): number => sizes.reduce((all, { role, size }) => all + ((role === 'image') === image ? size : 0), 0);
    return { image: sum(true), rest: sum(false) };
  };
  const bytesOf = async (sample: Sample, variants: number, kept: number): Promise<number> => {
    const { image, rest } = await sizesOf(sample);
    const { width, height } = sample.size;
    const isConverted = imageFormat !== undefined && imageFormat !== formatOf(sample.image);
    const augmented = isConverted ? bytesPerPixel[imageFormat] * width * height * (sample.format.depth / 8) : image;
    return variants * (augmented + rest) + kept * (image + rest);
  };
  const originals = includeOriginals ? 1 : 0;
  const sizes = [
    await inParts(samples, 16, (sample) => bytesOf(sample, copies, originals)),
    await inParts(others, 16, (sample) => bytesOf(sample, 0, 1)),
    await inParts(wholeFiles(dataset), 16, async (path) => (copies + originals) * (await sizeOf(path))),
  ];
  const bytes = Math.round(sizes.flat().reduce((sum, size) => sum + size, 0));
  const count = (copies + originals) * samples.length + others.length;
  return { samples: count, bytes, ...(out !== '' && !isRemote(out) && { free: await freeAt(resolve(out)) }) };
}

/** Free bytes of the file system on which a folder is, or will be. */
async function freeAt(path: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch {
    return dirname(path) === path ? 0 : freeAt(dirname(path));
  }
}
