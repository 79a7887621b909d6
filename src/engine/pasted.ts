import { ignoreIdOf } from '../dataset/classes.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import type { AugmentOptions } from '../options.ts';
import { annotate } from '../render/annotate.ts';
import { annotateShapes } from '../render/shapes.ts';
import type { Annotations, Cutout, InputFile, Pasted, PastePlan } from '../types.ts';
import type { RenderedPlan } from './groups.ts';

/** Sample that a plan was pasted into, with its annotations after the pastes. */
export function pastedOf(
  plan: PastePlan,
  annotations: ReadonlyMap<string, Annotations>,
  rendered: RenderedPlan,
  dataset: SourcedDataset,
  options: Pick<AugmentOptions, 'minVisible' | 'jitter'>,
): Pasted {
  const [target, source] = [plan.id, plan.source].map((id) => annotations.get(id)) as [Annotations, Annotations];
  const { image } = rendered.target;
  const shaped = target.shapes && annotateShapes(target.shapes, target.mask, plan, rendered.owner, options.minVisible);
  const annotated = annotate(target, dataset.sources ? undefined : source.mask, plan, rendered.owner, {
    leftOut: dataset.leftOut,
    leftOutObjects: dataset.leftOutObjects,
    objectIds: dataset.objectIds,
    ignore: ignoreIdOf(dataset.ignore, options.jitter),
    minVisible: options.minVisible,
  });
  return {
    ...annotated,
    ...shaped,
    sample: target.sample,
    plan,
    image: { ...image, pixels: rendered.pixels },
    owner: rendered.owner,
    original: {
      image,
      mask: target.mask,
      ...(target.objects && { objects: target.objects }),
      ...(target.shapes && { shapes: target.shapes }),
    },
    source: {
      sample: source.sample,
      ...(source.shapes && { shapes: source.shapes }),
      ...(source.licence && { licence: source.licence }),
      ...(dataset.sources && { inputs: source.cutouts ? cutoutsRead(plan, source, source.cutouts) : filesRead(source, rendered.source) }),
    },
    inputs: filesRead(target, rendered.target),
  };
}

/** Files of a sample that were read: its image, and the files of its annotations. */
function filesRead({ sample, files }: Annotations, { sha256 }: RenderedPlan['target']): InputFile[] {
  return [...(sha256 === undefined ? [] : [{ role: 'image', path: sample.image, sha256 } as const]), ...files];
}

/** Cut-outs of the instances that a plan has drawn, by index; all of a sample that is made of them, since their places depend on all. */
function cutoutsRead({ placements, dropped }: PastePlan, { sample }: Annotations, cutouts: ReadonlyMap<number, Cutout>): InputFile[] {
  const drawn = new Set([...placements, ...dropped].map(({ instance }) => instance));
  return [...cutouts].filter(([index]) => sample.cutouts || drawn.has(index)).map(([, { role, path, sha256 }]) => ({ role, path, sha256 }));
}
