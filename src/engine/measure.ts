import { chunksOf, inParts } from '../base/parts.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { CopyPasteError, interrupted } from '../errors.ts';
import type { AugmentOptions } from '../options.ts';
import { type BalancedRun, balanceGauge } from '../plan/balance.ts';
import type { Gauge, Role } from '../plan/gauge.ts';
import type { Measures } from '../plan/measures.ts';
import type { Annotations, Sample, Size } from '../types.ts';
import { refuseUnusable, requestOf } from './balance.ts';
import { jobsOf } from './budget.ts';
import { giveBackBuffers } from './holdings.ts';
import { candidateOf, type PlannerOptions, planOptionsOf } from './planner.ts';
import { setOf } from './read-and-plan.ts';
import { readSourced } from './reading.ts';

/** Options that measurements depend on. */
export type MeasureOptions = PlannerOptions &
  Pick<AugmentOptions, 'instances' | 'jobs'> &
  Partial<Pick<AugmentOptions, 'copies' | 'includeOriginals'>>;

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
  const measures: Measures = Object.assign({}, ...gauges.map((gauge) => gauge.result()));
  const request = requestOf(options, dataset.classNames);
  if (request && measures.balance)
    refuseUnusable(measures.balance, request, dataset.classNames, planOptionsOf(dataset, options, {}).mayPaste);
  return measures;
}

/** Measurements that the options need. */
function gaugesOf(dataset: SourcedDataset, options: MeasureOptions): Gauge[] {
  const request = requestOf(options, dataset.classNames);
  return request ? [balanceGauge(request, balancedRun(dataset, options)) as Gauge] : [];
}

function balancedRun(dataset: SourcedDataset, options: MeasureOptions): BalancedRun {
  const { copies = 1, includeOriginals = false, batchSize } = options;
  return {
    options: planOptionsOf(dataset, options, {}),
    ids: dataset.samples.map(({ id }) => id),
    batchSize,
    copies,
    originals: includeOriginals ? 1 : 0,
    apart: dataset.sources !== undefined,
    frame: typicalSize(dataset.samples),
  };
}

/** Size of the sample that is the middle one by area. */
function typicalSize(samples: readonly Sample[]): Size {
  const sizes = samples.map(({ size }) => size).sort((a, b) => a.width * a.height - b.width * b.height);
  return sizes[sizes.length >> 1] ?? { width: 1, height: 1 };
}
