import type { Dataset } from '../dataset/open.ts';
import type { Difference } from '../output/compare.ts';

/** Bad samples of a data set as differences: the file, and what is wrong with it. */
export function badSamples({ skipped }: Dataset): Difference[] {
  return skipped.map(({ path, what }) => ({ path, what }));
}
