import type { Given, replayOptions } from '../options.ts';
import { replay } from '../verbs/replay.ts';
import type { Streams } from './streams.ts';
import { withProgress } from './with-progress.ts';

/** Runs `replay` and reports how many samples it wrote. */
export function run(given: Given<typeof replayOptions>, streams: Streams): Promise<number> {
  return withProgress({
    given,
    streams,
    out: given.out,
    run: (hooks) => replay(given, hooks),
    tell: ({ samples }, say) => {
      say(`wrote ${given.out}: ${samples} samples as ${given.manifest} says`);
      return 0;
    },
  });
}
