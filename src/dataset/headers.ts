/** Checks the headers of a data set's files, so that bad samples are known before anything is written. */
import { join } from 'node:path';
import { inParts } from '../base/parts.ts';
import { readStart } from '../base/tree.ts';
import { readImageHeader, readTiffMaskHeader } from '../codecs/image.ts';
import { formatOf } from '../codecs/image-names.ts';
import { maxPixels, pngHeader } from '../codecs/png.ts';
import { CopyPasteError, messageOf } from '../errors.ts';
import type { Sample, Size, ViewFile } from '../types.ts';
import type { Paired } from './paired.ts';

/**
 * Reads the headers of samples, and decides if EXIF orientation applies. If an image matches its mask with and without rotation, the
 * images that match only one way decide for the whole data set.
 *
 * @param colours masks, instance masks: colours are allowed, not only ids.
 * @param bad collects the reasons why samples cannot be used, by sample id.
 * @returns samples, and if any class mask stores colours.
 */
export async function checkSamples(
  root: string,
  samples: readonly Paired[],
  colours: { readonly masks: boolean; readonly objects: boolean },
  bad: Map<string, string>,
): Promise<{ samples: Sample[]; coded: boolean }> {
  const checked = await inParts(samples, 16, async (sample) => {
    try {
      if (sample.mask === undefined && !sample.entry) {
        const { upright, format } = await readImageHeader(join(root, sample.image), sample.image);
        return { sample, size: upright, format, coded: false, fits: { stored: false, upright: true } };
      }
      const { width, height, coded } = sample.size
        ? { ...sample.size, coded: false }
        : await maskSize(root, sample.mask as string, colours.masks);
      const size = { width, height };
      const is = ({ width, height }: Size): boolean => width === size.width && height === size.height;
      const refuse = (what: string, { width, height }: Size): CopyPasteError =>
        new CopyPasteError(
          'data',
          `${what} is ${width}×${height}, but its ${sample.entry ? 'annotation' : 'mask'} is ${size.width}×${size.height}`,
        );
      if (sample.objects !== undefined) {
        const objects = await maskSize(root, sample.objects, colours.objects);
        if (!is(objects)) throw refuse(`${sample.objects}: instance mask`, objects);
      }
      const views = await Promise.all((sample.views ?? []).map((view) => checkView(root, view, size)));
      const { stored, upright, turned, format } = await readImageHeader(join(root, sample.image), sample.image);
      if (!is(stored) && !is(upright)) throw refuse(`${sample.image}: image`, upright);
      return {
        sample: sample.views ? { ...sample, views } : sample,
        size,
        format,
        coded,
        fits: { stored: !turned || is(stored), upright: !turned || is(upright) },
      };
    } catch (error) {
      // A failing disk is no fault of the sample.
      if (!(error instanceof CopyPasteError) || error.code !== 'data') throw error;
      bad.set(sample.id, messageOf(error));
      return undefined;
    }
  });
  const good = checked.filter((one) => one !== undefined);
  const setIsStored = good.some(({ fits }) => !fits.upright) && good.every(({ fits }) => fits.stored);
  return {
    // Spread last: V8 gives every object that grows after a spread its own hidden class.
    samples: good.map(({ sample, size, format, fits }) => ({
      size,
      format: { upright: fits.upright && !(setIsStored && fits.stored), ...format },
      ...sample,
    })),
    coded: good.some(({ coded }) => coded),
  };
}

/** Checks a derived mask file. @throws {CopyPasteError} `data` when it is not a PNG of the mask's size. */
async function checkView(root: string, view: ViewFile, { width, height }: Size): Promise<ViewFile> {
  const header = pngHeader(await readStart(root, view.path, 33));
  if (header === undefined) throw new CopyPasteError('data', `${view.path}: is not a PNG; convert it or remove it`);
  if (header.width !== width || header.height !== height)
    throw new CopyPasteError('data', `${view.path}: is ${header.width}×${header.height}, but its mask is ${width}×${height}`);
  return { ...view, alpha: header.colour === 'rgb-alpha' };
}

/** Reads the size of a mask. @param colours the mask may store colours. @throws {CopyPasteError} `data` when it cannot be used. */
async function maskSize(root: string, file: string, colours: boolean): Promise<Size & { coded: boolean }> {
  const refuse = (what: string): CopyPasteError => new CopyPasteError('data', `${file}: ${what}`);
  const format = formatOf(file);
  if (format === 'tiff') return { ...(await readTiffMaskHeader(join(root, file), file)), coded: false };
  if (format !== 'png') throw refuse('mask is not a PNG or TIFF, and other formats do not keep ids; convert it to PNG');
  const header = pngHeader(await readStart(root, file, 33));
  if (header === undefined) throw refuse('mask is named .png but is not a PNG; convert it to PNG');
  const { width, height, depth, colour } = header;
  const coded = colour !== 'grey' && colour !== 'palette';
  if (coded && (!colours || depth !== 8 || colour === 'grey-alpha')) {
    throw refuse('mask stores colours, not class ids; map them with --color-map FILE, or convert it to ids');
  }
  if (width * height > maxPixels) throw refuse(`mask is ${width}×${height}; the limit is 64 megapixels`);
  return { width, height, coded };
}
