import { expect, test } from 'vitest';
import { change, tableLines } from '../../src/cli/table.ts';

test('a table aligns its columns and shortens long cells', () => {
  const rows = [
    ['name', 'n'],
    ['a', '100'],
    ['b'.repeat(50), ''],
  ];
  expect(tableLines(rows, [0])).toEqual([`name${' '.repeat(32)}    n`, `a${' '.repeat(35)}  100`, `${'b'.repeat(35)}…`]);
  expect(tableLines([['a', 'b']], [])).toEqual(['a  b']);
});

test('a change is a share before and after; nothing has no share', () => {
  expect(change(1, 2, 3)).toBe('33.33 -> 66.67 %');
  expect(change(0, 0, 0)).toBe('0.00 -> 0.00 %');
});
