import { dispose, max, type Tensor3D, type Tensor4D, tensor, tensor1d, tidy } from '@tensorflow/tfjs-core';
import { byClassId, ignoreIdOf, pasteFilter, ruleClasses } from './dataset/classes.ts';
import { gapOf, refuseIdleJoin } from './dataset/join.ts';
import { CopyPasteError } from './errors.ts';
import { countFreeObjectIds } from './masks/ids.ts';
import { type Found, findInstances } from './masks/instances.ts';
import { batchOptions, type Given, type Resolved } from './options.ts';
import type { Measures } from './plan/measures.ts';
import { type Candidate, isPasted, planSample } from './plan/plan.ts';
import { annotate } from './render/annotate.ts';
import { shown } from './render/op.ts';
import { type ImageRef, ownersOf, pastesOf, type RenderOptions, type Target } from './render/render.ts';
import { packOp, renderTensors, unpackOp, withOps } from './render/tensors.ts';
import { resolveOptions } from './schema.ts';
import type { Annotated, Annotation, Box, Covered, Instance, Mask, Plan, Size } from './types.ts';

export type BatchOptions = Given<typeof batchOptions>;

/**
 * A tensor of TensorFlow.js. Results have the types of the tensors that are passed, and the declarations of TensorFlow.js are not used, since
 * TypeScript 6 and later do not compile them.
 */
interface TensorOf<Shape extends number[]> {
  readonly shape: Shape;
  readonly dtype: string;
  clone(): unknown;
}
type Images = TensorOf<[number, number, number, number]>;
type Ids = TensorOf<[number, number, number]>;

/** A batch after Copy-Paste. All tensors are new; the caller disposes of them. */
export interface CopyPasteBatch<I extends Images = Images, M extends Ids = Ids> {
  /**
   * Images of the input's shape and type. Pixels that nothing was pasted onto equal the input exactly, unless whole
   * scenes are jittered.
   */
  readonly images: I;
  /** int32 `[N, H, W]`: class ids after the pastes, the labels for a loss over pixels. */
  readonly masks: M;
  /**
   * int32 `[N, H, W]`: for each sample the mask of its source, before any jitter; its own mask if nothing was pasted. It does not label the
   * pixels of `images`: a loss over pixels that includes it charges a perfect prediction.
   */
  readonly sourceMasks: M;
  /** float32 `[N]`: the fraction of each image that no paste covers, for interpolating between labels of whole images. */
  readonly area: ReturnType<M['clone']>;
  /** Plan of each sample; a sample's id is its index in the batch. A sample whose plan has a `reason` is unchanged. */
  readonly plan: readonly Plan[];
}

/** A batch with object ids after Copy-Paste. */
export interface CopyPasteObjects<I extends Images = Images, M extends Ids = Ids> extends CopyPasteBatch<I, M> {
  /** int32 `[N, H, W]`: object ids after the pastes. Objects keep their ids; each paste gets a free one; pixels of dropped objects are 0. */
  readonly objects: M;
  /** Objects of each sample after the pastes. */
  readonly instances: readonly (readonly BatchInstance[])[];
  /** Objects of each sample that pastes cover partly or completely; those that are dropped are not among `instances`. */
  readonly covered: readonly (readonly Covered[])[];
}

/** An object of a sample after the pastes. */
export interface BatchInstance {
  /** Its id in `objects`. */
  readonly object: number;
  /** The class id that most of its pixels have. */
  readonly classId: number;
  /** The smallest box around its pixels. */
  readonly box: Box;
  /** Number of pixels. */
  readonly area: number;
  /** Origin of a paste: its placement, by index in the sample's plan, and its object id in the source. */
  readonly pasted?: { readonly placement: number; readonly object: number };
}

/** A batch with object ids: int32 `[N, H, W]`, from 1 to 65535 and unique within a sample; 0 in pixels of no object. */
interface WithObjects<M extends Ids = Ids> {
  readonly objects: M;
}

/**
 * Pastes instances between the samples of a batch, on the active TensorFlow.js backend: Simple Copy-Paste (Ghiasi et al., CVPR 2021).
 * The same batch, options, seed and step give the same values on every backend.
 *
 * @param images `[N, H, W, C]`, or `[N, C, H, W]` with `channelsFirst`; C is 1, 3 or 4; int32 from 0 to 255, or float32 in `range` (by
 * default 0 to 255). Pasted pixels are resampled with 8 bits per channel: there, values outside the range are clipped, and NaN gives any
 * value.
 * @param masks int32 `[N, H, W]`: class ids from 0 to 65535.
 * @param given options. With `objects` each object is an instance.
 * @throws {CopyPasteError} `usage` for wrong shapes, types or options, and for float32 images that seem to lie in 0 to 1 if no `range` is
 * given; `data` for an id out of range.
 */
export function copyPasteBatch<I extends Images, M extends Ids>(
  images: I,
  masks: M,
  given: BatchOptions & WithObjects<M>,
): Promise<CopyPasteObjects<I, M>>;
export function copyPasteBatch<I extends Images, M extends Ids>(images: I, masks: M, given?: BatchOptions): Promise<CopyPasteBatch<I, M>>;
export async function copyPasteBatch(
  images: Tensor4D,
  masks: Tensor3D,
  { objects, ...given }: BatchOptions & Partial<WithObjects<Tensor3D>> = {},
): Promise<CopyPasteBatch<Tensor4D, Tensor3D> | CopyPasteObjects<Tensor4D, Tensor3D>> {
  const options = resolveOptions(batchOptions, given);
  const shape = checkShapes(images, masks, options.channelsFirst);
  if (objects) checkObjects(objects, masks, given);
  else refuseIdleJoin(options);
  checkClassIds(given);
  const leftOut = new Set([...options.background, ...options.ignore]);
  const ignore = ignoreIdOf(options.ignore, options.jitter);
  const [annotations] = await Promise.all([
    readAnnotations(masks, objects, ignore),
    given.range === undefined && images.dtype === 'float32' && checkDefaultRange(images),
  ]);
  const find = ({ mask, objects }: Annotation): Found =>
    findInstances(mask, objects, objects ? 'object' : options.instances, leftOut, noObject, 'masks', gapOf(options));
  const found = annotations.map(find);
  const candidates = found.map((one, i) => candidateOf(`${i}`, annotations[i] as Annotation, one));
  const { scaleByClass } = options;
  const planOptions = {
    ...options,
    mayPaste: pasteFilter({ classNames: new Map() }, options),
    ...ruleClasses(new Map(), options),
    scaleByClass: scaleByClass && byClassId(scaleByClass, new Map(), 'scaleByClass'),
    measures: measuresOf(options),
  };
  const plan = candidates.map((candidate) => planSample(candidate, candidates, options.step, planOptions));
  const rendered = plan.some(isPasted) ? await withOps(() => renderBatch(images, plan, found, options)) : undefined;
  const sources = plan.map((one, i) => (isPasted(one) ? Number(one.source) : i));
  const rules = { leftOut, leftOutObjects: noObject, ignore, minVisible: options.minVisible };
  const results = plan.map((one, i): BatchAnnotation => {
    const own = annotations[i] as Annotation;
    if (!isPasted(one)) return { ...own, visible: [], objectIds: [], covered: [] };
    const source = annotations[sources[i] as number] as Annotation;
    return annotate({ ...own, ...(found[i] as Found) }, source.mask, one, rendered?.owners[i] as Int32Array, rules);
  });
  const join = (all: readonly Mask[]): Tensor3D => tensor(joinMasks(all), shape, 'int32');
  const [, height, width] = shape;
  const uncovered = results.map(({ visible }) => 1 - visible.reduce((sum, pixels) => sum + pixels, 0) / (width * height));
  const batch = {
    images: rendered ? rendered.images : images.clone(),
    masks: join(results.map(({ mask }) => mask)),
    sourceMasks: join(sources.map((source) => (annotations[source] as Annotation).mask)),
    area: tensor1d(uncovered),
    plan,
  };
  if (!objects) return batch;
  return {
    ...batch,
    objects: join(results.map((result) => result.objects as Mask)),
    instances: results.map((result, i) => {
      const source = sources[i] as number;
      const origins = (plan[i] as Plan).placements.map(({ instance }) =>
        objectOf((found[source] as Found).instances[instance] as Instance, annotations[source] as Annotation),
      );
      return find(result).instances.map((one) => batchInstance(one, result, origins));
    }),
    covered: results.map(({ covered }) => covered),
  };
}

/** The id of pixels that belong to no object. */
const noObject: ReadonlySet<number> = new Set([0]);

/** Annotation of a sample of a batch after the pastes. */
type BatchAnnotation = Annotation & Pick<Annotated, 'visible' | 'objectIds' | 'covered'>;

/** Facts of a sample that planning needs. */
function candidateOf(id: string, { mask, objects }: Annotation, { instances, objectPixels }: Found): Candidate {
  const { width, height, ids } = mask;
  const capacity = objects && objectPixels ? countFreeObjectIds(objects, objectPixels, noObject) : Number.POSITIVE_INFINITY;
  return { id, annotated: instances.length > 0, width, height, ids, instances, capacity, largestId: 0xffff };
}

/** Object id of an instance, from its first pixel. */
function objectOf({ spans, start }: Instance, { objects }: Annotation): number {
  const { ids, width } = objects as Mask;
  return ids[(spans[start] as number) * width + (spans[start + 1] as number)] as number;
}

/** @param origins object id of each placement in the source. */
function batchInstance(instance: Instance, after: BatchAnnotation, origins: readonly number[]): BatchInstance {
  const object = objectOf(instance, after);
  const placement = after.objectIds.indexOf(object);
  const { classId, box, area } = instance;
  return { object, classId, box, area, ...(placement >= 0 && { pasted: { placement, object: origins[placement] as number } }) };
}

/** Weights of class ids, as they are given. @throws {CopyPasteError} `usage` for a class that is no id. */
function measuresOf({ classWeights }: Pick<Resolved<typeof batchOptions>, 'classWeights'>): Measures {
  if (!classWeights) return {};
  return { weights: { instances: byClassId(classWeights, new Map(), 'classWeights') } };
}

/** Renders a batch. Pixels stay on the backend; owner maps, from which annotations follow, are read. */
async function renderBatch(
  images: Tensor4D,
  plans: readonly Plan[],
  found: readonly Found[],
  options: RenderOptions & { readonly channelsFirst: boolean; readonly range: readonly [low: number, high: number] },
): Promise<{ images: Tensor4D; owners: Int32Array[] }> {
  const { channelsFirst, range } = options;
  const [low, high] = range;
  const [, a, b, c] = images.shape;
  const [height, width] = channelsFirst ? [b, c] : [a, b];
  const ref = (i: number): ImageRef => ({ offset: i * width * height, width, height });
  const targets = plans.map((one, i): Target => {
    if (!isPasted(one)) return { width, height, image: ref(i), pastes: [] };
    return pastesOf(one, ref(i), ref(Number(one.source)), (found[Number(one.source)] as Found).instances, options);
  });
  const outputs = tidy(() => {
    const scale = Math.fround(255 / (high - low));
    return renderTensors(packOp(images, { channelsFirst, low: Math.fround(low), scale }), targets);
  });
  try {
    // A backend may reuse the array that it returned.
    const owners = ownersOf((await outputs.owner.data<'int32'>()).slice(), targets);
    const modes = plans.map((one) => (isPasted(one) ? (one.scenes ? shown.all : shown.placed) : shown.none));
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

/** Images and masks of a batch in a training loop. */
interface Batch<I extends Images, M extends Ids> {
  readonly xs: I;
  readonly ys: M;
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

  /** Applies Copy-Paste to a batch of images `xs`, masks `ys` and, if there are any, object ids; see `copyPasteBatch`. */
  apply<I extends Images, M extends Ids>(batch: Batch<I, M> & WithObjects<M>): Promise<CopyPasteObjects<I, M>>;
  apply<I extends Images, M extends Ids>(batch: Batch<I, M>): Promise<CopyPasteBatch<I, M>>;
  async apply<I extends Images, M extends Ids>({ xs, ys, objects }: Batch<I, M> & Partial<WithObjects<M>>): Promise<CopyPasteBatch<I, M>> {
    const options = { ...this.#options, step: this.#step++ };
    return objects ? copyPasteBatch(xs, ys, { ...options, objects }) : copyPasteBatch(xs, ys, options);
  }
}

/** The part of `tf.data.Dataset` that `copyPaste` uses. */
interface MappableDataset {
  // biome-ignore lint/suspicious/noExplicitAny: the type of a batch is one of TensorFlow.js.
  mapAsync(transform: (batch: any) => Promise<any>): unknown;
}

/**
 * Applies Copy-Paste to each batch of a `tf.data.Dataset` of images and masks `{ xs, ys }` or `{ xs, ys, objects }`, as `.batch(n)` stacks
 * them. Every pass over the dataset continues the steps, so that epochs differ.
 *
 * @returns a dataset of the same tensors, with the shapes and types of the input.
 */
export function copyPaste<D extends MappableDataset>(dataset: D, options: BatchOptions = {}): ReturnType<D['mapAsync']> {
  const algorithm = new CopyPaste(options);
  return dataset.mapAsync(async (batch) => {
    const { images, masks, sourceMasks, area, ...rest } = await algorithm.apply(batch as Batch<Tensor4D, Tensor3D>);
    dispose([sourceMasks, area]);
    return { xs: images, ys: masks, ...('objects' in rest && { objects: rest.objects }) };
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

/** Checks that numbers are given by class id, since masks have no class names. @throws {CopyPasteError} `usage` for another key. */
function checkClassIds(given: BatchOptions): void {
  for (const name of ['scaleByClass', 'classWeights'] as const)
    for (const key of Object.keys(given[name] ?? {}))
      if (!/^\d+$/.test(key))
        throw new CopyPasteError('usage', `${name}: expected class ids, got '${key}'; masks have no class names, so pass ids`);
}

/** Checks object ids. @throws {CopyPasteError} `usage` if their shape or type is wrong, or an option contradicts them. */
function checkObjects(objects: Tensor3D, masks: Tensor3D, given: BatchOptions): void {
  const refuse = (message: string): CopyPasteError => new CopyPasteError('usage', message);
  for (const name of ['instances', 'join'] as const)
    if (given[name] !== undefined) throw refuse(`${name}: with objects, each object is an instance; leave out ${name} or objects`);
  if (String(objects.shape) !== String(masks.shape))
    throw refuse(`objects: expected the shape of the masks, [${masks.shape}], got [${objects.shape}]`);
  if (objects.dtype !== 'int32') throw refuse(`objects: expected int32, got ${objects.dtype}; cast them`);
}

/**
 * Checks that float32 images may lie in the default range, by their largest value. An image from 0 to 1 would be nearly black in it.
 *
 * @throws {CopyPasteError} `usage` if the largest value is above 0 and at most 1.
 */
async function checkDefaultRange(images: Tensor4D): Promise<void> {
  // One value for each sample, since a GPU finds them side by side.
  const largest = max(images, [1, 2, 3]);
  const value = Math.max(...(await largest.data()));
  largest.dispose();
  if (!(value > 0 && value <= 1)) return;
  throw new CopyPasteError(
    'usage',
    `images: float32 values are ${value} at most, so they seem to lie in 0 to 1; pass range: [0, 1], or range: [0, 255] if they are that dark`,
  );
}

/** Reads the masks and object ids of a batch. */
async function readAnnotations(masks: Tensor3D, objects: Tensor3D | undefined, ignore: number | undefined): Promise<Annotation[]> {
  const [, height, width] = masks.shape;
  const [classIds, objectIds] = await Promise.all([
    masks.data().then((ids) => splitIds(ids, { width, height }, ignore ?? 0, 'masks: expected class ids')),
    // The type of the largest id, so that pastes do not run out of ids.
    objects?.data().then((ids) => splitIds(ids, { width, height }, 0xffff, 'objects: expected object ids')),
  ]);
  return classIds.map((mask, i) => ({ mask, ...(objectIds && { objects: objectIds[i] as Mask }) }));
}

/** @param largest an id that the masks' type must be able to hold, even if no mask contains it. */
function splitIds(ids: ArrayLike<number>, size: Size, largest: number, expected: string): Mask[] {
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    if (id < 0 || id > 0xffff) throw new CopyPasteError('data', `${expected} from 0 to 65535, got ${id}; correct them`);
    if (id > largest) largest = id;
  }
  const all = largest > 0xff ? new Uint16Array(ids) : new Uint8Array(ids);
  const pixels = size.width * size.height;
  return Array.from({ length: pixels && all.length / pixels }, (_, i) => ({ ...size, ids: all.subarray(i * pixels, (i + 1) * pixels) }));
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
