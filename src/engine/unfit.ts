import { plural } from '../base/plural.ts';
import { formatOf, type ImageFormat, isDeep, longestSide } from '../codecs/image-names.ts';
import { classIds, ignoreIdOf, ruleClasses } from '../dataset/classes.ts';
import { isCutoutFolder } from '../dataset/cutouts.ts';
import { refuseIdleJoin } from '../dataset/join.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { CopyPasteError } from '../errors.ts';
import type { AugmentOptions } from '../options.ts';
import { areaLimits } from '../plan/plan.ts';
import type { Sample } from '../types.ts';
import { requestOf } from './balance.ts';
import { type PlannerOptions, withIds } from './planner.ts';

/**
 * Refuses options that do not fit the data set.
 *
 * @throws {CopyPasteError} `usage` for an unknown class, scene jitter without an ignore id, a format that cannot hold the images, a
 * background ratio without background targets, options that contradict one another, or a join without components; `data` if ids of
 * documents are too large.
 */
export function refuseUnfit(
  dataset: SourcedDataset,
  options: PlannerOptions &
    Pick<AugmentOptions, 'instances' | 'join'> &
    Partial<Pick<AugmentOptions, 'imageFormat' | 'copies' | 'includeOriginals'>>,
): void {
  if (options.targets === 'annotated' && options.backgroundRatio !== undefined)
    throw new CopyPasteError(
      'usage',
      '--background-ratio: has no effect with --targets annotated, which excludes background images; omit one of the two',
    );
  refuseUnfitCutouts(dataset, options);
  refuseLargeIds(dataset, options);
  const { imageFormat } = options;
  const deep = imageFormat && !isDeep(imageFormat) ? dataset.samples.find(({ format }) => format.depth === 16) : undefined;
  if (deep) {
    const why = `${deep.image} has 16 bits per channel, but ${imageFormat} holds 8`;
    throw new CopyPasteError('usage', `--image-format ${imageFormat}: ${why}; use png or tiff, or convert the images first`);
  }
  refuseLong(dataset, imageFormat);
  refuseContradictions(dataset, options);
  refuseIdleJoin(options, (dataset.sources ?? dataset).layout);
  withIds(dataset, options);
  requestOf(options, dataset.classNames);
  ignoreIdOf(dataset.ignore, options.jitter);
}

/** Instances that are pasted into one sample at most, if there is no limit. */
const mostInstances = 65536;
/** Numbers that one paste gets at most in its image: its own, and that of the box beside it or of the group of its parts. */
const numbersOfPaste = 2;

/**
 * Refuses documents and label files whose ids are so large that new ones above them would not be exact. Variants of an image and of its
 * annotations get new ids, except the first; so do pastes.
 *
 * @throws {CopyPasteError} `data` if so.
 */
function refuseLargeIds({ documents, split, samples, counts, layout }: SourcedDataset, options: Parameters<typeof refuseUnfit>[1]): void {
  const { copies, includeOriginals = false, maxInstances } = options;
  // A preview writes no document.
  if (copies === undefined) return;
  const ofSample = maxInstances === 'all' ? mostInstances : maxInstances;
  const largest = counts?.largestOfImage ?? 0;
  const document = documents.get(split);
  if (largest + numbersOfPaste * ofSample > Number.MAX_SAFE_INTEGER) {
    const what = `${largest} is the largest id, group or order of an image, and new ones above it would not be exact numbers; renumber them`;
    throw new CopyPasteError('data', what, { path: document?.path ?? `${layout} files` });
  }
  if (!document) return;
  const again = copies + (includeOriginals ? 1 : 0) - 1;
  const pastes = samples.length * copies * ofSample;
  const wanted = { image: again * samples.length, annotation: again * document.annotations + pastes };
  for (const kind of ['image', 'annotation'] as const) {
    const largest = document.largestIds?.[kind] ?? 0;
    if (largest + wanted[kind] <= Number.MAX_SAFE_INTEGER) continue;
    throw new CopyPasteError(
      'data',
      `${kind} id ${largest}: up to ${wanted[kind]} new ids above it would not be exact numbers; renumber the ids, or pass fewer --copies`,
      { path: document.path },
    );
  }
}

/** Refuses options that need the image of a cut-out. @throws {CopyPasteError} `usage` if sources are cut-outs of other tools. */
function refuseUnfitCutouts({ sources }: SourcedDataset, { jitter, maxTranslation, minSourceArea }: PlannerOptions): void {
  if (!sources || !isCutoutFolder(sources)) return;
  const why = 'the cut-outs of --sources have no place in an image; leave it out, or extract the cut-outs with copypaste extract';
  if (jitter === 'scene') throw new CopyPasteError('usage', `--jitter scene: ${why}`);
  if (maxTranslation < 1) throw new CopyPasteError('usage', `--max-translation: ${why}`);
  if (typeof minSourceArea === 'number' && minSourceArea > 0)
    throw new CopyPasteError(
      'usage',
      '--min-source-area: the cut-outs of --sources have no image to be a fraction of; pass pixels such as 64px',
    );
}

/**
 * Refuses images that are longer than the format that they would be written in.
 *
 * @throws {CopyPasteError} `usage` with all of them if an option names the format, else `data`.
 */
function refuseLong({ samples }: SourcedDataset, asked: ImageFormat | undefined): void {
  const offenders = samples.flatMap(({ image, size: { width, height } }) => {
    const format = asked ?? formatOf(image);
    const most = format === undefined ? Number.POSITIVE_INFINITY : longestSide(format);
    return Math.max(width, height) > most ? [`${image}: is ${width}×${height}; ${format} holds ${most} pixels a side`] : [];
  });
  if (offenders.length === 0) return;
  const what = `${plural(offenders.length, 'image')} too large to be written`;
  if (asked === undefined) throw new CopyPasteError('data', `${what}; convert them, or pass --image-format png`, { offenders });
  throw new CopyPasteError('usage', `--image-format ${asked}: ${what}; use png or tiff`, { offenders });
}

/** Refuses options that no paste can satisfy together. @throws {CopyPasteError} `usage` with the options. */
function refuseContradictions({ samples, classNames }: SourcedDataset, options: PlannerOptions): void {
  const refuse = (what: string): CopyPasteError => new CopyPasteError('usage', `${what}, so nothing could be pasted; correct one of them`);
  const { minArea, maxArea, classes, excludeClasses } = options;
  const isBetween = ({ size }: Sample): boolean => {
    const limits = areaLimits(size, options);
    return limits.minArea <= limits.maxArea;
  };
  if (!samples.some(isBetween)) throw refuse(`--min-area ${minArea} is above --max-area ${maxArea}`);
  const { pasteOn, avoid } = ruleClasses(classNames, options);
  if (pasteOn && [...pasteOn].every((id) => avoid?.has(id))) throw refuse('--avoid names all classes of --paste-on');
  if (!classes || !excludeClasses) return;
  const never = classIds(excludeClasses, classNames, '--exclude-classes');
  const left = [...classIds(classes, classNames, '--classes')].filter((id) => !never.has(id));
  if (left.length === 0) throw refuse('--exclude-classes names all classes of --classes');
}
