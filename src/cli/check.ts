import type { checkOptions, Given } from '../options.ts';
import { check } from '../verbs/check.ts';
import { tellDifferences } from './differences.ts';
import type { Streams } from './streams.ts';
import { withProgress } from './with-progress.ts';

/** Runs `check` and reports contradictions. */
export function run(given: Given<typeof checkOptions>, streams: Streams): Promise<number> {
  return withProgress({
    given,
    streams,
    run: (hooks) => check(given, hooks),
    tell: (result) => tellDifferences(result, `${given.in}: ${result.samples} samples without a contradiction`, given, streams),
  });
}
