import type { Given, verifyOptions } from '../options.ts';
import { verify } from '../verbs/verify.ts';
import { tellDifferences } from './differences.ts';
import type { Streams } from './streams.ts';
import { withProgress } from './with-progress.ts';

/** Runs `verify` and reports differences. */
export function run(given: Given<typeof verifyOptions>, streams: Streams): Promise<number> {
  return withProgress({
    given,
    streams,
    run: (hooks) => verify(given, hooks),
    tell: (result) => {
      const { samples, files, rendered } = result;
      const deep = rendered > 0 ? `, ${rendered} samples rendered anew` : '';
      return tellDifferences(result, `${given.out}: ${samples} samples in ${files} files as the manifest says${deep}`, given, streams);
    },
  });
}
