/** Masks whose values are not class ids, in data sets that do not name their classes. */
import { giveBack } from '../base/buffers.ts';
import { readInput } from '../base/digest.ts';
import { chunksFrom, inParts } from '../base/parts.ts';
import { plural } from '../base/plural.ts';
import { readMask } from '../codecs/masks.ts';
import { CopyPasteError } from '../errors.ts';
import { countIds } from '../masks/ids.ts';
import { binaryValuesIn, createNumberedMasks, evenValuesIn, type StrangeValues, strangeValuesIn } from '../masks/values.ts';
import type { PixelsById, Sample } from '../types.ts';
import type { Dataset } from './open.ts';

/** Facts of a data set that give the values of its masks a meaning. */
type Meaning = Pick<Dataset, 'classNames' | 'leftOut' | 'ignoreGiven' | 'colours' | 'threshold'>;

/** Number of masks that are read before a run. */
const firstMasks = 16;

/** Tests if nothing says which values of masks are classes. */
function isUnknown({ classNames, colours, threshold }: Meaning): boolean {
  return classNames.size === 0 && !colours && threshold === undefined;
}

/** Says which values of a mask are not class ids, and what to do; `undefined` if there are none. @param pixels of one mask. */
export function strangeValues(pixels: PixelsById, meaning: Meaning): string | undefined {
  const found = isUnknown(meaning) ? strangeValuesIn(pixels, meaning.leftOut) : undefined;
  return found && described(found);
}

/** What to do about ids of objects. */
const ofObjects =
  'pass --layout instance-ids to read each as an object, --threshold 1 to read all as class 1, or --class-names FILE if each is a class';

function described({ kind, white = 255, values, share }: StrangeValues): string {
  const percent = `${(100 * share).toFixed(share < 0.001 ? 3 : 1)} %`;
  const threshold = `--threshold ${(white + 1) / 2}`;
  if (kind === 'binary')
    return `masks hold 0 and ${white} alone, and ${white} (${percent} of the pixels) is an ignore id; pass ${threshold} to read it as class 1, or --ignore none to keep it as class ${white}`;
  if (kind === 'even')
    return `masks hold ${values} values at equal distances from 0 to ${white}, and ${white} (${percent} of the pixels) is an ignore id; pass --ignore none to keep it as class ${white}, or --ignore ${white} to ignore it`;
  if (kind === 'numbers')
    return `masks hold the ids from 1 to the number of their objects, up to ${values}, which are not classes; ${ofObjects}`;
  if (kind === 'rim')
    return `${percent} of the pixels hold ${plural(values, 'value')} between 0 and ${white}, as at the edge of an object that was resized or stored as JPEG; pass ${threshold} to read two classes, or --class-names FILE if each value is a class`;
  return `${percent} of the pixels hold ${plural(values, 'different id')}, too many for classes; ${ofObjects}`;
}

/** Creates a sum over the masks of a data set, which shows values that are not class ids although each mask is plausible. */
export function createValueCensus(meaning: Meaning) {
  const sum = new Map<number, number>();
  const numbered = createNumberedMasks(meaning.leftOut);
  return {
    add(pixels: PixelsById): void {
      numbered.add(pixels);
      for (const [id, n] of pixels) sum.set(id, (sum.get(id) ?? 0) + n);
    },
    result(): string | undefined {
      if (!isUnknown(meaning)) return undefined;
      const rim = strangeValuesIn(sum, meaning.leftOut);
      const found = [
        binaryValuesIn(sum, meaning.leftOut),
        meaning.ignoreGiven ? undefined : evenValuesIn(sum, meaning.leftOut),
        rim?.kind === 'rim' ? rim : undefined,
        numbered.result(sum),
      ].find((one) => one !== undefined);
      return found && described(found);
    },
  };
}

/** Folder of masks in messages about all of them. */
export function masksOf({ folders, split }: Pick<Dataset, 'folders' | 'split'>): string {
  return `${(folders.find((row) => row.split === split) ?? folders[0])?.masks ?? ''}/`;
}

/**
 * Reads some masks before a run, and all if the first hold 0 and 255 alone.
 *
 * @param poison ids of samples that are not read.
 * @throws {CopyPasteError} `data` if their values are not class ids.
 */
export async function refuseStrangeValues(dataset: Dataset, poison: ReadonlyMap<string, string> = new Map()): Promise<void> {
  if (!isUnknown(dataset)) return;
  const masked = function* (): Generator<Sample> {
    for (const sample of dataset.samples) if (sample.mask !== undefined && !sample.entry && !poison.has(sample.id)) yield sample;
  };
  let count = 0;
  for (const _ of masked()) count++;
  const step = Math.max(1, Math.floor(count / firstMasks));
  const some = function* (first: boolean): Generator<Sample> {
    let i = 0;
    for (const sample of masked()) if ((i++ % step === 0) === first) yield sample;
  };
  const census = createValueCensus(dataset);
  const offenders: string[] = [];
  const look = async (samples: readonly Sample[]): Promise<void> => {
    const found = await inParts(samples, 4, (sample) => pixelsOf(sample, dataset));
    for (const [i, pixels] of found.entries()) {
      const what = pixels && strangeValues(pixels, dataset);
      if (what !== undefined) offenders.push(`${samples[i]?.mask}: ${what}`);
      else if (pixels) census.add(pixels);
    }
  };
  await look([...some(true)]);
  for await (const chunk of chunksFrom(some(false), firstMasks)) {
    if (offenders.length > 0 || census.result() === undefined) break;
    await look(chunk);
  }
  if (offenders.length > 0)
    throw new CopyPasteError('data', `values of ${plural(offenders.length, 'mask')} are not class ids; pass the option that fits`, {
      offenders,
    });
  const what = census.result();
  if (what !== undefined) throw new CopyPasteError('data', what, { path: masksOf(dataset) });
}

/** Pixels by value of a mask; `undefined` for a damaged one, which is reported when it is used. */
export async function pixelsOf({ mask = '' }: Sample, dataset: Dataset): Promise<PixelsById | undefined> {
  try {
    const { bytes } = await readInput(dataset, mask);
    const pixels = countIds(await readMask(bytes, mask, dataset));
    giveBack(bytes);
    return pixels;
  } catch {
    return undefined;
  }
}
