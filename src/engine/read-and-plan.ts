import type { Dataset } from '../dataset/open.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { isPasted } from '../plan/plan.ts';
import { type Annotations, type Plan, type Sample, sourcePrefix } from '../types.ts';
import { candidateOf, type PlannedBatch } from './planner.ts';

/** Reads the annotations of a sample, or returns the reason to skip it. */
type Read = (sample: Sample) => Promise<Annotations | string>;

/** Plans of a batch, with everything that was read for them. */
export interface Planned {
  readonly plans: readonly Plan[];
  /** Annotations of the samples that were read, by id. */
  readonly annotations: Map<string, Annotations>;
  /** Reason to skip each bad sample, by id. */
  readonly skipped: ReadonlyMap<string, string>;
  /** Samples of the source set that were read, by id. */
  readonly drawn: ReadonlyMap<string, Sample>;
}

/** Reads the samples that a batch needs, and plans the batch. */
export async function readAndPlan({ needed, plan }: PlannedBatch, dataset: SourcedDataset, read: Read): Promise<Planned> {
  const { annotations, skipped } = await readAll(needed, read);
  const candidates = new Map([...annotations].map(([id, one]) => [id, candidateOf(one, setOf(one.sample, dataset))]));
  const drawn = new Map<string, Sample>();
  const last = new Map<string, Annotations>();
  const plans = await plan(candidates, async (target, source) => {
    drawn.set(source.id, source);
    const result = await read(source);
    if (typeof result === 'string') {
      skipped.set(source.id, result);
      return undefined;
    }
    last.set(target, result);
    return candidateOf(result, setOf(source, dataset));
  });
  for (const { id, source } of plans.filter(isPasted)) {
    const from = annotations.get(source) ?? (last.get(id) as Annotations);
    annotations.set(from.sample.id, from);
  }
  return { plans, annotations, skipped, drawn };
}

async function readAll(
  samples: readonly Sample[],
  read: Read,
): Promise<{ annotations: Map<string, Annotations>; skipped: Map<string, string> }> {
  const annotations = new Map<string, Annotations>();
  const skipped = new Map<string, string>();
  const results = await Promise.all(samples.map(async (sample) => ({ id: sample.id, result: await read(sample) })));
  for (const { id, result } of results) {
    if (typeof result === 'string') skipped.set(id, result);
    else annotations.set(id, result);
  }
  return { annotations, skipped };
}

/** Annotations of a batch that its sources are drawn from; none if no sample is a target. */
export function sourcesRead({ annotations }: Planned, dataset: SourcedDataset): Annotations[] {
  return [...annotations.values()].filter(({ sample }) => !dataset.sources || setOf(sample, dataset) === dataset.sources);
}

/** Samples of the source set that were drawn for a batch and are bad, by id. */
export function badSources({ drawn, skipped }: Planned): Sample[] {
  return [...drawn.values()].filter(({ id }) => skipped.has(id)).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Data set that a sample belongs to: the one that is augmented, or the one of its sources. */
export function setOf({ id }: Sample, dataset: SourcedDataset): Dataset {
  return dataset.sources && id.startsWith(sourcePrefix) ? dataset.sources : dataset;
}
