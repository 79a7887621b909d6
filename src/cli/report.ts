import { plural } from '../base/plural.ts';
import type { Programs } from '../engine/programs.ts';
import { CopyPasteError } from '../errors.ts';
import type { Given, reportOptions } from '../options.ts';
import { report } from '../verbs/report.ts';
import type { Streams } from './streams.ts';
import { withProgress } from './with-progress.ts';

/** Runs `report` and prints the path of the page. A data set of the configuration is left out if the output was not made from it. */
export function run(
  given: Given<typeof reportOptions>,
  streams: Streams,
  _programs?: Programs,
  ofFile: ReadonlySet<string> = new Set(),
): Promise<number> {
  return withProgress({
    given,
    streams,
    run: async (hooks, say) => {
      try {
        return await report(given, hooks);
      } catch (error) {
        const isOfData = error instanceof CopyPasteError && ['data', 'noInput'].includes(error.code);
        if (!isOfData || !ofFile.has('in')) throw error;
        const { in: _, ...others } = given;
        const result = await report(others, hooks);
        say(`the data set of the configuration is not used: ${error.message}`);
        return result;
      }
    },
    tell: (result, say) => {
      const { page, shown, augmented, bytes, noBefore } = result;
      if (given.json) streams.stdout.write(`${JSON.stringify(result)}\n`);
      if (noBefore !== undefined) say('without pictures of the samples before; pass --in DATA, the data set that the output was made from');
      say(`wrote ${page}: ${shown} of ${plural(augmented, 'augmented sample')} in pictures, ${(bytes / 1e6).toFixed(1)} MB`);
      return 0;
    },
  });
}
