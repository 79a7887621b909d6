import { plural } from '../base/plural.ts';
import { printable } from '../errors.ts';
import type { Given, inspectOptions } from '../options.ts';
import { type Inspection, inspect } from '../verbs/inspect.ts';
import type { Streams } from './streams.ts';
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

function describeInspection({ layout, splits, sizes, images, classes, odd, leftBehind }: Inspection): string[] {
  const total = Object.values(splits).reduce((sum, n) => sum + n, 0);
  const named = Object.entries(splits).map(([name, n]) => `${name === '' ? 'no split' : name} ${n}`);
  const pixels = classes.reduce((sum, row) => sum + row.pixels, 0);
  const table = [
    ['id', 'class', 'kind', 'samples', 'instances', 'pixels'],
    ...classes.map(({ id, name = '', leftOut, kind, samples, instances, pixels: own }) => [
      `${id}`,
      name === '' && leftOut ? 'unlabelled' : name,
      leftOut ? '' : kind,
      `${samples}`,
      leftOut ? 'never pasted' : `${instances}`,
      `${((100 * own) / pixels).toFixed(2)} %`,
    ]),
  ];
  const widths = [0, 1, 2, 3, 4, 5].map((column) => Math.max(...table.map((row) => (row[column] as string).length)));
  const pad = (row: string[]): string =>
    row
      .map((cell, i) => (i === 1 || i === 2 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number)))
      .join('  ')
      .trimEnd();
  return [
    `${layout} layout: ${plural(total, 'sample')}: ${named.join(', ')}`,
    `sizes: ${some(
      Object.entries(sizes).map(([size, n]) => `${size} (${n})`),
      6,
    ).join(', ')}`,
    `images: ${Object.entries(images)
      .map(([kind, n]) => `${kind} (${n})`)
      .join(', ')}`,
    '',
    ...table.map(pad),
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
