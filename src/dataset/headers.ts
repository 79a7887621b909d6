/** Checks the headers of a data set's files, so that bad samples are known before anything is written. */

import type { List } from '../base/list.ts';
import type { Meter } from '../base/meter.ts';
import { chunksOf, inParts, partSize } from '../base/parts.ts';
import { joinPath } from '../base/paths.ts';
import { readRegular } from '../base/regular.ts';
import { readStart } from '../base/tree.ts';
import { bmpHeader, bmpStart, isBmp } from '../codecs/bmp.ts';
import { readImageHeader, readTiffMaskHeader } from '../codecs/image.ts';
import { maskFormatOf } from '../codecs/image-names.ts';
import { readMask } from '../codecs/masks.ts';
import { archivedSize, arraySize, arrayStart } from '../codecs/numpy.ts';
import { maxPixels, pngHeader } from '../codecs/png.ts';
import { decodeMask } from '../codecs/png-masks.ts';
import { CopyPasteError, type Fault } from '../errors.ts';
import { pathsOfShapes } from '../formats/format.ts';
import type { ImageInfo, Sample, Size, ViewFile } from '../types.ts';
import type { Paired } from './paired.ts';
import { sampleList } from './sample-list.ts';

/** Kinds of mask files that may store colours instead of ids. */
interface Coloured {
  readonly masks: boolean;
  readonly objects: boolean;
}

/** A sample with the facts of its headers. */
interface Checked {
  readonly sample: Paired;
  readonly size: Size;
  readonly format: Omit<ImageInfo, 'upright'>;
  /** True if the class mask stores colours. */
  readonly coded: boolean;
  /** True if the image matches the size of its annotations: as stored, and after EXIF orientation. */
  readonly fits: { readonly stored: boolean; readonly upright: boolean };
}

/**
 * Reads the headers of samples, and decides if EXIF orientation applies. If an image matches its mask with and without rotation, the
 * images that match only one way decide for the whole data set.
 *
 * @param bad collects the problems of samples that cannot be used, by sample id.
 * @returns the samples; `coded` is true if any class mask stores colours.
 */
export async function checkSamples(
  root: string,
  samples: List<Paired>,
  coloured: Coloured,
  bad: Map<string, Fault>,
  meter?: Meter,
): Promise<{ samples: List<Sample>; coded: boolean }> {
  meter?.begin('reading headers', { count: samples.length });
  const all = { coded: false, stored: true, upright: true };
  const check = async (sample: Paired): Promise<Sample | undefined> => {
    try {
      const { sample: own, size, format, fits, coded } = await checkSample(root, sample, coloured);
      all.coded ||= coded;
      all.stored &&= fits.stored;
      all.upright &&= fits.upright;
      // Spread last: V8 gives every object that grows after a spread its own hidden class.
      return { size, format: { upright: fits.upright, ...format }, ...own };
    } catch (error) {
      // A failing disk does not make the sample bad.
      if (!(error instanceof CopyPasteError) || error.code !== 'data') throw error;
      bad.set(sample.id, { path: error.path ?? sample.image, what: error.what, split: sample.split });
      return undefined;
    } finally {
      meter?.add();
    }
  };
  const good = sampleList();
  for (const part of chunksOf(samples, partSize))
    for (const sample of await inParts(part, 16, check)) if (sample !== undefined) good.push(sample);
  if (all.upright || !all.stored) return { samples: good, coded: all.coded };
  const asStored = sampleList();
  for (const sample of good) asStored.push({ ...sample, format: { ...sample.format, upright: false } });
  return { samples: asStored, coded: all.coded };
}

/** Reads the headers of a sample. @throws {CopyPasteError} `data` when a file cannot be used, or has another size than the annotations. */
async function checkSample(root: string, sample: Paired, coloured: Coloured): Promise<Checked> {
  const { objects, views, shapeFiles } = sample;
  const [mask = sample.mask, ...masks] = shapeFiles ? pathsOfShapes(shapeFiles) : [];
  const annotated: (Size & { readonly coded?: boolean }) | undefined =
    sample.size ?? (mask === undefined ? undefined : await maskSize(root, mask, coloured.masks || shapeFiles !== undefined));
  if (!annotated) {
    const { upright, format } = await readImageHeader(joinPath(root, sample.image), sample.image);
    return { sample, size: upright, format, coded: false, fits: { stored: false, upright: true } };
  }
  const size = { width: annotated.width, height: annotated.height };
  const is = ({ width, height }: Size): boolean => width === size.width && height === size.height;
  const refuse = (path: string, what: string, { width, height }: Size): CopyPasteError => {
    const than = `${sample.entry ? 'annotation' : 'mask'} is ${size.width}×${size.height}`;
    return new CopyPasteError('data', `${what} is ${width}×${height}, but its ${than}`, { path });
  };
  for (const path of masks) {
    const own = await maskSize(root, path, true);
    if (!is(own)) throw refuse(path, 'mask', own);
  }
  if (objects !== undefined) {
    const objectSize = await maskSize(root, objects, coloured.objects);
    if (!is(objectSize)) throw refuse(objects, 'instance mask', objectSize);
  }
  const checkedViews = views && (await Promise.all(views.map((view) => checkView(root, view, size))));
  const { stored, upright, turned, format } = await readImageHeader(joinPath(root, sample.image), sample.image);
  if (!is(stored) && !is(upright)) throw refuse(sample.image, 'image', upright);
  return {
    sample: checkedViews ? { ...sample, views: checkedViews } : sample,
    size,
    format,
    coded: !shapeFiles && (annotated.coded ?? false),
    fits: { stored: !turned || is(stored), upright: !turned || is(upright) },
  };
}

/** Checks a derived mask file. @throws {CopyPasteError} `data` when it is not a PNG of the mask's size. */
async function checkView(root: string, view: ViewFile, { width, height }: Size): Promise<ViewFile> {
  const header = pngHeader(await readStart(joinPath(root, view.path), view.path, 33));
  if (header === undefined) throw new CopyPasteError('data', 'is not a PNG; convert it or remove it', { path: view.path });
  if (header.width !== width || header.height !== height)
    throw new CopyPasteError('data', `is ${header.width}×${header.height}, but its mask is ${width}×${height}`, { path: view.path });
  return { ...view, alpha: header.colour === 'rgb-alpha' };
}

/** Reads the size of a mask. @param colours true if the mask may store colours. @throws {CopyPasteError} `data` when it cannot be used. */
async function maskSize(root: string, file: string, colours: boolean): Promise<Size & { coded: boolean }> {
  const path = joinPath(root, file);
  switch (maskFormatOf(file)) {
    case 'tiff':
      return { ...(await readTiffMaskHeader(path, file)), coded: false };
    case 'bmp':
      return bmpSize(path, file, colours);
    case 'png':
      return pngSize(path, file, colours);
    case 'npy':
      return { ...arraySize(await readStart(path, file, arrayStart), file), coded: false };
    case 'npz':
      return { ...archivedSize(await readRegular(path), file), coded: false };
    default:
      throw new CopyPasteError(
        'data',
        'mask is not a PNG, TIFF, BMP or NumPy array, and other formats do not keep ids; convert it to PNG',
        {
          path: file,
        },
      );
  }
}

async function pngSize(path: string, file: string, colours: boolean): Promise<Size & { coded: boolean }> {
  const refuse = (what: string): CopyPasteError => new CopyPasteError('data', what, { path: file });
  const header = pngHeader(await readStart(path, file, 33));
  if (header === undefined) throw refuse('mask is named .png but is not a PNG; convert it to PNG');
  const { width, height, depth, colour } = header;
  const coded = colour !== 'grey' && colour !== 'palette';
  if (width * height > maxPixels) throw refuse(`mask is ${width}×${height}; the limit is 64 megapixels`);
  if (coded && (depth !== 8 || colour === 'grey-alpha'))
    throw refuse(`mask is ${depth === 8 ? 'grey with alpha' : `${depth}-bit RGB`}, not class ids; convert it to grey`);
  // Without a map, colours are ids only if all pixels are grey.
  if (coded && !colours) decodeMask(await readRegular(path), file);
  return { width, height, coded };
}

async function bmpSize(path: string, file: string, colours: boolean): Promise<Size & { coded: boolean }> {
  const start = await readStart(path, file, bmpStart);
  if (!isBmp(start)) throw new CopyPasteError('data', 'mask is named .bmp but is not a BMP; convert it to PNG', { path: file });
  const { width, height, palette } = bmpHeader(start, file, 'mask');
  const coded = palette === undefined;
  if (coded && !colours) await readMask(await readRegular(path), file);
  return { width, height, coded };
}
