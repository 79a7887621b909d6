import { limitPool } from '../base/buffers.ts';
import type { Meter } from '../base/meter.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { interrupted } from '../errors.ts';
import type { AugmentOptions } from '../options.ts';
import { isPasted } from '../plan/plan.ts';
import type { Renderer } from '../render/render.ts';
import type { Annotations, PassPlan, Pasted, Plan, Sample } from '../types.ts';
import { createLimit, jobsOf, memoryOf } from './budget.ts';
import { type PlanRenderer, renderGroups } from './groups.ts';
import { createBudgets, createHoldings } from './holdings.ts';
import { bytesOfImage } from './images.ts';
import { handled } from './in-order.ts';
import { pastedOf } from './pasted.ts';
import type { BatchRef, Planner, PlannerOptions } from './planner.ts';
import { badSources, type Planned, readAndPlan, sourcesRead } from './read-and-plan.ts';
import { createSampleReader } from './reading.ts';

/** Options that determine plans and pixels, or limit the work in progress. */
export type PipelineOptions = PlannerOptions & Pick<AugmentOptions, 'instances' | 'join' | 'minVisible' | 'blend' | 'jobs' | 'memory'>;

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
  /** Identity of the output folder, if the run has one. */
  readonly home?: string | undefined;
  /** Receives each sample that is done. */
  readonly meter?: Pick<Meter, 'add'> | undefined;
}

/** A batch in progress. */
export interface Batch<R> {
  /** Results in the order of the samples; those of bad samples of the source set follow. */
  readonly results: readonly Promise<R>[];
  /** Annotations that sources are drawn from; empty if no sample is a target. */
  readonly sources: Iterable<Annotations>;
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
  planner: Pick<Planner, 'batch'>,
  sink: (copy: number) => Sink<R>,
  { poison, stopped, meter }: RunState = { poison: new Map(), stopped: () => false },
) {
  const limit = createLimit(jobsOf(options));
  const memory = memoryOf(options);
  const budgets = createBudgets(memory);
  limitPool(memory / 2);
  const readSample = createSampleReader(dataset, options, poison, budgets.working);
  const refuseStopped = (): void => {
    if (stopped()) throw interrupted();
  };
  const read = (sample: Sample, whole: boolean): Promise<Annotations | string> =>
    limit(async () => {
      refuseStopped();
      return readSample(sample, whole);
    });

  /** @param whole decodes images too with `--skip-bad`, so that bad ones are found. */
  const plan = (ref: BatchRef, whole: boolean): Promise<Planned> =>
    readAndPlan(planner.batch(ref), dataset, (sample) => read(sample, whole));

  const make = async (plan: Plan, sample: Sample, planned: Planned, renderer: PlanRenderer, { paste, pass, skip }: Sink<R>): Promise<R> => {
    refuseStopped();
    const reason = planned.skipped.get(plan.id) ?? poison.get(plan.id);
    if (reason !== undefined) return skip(sample, reason);
    if (!isPasted(plan)) return pass(sample, plan);
    return paste(pastedOf(plan, planned.annotations, await renderer.render(plan), dataset, options));
  };

  return {
    /** Reads and plans a batch, and returns the samples of the source set that are drawn for it; no image is decoded. */
    async drawsOf(ref: BatchRef): Promise<Sample[]> {
      return [...(await plan(ref, false)).drawn.values()];
    },

    /** Reads and plans a batch, and begins to render its samples. */
    async begin(ref: BatchRef): Promise<Batch<R>> {
      const own = sink(ref.copy);
      const planned = await plan(ref, true);
      const { plans, annotations, skipped } = planned;
      const samples = new Map(ref.samples.map((sample) => [sample.id, sample]));
      const results = new Map<Plan, Promise<R>>();
      for (const holdings of createHoldings(plans, annotations, budgets)) {
        const renderer = renderGroups(holdings, annotations, own.keepsOriginal ?? false, options, backend);
        const makeHeld = async (plan: Plan): Promise<R> => {
          const leave = await holdings.enter(plan);
          try {
            const sample = samples.get(plan.id) as Sample;
            const result = await make(plan, sample, planned, renderer, own);
            meter?.add(bytesOfImage(sample), plan.placements.length);
            return result;
          } finally {
            renderer.release(plan);
            leave();
          }
        };
        for (const plan of holdings.plans) results.set(plan, handled(limit(() => makeHeld(plan))));
      }
      return {
        results: [
          ...plans.map((plan) => results.get(plan) as Promise<R>),
          ...badSources(planned).map(async (sample) => own.skip(sample, skipped.get(sample.id) as string)),
        ],
        sources: sourcesRead(planned, dataset),
      };
    },
  };
}
