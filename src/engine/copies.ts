import type { PassReason, Sample } from '../types.ts';

/** Samples that are written unchanged, once all batches are done. */
export function copiesOf(
  { originals, others }: { readonly originals: readonly Sample[]; readonly others: readonly Sample[] },
  skipped: ReadonlyMap<string, string>,
): { originals: [Sample, PassReason][]; others: [Sample, PassReason][] } {
  return {
    originals: originals.flatMap((sample) => (skipped.has(sample.id) ? [] : [[sample, 'original'] as const])),
    others: others.map((sample) => [sample, 'other split']),
  };
}
