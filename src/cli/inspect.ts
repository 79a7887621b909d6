import { plural } from '../base/plural.ts';
import { printable } from '../errors.ts';
import { bankLayout } from '../formats/bank.ts';
import type { Given, inspectOptions } from '../options.ts';
import { type Inspection, inspect } from '../verbs/inspect.ts';
import type { Streams } from './streams.ts';
import { change, tableLines } from './table.ts';
import { withProgress } from './with-progress.ts';

/** Maximum number of lines in a list; the rest are only counted. */
const most = 20;

/** Runs `inspect` and prints its findings on standard output. */
export function run(given: Given<typeof inspectOptions>, streams: Streams): Promise<number> {
  return withProgress({
    given,
    streams,
    run: (hooks) => inspect(given, hooks),
    tell: (result) => {
      const lines = given.json ? [JSON.stringify(result)] : describeInspection(result).map(printable);
      streams.stdout.write(lines.map((line) => `${line}\n`).join(''));
      return 0;
    },
  });
}

function describeInspection({ layout, splits, sizes, images, classes, augmented, odd, leftBehind }: Inspection): string[] {
  const total = Object.values(splits).reduce((sum, n) => sum + n, 0);
  const named = Object.entries(splits).map(([name, n]) => `${name === '' ? 'no split' : name} ${n}`);
  const pixels = classes.reduce((sum, row) => sum + row.pixels, 0);
  const table = [
    ['id', 'class', 'kind', 'samples', 'instances', 'pixels', ...(augmented ? ['pasted', 'before -> after'] : [])],
    ...classes.map(({ id, name = '', leftOut, kind, samples, instances, pixels: own, pasted = 0, before = 0, after = 0 }) => [
      `${id}`,
      name === '' && leftOut ? 'unlabelled' : name,
      leftOut ? 'left out' : kind,
      `${samples}`,
      leftOut ? '' : `${instances}`,
      `${((100 * own) / pixels).toFixed(2)} %`,
      ...(augmented ? [leftOut ? '' : `${pasted}`, change(before, after, augmented.pixels)] : []),
    ]),
  ];
  return [
    layout === bankLayout
      ? `bank of objects: ${plural(
          classes.reduce((sum, row) => sum + row.instances, 0),
          'cut-out',
        )} of ${plural(total, 'sample')}`
      : `${layout} layout: ${plural(total, 'sample')}: ${named.join(', ')}`,
    `sizes: ${some(
      Object.entries(sizes).map(([size, n]) => `${size} (${n})`),
      6,
    ).join(', ')}`,
    `images: ${Object.entries(images)
      .map(([kind, n]) => `${kind} (${n})`)
      .join(', ')}`,
    '',
    ...tableLines(table, [1, 2]),
    ...(augmented
      ? ['', `before -> after: share of the pixels of ${plural(augmented.samples, 'augmented sample')}, by manifest.json`]
      : []),
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

function some(lines: readonly string[], count: number): string[] {
  return lines.length <= count ? [...lines] : [...lines.slice(0, count), `… and ${lines.length - count} more; --json lists all`];
}
