import { readAnnotations } from '../dataset/annotations.ts';
import { mapInstances, type SourcedDataset } from '../dataset/sources.ts';
import { CopyPasteError, messageOf } from '../errors.ts';
import type { AugmentOptions } from '../options.ts';
import { type Annotations, type Sample, sourcePrefix } from '../types.ts';
import type { Budget } from './budget.ts';
import { bytesOfImage, loadImage } from './images.ts';

type ReadingOptions = Pick<AugmentOptions, 'instances' | 'jitter' | 'skipBad'>;

/**
 * Reads annotations of samples.
 *
 * @param poison samples that may not be opened, with the reason.
 * @param working memory for images that are decoded on trial.
 */
export function createReader(dataset: SourcedDataset, options: ReadingOptions, poison: ReadonlyMap<string, string>, working: Budget) {
  const tryImage = async (annotation: Annotations): Promise<void> => {
    const leave = await working.take(bytesOfImage(annotation));
    await loadImage(annotation).finally(leave);
  };
  /** @param whole a bad image makes the sample bad too. @returns why the sample is bad, where it may be skipped. */
  return async (sample: Sample, whole: boolean): Promise<Annotations | string> => {
    const known = poison.get(sample.id);
    if (known !== undefined) return known;
    try {
      const annotation = await readSourced(sample, dataset, options);
      // A damaged image is found before a plan counts on it.
      if (options.skipBad && whole) await tryImage(annotation);
      return annotation;
    } catch (error) {
      if (!options.skipBad || !(error instanceof CopyPasteError) || error.code !== 'data') throw error;
      return messageOf(error);
    }
  };
}

/** The annotation of a sample, with instances in classes of the data set that is pasted into. */
async function readSourced(sample: Sample, dataset: SourcedDataset, options: ReadingOptions): Promise<Annotations> {
  const { sources } = dataset;
  if (!sources) return readAnnotations(sample, dataset, options);
  if (sample.id.startsWith(sourcePrefix)) {
    const annotation = await readAnnotations(sample, sources, { ...options, jitter: 'instance' });
    return { ...annotation, instances: mapInstances(annotation.instances, sources.classes) };
  }
  // Nothing is copied from it.
  return readAnnotations(sample, dataset, { ...options, instances: sample.objects === undefined ? 'class' : options.instances });
}
