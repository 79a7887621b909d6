import { type ImageFormat, isDeep } from '../codecs/image-names.ts';
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
 * background ratio without background targets, or a join without components.
 */
export function refuseUnfit(
  dataset: SourcedDataset,
  options: PlannerOptions & Pick<AugmentOptions, 'instances' | 'join'> & { imageFormat?: ImageFormat | undefined },
): void {
  if (options.targets === 'annotated' && options.backgroundRatio !== undefined)
    throw new CopyPasteError(
      'usage',
      '--background-ratio: has no effect with --targets annotated, which excludes background images; omit one of the two',
    );
  refuseUnfitCutouts(dataset, options);
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
