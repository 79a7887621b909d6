import { plural } from '../base/plural.ts';
import type { checkOptions, Given } from '../options.ts';
import { check } from '../verbs/check.ts';
import { describeNotes } from './dataset.ts';
import { tellDifferences } from './differences.ts';
import type { Streams } from './streams.ts';
import { withProgress } from './with-progress.ts';

/** Runs `check` and prints contradictions. */
export function run(given: Given<typeof checkOptions>, streams: Streams): Promise<number> {
  return withProgress({
    given,
    streams,
    run: (hooks, say) => check(given, { ...hooks, opened: (dataset) => describeNotes(dataset).forEach(say) }),
    tell: (result) => tellDifferences(result, `${given.in}: no contradiction in ${plural(result.samples, 'sample')}`, given, streams),
  });
}
