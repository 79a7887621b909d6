import { plural } from '../base/plural.ts';
import { describeUnpasted, total } from '../dataset/unpasted.ts';
import { exitCodes } from '../errors.ts';
import type { Given, packOptions } from '../options.ts';
import { type PackSummary, pack } from '../verbs/pack.ts';
import { tellSkipped } from './skipped.ts';
import type { Streams } from './streams.ts';
import { withProgress } from './with-progress.ts';

/** Runs `pack` and prints its summary. */
export function run(given: Given<typeof packOptions>, streams: Streams): Promise<number> {
  const { stdout } = streams;
  return withProgress({
    given,
    streams,
    out: given.out,
    run: (hooks, say) => pack(given, { ...hooks, opened: ({ layout }) => say(`${layout} layout`) }),
    tell: (summary, say) => {
      tellSkipped(summary.skipped, streams, 'manifest.json');
      if (given.json) stdout.write(`${JSON.stringify(summary)}\n`);
      for (const line of describePack(summary, given.out)) say(line);
      return summary.skipped.length > 0 ? exitCodes.skipped : 0;
    },
  });
}

function describePack({ samples, archives, reused, splits, left, filesLeft }: PackSummary, out: string): string[] {
  const kept = reused > 0 ? `; ${plural(reused, 'archive')} of an earlier run kept` : '';
  const named = Object.entries(splits).filter(([name]) => name !== '');
  return [
    `wrote ${out}: ${plural(samples, 'sample')} in ${plural(archives, 'archive')}${kept}`,
    ...(named.length > 0 ? [`splits: ${named.map(([name, n]) => `${name} ${n}`).join(', ')}`] : []),
    ...(total(left) > 0 ? [`annotations that have no mask are not packed: ${describeUnpasted(left)}`] : []),
    ...(filesLeft > 0 ? [`files that are not packed, since they are no images or masks of samples: ${filesLeft}`] : []),
  ];
}
