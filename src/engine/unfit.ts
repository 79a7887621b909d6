import { isDeep } from '../codecs/image-names.ts';
import { ignoreIdOf } from '../dataset/classes.ts';
import { isCutoutFolder } from '../dataset/cutouts.ts';
import { refuseIdleJoin } from '../dataset/join.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { CopyPasteError } from '../errors.ts';
import type { AugmentOptions } from '../options.ts';
import { requestOf } from './balance.ts';
import { type PlannerOptions, withIds } from './planner.ts';

/**
 * Refuses options that do not fit the data set.
 *
 * @throws {CopyPasteError} `usage` for an unknown class, scene jitter without an ignore id, an 8-bit format for 16-bit images, a
 * background ratio without background targets, or a join without components; `data` if ids of documents are too large.
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
  refuseIdleJoin(options, (dataset.sources ?? dataset).layout);
  withIds(dataset, options);
  requestOf(options, dataset.classNames);
  ignoreIdOf(dataset.ignore, options.jitter);
}

/** Instances that are pasted into one sample at most, if there is no limit. */
const mostInstances = 65536;

/**
 * Refuses documents whose ids are so large that new ones above them would not be exact. Variants of an image and of its annotations get new
 * ids, except the first; so do pastes.
 *
 * @throws {CopyPasteError} `data` if so.
 */
function refuseLargeIds({ documents, split, samples }: SourcedDataset, options: Parameters<typeof refuseUnfit>[1]): void {
  const { copies, includeOriginals = false, maxInstances } = options;
  const document = documents.get(split);
  // A preview writes no document.
  if (!document || copies === undefined) return;
  const again = copies + (includeOriginals ? 1 : 0) - 1;
  const pastes = samples.length * copies * (maxInstances === 'all' ? mostInstances : maxInstances);
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
