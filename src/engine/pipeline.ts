import { giveBack, keepWaiting } from '../base/buffers.ts';
import { readAnnotations } from '../dataset/annotations.ts';
import { voidId } from '../dataset/classes.ts';
import type { Dataset } from '../dataset/open.ts';
import { mapInstances, type SourcedDataset } from '../dataset/sources.ts';
import { CopyPasteError, interrupted, messageOf } from '../errors.ts';
import type { AugmentOptions } from '../options.ts';
import { settle } from '../plan/plan.ts';
import { annotate } from '../render/annotate.ts';
import { annotateShapes } from '../render/shapes.ts';
import { type Annotations, type InputFile, type Pasted, type Plan, type Sample, sourcePrefix } from '../types.ts';
import { createBudget, createLimit, jobsOf, memoryOf } from './budget.ts';
import { batchImages, bytesOfImage, countUses, inChains, type RenderedPlan, type Rendering, renderGroups, samplesOf } from './groups.ts';
import { handled } from './in-order.ts';
import { type BatchRef, candidateOf, type Planner, type PlannerOptions } from './planner.ts';

/** Options that plans and pixels follow from. */
export type PipelineOptions = PlannerOptions & Pick<AugmentOptions, 'instances' | 'minVisible' | 'jobs' | 'memory'>;

/** What becomes of the samples of one copy. */
export interface Sink<R> {
  /** It looks at the image as it was, which else may be pasted into in place. */
  readonly keepsOriginal?: boolean;
  /** @param pasted its pixels are used for other samples afterwards. */
  paste(pasted: Pasted): Promise<R>;
  /** @param areas what the kernel counted for the plan's placements, where it dropped them all. */
  pass(sample: Sample, plan: Plan, areas: readonly number[]): Promise<R>;
  skip(sample: Sample, reason: string): R;
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
  /** In the order of its samples; bad ones of the source set follow. */
  readonly results: readonly Promise<R>[];
  /** What sources are drawn from; nothing where no sample is a target. */
  readonly sources: Iterable<Annotations>;
}

/**
 * Renders what a planner plans, batch by batch, on the backend that is active; an image and a mask are
 * given back after the last plan of the batch that uses them.
 *
 * @param sink for each copy.
 */
export function createPipeline<R>(
  dataset: SourcedDataset,
  options: PipelineOptions,
  backend: Rendering,
  planner: Planner,
  sink: (copy: number) => Sink<R>,
  circumstances: Circumstances = { poison: new Map(), stopped: () => false },
) {
  const limit = createLimit(jobsOf(options));
  const memory = memoryOf(options);
  const [decoded, working] = [createBudget(memory / 2), createBudget(memory / 2)];
  keepWaiting(memory / 2);
  const guarded = async <T>(step: () => Promise<T>): Promise<T> => {
    if (circumstances.stopped()) throw interrupted();
    return step();
  };
  const setOf = ({ id }: Sample): Dataset => (dataset.sources && id.startsWith(sourcePrefix) ? dataset.sources : dataset);
  const tryImage = async (annotation: Annotations): Promise<void> => {
    const images = batchImages([annotation]);
    const { id } = annotation.sample;
    const leave = await working.take(images.bytes);
    try {
      await images.load(id);
    } finally {
      images.release(id);
      leave();
    }
  };
  /** Reads the annotation of a sample; of a bad one, where it may be skipped, why it is. @param whole its image is tried too. */
  const read = async (sample: Sample, whole: boolean): Promise<Annotations | string> => {
    const known = circumstances.poison.get(sample.id);
    if (known !== undefined) return known;
    try {
      const annotation = await readSourced(sample, dataset, options);
      // A damaged image is found before a plan counts on it.
      if (options.skipBad && whole) await tryImage(annotation);
      return annotation;
    } catch (error) {
      if (!options.skipBad || !(error instanceof CopyPasteError) || error.code !== 'data') throw error;
      return messageOf(error);
    }
  };
  /** Reads and plans a batch. @param whole images are tried where bad ones may be skipped. */
  const plan = async (ref: BatchRef, whole = true) => {
    const { needed, plan: planAll } = planner.batch(ref);
    const annotations = new Map<string, Annotations>();
    const skipped = new Map<string, string>();
    const note = (sample: Sample, result: Annotations | string): void => {
      if (typeof result === 'string') skipped.set(sample.id, result);
      else annotations.set(sample.id, result);
    };
    const results = await Promise.all(needed.map((sample) => limit(() => guarded(() => read(sample, whole)))));
    for (const [i, sample] of needed.entries()) note(sample, results[i] as Annotations | string);
    const candidates = new Map([...annotations].map(([id, annotation]) => [id, candidateOf(annotation, setOf(annotation.sample))]));
    const last = new Map<string, Annotations>();
    const bad = new Map<string, Sample>();
    const drawn = new Set<Sample>();
    const plans = await planAll(candidates, async (target, source) => {
      drawn.add(source);
      const result = await limit(() => guarded(() => read(source, whole)));
      if (typeof result === 'string') {
        skipped.set(source.id, result);
        bad.set(source.id, source);
        return undefined;
      }
      last.set(target, result);
      return candidateOf(result, setOf(source));
    });
    for (const one of plans.filter(isPasted)) {
      const source = annotations.get(one.source as string) ?? (last.get(one.id) as Annotations);
      annotations.set(source.sample.id, source);
    }
    return { plans, annotations, skipped, drawn, bad: [...bad.values()].sort((a, b) => (a.id < b.id ? -1 : 1)) };
  };
  return {
    /** The samples of a source set that are drawn for a batch; no image is decoded. */
    async drawsOf(ref: BatchRef): Promise<Sample[]> {
      return [...(await plan(ref, false)).drawn];
    },

    /** Reads and plans a batch, and puts its samples in line. */
    async begin(ref: BatchRef): Promise<Batch<R>> {
      const { keepsOriginal = false, paste, pass, skip } = sink(ref.copy);
      const { samples } = ref;
      const { plans, annotations, skipped, bad } = await plan(ref);
      const byId = new Map(samples.map((sample) => [sample.id, sample]));
      // A batch whose images together are too large is rendered part by part; what parts share is decoded again.
      const parts = divide(inChains(plans), annotations, decoded.bytes / 2);
      const results = new Map<Plan, Promise<R>>();
      const used = new Set(plans.flatMap(samplesOf));
      // Nobody has instances of a sample after its last use: what they are made of is used again.
      const forget = (id: string): void => {
        const { mask, objects, instances } = annotations.get(id) as Annotations;
        for (const { ids } of objects ? [mask, objects] : [mask]) giveBack(ids);
        if (instances[0]) giveBack(instances[0].spans);
      };
      for (const id of annotations.keys()) if (!used.has(id)) forget(id);
      const annotationUses = countUses(plans, forget);
      for (const part of parts) {
        const images = batchImages([...new Set(part.flatMap(samplesOf))].map((id) => annotations.get(id) as Annotations));
        const imageUses = countUses(part, images.release);
        const renderer = renderGroups(part, annotations, images, imageUses, keepsOriginal, backend);
        let taken: Promise<() => void> | undefined;
        const done = part.map((plan) => {
          const result = handled(
            limit(() =>
              guarded(async () => {
                const sample = byId.get(plan.id) as Sample;
                const reason = skipped.get(plan.id) ?? circumstances.poison.get(plan.id);
                if (reason !== undefined) return skip(sample, reason);
                if (!isPasted(plan)) return pass(sample, plan, []);
                const [target, source] = [plan.id, plan.source as string].map((id) => annotations.get(id)) as [Annotations, Annotations];
                taken ??= decoded.take(images.bytes);
                await taken;
                const leave = await working.take(workingCopies * bytesOfImage(target));
                try {
                  const rendered = await renderer.render(plan);
                  try {
                    const settled = settle(plan, rendered.areas);
                    if (settled.reason !== undefined) return await pass(sample, settled, rendered.areas);
                    return await paste(finish(plan, target, source, rendered, dataset, options));
                  } finally {
                    renderer.release(plan, rendered);
                  }
                } finally {
                  leave();
                }
              }),
            ).finally(() => {
              for (const id of samplesOf(plan)) {
                imageUses.leave(plan, id);
                annotationUses.leave(plan, id);
              }
            }),
          );
          results.set(plan, result);
          return result;
        });
        void Promise.allSettled(done).then(async () => (await taken)?.());
      }
      const sources = [...annotations.values()].filter(({ sample }) => !dataset.sources || setOf(sample) === dataset.sources);
      return {
        results: [
          ...plans.map((plan) => results.get(plan) as Promise<R>),
          ...bad.map(async (sample) => skip(sample, skipped.get(sample.id) as string)),
        ],
        sources,
      };
    },
  };
}

/** What a target takes on its way, in sizes of its image: decoded, pasted into, its owner, filtered, compressed. */
const workingCopies = 6;

function isPasted({ placements }: Plan): boolean {
  return placements.length > 0;
}

/** Divides the plans of a batch, in order, so that the images of each part have at most so many bytes, where one plan's have. */
function divide(plans: readonly Plan[], annotations: ReadonlyMap<string, Annotations>, most: number): Plan[][] {
  const parts: Plan[][] = [[]];
  let ids = new Set<string>();
  let bytes = 0;
  for (const plan of plans) {
    const own = samplesOf(plan);
    const cost = (known: ReadonlySet<string>): number =>
      own.filter((id) => !known.has(id)).reduce((sum, id) => sum + bytesOfImage(annotations.get(id) as Annotations), 0);
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

/** The annotation of a sample, with instances as classes of the data set that is pasted into. */
async function readSourced(sample: Sample, dataset: SourcedDataset, options: PipelineOptions): Promise<Annotations> {
  const { sources } = dataset;
  if (!sources) return readAnnotations(sample, dataset, options);
  if (sample.id.startsWith(sourcePrefix)) {
    const annotation = await readAnnotations(sample, sources, { ...options, jitter: 'instance' });
    return { ...annotation, instances: mapInstances(annotation.instances, sources.classes) };
  }
  // Nothing is copied from it.
  return readAnnotations(sample, dataset, { ...options, instances: sample.objects === undefined ? 'class' : options.instances });
}

/** Puts together what came of a plan. */
function finish(
  plan: Plan,
  target: Annotations,
  source: Annotations,
  rendered: RenderedPlan,
  dataset: SourcedDataset,
  options: PipelineOptions,
): Pasted {
  const { image } = rendered.target;
  const shaped = target.shapes && annotateShapes(target.shapes, target.mask, plan, rendered.owner, options.minVisible);
  const annotated = annotate(target, dataset.sources ? undefined : source.mask, plan, rendered, {
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
    image: { ...image, pixels: rendered.pixels },
    owner: rendered.owner,
    areas: rendered.areas,
    original: {
      image,
      mask: target.mask,
      ...(target.objects && { objects: target.objects }),
      ...(target.shapes && { shapes: target.shapes }),
    },
    source: {
      sample: source.sample,
      ...(source.shapes && { shapes: source.shapes }),
      ...(dataset.sources && { inputs: filesRead(source, rendered.source) }),
    },
    inputs: filesRead(target, rendered.target),
  };
}

/** Files of a sample that were read: its image, and those of its annotations. */
function filesRead({ sample, files }: Annotations, { sha256 }: RenderedPlan['target']): InputFile[] {
  return [{ role: 'image', path: sample.image, sha256 }, ...files];
}
