import { giveBack } from '../base/buffers.ts';
import { readInput } from '../base/digest.ts';
import { inParts } from '../base/parts.ts';
import { decodeImage } from '../codecs/image.ts';
import { readMask, readObjects } from '../codecs/masks.ts';
import { readAnnotations } from '../dataset/annotations.ts';
import { openBank, readBankSample } from '../dataset/bank.ts';
import { isUndefinedId } from '../dataset/classes.ts';
import { refuseListOfBank } from '../dataset/listed.ts';
import { type Dataset, openDataset } from '../dataset/open.ts';
import { createValueCensus, masksOf, strangeValues } from '../dataset/values.ts';
import { badSamples } from '../engine/bad-samples.ts';
import { jobsOf } from '../engine/budget.ts';
import type { Hooks } from '../engine/hooks.ts';
import { bytesOfImage, bytesOfImages } from '../engine/images.ts';
import { withFiles } from '../engine/option-files.ts';
import { CopyPasteError, inLine, interrupted, whatOf } from '../errors.ts';
import { bankFile, isBank } from '../formats/bank.ts';
import { layoutNamed } from '../formats/layouts.ts';
import { contradictionsOf } from '../masks/contradictions.ts';
import { countIds } from '../masks/ids.ts';
import { checkOptions, type Given, type Resolved } from '../options.ts';
import type { Difference } from '../output/compare.ts';
import { resolveOptions } from '../schema.ts';
import type { Cutout, Mask, Sample } from '../types.ts';

/**
 * Finds contradictions in the annotations of any data set: images that do not decode, ids without a class or a palette
 * entry, objects of several classes or of none. In a bank of objects: cut-outs that are missing or have changed, and masks that contradict
 * their records.
 *
 * @returns the contradictions by file.
 */
export async function check(given: Given<typeof checkOptions>, hooks: Hooks = {}): Promise<{ samples: number; differences: Difference[] }> {
  const options = resolveOptions(checkOptions, await withFiles(checkOptions, given));
  if (await isBank(options.in)) {
    refuseListOfBank(options.list);
    return checkBank(options, hooks);
  }
  const dataset = await openDataset({ ...options, skipBad: true, lookOnly: true }, hooks.meter);
  const samples = [...dataset.samples, ...dataset.others];
  hooks.opened?.(dataset);
  hooks.meter?.begin('checking', { count: samples.length, bytes: bytesOfImages(samples) });
  const census = createValueCensus(dataset);
  const found = await inParts(samples, jobsOf(options), async (sample) => {
    if (hooks.stop?.aborted) throw interrupted();
    const results = await checkSample(sample, dataset, census);
    hooks.meter?.add(bytesOfImage(sample));
    hooks.done?.(sample.id);
    return results;
  });
  const differences = [...badSamples(dataset), ...found.flat()];
  const what = census.result();
  if (what !== undefined) differences.push({ path: masksOf(dataset), what });
  return { samples: samples.length, differences };
}

/** Compares the cut-outs of a bank with its manifest. */
async function checkBank({ in: folder, jobs }: Resolved<typeof checkOptions>, hooks: Hooks): ReturnType<typeof check> {
  const bank = await openBank(folder);
  const [{ samples }, differences] = [bank, [] as Difference[]];
  hooks.opened?.(bank);
  hooks.meter?.begin('checking', { count: samples.length });
  await inParts(samples, jobsOf({ jobs }), async (sample) => {
    if (hooks.stop?.aborted) throw interrupted();
    const attempt = async (path: string, step: () => Promise<unknown>): Promise<unknown> =>
      step().catch((error: unknown) => void differences.push({ path, what: whatOf(error, path) }));
    await attempt(bankFile, async () => {
      const { input, cutouts = new Map<number, Cutout>() } = await readBankSample(sample, bank, () => true);
      for (const { path } of cutouts.values()) await attempt(path, async () => giveBack((await readInput(input, path)).bytes));
    });
    hooks.meter?.add();
    hooks.done?.(sample.id);
  });
  return { samples: samples.length, differences: differences.sort((a, b) => (a.path < b.path ? -1 : 1)) };
}

async function checkSample(sample: Sample, dataset: Dataset, census: Census): Promise<Difference[]> {
  const results: Difference[] = [];
  const say = (path: string, what: string): void => void results.push({ path, what: inLine(what) });
  const attempt = async <T>(path: string, step: (bytes: Uint8Array) => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await step((await readInput(dataset, path)).bytes);
    } catch (error) {
      if (!(error instanceof CopyPasteError)) throw error;
      say(path, whatOf(error, path));
      return undefined;
    }
  };
  const { mask: maskPath, objects: path, entry, labels, shapeFiles } = sample;
  const format = await layoutNamed(dataset.layout).format?.();
  const mask = maskPath === undefined || format ? undefined : await attempt(maskPath, (bytes) => readMask(bytes, maskPath, dataset));
  await attempt(sample.image, (bytes) => decodeImage(bytes, sample.size, sample.image, sample.format));
  const file = entry?.document ?? labels ?? (shapeFiles ? sample.image : maskPath);
  if (format && file !== undefined) {
    try {
      const { shapes } = await readAnnotations(sample, dataset, { instances: 'component', jitter: 'instance' });
      for (const what of shapes ? format.contradictions(shapes, dataset.classNames) : []) say(file, what);
    } catch (error) {
      if (!(error instanceof CopyPasteError)) throw error;
      say(file, whatOf(error, file));
    }
  }
  if (!mask || maskPath === undefined) return results;
  for (const what of strangeIds(mask, dataset, census)) say(maskPath, what);
  const objects = path === undefined ? undefined : await attempt(path, (bytes) => readObjects(bytes, path));
  if (path !== undefined && objects) {
    for (const what of contradictionsOf(mask, objects, dataset.leftOut, dataset.leftOutObjects)) say(path, what);
  }
  return results;
}

type Census = ReturnType<typeof createValueCensus>;

/** Messages about values that are not ids, and about ids that have no class name, or no entry in the palette. */
function strangeIds(mask: Mask, dataset: Dataset, census: Census): string[] {
  const found: string[] = [];
  const counts = countIds(mask);
  const strange = strangeValues(counts, dataset);
  if (strange === undefined) census.add(counts);
  else found.push(strange);
  for (const [id, pixels] of counts) {
    if (isUndefinedId(id, dataset))
      found.push(`has ${pixels} pixels of id ${id}, which is not a defined class; add it to the class names, or pass --ignore`);
    if (mask.palette && 3 * id >= mask.palette.length) found.push(`has ${pixels} pixels of id ${id}, beyond the end of its palette`);
  }
  return found;
}
