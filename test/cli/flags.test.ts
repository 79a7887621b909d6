import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { addFlags, describeOption, givenOf } from '../../src/cli/flags.ts';
import { augmentOptions, checkOptions, previewOptions, verifyOptions } from '../../src/options.ts';

describe('flags', () => {
  test.each([
    ['augment', augmentOptions],
    ['preview', previewOptions],
  ])('of %s have the names of their options', (name, table) => {
    const command = addFlags(new Command(name), table);
    expect(command.options.map((option) => option.attributeName())).toEqual(Object.keys(table));
  });

  const givenBy = (...argv: string[]): Record<string, unknown> => {
    const command = addFlags(new Command('verify').exitOverride(), verifyOptions);
    command.parse(argv, { from: 'user' });
    return givenOf(command, verifyOptions);
  };

  test('and arguments keep the text that was given, by option name', () => {
    expect(givenBy('aug', '--json', '--jobs', '3')).toEqual({ out: 'aug', json: true, jobs: '3' });
    expect(givenBy('--deep')).toEqual({ deep: true });
  });

  test('may stand for an argument, but not beside it', () => {
    const givenTo = (...argv: string[]): Record<string, unknown> => {
      const command = addFlags(new Command('check').exitOverride(), checkOptions);
      command.parse(argv, { from: 'user' });
      return givenOf(command, checkOptions);
    };
    expect(givenTo('data')).toEqual({ in: 'data' });
    expect(givenTo('--in', 'data')).toEqual({ in: 'data' });
    expect(() => givenTo('data', '--in', 'data')).toThrow('data is given twice: data and --in data; leave one out');
  });

  test('are described with their choices and defaults', () => {
    const option = { flag: '--x <x>', kind: 'text', description: 'thing' } as const;
    expect(describeOption(option)).toBe('thing');
    expect(describeOption({ ...option, default: '' })).toBe('thing');
    expect(describeOption({ ...option, choices: ['a', 'b'], default: 'a' })).toBe('thing (a, b; default a)');
    expect(describeOption({ ...option, kind: 'ids', default: [0, 255] })).toBe('thing (default 0,255)');
  });
});
