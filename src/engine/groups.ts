import { giveBack } from '../base/buffers.ts';
import { readInput } from '../base/digest.ts';
import { decodeImage } from '../codecs/image.ts';
import { bandsOf, inDepth, wordsPerPixel } from '../codecs/pixels.ts';
import type { RenderingBackend } from '../render/backend.ts';
import { type ImageRef, pastesOf, type Rendered } from '../render/render.ts';
import type { Annotations, Depth, Image, Plan } from '../types.ts';

export interface LoadedImage {
  readonly image: Image;
  readonly sha256: string;
}

/** The decoded images of plans. */
export interface BatchImages {
  /** Bytes of all of them. */
  readonly bytes: number;
  /** Decodes an image once. */
  load(id: string): Promise<LoadedImage>;
  /** Nobody uses an image any more. */
  release(id: string): void;
}

export function batchImages(annotations: readonly Annotations[]): BatchImages {
  const byId = new Map(annotations.map((annotation) => [annotation.sample.id, annotation]));
  const loaded = new Map<string, Promise<LoadedImage>>();
  const decode = async (id: string): Promise<LoadedImage> => {
    const { sample, input, mask } = byId.get(id) as Annotations;
    const { bytes, sha256 } = await readInput(input, sample.image);
    const image = await decodeImage(bytes, mask, sample.image, sample.format);
    giveBack(bytes);
    return { image, sha256 };
  };
  return {
    bytes: sum(annotations.map(bytesOfImage)),
    load: (id) => {
      const image = loaded.get(id) ?? decode(id);
      loaded.set(id, image);
      return image;
    },
    release: (id) => loaded.delete(id),
  };
}

/**
 * Plans in an order in which images are decoded late and let go early, and most are pasted into last, so that it can be done in place:
 * after all that paste from a plan's sample comes the plan itself, but for one of each circle.
 */
export function inChains(plans: readonly Plan[]): readonly Plan[] {
  const byId = new Map(plans.map((plan) => [plan.id, plan]));
  const users = new Map<Plan, Plan[]>();
  const sourceOf = ({ source }: Plan): Plan | undefined => byId.get(source as string);
  for (const plan of plans) {
    const source = sourceOf(plan);
    if (source) users.set(source, [...(users.get(source) ?? []), plan]);
  }
  const order = new Set<Plan>();
  for (const first of plans) {
    if (order.has(first)) continue;
    // Where the sources lead: a plan that all others of its kind paste from, or one of a circle.
    const path = new Set<Plan>();
    let root = first;
    for (let next: Plan | undefined = first; next && !path.has(next); next = sourceOf(next)) path.add((root = next));
    // Each before those that paste from it: backwards, after them.
    const open = [root];
    for (let plan = open.pop(); plan; plan = open.pop()) {
      if (order.has(plan)) continue;
      order.add(plan);
      open.push(...(users.get(plan) ?? []));
    }
  }
  return [...order].reverse();
}

/** Who still uses samples. */
export interface Uses {
  /** A plan does not use a sample any more. */
  leave(plan: Plan, id: string): void;
  /** Whether a plan alone uses a sample. */
  alone(plan: Plan, id: string): boolean;
}

/** Counts the plans that use samples. @param end is told of each sample that no plan uses any more. */
export function countUses(plans: readonly Plan[], end: (id: string) => void): Uses {
  const users = new Map<string, Set<Plan>>();
  for (const plan of plans) for (const id of samplesOf(plan)) users.set(id, (users.get(id) ?? new Set()).add(plan));
  return {
    leave: (plan, id) => {
      const left = users.get(id);
      if (left?.delete(plan) && left.size === 0) end(id);
    },
    alone: (plan, id) => {
      const left = users.get(id);
      return left?.size === 1 && left.has(plan);
    },
  };
}

/** The samples that a plan pastes into and from. */
export function samplesOf({ id, source, placements }: Plan): readonly string[] {
  return placements.length === 0 ? [] : id === source ? [id] : [id, source as string];
}

/**
 * Divides the plans of a batch into groups that one call of the op renders, in the depth of their targets.
 *
 * @param uses of the images; a plan leaves its source's here, once it has been rendered.
 * @param keepsOriginal whether a target's image stays as it is.
 * @param batchPixels words of targets and sources that a group may have; with 0 each plan is a group.
 * @returns what renders a plan: its group, when its first plan is asked for.
 */
export function renderGroups(
  plans: readonly Plan[],
  annotations: ReadonlyMap<string, Annotations>,
  images: BatchImages,
  uses: Uses,
  keepsOriginal: boolean,
  { batchPixels, render }: Rendering,
): Renderer {
  const annotation = (id: string): Annotations => annotations.get(id) as Annotations;
  const groups: Group[] = [];
  for (const plan of plans.filter(({ placements }) => placements.length > 0)) {
    const ids = [plan.id, plan.source as string];
    const depth = depthOf(annotation(plan.id));
    const words = (id: string): number => wordsPerPixel(depth) * annotation(id).mask.ids.length;
    // An output beside each input; an instance's plane has a byte a pixel, a quarter of an image's.
    const own = words(plan.id) + sum(plan.placements.map(({ sourceBox: [x0, y0, x1, y1] }) => ((x1 - x0) * (y1 - y0)) / 4));
    const costIn = ({ ids: known }: Group): number => own + sum(ids.filter((id) => !known.has(id)).map(words));
    let group = groups.at(-1);
    if (group?.depth !== depth || group.words + costIn(group) > batchPixels)
      groups.push((group = { plans: [], ids: new Set(), depth, words: 0 }));
    group.words += costIn(group);
    group.plans.push(plan);
    for (const id of ids) group.ids.add(id);
  }
  const groupOf = new Map(groups.flatMap((group) => group.plans.map((plan) => [plan, group])));
  return {
    render: async (plan) => {
      const group = groupOf.get(plan) as Group;
      group.rendered ??= renderGroup(group, annotations, images, uses, keepsOriginal, render);
      return (await group.rendered).get(plan) as RenderedPlan;
    },
    release: (plan, { pixels, owner }) => {
      const group = groupOf.get(plan) as Group;
      group.plans.splice(group.plans.indexOf(plan), 1);
      giveBack(pixels);
      // Those of a group lie in one buffer.
      if (group.plans.length > 0) return;
      giveBack(owner);
      delete group.rendered;
    },
  };
}

/** What renders targets, and how much at once. */
export type Rendering = Pick<RenderingBackend, 'batchPixels' | 'render'>;

/** What comes of a plan, and what it was made of. */
export interface RenderedPlan extends Rendered {
  readonly target: LoadedImage;
  readonly source: LoadedImage;
}

/** Renders the plans of a batch. */
export interface Renderer {
  render(plan: Plan): Promise<RenderedPlan>;
  /** Nobody uses a plan's result any more. */
  release(plan: Plan, rendered: Rendered): void;
}

interface Group {
  readonly plans: Plan[];
  /** The images that it takes. */
  readonly ids: Set<string>;
  readonly depth: Depth;
  words: number;
  rendered?: Promise<Map<Plan, RenderedPlan>>;
}

/** An image of a group, and where it is among all of them. */
interface GroupInput extends LoadedImage {
  readonly ref: ImageRef;
}

async function renderGroup(
  { plans, ids, depth }: Group,
  annotations: ReadonlyMap<string, Annotations>,
  images: BatchImages,
  uses: Uses,
  keepsOriginal: boolean,
  render: Rendering['render'],
): Promise<Map<Plan, RenderedPlan>> {
  const loaded = await Promise.all([...ids].map((id) => images.load(id)));
  const rasters = loaded.map(({ image }) => ({ pixels: inDepth(image, depth), bands: image.bands }));
  const inputs = new Map<string, GroupInput>();
  let offset = 0;
  for (const [n, id] of [...ids].entries()) {
    const input = loaded[n] as LoadedImage;
    const { width, height } = input.image;
    inputs.set(id, { ...input, ref: { offset, width, height } });
    offset += width * height;
  }
  const inputsOf = ({ id, source }: Plan) => [id, source as string].map((one) => inputs.get(one)) as [GroupInput, GroupInput];
  const targets = plans.map((plan) => {
    const [target, source] = inputsOf(plan);
    const pasted = pastesOf(plan, target.ref, source.ref, (annotations.get(plan.source as string) as Annotations).instances);
    return { ...pasted, inPlace: plans.length === 1 && !keepsOriginal && plan.id !== plan.source && uses.alone(plan, plan.id) };
  });
  const rendering = render(rasters, targets, depth);
  // The cpu, which alone pastes in place, is done with it by now: the source's own plan, which may be next, finds it free.
  for (const plan of plans) if (plan.id !== plan.source) uses.leave(plan, plan.source as string);
  const rendered = await rendering;
  for (const [n, { pixels }] of rasters.entries()) if (pixels !== loaded[n]?.image.pixels) giveBack(pixels);
  return new Map(
    plans.map((plan, n) => {
      const [target, source] = inputsOf(plan);
      return [plan, { ...(rendered[n] as Rendered), target, source }];
    }),
  );
}

function depthOf({ sample }: Annotations): Depth {
  return sample.format.depth;
}

/** Bytes that a sample's image takes. */
export function bytesOfImage({ sample: { format }, mask }: Annotations): number {
  return bandsOf(format) * (format.depth / 8) * mask.ids.length;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}
