import { plural } from '../base/plural.ts';
import { exitCodes } from '../errors.ts';
import type { Given, previewOptions } from '../options.ts';
import { preview } from '../verbs/preview.ts';
import { describeNotes, describeSources } from './dataset.ts';
import { tellSkipped } from './skipped.ts';
import type { Streams } from './streams.ts';
import { describePrior, warnOfPrior } from './summary.ts';
import { withProgress } from './with-progress.ts';

/** Runs `preview`, prints the number of samples drawn, and shows the picture in a terminal that can. */
export function run(given: Given<typeof previewOptions>, streams: Streams): Promise<number> {
  return withProgress({
    given,
    streams,
    run: (hooks, say) =>
      preview(given, {
        ...hooks,
        opened: (dataset) => [...describeNotes(dataset), ...describeSources(dataset)].forEach(say),
      }),
    tell: async (result, say) => {
      const { rows, among, prior, skipped } = result;
      tellSkipped(skipped, streams, 'copypaste check');
      const code = skipped.length > 0 ? exitCodes.skipped : 0;
      const warning = warnOfPrior(prior);
      if (warning !== undefined) streams.stderr.write(`${warning}\n`);
      if (prior?.used) say(describePrior(prior));
      const pasted = given.withClass === undefined ? 'nothing was pasted' : `no instance of ${given.withClass} was pasted`;
      const others = among === undefined || among === rows ? '' : `; ${pasted} into the ${plural(among - rows, 'other', 'others')}`;
      say(`wrote ${given.out}: ${plural(rows, 'sample')}${others}`);
      const { stdout } = streams;
      const asked = given.show ?? (given.quiet ? 'none' : 'auto');
      if (asked === 'none' || (asked === 'auto' && !stdout.isTTY)) return code;
      const { shown, wayOf } = await import('./show.ts');
      const way = asked === 'auto' ? wayOf(stdout) : asked;
      if (way) stdout.write(await shown(result, way, stdout.columns));
      return code;
    },
  });
}
