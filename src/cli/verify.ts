import type { Given, verifyOptions } from '../options.ts';
import { verify } from '../verbs/verify.ts';
import { describeBackend } from './backend.ts';
import { tellDifferences } from './differences.ts';
import { createProgress, type Streams } from './progress.ts';
import { watched } from './signals.ts';

/** Runs `verify` and says what differs. */
export async function run(given: Given<typeof verifyOptions>, streams: Streams): Promise<number> {
  const progress = await createProgress(streams.stderr, given.quiet === true);
  return watched(streams.stderr, progress, undefined, async (stop) => {
    const result = await verify(given, {
      stop,
      started: (total) => progress.start(total),
      chosen: (backend, why) => {
        if (given.backend !== undefined && !given.quiet) streams.stderr.write(`${describeBackend(backend, why)}\n`);
      },
      done: () => progress.tick(),
    });
    progress.stop();
    const { samples, files, rendered } = result;
    const deep = rendered > 0 ? `, ${rendered} samples rendered anew` : '';
    return tellDifferences(result, `${given.out}: ${samples} samples in ${files} files as the manifest says${deep}`, given, streams);
  });
}
