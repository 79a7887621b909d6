import { describe, expect, test } from 'vitest';
import { augmentCommand, optionsOf, replayCommand } from '../../src/engine/command-line.ts';
import { augmentOptions, type Option } from '../../src/options.ts';
import { resolveOptions } from '../../src/schema.ts';

/** The part of a manifest that commands are made from. */
function manifestOf(given: object) {
  const { seed, ...options } = resolveOptions(augmentOptions, { in: 'data', out: 'aug', ...given });
  const rows: Readonly<Record<string, Option>> = augmentOptions;
  const recorded = Object.entries(options).filter(([name]) => rows[name]?.bytes !== false);
  return { seed, options: JSON.parse(JSON.stringify(Object.fromEntries(recorded))) };
}

describe('the command of a run', () => {
  test.each([
    [{}, ''],
    [{ p: 0.25, seed: 7, turns: true }, ' -p 0.25 --seed 7 --turns'],
    [{ preset: 'placed' }, ' --preset placed'],
    [{ preset: 'placed', maxInstances: 'all' }, ' --preset placed --max-instances all'],
    [{ classes: ['car', 'sign symbol'], background: [] }, " --background none --classes 'car,sign symbol'"],
    [{ scale: [0.8, 1.25], minArea: '25px' }, ' --min-area 25px --scale 0.8,1.25'],
    [{ classWeights: { car: 2, 'traffic light': 1.5 } }, " --class-weights 'car=2,traffic light=1.5'"],
    [{ balance: { rfs: 0.01 } }, ' --balance rfs:0.01'],
  ])('has the options that differ from the defaults: %j', (given, words) => {
    expect(augmentCommand(manifestOf(given))).toEqual({ command: `copypaste augment --in DATA --out AGAIN${words}`, files: [] });
  });

  test('names the list of samples, if there was one', () => {
    const { command } = augmentCommand({ ...manifestOf({}), list: { samples: 1, sha256: '' } });
    expect(command).toBe('copypaste augment --in DATA --list LIST --out AGAIN');
  });

  test('names files for values that are read from files', () => {
    const shares = { of: 'result', by: 'instances', shares: { car: 1 } };
    const { command, files } = augmentCommand(manifestOf({ scaleByClass: { car: [1, 2] }, balance: shares }));
    expect(command).toContain('--scale-by-class scales.json --balance target:shares.json');
    expect(files.map(({ name, text }) => [name, JSON.parse(text)])).toEqual([
      ['scales.json', { car: [1, 2] }],
      ['shares.json', shares],
    ]);
  });

  test('gives the options of the manifest again', () => {
    const { options, seed } = manifestOf({ p: 0.25, seed: 7, preset: 'overhead' });
    expect(optionsOf({ options, seed }).filter(({ chosen }) => chosen)).toMatchObject([
      { flag: '--preset', value: 'overhead' },
      { flag: '-p', value: '0.25' },
      { flag: '--seed', value: '7' },
    ]);
    expect(optionsOf({ options, seed })).toContainEqual(expect.objectContaining({ flag: '--turns', value: 'yes', chosen: false }));
  });
});

test('the command that replays names the manifest and the sources', () => {
  const sources = {} as NonNullable<Parameters<typeof replayCommand>[1]['sources']>;
  expect(replayCommand('my data/manifest.json', manifestOf({}))).toBe("copypaste replay 'my data/manifest.json' --in DATA --out AGAIN");
  expect(replayCommand('aug/manifest.json', { ...manifestOf({}), sources })).toBe(
    'copypaste replay aug/manifest.json --in DATA --sources SOURCES --out AGAIN',
  );
});
