import { limitPool } from '../base/buffers.ts';
import { voidId } from '../dataset/classes.ts';
import type { Dataset } from '../dataset/open.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { interrupted } from '../errors.ts';
import type { AugmentOptions } from '../options.ts';
import { isPasted } from '../plan/plan.ts';
import { annotate } from '../render/annotate.ts';
import type { Renderer } from '../render/render.ts';
import { annotateShapes } from '../render/shapes.ts';
import {
  type Annotations,
  type InputFile,
  type PassPlan,
  type Pasted,
  type PastePlan,
  type Plan,
  type Sample,
  sourcePrefix,
} from '../types.ts';
import { createLimit, jobsOf, memoryOf } from './budget.ts';
import { type RenderedPlan, renderGroups } from './groups.ts';
import { createBudgets, createHoldings } from './holdings.ts';
import { handled } from './in-order.ts';
import { type BatchRef, candidateOf, type Planner, type PlannerOptions } from './planner.ts';
import { createSampleReader } from './reading.ts';

/** Options that determine plans and pixels, or limit the work in progress. */
export type PipelineOptions = PlannerOptions & Pick<AugmentOptions, 'instances' | 'minVisible' | 'jobs' | 'memory'>;

/** Callbacks that make a result from each sample of one copy. */
export interface Sink<R> {
  /** True if the original image must be kept; otherwise it may be pasted into in place. */
  readonly keepsOriginal?: boolean;
  /** @param pasted valid until the promise resolves, since its buffers are reused. */
  paste(pasted: Pasted): Promise<R>;
  pass(sample: Sample, plan: PassPlan): Promise<R>;
  skip(sample: Sample, reason: string): R;
}

/** State of the run that may change while batches are in progress. */
export interface RunState {
  /** Reason to skip each sample that crashes a process, by id. */
  readonly poison: ReadonlyMap<string, string>;
  /** Returns `true` once no more work may begin. */
  stopped(): boolean;
}

/** A batch in progress. */
export interface Batch<R> {
  /** Results in the order of the samples; those of bad samples of the source set follow. */
  readonly results: readonly Promise<R>[];
  /** Annotations that sources are drawn from; empty if no sample is a target. */
  readonly sources: Iterable<Annotations>;
}

/** Plans of a batch, with everything that was read for them. */
interface Planned {
  readonly plans: readonly Plan[];
  /** Annotations of the samples that were read, by id. */
  readonly annotations: Map<string, Annotations>;
  /** Reason to skip each bad sample, by id. */
  readonly skipped: ReadonlyMap<string, string>;
  /** Samples of the source set that were read. */
  readonly drawn: ReadonlySet<Sample>;
}

/**
 * Creates a pipeline that reads, plans and renders batches of samples.
 *
 * @param sink returns the sink of each copy.
 */
export function createPipeline<R>(
  dataset: SourcedDataset,
  options: PipelineOptions,
  backend: Renderer,
  planner: Planner,
  sink: (copy: number) => Sink<R>,
  { poison, stopped }: RunState = { poison: new Map(), stopped: () => false },
) {
  const limit = createLimit(jobsOf(options));
  const memory = memoryOf(options);
  const budgets = createBudgets(memory);
  limitPool(memory / 2);
  const readSample = createSampleReader(dataset, options, poison, budgets.working);
  const setOf = ({ id }: Sample): Dataset => (dataset.sources && id.startsWith(sourcePrefix) ? dataset.sources : dataset);
  const refuseStopped = (): void => {
    if (stopped()) throw interrupted();
  };
  const read = (sample: Sample, whole: boolean): Promise<Annotations | string> =>
    limit(async () => {
      refuseStopped();
      return readSample(sample, whole);
    });

  /** @param whole decodes images too with `--skip-bad`, so that bad ones are found. */
  const plan = async (ref: BatchRef, whole: boolean): Promise<Planned> => {
    const { needed, plan: planAll } = planner.batch(ref);
    const annotations = new Map<string, Annotations>();
    const skipped = new Map<string, string>();
    const results = await Promise.all(needed.map((sample) => read(sample, whole)));
    for (const [i, { id }] of needed.entries()) {
      const result = results[i] as Annotations | string;
      if (typeof result === 'string') skipped.set(id, result);
      else annotations.set(id, result);
    }
    const candidates = new Map([...annotations].map(([id, annotation]) => [id, candidateOf(annotation, setOf(annotation.sample))]));
    const drawn = new Set<Sample>();
    const last = new Map<string, Annotations>();
    const plans = await planAll(candidates, async (target, source) => {
      drawn.add(source);
      const result = await read(source, whole);
      if (typeof result === 'string') {
        skipped.set(source.id, result);
        return undefined;
      }
      last.set(target, result);
      return candidateOf(result, setOf(source));
    });
    for (const { id, source } of plans.filter(isPasted)) {
      const from = annotations.get(source) ?? (last.get(id) as Annotations);
      annotations.set(from.sample.id, from);
    }
    return { plans, annotations, skipped, drawn };
  };

  return {
    /** Reads and plans a batch, and returns the samples of the source set that are drawn for it; no image is decoded. */
    async drawsOf(ref: BatchRef): Promise<Sample[]> {
      return [...(await plan(ref, false)).drawn];
    },

    /** Reads and plans a batch, and begins to render its samples. */
    async begin(ref: BatchRef): Promise<Batch<R>> {
      const { keepsOriginal = false, paste, pass, skip } = sink(ref.copy);
      const { plans, annotations, skipped, drawn } = await plan(ref, true);
      const samples = new Map(ref.samples.map((sample) => [sample.id, sample]));
      const results = new Map<Plan, Promise<R>>();
      for (const holdings of createHoldings(plans, annotations, budgets)) {
        const renderer = renderGroups(holdings, annotations, keepsOriginal, backend);
        const make = async (plan: Plan): Promise<R> => {
          refuseStopped();
          const sample = samples.get(plan.id) as Sample;
          const reason = skipped.get(plan.id) ?? poison.get(plan.id);
          if (reason !== undefined) return skip(sample, reason);
          if (!isPasted(plan)) return pass(sample, plan);
          return paste(pastedOf(plan, annotations, await renderer.render(plan), dataset, options));
        };
        const makeHeld = async (plan: Plan): Promise<R> => {
          const leave = await holdings.enter(plan);
          try {
            return await make(plan);
          } finally {
            renderer.release(plan);
            leave();
          }
        };
        for (const plan of holdings.plans) results.set(plan, handled(limit(() => makeHeld(plan))));
      }
      const bad = [...drawn].filter(({ id }) => skipped.has(id)).sort((a, b) => (a.id < b.id ? -1 : 1));
      return {
        results: [
          ...plans.map((plan) => results.get(plan) as Promise<R>),
          ...bad.map(async (sample) => skip(sample, skipped.get(sample.id) as string)),
        ],
        sources: [...annotations.values()].filter(({ sample }) => !dataset.sources || setOf(sample) === dataset.sources),
      };
    },
  };
}

/** Sample that a plan was pasted into, with its annotations after the pastes. */
function pastedOf(
  plan: PastePlan,
  annotations: ReadonlyMap<string, Annotations>,
  rendered: RenderedPlan,
  dataset: SourcedDataset,
  options: PipelineOptions,
): Pasted {
  const [target, source] = [plan.id, plan.source].map((id) => annotations.get(id)) as [Annotations, Annotations];
  const { image } = rendered.target;
  const shaped = target.shapes && annotateShapes(target.shapes, target.mask, plan, rendered.owner, options.minVisible);
  const annotated = annotate(target, dataset.sources ? undefined : source.mask, plan, rendered.owner, {
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

/** Files of a sample that were read: its image, and the files of its annotations. */
function filesRead({ sample, files }: Annotations, { sha256 }: RenderedPlan['target']): InputFile[] {
  return [{ role: 'image', path: sample.image, sha256 }, ...files];
}
