import { chunksOf, inParts } from '../base/parts.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { CopyPasteError, interrupted } from '../errors.ts';
import type { AugmentOptions } from '../options.ts';
import type { Gauge, Role } from '../plan/gauge.ts';
import type { Measures } from '../plan/measures.ts';
import type { Annotations, Sample } from '../types.ts';
import { jobsOf } from './budget.ts';
import { giveBackBuffers } from './holdings.ts';
import { candidateOf, type PlannerOptions } from './planner.ts';
import { setOf } from './read-and-plan.ts';
import { readSourced } from './reading.ts';

/** Options that measurements depend on. */
export type MeasureOptions = PlannerOptions & Pick<AugmentOptions, 'instances' | 'jobs'>;

/**
 * Measures a data set for its plans: reads the annotations of every sample once, if an option needs it. No image is decoded.
 *
 * @throws {CopyPasteError} `data` when annotations are damaged, unless bad samples are skipped.
 */
export async function measure(dataset: SourcedDataset, options: MeasureOptions, stop?: AbortSignal): Promise<Measures> {
  const gauges = gaugesOf(dataset, options);
  if (gauges.length === 0) return {};
  const read = async (sample: Sample): Promise<Annotations | undefined> => {
    if (stop?.aborted) throw interrupted();
    return readSourced(sample, dataset, options, true).catch((error: unknown) => {
      if (options.skipBad && error instanceof CopyPasteError && error.code === 'data') return undefined;
      throw error;
    });
  };
  const add = async (samples: readonly Sample[], role: Role): Promise<void> => {
    for (const chunk of chunksOf(samples)) {
      for (const annotations of await inParts(chunk, jobsOf(options), read)) {
        if (!annotations) continue;
        const candidate = candidateOf(annotations, setOf(annotations.sample, dataset));
        for (const gauge of gauges) gauge.add(gauge.read(candidate, role), candidate.id, role);
        giveBackBuffers(annotations);
      }
    }
  };
  await add(dataset.samples, dataset.sources ? 'target' : 'both');
  if (dataset.sources) await add(dataset.sources.samples, 'source');
  return Object.assign({}, ...gauges.map((gauge) => gauge.result()));
}

/** Measurements that the options need. */
function gaugesOf(_dataset: SourcedDataset, _options: MeasureOptions): Gauge[] {
  return [];
}
