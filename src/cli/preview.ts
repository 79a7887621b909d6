import { plural } from '../base/plural.ts';
import type { Given, previewOptions } from '../options.ts';
import { preview } from '../verbs/preview.ts';
import type { Streams } from './streams.ts';
import { withProgress } from './with-progress.ts';

/** Runs `preview` and prints the number of samples drawn. */
export function run(given: Given<typeof previewOptions>, streams: Streams): Promise<number> {
  return withProgress({
    given,
    streams,
    run: (hooks) => preview(given, hooks),
    tell: ({ rows }, say) => {
      say(`wrote ${given.out}: ${plural(rows, 'sample')}`);
      return 0;
    },
  });
}
