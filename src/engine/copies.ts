import type { List } from '../base/list.ts';
import { samplesOf } from '../dataset/sample-list.ts';
import type { Sample } from '../types.ts';

/** Samples that are written unchanged, once all batches are done. */
export function copiesOf(
  { originals, others }: { readonly originals: List<Sample>; readonly others: List<Sample> },
  skipped: ReadonlyMap<string, string>,
) {
  return {
    originals: { samples: samplesOf(originals, ({ id }) => !skipped.has(id)), reason: 'original' },
    others: { samples: others, reason: 'other split' },
  } as const;
}
