import {
  dispose,
  gather,
  type Tensor1D,
  type Tensor3D,
  type Tensor4D,
  type TensorContainer,
  tensor,
  tensor1d,
  tidy,
} from '@tensorflow/tfjs-core';
import { ignoreIdOf, pasteFilter } from './dataset/classes.ts';
import { CopyPasteError } from './errors.ts';
import { type Found, findInstances } from './masks/instances.ts';
import { batchOptions, type Given } from './options.ts';
import { type Candidate, isPasted, planSample } from './plan/plan.ts';
import { annotate } from './render/annotate.ts';
import { shown } from './render/op.ts';
import { type ImageRef, ownersOf, pastesOf, type Target } from './render/render.ts';
import { packOp, renderTensors, unpackOp, withOps } from './render/tensors.ts';
import { resolveOptions } from './schema.ts';
import type { Mask, Plan } from './types.ts';

export type BatchOptions = Given<typeof batchOptions>;

/** A batch after Copy-Paste. All tensors are new; the caller disposes of them. */
export interface CopyPasteBatch {
  /**
   * Images of the input's shape and type. Pixels that nothing was pasted onto equal the input exactly, unless whole
   * scenes are jittered.
   */
  readonly images: Tensor4D;
  /** int32 `[N, H, W]`: class ids after the pastes. */
  readonly masks: Tensor3D;
  /** int32 `[N, H, W]`: for each sample the mask of its source; its own mask if nothing was pasted. */
  readonly sourceMasks: Tensor3D;
  /** float32 `[N]`: the fraction of each image that no paste covers, for weighting a loss. */
  readonly area: Tensor1D;
  /** Plan of each sample; a sample's id is its index in the batch. A sample whose plan has a `reason` is unchanged. */
  readonly plan: readonly Plan[];
}

/**
 * Pastes instances between the samples of a batch, on the active TensorFlow.js backend: Simple Copy-Paste (Ghiasi et al., CVPR 2021).
 * The same batch, options, seed and step give the same values on every backend.
 *
 * @param images `[N, H, W, C]`, or `[N, C, H, W]` with `channelsFirst`; C is 1, 3 or 4; int32 from 0 to 255, or float32 in `range` (by
 * default 0 to 255). Pasted pixels are resampled with 8 bits per channel.
 * @param masks int32 `[N, H, W]`: class ids from 0 to 65535.
 * @throws {CopyPasteError} `usage` for wrong shapes, types or options, `data` for an id out of range.
 */
export async function copyPasteBatch(images: Tensor4D, masks: Tensor3D, given: BatchOptions = {}): Promise<CopyPasteBatch> {
  const options = resolveOptions(batchOptions, given);
  const [count, height, width] = checkShapes(images, masks, options.channelsFirst);
  const leftOut = new Set([...options.background, ...options.ignore]);
  const ignore = ignoreIdOf(options.ignore, options.jitter);
  const annotations = splitMasks(await masks.data(), count, width, height, ignore ?? 0);
  const found = annotations.map((mask) => findInstances(mask, undefined, options.instances, leftOut));
  const rest = { width, height, capacity: Number.POSITIVE_INFINITY, largestId: 0xffff };
  const candidates = found.map(({ instances }, i): Candidate => {
    const { ids } = annotations[i] as Mask;
    return { id: `${i}`, annotated: instances.length > 0, ids, instances, ...rest };
  });
  const planOptions = { ...options, mayPaste: pasteFilter({ classNames: new Map() }, options), measures: {} };
  const plan = candidates.map((candidate) => planSample(candidate, candidates, options.step, planOptions));
  const rendered = plan.some(isPasted) ? await withOps(() => renderBatch(images, plan, found, options)) : undefined;
  const sources = plan.map((one, i) => (isPasted(one) ? Number(one.source) : i));
  const results = plan.map((one, i): { mask: Mask; visible: readonly number[] } => {
    const mask = annotations[i] as Mask;
    if (!isPasted(one)) return { mask, visible: [] };
    const owner = rendered?.owners[i] as Int32Array;
    return annotate({ mask, pixels: (found[i] as Found).pixels }, annotations[sources[i] as number] as Mask, one, owner, {
      leftOut,
      ignore,
      minVisible: 0,
    });
  });
  const own = results.map(({ visible }) => 1 - visible.reduce((sum, pixels) => sum + pixels, 0) / (width * height));
  return {
    images: rendered ? rendered.images : images.clone(),
    masks: tensor(joinMasks(results.map(({ mask }) => mask)), [count, height, width], 'int32'),
    sourceMasks: tidy(() => gather(masks, tensor1d(sources, 'int32'))),
    area: tensor1d(own),
    plan,
  };
}

/** Renders a batch. Pixels stay on the backend; owner maps, from which annotations follow, are read. */
async function renderBatch(
  images: Tensor4D,
  plans: readonly Plan[],
  found: readonly Found[],
  { channelsFirst, range: [low, high] }: { channelsFirst: boolean; range: readonly [number, number] },
): Promise<{ images: Tensor4D; owners: Int32Array[] }> {
  const [, a, b, c] = images.shape;
  const [height, width] = channelsFirst ? [b, c] : [a, b];
  const ref = (i: number): ImageRef => ({ offset: i * width * height, width, height });
  const targets = plans.map((one, i): Target => {
    if (!isPasted(one)) return { width, height, image: ref(i), pastes: [] };
    return pastesOf(one, ref(i), ref(Number(one.source)), (found[Number(one.source)] as Found).instances);
  });
  const outputs = tidy(() => {
    const scale = Math.fround(255 / (high - low));
    return renderTensors(packOp(images, { channelsFirst, low: Math.fround(low), scale }), targets);
  });
  try {
    // A backend may reuse the array that it returned.
    const owners = ownersOf((await outputs.owner.data<'int32'>()).slice(), targets);
    const modes = plans.map((one) => (isPasted(one) ? (one.scenes ? shown.all : shown.owned) : shown.none));
    const valueOfByte = (byte: number): number => (images.dtype === 'int32' ? byte : low + (byte / 255) * (high - low));
    const pasted = tidy(() =>
      unpackOp(
        {
          words: outputs.images,
          owner: outputs.owner,
          shown: tensor1d(modes, 'int32'),
          values: tensor1d(
            Array.from({ length: 256 }, (_, byte) => valueOfByte(byte)),
            images.dtype,
          ),
          images,
        },
        { channelsFirst },
      ),
    );
    return { images: pasted, owners };
  } finally {
    dispose(outputs);
  }
}

/** Copy-Paste as an algorithm of a training loop: each batch is one step. */
export class CopyPaste {
  readonly #options: BatchOptions;
  #step: number;

  /** @param options options of `copyPasteBatch`; `step` is the number of the first step. */
  constructor(options: BatchOptions = {}) {
    this.#options = options;
    this.#step = options.step ?? 0;
  }

  /** Applies Copy-Paste to a batch of images `xs` and masks `ys`; see `copyPasteBatch`. */
  async apply({ xs, ys }: { xs: Tensor4D; ys: Tensor3D }): Promise<CopyPasteBatch> {
    return copyPasteBatch(xs, ys, { ...this.#options, step: this.#step++ });
  }
}

/** The part of `tf.data.Dataset` that `copyPaste` uses. */
interface MappableDataset {
  mapAsync<O extends TensorContainer>(transform: (batch: TensorContainer) => Promise<O>): unknown;
}

/**
 * Applies Copy-Paste to each batch of a `tf.data.Dataset` of images and masks `{ xs, ys }`, as `.batch(n)` stacks them. Every pass over
 * the dataset continues the steps, so that epochs differ.
 *
 * @returns a dataset of `{ xs, ys }` with the shapes and types of the input.
 */
export function copyPaste<D extends MappableDataset>(dataset: D, options: BatchOptions = {}): ReturnType<D['mapAsync']> {
  const algorithm = new CopyPaste(options);
  return dataset.mapAsync(async (batch) => {
    const { images, masks, sourceMasks, area } = await algorithm.apply(batch as { xs: Tensor4D; ys: Tensor3D });
    sourceMasks.dispose();
    area.dispose();
    return { xs: images, ys: masks };
  }) as ReturnType<D['mapAsync']>;
}

/** Checks shapes and types. @throws {CopyPasteError} `usage` if they are wrong. */
function checkShapes(images: Tensor4D, masks: Tensor3D, channelsFirst: boolean): [count: number, height: number, width: number] {
  const refuse = (message: string): CopyPasteError => new CopyPasteError('usage', message);
  if (images.rank !== 4) throw refuse(`images: expected 4 dimensions, got shape [${images.shape}]; stack images as [N, H, W, C]`);
  if (masks.rank !== 3) throw refuse(`masks: expected 3 dimensions, got shape [${masks.shape}]; stack masks as [N, H, W]`);
  const [count, a, b, c] = images.shape;
  const [height, width, channels] = channelsFirst ? [b, c, a] : [a, b, c];
  if (![1, 3, 4].includes(channels))
    throw refuse(`images: expected 1, 3 or 4 channels, got ${channels} in shape [${images.shape}]; check channelsFirst`);
  if (String(masks.shape) !== String([count, height, width])) {
    throw refuse(`masks: expected [${[count, height, width]}] for images of shape [${images.shape}], got [${masks.shape}]`);
  }
  if (images.dtype !== 'int32' && images.dtype !== 'float32')
    throw refuse(`images: expected int32 or float32, got ${images.dtype}; cast them`);
  if (masks.dtype !== 'int32') throw refuse(`masks: expected int32, got ${masks.dtype}; cast them`);
  return [count, height, width];
}

/** @param largest an id that the masks' type must be able to hold, even if no mask contains it. */
function splitMasks(ids: ArrayLike<number>, count: number, width: number, height: number, largest: number): Mask[] {
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    if (id < 0 || id > 0xffff) throw new CopyPasteError('data', `masks: expected class ids from 0 to 65535, got ${id}; correct the masks`);
    if (id > largest) largest = id;
  }
  const all = largest > 0xff ? Uint16Array.from(ids) : Uint8Array.from(ids);
  return Array.from({ length: count }, (_, i) => ({ width, height, ids: all.subarray(i * width * height, (i + 1) * width * height) }));
}

function joinMasks(masks: readonly Mask[]): Int32Array {
  const all = new Int32Array(masks.reduce((length, { ids }) => length + ids.length, 0));
  let at = 0;
  for (const { ids } of masks) {
    all.set(ids, at);
    at += ids.length;
  }
  return all;
}
