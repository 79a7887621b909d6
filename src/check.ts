import pLimit from 'p-limit';
import { readInput } from './digest.ts';
import { CopyPasteError, messageOf } from './errors.ts';
import { decodeImage } from './image.ts';
import { contradictionsOf, countIds } from './invariants.ts';
import { checkOptions, type Given } from './options.ts';
import { jobsOf } from './pipeline.ts';
import { decodeMask } from './png.ts';
import { type Dataset, openDataset } from './read/dataset.ts';
import { resolveOptions } from './schema.ts';
import type { Mask, Sample } from './types.ts';
import type { Difference } from './verify.ts';

/** What a caller can watch, and how it can stop a check. */
export interface CheckEvents {
  opened?(dataset: Dataset, total: number): void;
  done?(sample: Sample): void;
  stop?: AbortSignal;
}

/**
 * Looks for contradictions in a data set's annotations, whoever made it: images that do not decode, ids that no class has
 * or no palette, objects of several classes or of none.
 *
 * @returns what was found, by file.
 */
export async function check(
  given: Given<typeof checkOptions>,
  events: CheckEvents = {},
): Promise<{ samples: number; differences: Difference[] }> {
  const options = resolveOptions(checkOptions, given as Readonly<Record<string, unknown>>);
  const dataset = await openDataset({ ...options, skipBad: true });
  const samples = [...dataset.samples, ...dataset.others];
  events.opened?.(dataset, samples.length);
  const found = await pLimit(jobsOf(options)).map(samples, async (sample) => {
    if (events.stop?.aborted) throw new CopyPasteError('interrupted', 'stopped');
    const results = await checkSample(sample, dataset);
    events.done?.(sample);
    return results;
  });
  const bad = dataset.skipped.map(({ reason }) => {
    const [path = '', ...what] = reason.split(': ');
    return { path, what: what.join(': ') };
  });
  return { samples: samples.length, differences: [...bad, ...found.flat()] };
}

async function checkSample(sample: Sample, dataset: Dataset): Promise<Difference[]> {
  const results: Difference[] = [];
  const say = (path: string, what: string): void => void results.push({ path, what });
  const attempt = async <T>(path: string, step: (bytes: Uint8Array) => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await step((await readInput(dataset, path)).bytes);
    } catch (error) {
      say(path, messageOf(error).replace(`${path}: `, ''));
      return undefined;
    }
  };
  const mask = await attempt(sample.mask, (bytes) => decodeMask(bytes, sample.mask, dataset.colours));
  if (!mask) return results;
  await attempt(sample.image, (bytes) => decodeImage(bytes, mask, new Int32Array(mask.ids.length), sample.image, sample.format));
  for (const what of strangeIds(mask, dataset)) say(sample.mask, what);
  const { objects: path } = sample;
  const objects = path === undefined ? undefined : await attempt(path, (bytes) => decodeMask(bytes, path));
  if (path !== undefined && objects)
    for (const what of contradictionsOf(mask, objects, dataset.leftOut, dataset.leftOutObjects)) say(path, what);
  return results;
}

/** Ids that no class has, where classes have names, and indices past a palette's end. */
function strangeIds(mask: Mask, { classNames, leftOut }: Dataset): string[] {
  const found: string[] = [];
  for (const [id, pixels] of countIds(mask)) {
    if (classNames.size > 0 && !classNames.has(id) && !leftOut.has(id)) found.push(`has ${pixels} pixels of id ${id}, which no class has`);
    if (mask.palette && 3 * id >= mask.palette.length) found.push(`has ${pixels} pixels of id ${id}, past its palette's end`);
  }
  return found;
}
