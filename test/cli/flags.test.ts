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

  test('are listed under the heading of their group, with what each threshold looks at', () => {
    const help = addFlags(new Command('augment'), augmentOptions)
      .helpInformation()
      .replaceAll(/\n {6,}/g, ' ');
    const [, thresholds = ''] = help.split('Thresholds:\n');
    const lines = thresholds.split('\n\n')[0]?.trimEnd().split('\n') ?? [];
    expect(lines.map((line) => /--\S+/.exec(line)?.[0])).toEqual(
      expect.arrayContaining(['--min-area', '--max-area', '--max-cover', '--min-visible']),
    );
    for (const line of lines) expect(line).toMatch(/ of (a paste in its target|an instance in its source|an existing instance): /);
  });

  test('are described with their choices and defaults', () => {
    const option = { flag: '--x <x>', kind: 'text', description: 'thing' } as const;
    expect(describeOption(option)).toBe('thing');
    expect(describeOption({ ...option, default: '' })).toBe('thing');
    expect(describeOption({ ...option, choices: ['a', 'b'], default: 'a' })).toBe('thing (a, b; default a)');
    expect(describeOption({ ...option, kind: 'ids', default: [0, 255] })).toBe('thing (default 0,255)');
  });
});
