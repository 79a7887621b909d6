import { ChangedInput } from '../base/digest.ts';
import { readAnnotations } from '../dataset/annotations.ts';
import { classIn, mapInstances } from '../dataset/class-map.ts';
import { type PasteChoice, pasteFilter } from '../dataset/classes.ts';
import { isOfCutouts, readCutouts } from '../dataset/source-samples.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { CopyPasteError, messageOf } from '../errors.ts';
import type { AugmentOptions } from '../options.ts';
import { type Annotations, type Instance, type Sample, sourcePrefix } from '../types.ts';
import type { Budget } from './budget.ts';
import { bytesOfImage, loadImage } from './images.ts';

type ReadingOptions = Pick<AugmentOptions, 'balance' | 'instances' | 'join' | 'jitter' | 'maxCover' | 'skipBad' | 'truncated'> &
  PasteChoice;

/**
 * Creates a reader of annotations.
 *
 * @param poison reason to skip each sample that crashes a process, by id.
 * @param working memory for images that are decoded to find bad ones.
 */
export function createSampleReader(dataset: SourcedDataset, options: ReadingOptions, poison: ReadonlyMap<string, string>, working: Budget) {
  const checkImage = async (annotation: Annotations): Promise<void> => {
    const leave = await working.take(bytesOfImage(annotation.sample));
    await loadImage(annotation).finally(leave);
  };
  /** @param whole checks the image too, if bad samples are skipped. @returns the annotations, or the reason to skip the sample. */
  return async (sample: Sample, whole: boolean): Promise<Annotations | string> => {
    const known = poison.get(sample.id);
    if (known !== undefined) return known;
    try {
      const annotation = await readSourced(sample, dataset, options);
      // A damaged image must be found before a plan uses it.
      if (options.skipBad && whole) await checkImage(annotation);
      return annotation;
    } catch (error) {
      if (!options.skipBad || !(error instanceof CopyPasteError) || error.code !== 'data') throw error;
      // A file that has changed since the run was planned is no bad sample; a cut-out that is not as its bank says is one.
      if (error instanceof ChangedInput && dataset.digests !== undefined) throw error;
      return messageOf(error);
    }
  };
}

/**
 * Annotations of a sample, with class ids of instances mapped to those of the data set that is augmented.
 *
 * @param separate separates the instances of a target too, although nothing is copied from it.
 */
export async function readSourced(
  sample: Sample,
  dataset: SourcedDataset,
  options: ReadingOptions,
  separate = false,
): Promise<Annotations> {
  const { sources } = dataset;
  if (!sources) return readAnnotations(sample, dataset, options);
  if (sample.id.startsWith(sourcePrefix)) {
    const mayPaste = pasteFilter(dataset, options);
    const wanted = ({ classId, truncated }: Pick<Instance, 'classId' | 'truncated'>): boolean =>
      mayPaste(classIn(sources.classes, classId)) && !(truncated && options.truncated === 'skip');
    const annotation = await (isOfCutouts(sources)
      ? readCutouts(sample, sources, wanted)
      : readAnnotations(sample, sources, { ...options, jitter: 'instance' }));
    return { ...annotation, instances: mapInstances(annotation.instances, sources.classes) };
  }
  // Nothing is copied from a target, so its instances need not be separated, unless a rule protects each of them, or the classes of those
  // that could be pasted decide how often it is a target.
  const { balance, maxCover } = options;
  const apart = separate || maxCover !== undefined || (typeof balance === 'object' && 'rfs' in balance) || sample.objects !== undefined;
  return readAnnotations(sample, dataset, {
    ...options,
    instances: apart ? options.instances : 'class',
  });
}
