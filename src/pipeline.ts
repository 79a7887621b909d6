import { availableParallelism } from 'node:os';
import pLimit from 'p-limit';
import { createBudget, memoryOf } from './budget.ts';
import { keepWaiting } from './buffers.ts';
import { readInput } from './digest.ts';
import { CopyPasteError, interrupted, messageOf } from './errors.ts';
import { batchImages, type LoadedImage, renderGroups } from './groups.ts';
import type { AugmentOptions } from './options.ts';
import { batchesOf, type Candidate, isTarget, type PlanOptions, passThrough, planSample, settle } from './plan/plan.ts';
import { decodeMask } from './png.ts';
import { pasteFilter, voidId } from './read/classes.ts';
import type { Dataset } from './read/dataset.ts';
import { type DocumentReader, readEntry } from './read/documents.ts';
import { findInstances, paintShapes } from './read/instances.ts';
import { type LabelReader, layoutNamed } from './read/layouts.ts';
import { annotate, countFreeObjectIds, largestId } from './render/annotate.ts';
import type { Rendered } from './render/render.ts';
import { annotateShapes } from './render/shapes.ts';
import type { Annotations, Backend, Document, Mask, Pasted, Plan, Sample, ShapeSet, Size } from './types.ts';

/** The options that plans and pixels follow from. */
export type PipelineOptions = Pick<
  AugmentOptions,
  | Exclude<keyof PlanOptions, 'mayPaste'>
  | 'batchSize'
  | 'classes'
  | 'excludeClasses'
  | 'instances'
  | 'minVisible'
  | 'skipBad'
  | 'jobs'
  | 'memory'
>;

/** What becomes of the samples of one copy. */
export interface Sink<R> {
  /** @param pasted its pixels are used for other samples afterwards. */
  paste(pasted: Pasted): Promise<R>;
  /** @param areas what the kernel counted for the plan's placements, where it dropped them all. */
  pass(sample: Sample, plan: Plan, areas: readonly number[]): Promise<R>;
  skip(sample: Sample, reason: string): R;
}

/** How many samples are in flight where `--jobs` does not say. */
export function jobsOf({ jobs }: { jobs?: number | undefined }): number {
  return jobs ?? availableParallelism() + 2;
}

/** One batch of one copy, by its number. */
export interface BatchRef {
  readonly copy: number;
  readonly n: number;
}

/** Samples that share what is decoded for them. */
export interface PlannedBatch {
  readonly samples: readonly Sample[];
  /** Samples that plans are made of; their annotations are read. */
  readonly needed: readonly Sample[];
  /** @param candidates what was read, by id; a sample that is missing is bad. @returns a plan for each sample. */
  plan(candidates: ReadonlyMap<string, Candidate>): readonly Plan[];
}

/** Says what is pasted where. */
export interface Planner {
  /** Every batch, in order. */
  batches(): Iterable<BatchRef>;
  batch(ref: BatchRef): PlannedBatch;
}

/** What may be said from outside of samples and of the run. */
export interface Circumstances {
  /** Samples that may not be opened, and why. */
  readonly poison: ReadonlyMap<string, string>;
  /** Whether nothing more is to be begun. */
  stopped(): boolean;
}

/** A batch that is under way. */
export interface Batch<R> {
  /** In the order of its samples. */
  readonly results: readonly Promise<R>[];
  /** What was read of its samples; nothing where none of them is a target. */
  readonly annotations: Iterable<Annotations>;
}

/** Plans samples anew: every batch of every copy, in the seeded order. */
export function createPlanner(dataset: Dataset, options: PipelineOptions, copies: number): Planner {
  const planOptions: PlanOptions = { ...options, mayPaste: pasteFilter(dataset.classNames, options) };
  const samples = new Map(dataset.samples.map((sample) => [sample.id, sample]));
  const orders = new Map<number, string[][]>();
  const order = (copy: number): string[][] => {
    const known = orders.get(copy) ?? batchesOf([...samples.keys()], options.batchSize, copy, options.seed);
    orders.set(copy, known);
    return known;
  };
  return {
    *batches() {
      for (let copy = 0; copy < copies; copy++) for (let n = 0; n < order(copy).length; n++) yield { copy, n };
    },
    batch({ copy, n }) {
      const members = (order(copy)[n] as string[]).map((id) => samples.get(id) as Sample);
      const drawn = options.skipBad || members.some(({ id }) => isTarget(id, copy, planOptions));
      return {
        samples: members,
        needed: drawn ? members : [],
        plan: (candidates) => {
          const pool = [...candidates.values()];
          return members.map(({ id }) => {
            const candidate = candidates.get(id);
            return candidate ? planSample(candidate, pool, copy, planOptions) : passThrough(id, copy, 'not drawn');
          });
        },
      };
    },
  };
}

/**
 * Renders what a planner plans, batch by batch, on the backend that is active; a decoded image lives as long as its
 * batch.
 *
 * @param sink for each copy.
 */
export function createPipeline<R>(
  dataset: Dataset,
  options: PipelineOptions,
  backend: Pick<Backend, 'batchPixels'>,
  planner: Planner,
  sink: (copy: number) => Sink<R>,
  circumstances: Circumstances = { poison: new Map(), stopped: () => false },
) {
  const limit = pLimit(jobsOf(options));
  const memory = memoryOf(options);
  const [decoded, working] = [createBudget(memory / 2), createBudget(memory / 2)];
  keepWaiting(memory / 2);
  const guarded = async <T>(step: () => Promise<T>): Promise<T> => {
    if (circumstances.stopped()) throw interrupted();
    return step();
  };
  const tryImage = async (annotation: Annotations): Promise<void> => {
    const images = batchImages(dataset, [annotation]);
    const giveBack = await working.take(images.bytes);
    try {
      await images.load(annotation.sample.id);
    } finally {
      images.release();
      giveBack();
    }
  };
  return {
    /** Reads and plans a batch, and puts its samples in line. */
    async begin(ref: BatchRef): Promise<Batch<R>> {
      const { paste, pass, skip } = sink(ref.copy);
      const { samples, needed, plan: planAll } = planner.batch(ref);
      const byId = new Map(samples.map((sample) => [sample.id, sample]));
      const { annotations, skipped } = await readBatch(needed, dataset, options, circumstances.poison, tryImage, (samples, read) =>
        limit.map(samples, (sample) => guarded(() => read(sample))),
      );
      const plans = planAll(new Map([...annotations].map(([id, annotation]) => [id, candidateOf(annotation, dataset)])));
      // A batch whose images together are too large is rendered part by part; what parts share is decoded again.
      const parts = divide(plans, annotations, decoded.bytes / 2);
      const results = parts.flatMap((part) => {
        const ids = new Set(part.filter(isPasted).flatMap(({ id, source }) => [id, source as string]));
        const images = batchImages(
          dataset,
          [...ids].map((id) => annotations.get(id) as Annotations),
        );
        const renderer = renderGroups(part, annotations, images, backend.batchPixels);
        let taken: Promise<() => void> | undefined;
        const done = part.map((plan) =>
          handled(
            limit(() =>
              guarded(async () => {
                const sample = byId.get(plan.id) as Sample;
                const reason = skipped.get(plan.id) ?? circumstances.poison.get(plan.id);
                if (reason !== undefined) return skip(sample, reason);
                if (!isPasted(plan)) return pass(sample, plan, []);
                const [target, source] = [plan.id, plan.source as string].map((id) => annotations.get(id)) as [Annotations, Annotations];
                taken ??= decoded.take(images.bytes);
                await taken;
                const giveBack = await working.take(workingBytes * target.mask.ids.length);
                try {
                  const rendered = await renderer.render(plan);
                  try {
                    const settled = settle(plan, rendered.areas);
                    if (settled.reason !== undefined) return await pass(sample, settled, rendered.areas);
                    return await paste(finish(plan, target, source, await images.load(plan.id), rendered, dataset, options));
                  } finally {
                    renderer.release(plan, rendered);
                  }
                } finally {
                  giveBack();
                }
              }),
            ),
          ),
        );
        void Promise.allSettled(done).then(async () => {
          images.release();
          (await taken)?.();
        });
        return done;
      });
      return { results, annotations: annotations.values() };
    },
  };
}

/** What a pixel of a target takes on its way: decoded, rendered, its owner, packed, filtered, compressed. */
const workingBytes = 24;

function isPasted({ placements }: Plan): boolean {
  return placements.length > 0;
}

/** Divides the plans of a batch, in order, so that the images of each part have at most so many bytes, where one plan's have. */
function divide(plans: readonly Plan[], annotations: ReadonlyMap<string, Annotations>, most: number): Plan[][] {
  const parts: Plan[][] = [[]];
  let ids = new Set<string>();
  let bytes = 0;
  for (const plan of plans) {
    const own = isPasted(plan) ? [plan.id, plan.source as string] : [];
    const cost = (known: ReadonlySet<string>): number =>
      [...new Set(own)]
        .filter((id) => !known.has(id))
        .reduce((sum, id) => sum + 4 * (annotations.get(id) as Annotations).mask.ids.length, 0);
    if (ids.size > 0 && bytes + cost(ids) > most) {
      parts.push([]);
      ids = new Set();
      bytes = 0;
    }
    bytes += cost(ids);
    for (const id of own) ids.add(id);
    (parts.at(-1) as Plan[]).push(plan);
  }
  return parts;
}

/**
 * Begins batches in order, some ahead of the one that is yielded, so that there is always work in line.
 *
 * @param ahead how many.
 */
export async function* inOrder<B extends { readonly results: readonly Promise<unknown>[] }>(
  refs: Iterable<BatchRef>,
  begin: (ref: BatchRef) => Promise<B>,
  ahead: number,
): AsyncGenerator<B> {
  const begun: Promise<B>[] = [];
  try {
    for (const ref of refs) {
      begun.push(handled(begin(ref)));
      if (begun.length <= ahead) continue;
      yield await (begun[0] as Promise<B>);
      begun.shift();
    }
    for (; begun.length > 0; begun.shift()) yield await (begun[0] as Promise<B>);
  } finally {
    // Nothing is under way once the caller goes on, whatever happened.
    for (const batch of await Promise.allSettled(begun)) {
      if (batch.status === 'fulfilled') await Promise.allSettled(batch.value.results);
    }
  }
}

/** A promise that may fail before anyone awaits it: whoever does sees the error. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/**
 * Checks options against the data set that they are for.
 *
 * @throws {CopyPasteError} `usage` for a class that there is not, or a scene jitter without an ignore id.
 */
export function checkOptions(dataset: Dataset, options: PipelineOptions): void {
  pasteFilter(dataset.classNames, options);
  voidId(dataset.ignore, options.jitter);
}

/** Reads the annotations of samples; of the bad ones, where they may be skipped, why they are. */
async function readBatch(
  samples: readonly Sample[],
  dataset: Dataset,
  options: PipelineOptions,
  poison: ReadonlyMap<string, string>,
  tryImage: (annotation: Annotations) => Promise<void>,
  each: (samples: readonly Sample[], read: (sample: Sample) => Promise<Annotations | string>) => Promise<(Annotations | string)[]>,
): Promise<{ annotations: Map<string, Annotations>; skipped: Map<string, string> }> {
  const annotations = new Map<string, Annotations>();
  const skipped = new Map<string, string>();
  const read = await each(samples, async (sample) => {
    const known = poison.get(sample.id);
    if (known !== undefined) return known;
    try {
      const annotation = await readAnnotations(sample, dataset, options);
      // A damaged image is found before a plan counts on it.
      if (options.skipBad) await tryImage(annotation);
      return annotation;
    } catch (error) {
      if (!options.skipBad || !(error instanceof CopyPasteError) || error.code !== 'data') throw error;
      return messageOf(error);
    }
  });
  samples.forEach(({ id }, i) => {
    const result = read[i] as Annotations | string;
    if (typeof result === 'string') skipped.set(id, result);
    else annotations.set(id, result);
  });
  return { annotations, skipped };
}

/**
 * Reads a sample's masks and finds its instances.
 *
 * @throws {CopyPasteError} `data` for a damaged mask, `usage` for one that cannot hold the ignore id.
 */
export async function readAnnotations(
  sample: Sample,
  dataset: Dataset,
  { instances, jitter }: Pick<PipelineOptions, 'instances' | 'jitter'>,
): Promise<Annotations> {
  const ignore = voidId(dataset.ignore, jitter) ?? 0;
  const read = async (file: string, padded: boolean): Promise<{ mask: Mask; sha256: string }> => {
    const { bytes, sha256 } = await readInput(dataset, file);
    const mask = decodeMask(bytes, file, dataset.colours);
    if (padded && mask.colours && ignore >= mask.colours.byId.length)
      throw new CopyPasteError('usage', `--ignore ${ignore}: the colour map has no colour for it`);
    if (padded && ignore > largestId(mask)) throw new CopyPasteError('usage', `--ignore ${ignore} does not fit the 8 bits of ${file}`);
    return { mask, sha256 };
  };
  if (sample.entry) {
    const { documents } = layoutNamed(dataset.layout);
    const mask = sample.mask === undefined ? undefined : { path: sample.mask, ...(await readInput(dataset, sample.mask)) };
    const document = dataset.documents.get(sample.split) as Document;
    const parts = await readEntry(dataset.root, sample.entry);
    const shapes = await (documents as DocumentReader).shapes(parts, document, dataset.classNames, mask);
    return { sample, shapes, ...paintShapes(shapes), digests: mask ? { mask: mask.sha256 } : {} };
  }
  if (sample.mask === undefined) {
    // An image without a label file has nothing on it.
    const labels = sample.labels === undefined ? undefined : await readInput(dataset, sample.labels);
    const shapes = readShapes(labels?.bytes, sample, dataset);
    return { sample, shapes, ...paintShapes(shapes), digests: labels ? { labels: labels.sha256 } : {} };
  }
  const { mask, sha256 } = await read(sample.mask as string, jitter === 'scene');
  if (sample.objects === undefined) {
    if (instances === 'object') {
      throw new CopyPasteError('usage', `${sample.id}: has no instance mask, which --instances object needs; say --instances component`);
    }
    return { sample, mask, ...findInstances(mask, undefined, instances, dataset.leftOut), digests: { mask: sha256 } };
  }
  // An object that is given up becomes void in the instance mask.
  const objects = await read(sample.objects, true);
  return {
    sample,
    mask,
    objects: objects.mask,
    ...findInstances(mask, objects.mask, instances, dataset.leftOut, dataset.leftOutObjects),
    digests: { mask: sha256, objects: objects.sha256 },
  };
}

/** The shapes of a sample's label file; of an image without one, none. */
export function readShapes(bytes: Uint8Array | undefined, { labels = '', size }: Sample, { layout, classNames }: Dataset): ShapeSet {
  if (bytes === undefined) return { size: size as Size, shapes: [] };
  return (layoutNamed(layout).labels as LabelReader).shapes(bytes, size as Size, labels, classNames);
}

function candidateOf({ sample, mask, objects, objectPixels, instances }: Annotations, { leftOutObjects, objectIds }: Dataset): Candidate {
  return {
    id: sample.id,
    width: mask.width,
    height: mask.height,
    instances,
    // A file that is not there cannot be written anew.
    capacity:
      sample.size && sample.labels === undefined
        ? 0
        : objects && objectPixels
          ? countFreeObjectIds(objects, objectPixels, leftOutObjects, objectIds)
          : Number.POSITIVE_INFINITY,
    largestId: largestId(mask),
  };
}

/** Puts together what came of a plan. */
function finish(
  plan: Plan,
  target: Annotations,
  source: Annotations,
  { image, sha256 }: LoadedImage,
  rendered: Rendered,
  dataset: Dataset,
  options: PipelineOptions,
): Pasted {
  const { width, height, channels, icc } = image;
  const shaped = target.shapes && annotateShapes(target.shapes, target.mask, plan, rendered.owner, options.minVisible);
  const annotated = annotate(target, source.mask, plan, rendered, {
    leftOut: dataset.leftOut,
    leftOutObjects: dataset.leftOutObjects,
    objectIds: dataset.objectIds,
    ignore: voidId(dataset.ignore, options.jitter),
    minVisible: options.minVisible,
  });
  return {
    ...annotated,
    ...shaped,
    sample: target.sample,
    plan,
    image: { width, height, pixels: rendered.pixels, channels, ...(icc && { icc }) },
    owner: rendered.owner,
    areas: rendered.areas,
    original: {
      image,
      mask: target.mask,
      ...(target.objects && { objects: target.objects }),
      ...(target.shapes && { shapes: target.shapes }),
    },
    ...(source.shapes && { source: source.shapes }),
    inputs: { image: sha256, ...target.digests },
  };
}
