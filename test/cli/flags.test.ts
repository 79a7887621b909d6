import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { addFlags, describeOption, givenOf } from '../../src/cli/flags.ts';
import { augmentOptions, checkOptions, type Option, previewOptions } from '../../src/options.ts';

describe('flags', () => {
  test.each([
    ['augment', augmentOptions],
    ['preview', previewOptions],
  ])('of %s have the names of their options', (name, table) => {
    const command = addFlags(new Command(name), table);
    expect(command.options.map((option) => option.attributeName())).toEqual(Object.keys(table));
  });

  test('and arguments keep the text that was given, by option name', () => {
    const command = addFlags(new Command('check').exitOverride(), checkOptions);
    const [argument] = Object.keys(checkOptions).filter((name) => (checkOptions as Record<string, Option>)[name]?.flag.startsWith('<'));
    command.parse(['data', '--json', '--jobs', '3'], { from: 'user' });
    expect(givenOf(command, checkOptions)).toEqual({ [argument as string]: 'data', json: true, jobs: '3' });
  });

  test('are described with their choices and defaults', () => {
    const option = { flag: '--x <x>', kind: 'text', description: 'thing' } as const;
    expect(describeOption(option)).toBe('thing');
    expect(describeOption({ ...option, default: '' })).toBe('thing');
    expect(describeOption({ ...option, choices: ['a', 'b'], default: 'a' })).toBe('thing (a, b; default a)');
    expect(describeOption({ ...option, kind: 'ids', default: [0, 255] })).toBe('thing (default 0,255)');
  });
});
