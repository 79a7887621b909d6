import type { List } from '../base/list.ts';
import { knownStuff } from '../dataset/class-map.ts';
import { byClassId, pasteFilter, ruleClasses } from '../dataset/classes.ts';
import type { Dataset } from '../dataset/open.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { countFreeObjectIds, largestId } from '../masks/ids.ts';
import type { AugmentOptions } from '../options.ts';
import { batchesOf } from '../plan/batches.ts';
import type { Measures } from '../plan/measures.ts';
import { placesOf } from '../plan/places.ts';
import { type Candidate, isSource, mayBeTarget, type PlanOptions, passThrough, planFromSet, planSample } from '../plan/plan.ts';
import type { Annotations, Plan, Sample } from '../types.ts';

/** Options that determine plans. */
export type PlannerOptions = Pick<
  AugmentOptions,
  | Exclude<keyof PlanOptions, 'mayPaste' | 'measures' | 'mayCover' | 'places'>
  | 'batchSize'
  | 'balance'
  | 'classWeights'
  | 'classes'
  | 'excludeClasses'
  | 'place'
  | 'placeBand'
  | 'stuff'
  | 'skipBad'
>;

/** One batch of one copy: its number, and the samples that it augments. */
export interface BatchRef {
  readonly copy: number;
  readonly n: number;
  readonly samples: readonly Sample[];
}

/** Samples to read for a batch, and the plans that follow from them. */
export interface PlannedBatch {
  /** Samples whose annotations planning needs. */
  readonly needed: readonly Sample[];
  /**
   * @param candidates samples that were read, by id; a sample that is missing is bad or not needed.
   * @param draw reads a sample of the source set for a target; the plan of the target uses the last one, or none.
   * @returns a plan for each sample of the batch.
   */
  plan(candidates: ReadonlyMap<string, Candidate>, draw: Draw): Promise<readonly Plan[]>;
}

type Draw = (target: string, source: Sample) => Promise<Candidate | undefined>;

/** Divides samples into batches, and plans the batches. */
export interface Planner {
  /** All batches, in order. */
  batches(): Iterable<BatchRef>;
  batch(ref: BatchRef): PlannedBatch;
}

/** Options of the plans of a data set. */
export function planOptionsOf(dataset: SourcedDataset, options: PlannerOptions, measures: Measures): PlanOptions {
  const { prior } = measures;
  return {
    ...options,
    ...withIds(dataset, options),
    measures,
    places: prior?.used ? placesOf(prior, options.placeBand) : undefined,
  };
}

/** Every batch of every copy, in order. */
export function* batchRefs(
  samples: List<Sample>,
  { batchSize, seed }: Pick<AugmentOptions, 'batchSize' | 'seed'>,
  copies: number,
): Generator<BatchRef> {
  for (let copy = 0; copy < copies; copy++) {
    let n = 0;
    for (const batch of batchesOf(samples, batchSize, copy, seed)) yield { copy, n: n++, samples: batch };
  }
}

/** Creates a planner that draws new plans: every batch of every copy, in the seeded order. */
export function createPlanner(dataset: SourcedDataset, options: PlannerOptions, copies: number, measures: Measures): Planner {
  const planOptions = planOptionsOf(dataset, options, measures);
  const { samples: set } = dataset.sources ?? { samples: [] };
  /** Indices of sources without an instance that may be pasted. */
  const unusable = new Set<number>();
  const planAlone = async (target: Candidate, copy: number, draw: Draw): Promise<Plan> => {
    const read = async (n: number): Promise<Candidate | undefined> => {
      if (unusable.has(n)) return undefined;
      const source = await draw(target.id, set.at(n) as Sample);
      if (source && isSource(source, planOptions)) return source;
      unusable.add(n);
      return undefined;
    };
    return planFromSet(target, unusable.size < set.length ? set.length : 0, read, copy, planOptions);
  };
  return {
    *batches() {
      yield* batchRefs(dataset.samples, options, copies);
    },
    batch({ copy, samples }) {
      const drawn = samples.filter(({ id }) => mayBeTarget(id, copy, planOptions));
      const needed = dataset.sources ? drawn : drawn.length > 0 ? samples : [];
      return {
        needed: options.skipBad ? samples : needed,
        plan: (candidates, draw) => {
          const pool = [...candidates.values()];
          const plan = async ({ id }: Sample): Promise<Plan> => {
            const candidate = candidates.get(id);
            if (!candidate) return passThrough(id, copy, 'not drawn');
            return dataset.sources ? planAlone(candidate, copy, draw) : planSample(candidate, pool, copy, planOptions);
          };
          return Promise.all(samples.map(plan));
        },
      };
    },
  };
}

/** Options that name classes, with class ids. @throws {CopyPasteError} `usage` when a class is unknown. */
export function withIds(dataset: SourcedDataset, options: PlannerOptions) {
  const { classNames } = dataset;
  const { scaleByClass } = options;
  return {
    mayPaste: pasteFilter(dataset, options),
    mayCover: knownStuff(dataset),
    ...ruleClasses(classNames, options),
    scaleByClass: scaleByClass && byClassId(scaleByClass, classNames, '--scale-by-class'),
  };
}

/** Facts of a sample that planning needs. */
export function candidateOf(
  { sample, mask, objects, objectPixels, shapes, instances }: Annotations,
  { leftOutObjects, objectIds }: Dataset,
): Candidate {
  return {
    id: sample.id,
    annotated: (shapes?.shapes ?? instances).length > 0,
    width: mask.width,
    height: mask.height,
    ids: mask.ids,
    instances,
    capacity: shapes?.unlabelled
      ? 0
      : objects && objectPixels
        ? countFreeObjectIds(objects, objectPixels, leftOutObjects, objectIds)
        : Number.POSITIVE_INFINITY,
    largestId: mask.colours ? mask.colours.byId.length - 1 : largestId(mask),
  };
}
