import { plural } from '../base/plural.ts';
import { printable } from '../errors.ts';
import type { Given, verifyOptions } from '../options.ts';
import { verify } from '../verbs/verify.ts';
import { tellDifferences } from './differences.ts';
import type { Streams } from './streams.ts';
import { withProgress } from './with-progress.ts';

/** Runs `verify` and prints differences. */
export function run(given: Given<typeof verifyOptions>, streams: Streams): Promise<number> {
  return withProgress({
    given,
    streams,
    run: (hooks) => verify(given, hooks),
    tell: (result) => {
      const { samples, files, rendered, unchecked } = result;
      if (!given.json && !given.quiet) for (const what of unchecked) streams.stderr.write(`not checked: ${printable(what)}\n`);
      const deep = rendered > 0 ? `; ${plural(rendered, 'sample')} rendered again, identical` : '';
      return tellDifferences(
        result,
        `${given.out}: ${plural(samples, 'sample')} in ${plural(files, 'file')} match the manifest${deep}`,
        given,
        streams,
      );
    },
  });
}
