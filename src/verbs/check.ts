import { readInput } from '../base/digest.ts';
import { inParts } from '../base/parts.ts';
import { decodeImage } from '../codecs/image.ts';
import { readMask, readObjects } from '../codecs/masks.ts';
import { readAnnotations, readShapes } from '../dataset/annotations.ts';
import { type Dataset, openDataset } from '../dataset/open.ts';
import { badSamples } from '../engine/bad-samples.ts';
import { jobsOf } from '../engine/budget.ts';
import type { Hooks } from '../engine/hooks.ts';
import { interrupted, messageOf } from '../errors.ts';
import { hasArea } from '../formats/labelme/drawing.ts';
import { contradictionsOf, countIds } from '../masks/invariants.ts';
import { checkOptions, type Given } from '../options.ts';
import type { Difference } from '../output/compare.ts';
import { resolveOptions } from '../schema.ts';
import type { CocoAnnotation, Mask, Sample, Segment, ShapeSet } from '../types.ts';

/**
 * Looks for contradictions in a data set's annotations, whoever made it: images that do not decode, ids that no class has
 * or no palette, objects of several classes or of none.
 *
 * @returns what was found, by file.
 */
export async function check(given: Given<typeof checkOptions>, hooks: Hooks = {}): Promise<{ samples: number; differences: Difference[] }> {
  const options = resolveOptions(checkOptions, given as Readonly<Record<string, unknown>>);
  const dataset = await openDataset({ ...options, skipBad: true, lookOnly: true });
  const samples = [...dataset.samples, ...dataset.others];
  hooks.started?.(samples.length, dataset);
  const found = await inParts(samples, jobsOf(options), async (sample) => {
    if (hooks.stop?.aborted) throw interrupted();
    const results = await checkSample(sample, dataset);
    hooks.done?.(sample.id);
    return results;
  });
  return { samples: samples.length, differences: [...badSamples(dataset), ...found.flat()] };
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
  const { mask: maskPath, objects: path, entry, labels } = sample;
  const mask = maskPath === undefined || entry ? undefined : await attempt(maskPath, (bytes) => readMask(bytes, maskPath, dataset.colours));
  await attempt(sample.image, (bytes) => decodeImage(bytes, sample.size, sample.image, sample.format));
  if (entry) {
    try {
      const { shapes } = await readAnnotations(sample, dataset, { instances: 'component', jitter: 'instance' });
      for (const what of strangeShapes(shapes as ShapeSet, dataset)) say(entry.document, what);
    } catch (error) {
      say(entry.document, messageOf(error).replace(`${entry.document}: `, ''));
    }
  }
  if (labels !== undefined) {
    const shapes = await attempt(labels, (bytes) => readShapes(bytes, sample, dataset).shapes);
    for (const { id, line, parts, instance } of shapes ?? []) {
      const [classId, ...values] = line === undefined ? [] : line.split(/\s+/).map(Number);
      if (classId !== undefined && dataset.classNames.size > 0 && !dataset.classNames.has(classId))
        say(labels, `shape ${id + 1} is of class ${classId}, which no name stands for`);
      if (values.some((value) => value < 0 || value > 1)) say(labels, `shape ${id + 1} leaves its image`);
      const filled = parts ? parts.some(hasArea) : values.length > 4;
      const named = !parts || [...dataset.classNames.values()].includes(parts[0]?.label as string);
      if (!instance && filled && named) say(labels, `shape ${id + 1} has no pixel`);
    }
  }
  if (!mask || maskPath === undefined) return results;
  for (const what of strangeIds(mask, dataset)) say(maskPath, what);
  const objects = path === undefined ? undefined : await attempt(path, (bytes) => readObjects(bytes, path));
  if (path !== undefined && objects) {
    for (const what of contradictionsOf(mask, objects, dataset.leftOut, dataset.leftOutObjects)) say(path, what);
  }
  return results;
}

/** Annotations of no category, and boxes and areas that are not those of their masks, but for rounding. */
function strangeShapes({ shapes, cvat, item }: ShapeSet, { classNames }: Dataset): string[] {
  const names = new Set(classNames.values());
  return shapes.flatMap(({ id: number, annotation, segment, instance }) => {
    const label = cvat?.elements[number]?.attributes.label;
    if (label !== undefined && !names.has(label)) {
      return [`image '${cvat?.attributes.name}': element ${number} has the label '${label}', which no class has`];
    }
    const labelId = item?.annotations[number]?.label_id ?? undefined;
    if (labelId !== undefined && !classNames.has(labelId)) {
      return [`item '${item?.id}': annotations[${number}] has the label_id ${labelId}, which no class has`];
    }
    const own: CocoAnnotation | Segment | undefined = annotation ?? segment;
    if (!own) return [];
    const { id, category_id: category, bbox, area } = own;
    const segmentation = annotation?.segmentation;
    const found: string[] = [];
    if (!classNames.has(category)) found.push(`annotation ${id} is of category ${category}, which there is not`);
    if (!instance) return found;
    const [x0, y0, x1, y1] = instance.box;
    const box = [x0, y0, x1 - x0, y1 - y0];
    if (bbox && box.some((value, i) => Math.abs(value - (bbox[i] as number)) > 2))
      found.push(`annotation ${id} has the box [${bbox}], its mask [${box}]`);
    // The area of a polygon is another thing than its pixels.
    if (area !== undefined && !Array.isArray(segmentation) && area !== instance.area) {
      found.push(`annotation ${id} has the area ${area}, its mask ${instance.area} pixels`);
    }
    return found;
  });
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
