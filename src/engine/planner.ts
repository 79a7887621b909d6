import { type ImageFormat, isDeep } from '../codecs/image-names.ts';
import { pasteFilter, voidId } from '../dataset/classes.ts';
import type { Dataset } from '../dataset/open.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { CopyPasteError } from '../errors.ts';
import { countFreeObjectIds, largestId } from '../masks/ids.ts';
import type { AugmentOptions } from '../options.ts';
import { batchesOf, type Candidate, isSource, mayBeTarget, type PlanOptions, passThrough, planFromSet, planSample } from '../plan/plan.ts';
import type { Annotations, Plan, Sample } from '../types.ts';

/** Options that plans follow from. */
export type PlannerOptions = Pick<
  AugmentOptions,
  Exclude<keyof PlanOptions, 'mayPaste'> | 'batchSize' | 'classes' | 'excludeClasses' | 'skipBad'
>;

/** One batch of one copy: its number, and the samples that it makes. */
export interface BatchRef {
  readonly copy: number;
  readonly n: number;
  readonly samples: readonly Sample[];
}

/** Samples to read for a batch, and the plans that follow from them. */
export interface PlannedBatch {
  /** Samples that plans are made of; their annotations are read. */
  readonly needed: readonly Sample[];
  /**
   * @param candidates samples that were read, by id; a sample that is missing is bad.
   * @param draw reads a sample of the source set for a target, whose plan may use the one that was drawn last.
   * @returns a plan for each sample.
   */
  plan(candidates: ReadonlyMap<string, Candidate>, draw: Draw): Promise<readonly Plan[]>;
}

type Draw = (target: string, source: Sample) => Promise<Candidate | undefined>;

/** Cuts samples into batches, and plans them. */
export interface Planner {
  /** Every batch, in order. */
  batches(): Iterable<BatchRef>;
  batch(ref: BatchRef): PlannedBatch;
}

/** Plans samples anew: every batch of every copy, in the seeded order. */
export function createPlanner(dataset: SourcedDataset, options: PlannerOptions, copies: number): Planner {
  const planOptions: PlanOptions = { ...options, mayPaste: pasteFilter(dataset.classNames, options) };
  const { samples: set } = dataset.sources ?? { samples: [] };
  /** Sources without an instance that may be pasted. */
  const barren = new Set<number>();
  const planAlone = async (target: Candidate, copy: number, draw: Draw): Promise<Plan> => {
    const read = async (n: number): Promise<Candidate | undefined> => {
      if (barren.has(n)) return undefined;
      const source = await draw(target.id, set[n] as Sample);
      if (source && isSource(source, planOptions)) return source;
      barren.add(n);
      return undefined;
    };
    return planFromSet(target, barren.size < set.length ? set.length : 0, read, copy, planOptions);
  };
  return {
    *batches() {
      for (let copy = 0; copy < copies; copy++) {
        const batches = batchesOf(dataset.samples, options.batchSize, copy, options.seed);
        for (const [n, samples] of batches.entries()) yield { copy, n, samples };
      }
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

/**
 * Refuses options that do not fit the data set.
 *
 * @throws {CopyPasteError} `usage` for an unknown class, a scene jitter without an ignore id, or a format of 8 bits for images of 16.
 */
export function refuseUnfit(dataset: Dataset, options: PlannerOptions & { imageFormat?: ImageFormat | undefined }): void {
  if (options.targets === 'annotated' && options.backgroundRatio !== undefined)
    throw new CopyPasteError('usage', '--background-ratio: with --targets annotated no background image is pasted into');
  const { imageFormat } = options;
  const deep = imageFormat && !isDeep(imageFormat) ? dataset.samples.find(({ format }) => format.depth === 16) : undefined;
  if (deep) {
    const why = `${deep.image} has 16 bits a channel, ${imageFormat} holds 8`;
    throw new CopyPasteError('usage', `--image-format ${imageFormat}: ${why}; say png or tiff, or convert the images first`);
  }
  pasteFilter(dataset.classNames, options);
  voidId(dataset.ignore, options.jitter);
}

/** A sample as planning sees it. */
export function candidateOf(
  { sample, mask, objects, objectPixels, shapes, instances }: Annotations,
  { leftOutObjects, objectIds }: Dataset,
): Candidate {
  return {
    id: sample.id,
    annotated: (shapes?.shapes ?? instances).length > 0,
    width: mask.width,
    height: mask.height,
    instances,
    capacity: shapes?.unlabelled
      ? 0
      : objects && objectPixels
        ? countFreeObjectIds(objects, objectPixels, leftOutObjects, objectIds)
        : Number.POSITIVE_INFINITY,
    largestId: mask.colours ? mask.colours.byId.length - 1 : largestId(mask),
  };
}
