import { describe, expect, test } from 'vitest';
import { type CommandRow, commands, examples } from '../../src/cli/commands.ts';
import { argumentOf, isFlag } from '../../src/cli/flags.ts';
import { commandHelp, programHelp, sectionsOf } from '../../src/cli/help.ts';
import { main } from '../../src/cli/main.ts';
import { homepage } from '../../src/version.ts';
import { captureStreams } from '../make.ts';

const rows: readonly CommandRow[] = commands;

describe.each(rows.map((row) => [row.name, row] as const))('help of %s', (name, row) => {
  test.each([80, 40])('has no line over %i columns', (width) => {
    for (const long of [false, true]) {
      const lines = commandHelp(row, long, width).split('\n');
      expect(lines.filter((line) => line.length > width && !line.includes(homepage))).toEqual([]);
    }
  });

  test('has every option once, the most used ones first', () => {
    const [first, ...others] = sectionsOf(row);
    const flags = [first, ...others].flatMap((section) => section?.entries ?? []).map(({ term }) => term);
    expect(flags).toHaveLength(Object.keys(row.options).length);
    expect(new Set(flags).size).toBe(flags.length);
    if (row.first) expect(first?.entries).toHaveLength(10);
    expect(others.flatMap(({ entries }) => entries).length).toBe(row.first ? flags.length - 10 : 0);
  });

  test('names its options in the examples as they are', () => {
    const known = Object.values(row.options)
      .filter(isFlag)
      .flatMap(({ flag }) => flag.replace(/ <.*/, '').split(', '));
    for (const { line } of row.examples) {
      expect(line).toMatch(new RegExp(`\\bcopypaste ${name}\\b`));
      for (const [flag] of line.matchAll(/(?<= )--?[a-z][\w-]*/g)) expect(known).toContain(flag);
    }
  });

  test('short help is the beginning of long help, and names what it leaves out', () => {
    const [short, long] = [commandHelp(row, false, 80), commandHelp(row, true, 80)];
    expect(long.startsWith(short.slice(0, short.indexOf('\n\nExamples:')))).toBe(true);
    expect(short.includes(`copypaste ${name} --help also describes`)).toBe(row.first !== undefined);
  });
});

test('arguments come in the order of the usage line', () => {
  for (const { name, options } of rows) {
    const words = Object.values(options).flatMap((option) => argumentOf(option) ?? []);
    const [, usage = ''] = /^Usage: (.*)$/m.exec(commandHelp(rows.find((row) => row.name === name) as CommandRow, false, 80)) ?? [];
    expect([...usage.matchAll(/(?<= )[[<](\w+)[\]>](?= |$)/g)].map(([, word]) => word).slice(0, words.length)).toEqual(words);
  }
});

test('help of the program has every command, three examples and the place of the documentation', () => {
  const text = programHelp(80);
  for (const { name } of rows) expect(text).toMatch(new RegExp(`^  ${name} `, 'm'));
  expect(examples).toHaveLength(3);
  expect(rows[0]?.examples).toHaveLength(3);
  expect(text).toMatch(new RegExp(`Documentation: ${homepage}\n$`));
  for (const width of [80, 40]) {
    const wide = programHelp(width)
      .split('\n')
      .filter((line) => line.length > width && !line.includes(homepage));
    expect(wide).toEqual([]);
  }
});

test('help follows the width of the terminal', async () => {
  const streams = captureStreams();
  await main(['augment', '--help'], { ...streams, stdout: Object.assign(streams.stdout, { columns: 50 }) });
  const lines = streams.text.stdout.split('\n').filter((line) => !line.includes(homepage));
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(50);
});
