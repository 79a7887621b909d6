import { giveBack, takeWords } from './buffers.ts';
import { readInput } from './digest.ts';
import { decodeImage } from './image.ts';
import { inDepth, wordsPerPixel } from './pixels.ts';
import type { RenderingBackend } from './render/backend.ts';
import { type ImageRef, pastesOf, type Rendered } from './render/render.ts';
import type { Annotations, Depth, Image, Plan } from './types.ts';

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
    const annotation = byId.get(id) as Annotations;
    const { sample, input, mask } = annotation;
    const { bytes, sha256 } = await readInput(input, sample.image);
    const image = await decodeImage(bytes, mask, sample.image, sample.format, takeWords(wordsOf(annotation)));
    giveBack(bytes);
    return { image, sha256 };
  };
  return {
    bytes: 4 * sum(annotations.map(wordsOf)),
    load: (id) => {
      const image = loaded.get(id) ?? decode(id);
      loaded.set(id, image);
      return image;
    },
    release: (id) => {
      // What is still being decoded is not used by others before it is there.
      loaded.get(id)?.then(
        ({ image }) => giveBack(image.pixels),
        () => {},
      );
      loaded.delete(id);
    },
  };
}

/**
 * Plans in an order in which images are decoded late and given back early: after each plan that of its source, which becomes a target
 * while it is at hand.
 */
export function inChains(plans: readonly Plan[]): readonly Plan[] {
  const byId = new Map(plans.map((plan) => [plan.id, plan]));
  const order = new Set<Plan>();
  for (const first of plans) {
    for (let plan: Plan | undefined = first; plan && !order.has(plan); plan = byId.get(plan.source as string)) order.add(plan);
  }
  return [...order];
}

/** @returns what is told of each plan that is done. @param end is told of each sample that no other plan pastes into or from. */
export function countUses(plans: readonly Plan[], end: (id: string) => void): (plan: Plan) => void {
  const uses = new Map<string, number>();
  for (const id of plans.flatMap(samplesOf)) uses.set(id, (uses.get(id) ?? 0) + 1);
  return (plan) => {
    for (const id of samplesOf(plan)) {
      const left = (uses.get(id) as number) - 1;
      uses.set(id, left);
      if (left === 0) end(id);
    }
  };
}

/** The samples that a plan pastes into and from. */
export function samplesOf({ id, source, placements }: Plan): readonly string[] {
  return placements.length === 0 ? [] : id === source ? [id] : [id, source as string];
}

/**
 * Divides the plans of a batch into groups that one call of the op renders, in the depth of their targets.
 *
 * @param batchPixels words of targets and sources that a group may have; with 0 each plan is a group.
 * @returns what renders a plan: its group, when its first plan is asked for.
 */
export function renderGroups(
  plans: readonly Plan[],
  annotations: ReadonlyMap<string, Annotations>,
  images: BatchImages,
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
      group.rendered ??= renderGroup(group, annotations, images, render);
      return (await group.rendered).get(plan) as Rendered;
    },
    release: (plan, { pixels, owner }) => {
      const group = groupOf.get(plan) as Group;
      group.plans.splice(group.plans.indexOf(plan), 1);
      // A group's results may lie in one buffer.
      if (group.plans.length > 0) return;
      giveBack(pixels);
      giveBack(owner);
      delete group.rendered;
    },
  };
}

/** What renders targets, and how much at once. */
export type Rendering = Pick<RenderingBackend, 'batchPixels' | 'render'>;

/** Renders the plans of a batch. */
export interface Renderer {
  render(plan: Plan): Promise<Rendered>;
  /** Nobody uses a plan's result any more. */
  release(plan: Plan, rendered: Rendered): void;
}

interface Group {
  readonly plans: Plan[];
  /** The images that it takes. */
  readonly ids: Set<string>;
  readonly depth: Depth;
  words: number;
  rendered?: Promise<Map<Plan, Rendered>>;
}

async function renderGroup(
  { plans, ids, depth }: Group,
  annotations: ReadonlyMap<string, Annotations>,
  images: BatchImages,
  render: Rendering['render'],
): Promise<Map<Plan, Rendered>> {
  const loaded = await Promise.all([...ids].map((id) => images.load(id)));
  const words = loaded.map(({ image }) => inDepth(image, depth));
  const refs = new Map<string, ImageRef>();
  let offset = 0;
  for (const [n, id] of [...ids].entries()) {
    const { width, height } = (loaded[n] as LoadedImage).image;
    refs.set(id, { offset, width, height });
    offset += width * height;
  }
  const targets = plans.map((plan) => {
    const [target, source] = [plan.id, plan.source as string].map((id) => refs.get(id)) as [ImageRef, ImageRef];
    return pastesOf(plan, target, source, (annotations.get(plan.source as string) as Annotations).instances);
  });
  const rendered = await render(words, targets, depth);
  for (const [n, own] of words.entries()) if (own !== loaded[n]?.image.pixels) giveBack(own);
  return new Map(plans.map((plan, n) => [plan, rendered[n] as Rendered]));
}

function depthOf({ sample }: Annotations): Depth {
  return sample.format.depth;
}

/** Words that a sample's image takes. */
export function wordsOf(annotations: Annotations): number {
  return wordsPerPixel(depthOf(annotations)) * annotations.mask.ids.length;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}
