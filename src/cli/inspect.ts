import { absolutePath } from '../base/paths.ts';
import { plural } from '../base/plural.ts';
import { describeUnpasted } from '../dataset/unpasted.ts';
import type { Inspection, SplitCounts } from '../engine/inspection.ts';
import { printable } from '../errors.ts';
import type { Given, inspectOptions } from '../options.ts';
import type { Reason } from '../types.ts';
import { inspect } from '../verbs/inspect.ts';
import { describeComparison } from './comparison.ts';
import { describeLayout, describeNotes, describeSizes, idText } from './dataset.ts';
import { some } from './some.ts';
import { type Streams, usualWidth } from './streams.ts';
import { change, tableLines } from './table.ts';
import { withProgress } from './with-progress.ts';

/** Maximum number of lines in a list; the rest are only counted. */
const most = 20;

/** Runs `inspect` and prints its findings on standard output. */
export function run(given: Given<typeof inspectOptions>, streams: Streams): Promise<number> {
  let isOpen = false;
  return withProgress({
    given,
    streams,
    run: (hooks, say) =>
      inspect(given, {
        ...hooks,
        opened: (dataset) => {
          // Both can be the same folder; a bank is not opened.
          const isFirst = !isOpen && dataset.root === absolutePath(given.in);
          const whose = given.other === undefined ? '' : isFirst ? 'A: ' : 'B: ';
          isOpen = true;
          for (const line of describeNotes(dataset)) say(`${whose}${line}`);
        },
      }),
    tell: (result) => {
      const { other = '', json } = given;
      const { columns = usualWidth } = streams.stdout;
      const told = (): string[] =>
        result.compared ? describeComparison(result, result.compared, [given.in, other], columns) : describeInspection(result);
      const lines = json ? [JSON.stringify(result)] : told().map(printable);
      streams.stdout.write(lines.map((line) => `${line}\n`).join(''));
      return 0;
    },
  });
}

function describeInspection(inspection: Inspection): string[] {
  const { split, splits, images, others, augmented, odd, leftBehind } = inspection;
  const rest = Object.keys(splits).filter((name) => name !== split);
  return [
    describeLayout(inspection),
    describeSizes(inspection),
    `images: ${Object.entries(images)
      .map(([kind, n]) => `${kind} (${n})`)
      .join(', ')}`,
    '',
    ...(others ? [`split ${split}:`] : []),
    ...tableLines(classTable(inspection, augmented), [1, 2]),
    ...describePastable(inspection),
    ...(augmented
      ? ['', `before -> after: share of the pixels of ${plural(augmented.samples, 'augmented sample')}, by manifest.json`]
      : []),
    ...(others ? ['', `other splits (${rest.join(', ')}):`, ...tableLines(classTable(others), [1, 2]), ...describePastable(others)] : []),
    ...(odd.length > 0
      ? [
          '',
          `possible problems: ${odd.length}`,
          ...some(
            odd.map(({ path, what }) => `${path}: ${what}`),
            most,
          ).map((line) => `  ${line}`),
        ]
      : []),
    ...(leftBehind.length > 0
      ? ['', `files that belong to no sample: ${leftBehind.length}`, ...some(leftBehind, most).map((line) => `  ${line}`)]
      : []),
  ];
}

/** Rows of the table of classes. @param augmented gives an output its own columns, since lines have room for no more. */
function classTable({ classes }: SplitCounts, augmented?: Inspection['augmented']): string[][] {
  const pixels = classes.reduce((sum, row) => sum + row.pixels, 0);
  return [
    [
      'id',
      'class',
      'kind',
      'samples',
      'instances',
      ...(augmented ? [] : ['usable']),
      'pixels',
      ...(augmented ? ['pasted', 'before -> after'] : []),
    ],
    ...classes.map(({ id, name = '', leftOut, kind, samples, instances, pastable, pixels: own, pasted = 0, before = 0, after = 0 }) => [
      idText({ id, leftOut }),
      name === '' && leftOut ? 'unlabelled' : name,
      leftOut ? 'left out' : kind,
      `${samples}`,
      leftOut ? '' : `${instances}`,
      ...(augmented ? [] : [leftOut ? '' : `${pastable}`]),
      `${((100 * own) / pixels).toFixed(2)} %`,
      ...(augmented ? [leftOut ? '' : `${pasted}`, change(before, after, augmented.pixels)] : []),
    ]),
  ];
}

/** Flags of `augment` that paste the annotations of a reason. */
export const remedies: Readonly<Partial<Record<Reason, string>>> = {
  'class of stuff': '--stuff keep',
  'cut off': '--truncated keep',
  'too small': '--min-area',
  'too large': '--max-area',
  'crowd of run lengths': '--crowd objects',
};

/** Lines on the annotations that `augment` may paste if no option is given, and on all others by reason. */
function describePastable({ annotations, pastable, unpasted }: SplitCounts): string[] {
  const lines = (Object.keys(unpasted) as Reason[]).map((reason) => {
    const flag = remedies[reason];
    return `  ${describeUnpasted({ [reason]: unpasted[reason] })}${flag === undefined ? '' : ` (${flag})`}`;
  });
  return [`usable as pastes by default: ${pastable} of ${annotations}${lines.length > 0 ? '; not used:' : ''}`, ...lines];
}
