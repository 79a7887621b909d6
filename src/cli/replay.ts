import { plural } from '../base/plural.ts';
import type { Given, replayOptions } from '../options.ts';
import { replay } from '../verbs/replay.ts';
import type { Streams } from './streams.ts';
import { withProgress } from './with-progress.ts';

/** Runs `replay` and prints the number of samples written. */
export function run(given: Given<typeof replayOptions>, streams: Streams): Promise<number> {
  return withProgress({
    given,
    streams,
    out: given.out,
    run: (hooks) => replay(given, hooks),
    tell: ({ samples }, say) => {
      say(`wrote ${given.out}: ${plural(samples, 'sample')} from ${given.manifest}`);
      return 0;
    },
  });
}
