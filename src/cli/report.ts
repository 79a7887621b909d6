import { plural } from '../base/plural.ts';
import type { Given, reportOptions } from '../options.ts';
import { report } from '../verbs/report.ts';
import type { Streams } from './streams.ts';
import { withProgress } from './with-progress.ts';

/** Runs `report` and prints the path of the page. */
export function run(given: Given<typeof reportOptions>, streams: Streams): Promise<number> {
  return withProgress({
    given,
    streams,
    run: (hooks) => report(given, hooks),
    tell: (result, say) => {
      const { page, shown, augmented, bytes, noBefore } = result;
      if (given.json) streams.stdout.write(`${JSON.stringify(result)}\n`);
      if (noBefore !== undefined) say('without pictures of the samples before; pass --in DATA, the data set that the output was made from');
      say(`wrote ${page}: ${shown} of ${plural(augmented, 'augmented sample')} in pictures, ${(bytes / 1e6).toFixed(1)} MB`);
      return 0;
    },
  });
}
