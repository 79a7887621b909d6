/** Lines that compare two data sets. */
import type { ComparedClass, Inspection } from '../engine/inspection.ts';
import { describeLayout, describeSizes, idText } from './dataset.ts';
import { wrapped } from './help.ts';
import { some } from './some.ts';
import { tableLines } from './table.ts';

type Compared = NonNullable<Inspection['compared']>;
type Named = Inspection['classes'][number];
type Side = NonNullable<ComparedClass['a']>;

/** Maximum number of classes in a line. */
const most = 20;

/**
 * Describes two data sets: layouts and sizes, the counts of each class side by side, and how their classes differ.
 *
 * @param names of the data sets.
 * @param columns that the lines fit into.
 */
export function describeComparison(
  first: Inspection,
  { other, classes }: Compared,
  names: readonly [string, string],
  columns: number,
): string[] {
  const wrap = (line: string): string[] => wrapped(line, columns, 0, '', 2).split('\n');
  const head = (letter: string, name: string, inspection: Inspection): string[] => {
    const { split } = inspection;
    return [
      `${letter}: ${name}: ${describeLayout(inspection)}${split === '' ? '' : `; compared: ${split}`}`,
      describeSizes(inspection),
    ].flatMap(wrap);
  };
  return [
    ...head('A', names[0], first),
    ...head('B', names[1], other),
    '',
    ...tableLines(comparedTable(classes), [0], columns),
    '',
    ...describeDifferences(classes, first, other).flatMap(wrap),
    ...(first.odd.length + other.odd.length > 0
      ? ['', ...wrap(`possible problems: ${first.odd.length} in A, ${other.odd.length} in B; inspect one data set alone to list them`)]
      : []),
  ];
}

/** Rows of the table: below two rows of headings, one for each class. */
function comparedTable(classes: readonly ComparedClass[]): string[][] {
  const pairs: readonly (readonly [title: string, of: (side: Side, leftOut: boolean) => string])[] = [
    ['id', ({ ids }, leftOut) => ids.map((id) => idText({ id, leftOut })).join(',')],
    ['samples', ({ samples }) => `${samples}`],
    ['instances', ({ instances }) => `${instances}`],
    ['pixels in %', ({ share }) => (100 * share).toFixed(2)],
  ];
  const columns = pairs.map(([title, of]) => {
    const cellOf = (side: Side | undefined, leftOut: boolean): string =>
      leftOut && title === 'instances' ? '' : side ? of(side, leftOut) : '–';
    const cells = classes.map(({ a, b, leftOut }) => [cellOf(a, leftOut), cellOf(b, leftOut)] as const);
    const [left, right] = [0, 1].map((n) => Math.max(1, ...cells.map((pair) => pair[n as 0 | 1].length))) as [number, number];
    return [title, ...[['A', 'B'] as const, ...cells].map(([a, b]) => `${a.padStart(left)}  ${b.padStart(right)}`)];
  });
  const labels = ['', 'class', ...classes.map((row) => (row.leftOut ? `${labelOf(row)} (left out)` : labelOf(row)))];
  return labels.map((label, n) => [label, ...columns.map((column) => column[n] as string)]);
}

/** How the classes differ; background and ignore ids are no classes. */
function describeDifferences(classes: readonly ComparedClass[], first: Inspection, other: Inspection): string[] {
  const own = classes.filter(({ leftOut }) => !leftOut);
  const listed = (what: string, names: readonly string[]): string[] =>
    names.length > 0 ? [`${what}: ${some(names, most).join(', ')}`] : [];
  if (own.length === 0) return ['no class was found'];
  const [ours, theirs] = [first, other].map((one) => one.classes.filter(({ leftOut }) => !leftOut)) as [Named[], Named[]];
  const otherNames = new Map(theirs.map(({ id, name }) => [id, name]));
  const isRenamed = ({ id, name }: Named): boolean => {
    const other = otherNames.get(id);
    return name !== undefined && other !== undefined && name.toLowerCase() !== other.toLowerCase();
  };
  const lines = [
    ...listed('only in A', own.filter(({ b }) => !b).map(labelOf)),
    ...listed('only in B', own.filter(({ a }) => !a).map(labelOf)),
    ...listed(
      'one name, different ids (A/B)',
      own.flatMap((row) => (row.a && row.b && `${row.a.ids}` !== `${row.b.ids}` ? [`${labelOf(row)} ${row.a.ids}/${row.b.ids}`] : [])),
    ),
    ...listed(
      'one id, different names (A/B)',
      ours.filter(isRenamed).map(({ id, name }) => `${id} ${name}/${otherNames.get(id)}`),
    ),
  ];
  return lines.length > 0 ? lines : ['both have the same classes, with the same ids'];
}

function labelOf({ name = '', leftOut, a, b }: ComparedClass): string {
  return name !== '' ? name : leftOut ? 'unlabelled' : `class ${(a ?? b)?.ids.join(',')}`;
}
