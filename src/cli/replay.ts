import type { Given, replayOptions } from '../options.ts';
import { replay } from '../verbs/replay.ts';
import { describeBackend } from './backend.ts';
import { createProgress, type Streams } from './progress.ts';
import { watched } from './signals.ts';

/** Runs `replay` and says how it went. */
export async function run(given: Given<typeof replayOptions>, { stderr }: Streams): Promise<number> {
  const quiet = given.quiet === true;
  const progress = await createProgress(stderr, quiet);
  return watched(stderr, progress, given.out, async (stop) => {
    const { samples } = await replay(given, {
      stop,
      started: (total) => progress.start(total),
      chosen: (backend, why) => {
        if (given.backend !== undefined && !quiet) stderr.write(`${describeBackend(backend, why)}\n`);
      },
      done: () => progress.tick(),
    });
    progress.stop();
    if (!quiet) stderr.write(`wrote ${given.out}: ${samples} samples as ${given.manifest} says\n`);
    return 0;
  });
}
