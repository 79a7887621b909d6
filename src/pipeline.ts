import { availableParallelism } from 'node:os';
import pLimit, { type LimitFunction } from 'p-limit';
import { readInput } from './digest.ts';
import { CopyPasteError, messageOf } from './errors.ts';
import { type BatchImages, batchImages, type LoadedImage, renderGroups } from './groups.ts';
import type { AugmentOptions } from './options.ts';
import { batchesOf, type Candidate, isTarget, type PlanOptions, passThrough, planSample, settle } from './plan/plan.ts';
import { decodeMask } from './png.ts';
import { pasteFilter, voidId } from './read/classes.ts';
import type { Dataset } from './read/dataset.ts';
import { findInstances } from './read/instances.ts';
import { annotate, countFreeObjectIds, largestId } from './render/annotate.ts';
import type { Rendered } from './render/render.ts';
import type { Annotations, Backend, Mask, Pasted, Plan, Sample } from './types.ts';

/** The options that plans and pixels follow from. */
export type PipelineOptions = Pick<
  AugmentOptions,
  Exclude<keyof PlanOptions, 'mayPaste'> | 'batchSize' | 'classes' | 'excludeClasses' | 'instances' | 'minVisible' | 'skipBad' | 'jobs'
>;

/** What becomes of samples; each result is yielded in the order of the samples. */
export interface Sink<R> {
  /** @param pasted its pixels are used for other samples afterwards. */
  paste(pasted: Pasted): Promise<R>;
  /** @param areas what the kernel counted for the plan's placements, where it dropped them all. */
  pass(sample: Sample, plan: Plan, areas: readonly number[]): Promise<R>;
  skip(sample: Sample, reason: string): R;
  /** Sees each sample of a batch that sources are drawn from, once a copy. */
  see?(annotations: Annotations): void;
}

/** How many samples are in flight where `--jobs` does not say. */
export function jobLimit({ jobs }: { jobs?: number | undefined }): LimitFunction {
  return pLimit(jobs ?? availableParallelism() + 2);
}

/**
 * Plans and renders every sample of the split that is augmented, batch by batch, on the backend that is active.
 * While one batch is rendered and written, the next is read, and begun where there is room; a decoded image lives
 * as long as its batch.
 */
export async function* runPipeline<R>(
  dataset: Dataset,
  copy: number,
  options: PipelineOptions,
  backend: Pick<Backend, 'batchPixels'>,
  sink: Sink<R>,
): AsyncGenerator<R> {
  const limit = jobLimit(options);
  const planOptions = { ...options, mayPaste: pasteFilter(dataset.classNames, options) };
  const samples = new Map(dataset.samples.map((sample) => [sample.id, sample]));
  const batches = batchesOf([...samples.keys()], options.batchSize, copy, options.seed);

  /** Reads and plans a batch, and puts its samples in line; `undefined` after the last. */
  const begin = async (n: number): Promise<Promise<R>[] | undefined> => {
    const ids = batches[n];
    if (!ids) return undefined;
    const members = ids.map((id) => samples.get(id) as Sample);
    const { annotations, plans, skipped, images } = await prepareBatch(members, copy, dataset, planOptions, options, limit);
    for (const sample of annotations.values()) sink.see?.(sample);
    const renderer = renderGroups(plans, annotations, images, backend.batchPixels);
    const results = plans.map((plan) =>
      handled(
        limit(async () => {
          const sample = samples.get(plan.id) as Sample;
          const reason = skipped.get(plan.id);
          if (reason !== undefined) return sink.skip(sample, reason);
          if (plan.placements.length === 0) return sink.pass(sample, plan, []);
          const [target, source] = [plan.id, plan.source as string].map((id) => annotations.get(id)) as [Annotations, Annotations];
          const rendered = await renderer.render(plan);
          try {
            const settled = settle(plan, rendered.areas);
            if (settled.reason !== undefined) return await sink.pass(sample, settled, rendered.areas);
            return await sink.paste(finish(plan, target, source, await images.load(plan.id), rendered, dataset, options));
          } finally {
            renderer.release(plan, rendered);
          }
        }),
      ),
    );
    void Promise.allSettled(results).then(images.release);
    return results;
  };

  let next = handled(begin(0));
  let results: Promise<R>[] | undefined;
  try {
    for (let n = 1; (results = await next); n++) {
      next = handled(begin(n));
      for (const result of results) yield await result;
    }
  } finally {
    // Nothing is under way once the caller goes on, whatever happened.
    await Promise.allSettled([...(results ?? []), ...((await next.catch(() => undefined)) ?? [])]);
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

interface PreparedBatch {
  readonly plans: readonly Plan[];
  readonly annotations: ReadonlyMap<string, Annotations>;
  readonly skipped: ReadonlyMap<string, string>;
  readonly images: BatchImages;
}

async function prepareBatch(
  samples: readonly Sample[],
  copy: number,
  dataset: Dataset,
  planOptions: PlanOptions,
  options: PipelineOptions,
  limit: LimitFunction,
): Promise<PreparedBatch> {
  const annotations = new Map<string, Annotations>();
  const skipped = new Map<string, string>();
  if (options.skipBad || samples.some(({ id }) => isTarget(id, copy, planOptions))) {
    const read = await limit.map(samples, async (sample) => {
      try {
        const annotation = await readAnnotations(sample, dataset, options);
        // A damaged image is found before a plan counts on it.
        if (options.skipBad) await batchImages(dataset.root, [annotation]).load(annotation.sample.id);
        return annotation;
      } catch (error) {
        if (!options.skipBad || !(error instanceof CopyPasteError) || error.code === 'usage') throw error;
        return messageOf(error);
      }
    });
    samples.forEach(({ id }, i) => {
      const result = read[i] as Annotations | string;
      if (typeof result === 'string') skipped.set(id, result);
      else annotations.set(id, result);
    });
  }
  const candidates = new Map([...annotations].map(([id, annotation]) => [id, candidateOf(annotation, dataset)]));
  const pool = [...candidates.values()];
  const plans = samples.map(({ id }) => {
    const candidate = candidates.get(id);
    return candidate ? planSample(candidate, pool, copy, planOptions) : passThrough(id, copy, 'not drawn');
  });
  const used = new Set(plans.flatMap(({ id, source, placements }) => (placements.length > 0 ? [id, source as string] : [])));
  return {
    plans,
    annotations,
    skipped,
    images: batchImages(
      dataset.root,
      [...used].map((id) => annotations.get(id) as Annotations),
    ),
  };
}

/**
 * Reads a sample's masks and finds its instances.
 *
 * @throws {CopyPasteError} `data` for a damaged mask, `usage` for one that cannot hold the ignore id.
 */
async function readAnnotations(sample: Sample, dataset: Dataset, { instances, jitter }: PipelineOptions): Promise<Annotations> {
  const ignore = voidId(dataset.ignore, jitter) ?? 0;
  const read = async (file: string, padded: boolean): Promise<{ mask: Mask; sha256: string }> => {
    const { bytes, sha256 } = await readInput(dataset.root, file);
    const mask = decodeMask(bytes, file);
    if (padded && ignore > largestId(mask)) throw new CopyPasteError('usage', `--ignore ${ignore} does not fit the 8 bits of ${file}`);
    return { mask, sha256 };
  };
  const { mask, sha256 } = await read(sample.mask, jitter === 'scene');
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
    ...findInstances(mask, objects.mask, instances, dataset.leftOut),
    digests: { mask: sha256, objects: objects.sha256 },
  };
}

function candidateOf({ sample, mask, objects, objectPixels, instances }: Annotations, { leftOut }: Dataset): Candidate {
  return {
    id: sample.id,
    width: mask.width,
    height: mask.height,
    instances,
    capacity: objects && objectPixels ? countFreeObjectIds(objects, objectPixels, leftOut) : Number.POSITIVE_INFINITY,
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
  const annotated = annotate(target, source.mask, plan, rendered, {
    leftOut: dataset.leftOut,
    ignore: voidId(dataset.ignore, options.jitter),
    minVisible: options.minVisible,
  });
  return {
    ...annotated,
    sample: target.sample,
    plan,
    image: { width, height, pixels: rendered.pixels, channels, ...(icc && { icc }) },
    owner: rendered.owner,
    areas: rendered.areas,
    original: { image, mask: target.mask, ...(target.objects && { objects: target.objects }) },
    inputs: { image: sha256, ...target.digests },
  };
}
