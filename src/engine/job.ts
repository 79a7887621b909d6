import type { SourcedDataset } from '../dataset/sources.ts';
import type { AugmentOptions } from '../options.ts';
import type { ClassCount, Outcome } from '../output/outcomes.ts';
import { augmentedRecord, unchangedRecord } from '../output/records.ts';
import { createSampleWriter } from '../output/sample-writer.ts';
import { variantSuffix } from '../output/variants.ts';
import type { Measures } from '../plan/measures.ts';
import type { Renderer } from '../render/render.ts';
import type { PassReason, Sample } from '../types.ts';
import { bytesOfImage } from './images.ts';
import { createPipeline, type RunState, type Sink } from './pipeline.ts';
import { type BatchRef, createPlanner } from './planner.ts';
import { countSources } from './tally.ts';

/** A batch in progress. */
export interface OutcomeBatch {
  readonly results: readonly Promise<Outcome>[];
  /** Instances in its samples, by class. */
  readonly read: readonly ClassCount[];
}

/** Creates the work of `augment`: it plans, renders and writes the samples of the augmented split. */
export function createJob(dataset: SourcedDataset, options: AugmentOptions, measures: Measures, backend: Renderer, state: RunState) {
  const writer = options.dryRun ? undefined : createSampleWriter(dataset, options, state.home);
  const pass = async (sample: Sample, suffix: string, plan: Parameters<typeof unchangedRecord>[1]) => {
    const written = await writer?.pass(sample, suffix);
    return { id: sample.id, record: unchangedRecord(sample, plan, written), entry: written?.entry };
  };
  const sink = (copy: number): Sink<Outcome> => {
    const suffix = variantSuffix(copy, options);
    return {
      paste: async (pasted) => {
        const written = await writer?.paste(pasted, suffix);
        return { id: pasted.sample.id, record: augmentedRecord(pasted, written), entry: written?.entry };
      },
      pass: (sample, plan) => pass(sample, suffix, plan),
      skip: ({ id }, skipped) => ({ id, skipped }),
    };
  };
  const planner = createPlanner(dataset, options, options.copies, measures);
  const { begin, drawsOf } = createPipeline(dataset, options, backend, planner, sink, state);
  return {
    planner,
    drawsOf,
    /** Writes a sample unchanged. */
    async copy(sample: Sample, reason: PassReason): Promise<Outcome> {
      const outcome = await pass(sample, '', { reason });
      state.meter?.add(bytesOfImage(sample));
      return outcome;
    },
    async begin(ref: BatchRef): Promise<OutcomeBatch> {
      const { results, sources } = await begin(ref);
      // Without a source set all copies read the same samples, which count once.
      return { results, read: ref.copy === 0 || dataset.sources ? countSources(sources) : [] };
    },
  };
}

export type Job = ReturnType<typeof createJob>;
