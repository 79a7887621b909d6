import { readAnnotations } from '../dataset/annotations.ts';
import type { Dataset } from '../dataset/open.ts';
import type { SourcedDataset } from '../dataset/sources.ts';
import { readEntry } from '../formats/documents.ts';
import { pastedShapes } from '../formats/format.ts';
import { layoutNamed } from '../formats/layouts.ts';
import type { AugmentOptions } from '../options.ts';
import type { ClassCount, Outcome } from '../output/outcomes.ts';
import { augmentedRecord, unchangedRecord } from '../output/records.ts';
import { createSampleWriter } from '../output/samples.ts';
import { pastedFiles, pathsByRole, variantFiles, variantSuffix } from '../output/variants.ts';
import type { PassReason, Pasted, Sample, ShapeSet } from '../types.ts';
import type { Rendering } from './groups.ts';
import { createPipeline, type RunState, type Sink } from './pipeline.ts';
import { type BatchRef, createPlanner } from './planner.ts';
import { countClasses } from './tally.ts';

/** A batch in progress. */
export interface OutcomeBatch {
  readonly results: readonly Promise<Outcome>[];
  /** Instances of its samples, by class. */
  readonly read: readonly ClassCount[];
}

/** Creates the work of `augment`: it plans, renders and writes the samples of the augmented split. */
export function createJob(dataset: SourcedDataset, options: AugmentOptions, backend: Rendering, state: RunState) {
  const writer = options.dryRun ? undefined : createSampleWriter(dataset, options);
  const pass = async (sample: Sample, suffix: string, plan: Parameters<typeof unchangedRecord>[1]) => {
    const written = await writer?.pass(sample, suffix, await passedShapes(dataset, sample, options));
    return { id: sample.id, record: unchangedRecord(sample, plan, written), ...(await passedEntry(dataset, sample, suffix)) };
  };
  const sink = (copy: number): Sink<Outcome> => {
    const suffix = variantSuffix(copy, options);
    return {
      paste: async (pasted) => {
        const record = augmentedRecord(pasted, await writer?.paste(pasted, suffix));
        return { id: pasted.sample.id, record, ...(await pastedEntry(dataset, pasted, suffix, options)) };
      },
      pass: (sample, plan) => pass(sample, suffix, plan),
      skip: ({ id }, skipped) => ({ id, skipped }),
    };
  };
  const planner = createPlanner(dataset, options, options.copies);
  const { begin, drawsOf } = createPipeline(dataset, options, backend, planner, sink, state);
  return {
    planner,
    drawsOf,
    /** Writes a sample unchanged. */
    copy: (sample: Sample, reason: PassReason): Promise<Outcome> => pass(sample, '', { reason }),
    async begin(ref: BatchRef): Promise<OutcomeBatch> {
      const { results, sources } = await begin(ref);
      // Without a source set all copies read the same samples, which count once.
      return { results, read: ref.copy === 0 || dataset.sources ? countClasses(sources) : [] };
    },
  };
}

export type Job = ReturnType<typeof createJob>;

/** Document entry of a sample that was pasted into; absent if the format has no documents. */
export async function pastedEntry(
  { layout, classNames }: Dataset,
  pasted: Pasted,
  suffix: string,
  options: Pick<AugmentOptions, 'imageFormat' | 'maskFiles' | 'polygons'>,
): Promise<{ entry?: unknown }> {
  const format = await layoutNamed(layout).format?.();
  const shapes = pastedShapes(pasted);
  if (format?.kind !== 'documents' || !shapes) return {};
  const paths = pathsByRole(pastedFiles(pasted.sample, suffix, options));
  return { entry: await format.pasted(shapes, paths, { ...options, classNames }) };
}

/** Document entry of a sample that passes through; absent for other splits, whose documents are copied. */
export async function passedEntry(
  { root, layout, documents, split }: Dataset,
  sample: Sample,
  suffix: string,
): Promise<{ entry?: unknown }> {
  const format = await layoutNamed(layout).format?.();
  if (format?.kind !== 'documents' || !sample.entry || sample.entry.document !== documents.get(split)?.path) return {};
  const parts = await readEntry(root, sample.entry);
  return { entry: format.plain(parts, sample, pathsByRole(variantFiles(sample, suffix))) };
}

/** Annotations of a sample that passes through, if masks are drawn from them. */
export async function passedShapes(
  dataset: Dataset,
  sample: Sample,
  { maskFiles }: Pick<AugmentOptions, 'maskFiles'>,
): Promise<ShapeSet | undefined> {
  if (!maskFiles) return undefined;
  return (await readAnnotations(sample, dataset, { instances: 'component', jitter: 'instance' })).shapes;
}
