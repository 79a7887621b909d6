import { describe, expect, test } from 'vitest';
import { settingsOf, sweepsOf } from '../../src/engine/sweep.ts';

const given = { in: 'data', out: 'sheet.png' };

describe('sweepsOf', () => {
  test('takes any option that changes what is pasted, with or without dashes', () => {
    expect(sweepsOf(['scale=0.5,1|1,2', '--class-weights=car=1,bus=2|car=1'], given)).toEqual([
      { option: 'scale', name: 'scale', values: ['0.5,1', '1,2'] },
      { option: 'classWeights', name: 'class-weights', values: ['car=1,bus=2', 'car=1'] },
    ]);
    expect(sweepsOf(['p=0.1|1'], given)[0]?.option).toBe('p');
  });

  test.each([
    ['no values', ['scale'], /^--sweep 'scale': expected an option with its values/],
    ['a misspelled option', ['scal=1,2'], /^--sweep: 'scal' is no option that can be swept; did you mean scale\?$/],
    [
      'an unknown option',
      ['brightness=1'],
      /^--sweep: 'brightness' is no option that can be swept; choose from .*scale.*, include-originals$/,
    ],
    ['an option that changes no picture', ['jobs=1|2'], /'jobs' is no option that can be swept/],
    ['the output', ['out=a.png|b.png'], /'out' is no option that can be swept/],
    ['an option that is given too', ['seed=1|2'], /seed is also given as an option of its own/],
    ['one option twice', ['p=1', 'p=0.5'], /p is swept twice; give all its values at once/],
    ['three options', ['p=1', 'flip=1', 'tone=0'], /given 3 times, but a grid has two sides; leave 1 out/],
  ])('refuses %s', (_, texts, message) => {
    expect(() => sweepsOf(texts, { ...given, seed: 1 })).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringMatching(message) }),
    );
  });
});

describe('settingsOf', () => {
  const names = (texts: string[]) => settingsOf(sweepsOf(texts, given)).map((row) => row.map(({ name }) => name));

  test('has a column for each value of one option', () => {
    expect(names(['scale=1,1|2,2'])).toEqual([['scale 1 to 1', 'scale 2 to 2']]);
  });

  test('has a row for each value of the first of two options', () => {
    expect(names(['p=0|1', 'tone=0|0.2|0.4'])).toEqual([
      ['p 0, tone 0', 'p 0, tone 0.2', 'p 0, tone 0.4'],
      ['p 1, tone 0', 'p 1, tone 0.2', 'p 1, tone 0.4'],
    ]);
    expect(settingsOf(sweepsOf(['p=0|1', 'tone=0|0.2'], given))[1]?.[1]?.given).toEqual({ p: '1', tone: '0.2' });
  });

  test('is one setting with the options as they are without a sweep', () => {
    expect(settingsOf([])).toEqual([[{ name: '', given: {} }]]);
  });
});
