import type { Dataset } from '../dataset/open.ts';
import type { Difference } from '../output/compare.ts';

/** Reasons why samples cannot be used, by file. */
export function badSamples({ skipped }: Dataset): Difference[] {
  return skipped.map(({ reason }) => {
    const [path = '', ...what] = reason.split(': ');
    return { path, what: what.join(': ') };
  });
}
