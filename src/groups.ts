import { giveBack, takeWords } from './buffers.ts';
import { readInput } from './digest.ts';
import { decodeImage } from './image.ts';
import { inDepth, wordsPerPixel } from './pixels.ts';
import type { RenderingBackend } from './render/backend.ts';
import { type ImageRef, pastesOf, type Rendered } from './render/render.ts';
import type { Annotations, Depth, Image, Plan } from './types.ts';

export interface LoadedImage {
  readonly image: Image;
  /** Where its words begin. */
  readonly offset: number;
  readonly sha256: string;
}

/** The decoded images of plans, one after another in one array, as the op takes them. */
export interface BatchImages {
  /** Bytes of the array. */
  readonly bytes: number;
  /** Of all images, where they have one depth. */
  readonly depth: Depth | undefined;
  /** Made when the first image is loaded. */
  readonly pixels: Int32Array;
  /** Decodes an image once. */
  load(id: string): Promise<LoadedImage>;
  /** Nobody uses the images any more; what is still being decoded is waited for. */
  release(): Promise<void>;
}

export function batchImages(annotations: readonly Annotations[]): BatchImages {
  const offsets = new Map<string, number>();
  let length = 0;
  for (const annotation of annotations) {
    offsets.set(annotation.sample.id, length);
    length += wordsOf(annotation);
  }
  const depths = new Set(annotations.map(depthOf));
  let pixels: Int32Array | undefined;
  const byId = new Map(annotations.map((annotation) => [annotation.sample.id, annotation]));
  const loaded = new Map<string, Promise<LoadedImage>>();
  const decode = async (id: string): Promise<LoadedImage> => {
    const annotation = byId.get(id) as Annotations;
    const { sample, input, mask } = annotation;
    const offset = offsets.get(id) as number;
    const { bytes, sha256 } = await readInput(input, sample.image);
    pixels ??= takeWords(length);
    const own = pixels.subarray(offset, offset + wordsOf(annotation));
    const image = await decodeImage(bytes, mask, sample.image, sample.format, own);
    giveBack(bytes);
    return { image, offset, sha256 };
  };
  return {
    bytes: 4 * length,
    depth: depths.size === 1 ? [...depths][0] : undefined,
    get pixels() {
      return pixels as Int32Array;
    },
    load: (id) => {
      const image = loaded.get(id) ?? decode(id);
      loaded.set(id, image);
      return image;
    },
    release: async () => {
      await Promise.allSettled(loaded.values());
      if (pixels) giveBack(pixels);
    },
  };
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
      group.rendered ??= renderGroup(group, annotations, images, render, batchPixels > 0);
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

/** @param compact whether images that the group does not use are left out: what is uploaded has to be small. */
async function renderGroup(
  { plans, ids, depth }: Group,
  annotations: ReadonlyMap<string, Annotations>,
  images: BatchImages,
  render: Rendering['render'],
  compact: boolean,
): Promise<Map<Plan, Rendered>> {
  const loaded = await Promise.all([...ids].map(async (id) => [id, await images.load(id)] as const));
  let { pixels } = images;
  let at = 0;
  const each = wordsPerPixel(depth);
  const used = each * sum(loaded.map(([, { image }]) => image.width * image.height));
  const move = images.depth !== depth || (compact && used < pixels.length);
  if (move) pixels = new Int32Array(used);
  const refs = new Map<string, ImageRef>();
  for (const [id, { image, offset }] of loaded) {
    refs.set(id, { offset: (move ? at : offset) / each, width: image.width, height: image.height });
    if (!move) continue;
    const words = inDepth(image, depth);
    pixels.set(words, at);
    at += words.length;
    if (words !== image.pixels) giveBack(words);
  }
  const targets = plans.map((plan) => {
    const [target, source] = [plan.id, plan.source as string].map((id) => refs.get(id)) as [ImageRef, ImageRef];
    return pastesOf(plan, target, source, (annotations.get(plan.source as string) as Annotations).instances);
  });
  const rendered = await render(pixels, targets, depth);
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
