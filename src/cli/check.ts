import type { checkOptions, Given } from '../options.ts';
import { check } from '../verbs/check.ts';
import { tellDifferences } from './differences.ts';
import { createProgress, type Streams } from './progress.ts';
import { watched } from './signals.ts';

/** Runs `check` and says what it found. */
export async function run(given: Given<typeof checkOptions>, streams: Streams): Promise<number> {
  const progress = await createProgress(streams.stderr, given.quiet === true);
  return watched(streams.stderr, progress, undefined, async (stop) => {
    const result = await check(given, { stop, opened: (_dataset, total) => progress.start(total), done: () => progress.tick() });
    progress.stop();
    return tellDifferences(result, `${given.in}: ${result.samples} samples without a contradiction`, given, streams);
  });
}
