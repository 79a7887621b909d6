import { giveBack } from '../base/buffers.ts';
import { inDepth, wordsPerPixel } from '../codecs/pixels.ts';
import { isPasted } from '../plan/plan.ts';
import { type ImageRef, pastesOf, type Rendered, type Renderer, type RenderOptions } from '../render/render.ts';
import type { Annotations, Depth, PastePlan, Plan } from '../types.ts';
import type { Holdings } from './holdings.ts';
import type { LoadedImage } from './images.ts';

/**
 * Divides plans into groups of one bit depth; one call of the op renders a group, when its first plan is rendered.
 *
 * @param holdings memory of the plans; the source image of a plan is released once the plan is rendered.
 * @param keepsOriginal prevents pasting in place.
 * @param options of how instances are pasted.
 * @param renderer `batchPixels` is the maximum number of words of the targets and sources of a group; with 0 each plan is a group.
 */
export function renderGroups(
  holdings: Holdings,
  annotations: ReadonlyMap<string, Annotations>,
  keepsOriginal: boolean,
  options: RenderOptions,
  { batchPixels, render }: Renderer,
): PlanRenderer {
  const annotation = (id: string): Annotations => annotations.get(id) as Annotations;
  const groups: Group[] = [];
  for (const plan of holdings.plans.filter(isPasted)) {
    const ids = [plan.id, plan.source];
    const depth = depthOf(annotation(plan.id));
    const words = (id: string): number => wordsPerPixel(depth) * pixelsOf(annotation(id));
    // The output is as large as the target; a plane of an instance has one byte per pixel, a quarter of a word.
    const own = words(plan.id) + sum(plan.placements.map(({ sourceBox: [x0, y0, x1, y1] }) => ((x1 - x0) * (y1 - y0)) / 4));
    const costIn = ({ ids: known }: Group): number => own + sum(ids.filter((id) => !known.has(id)).map(words));
    let group = groups.at(-1);
    if (group?.depth !== depth || group.words + costIn(group) > batchPixels)
      groups.push((group = { plans: [], ids: new Set(), depth, words: 0, results: new Map() }));
    group.words += costIn(group);
    group.plans.push(plan);
    for (const id of ids) group.ids.add(id);
  }
  const groupOf = new Map<Plan, Group>(groups.flatMap((group) => group.plans.map((plan) => [plan, group])));
  return {
    render: async (plan) => {
      const group = groupOf.get(plan) as Group;
      group.rendered ??= renderGroup(group, holdings, annotations, keepsOriginal, options, render);
      await group.rendered;
      return group.results.get(plan) as RenderedPlan;
    },
    release: (plan) => {
      const group = groupOf.get(plan);
      const rendered = group?.results.get(plan);
      if (!group || !rendered) return;
      giveBack(rendered.pixels);
      group.results.delete(plan);
      // The owners of a group share one buffer.
      if (group.results.size === 0) giveBack(rendered.owner);
    },
  };
}

/** Rendered plan, with its decoded target and source images. */
export interface RenderedPlan extends Rendered {
  readonly target: LoadedImage;
  readonly source: LoadedImage;
}

/** Renders the plans of a batch. */
export interface PlanRenderer {
  render(plan: PastePlan): Promise<RenderedPlan>;
  /** Returns the buffers of a plan's result to the pool, if there is a result. */
  release(plan: Plan): void;
}

interface Group {
  readonly plans: PastePlan[];
  /** Ids of the samples whose images the group needs. */
  readonly ids: Set<string>;
  readonly depth: Depth;
  words: number;
  /** Results of plans that were rendered and not yet released. */
  readonly results: Map<Plan, RenderedPlan>;
  rendered?: Promise<void>;
}

/** Image of a group, and its place among all images of the group. */
interface GroupInput extends LoadedImage {
  readonly ref: ImageRef;
}

async function renderGroup(
  { plans, ids, depth, results }: Group,
  holdings: Holdings,
  annotations: ReadonlyMap<string, Annotations>,
  keepsOriginal: boolean,
  options: RenderOptions,
  render: Renderer['render'],
): Promise<void> {
  const loaded = await Promise.all([...ids].map((id) => holdings.load(id)));
  const rasters = loaded.map(({ image }) => ({ pixels: inDepth(image, depth), bands: image.bands }));
  const inputs = new Map<string, GroupInput>();
  let offset = 0;
  for (const [n, id] of [...ids].entries()) {
    const input = loaded[n] as LoadedImage;
    const { width, height } = input.image;
    inputs.set(id, { ...input, ref: { offset, width, height } });
    offset += width * height;
  }
  const inputsOf = ({ id, source }: PastePlan) => [id, source].map((one) => inputs.get(one)) as [GroupInput, GroupInput];
  const targets = plans.map((plan) => {
    const [target, source] = inputsOf(plan);
    const pasted = pastesOf(plan, target.ref, source.ref, (annotations.get(plan.source) as Annotations).instances, options);
    return { ...pasted, inPlace: plans.length === 1 && !keepsOriginal && plan.id !== plan.source && holdings.alone(plan, plan.id) };
  });
  const rendering = render(rasters, targets, depth);
  // The cpu backend, the only one that pastes in place, has read the sources by now, so that a plan may paste into one of them next.
  for (const plan of plans) if (plan.id !== plan.source) holdings.release(plan, plan.source);
  const rendered = await rendering;
  for (const [n, { pixels }] of rasters.entries()) if (pixels !== loaded[n]?.image.pixels) giveBack(pixels);
  for (const [n, plan] of plans.entries()) {
    const [target, source] = inputsOf(plan);
    results.set(plan, { ...(rendered[n] as Rendered), target, source });
  }
}

function pixelsOf({ mask: { width, height } }: Annotations): number {
  return width * height;
}

function depthOf({ sample }: Annotations): Depth {
  return sample.format.depth;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}
