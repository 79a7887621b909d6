import type { Dataset } from '../dataset/open.ts';
import type { AugmentOptions } from '../options.ts';
import type { PassReason, Sample } from '../types.ts';

/** Samples that are written unchanged, once all batches are done. */
export function copiesOf(
  dataset: Dataset,
  { includeOriginals }: AugmentOptions,
  skipped: ReadonlyMap<string, string>,
): [Sample, PassReason][] {
  const originals = includeOriginals ? dataset.samples.filter(({ id }) => !skipped.has(id)) : [];
  return [
    ...originals.map((sample): [Sample, PassReason] => [sample, 'original']),
    ...dataset.others.map((sample): [Sample, PassReason] => [sample, 'other split']),
  ];
}
