import { expect, test } from 'vitest';
import { augmentOptions, batchOptions } from '../src/options.ts';
import { resolveOptions } from '../src/schema.ts';

test('options that place single instances are refused beside whole scenes, whichever option asks for those', () => {
  const given = { pasteOn: [1], avoid: [1], maxCover: 0.5, scaleByClass: { 1: [1, 2] }, turns: true };
  for (const [name, value] of Object.entries(given)) {
    for (const scenes of [{ jitter: 'scene' }, { preset: 'paper' }, { preset: 'ssj' }]) {
      const refused = expect.objectContaining({
        code: 'usage',
        message: expect.stringMatching(/^--\S+: has no effect with --jitter scene/),
      });
      expect(() => resolveOptions(augmentOptions, { in: 'data', out: 'out', ...scenes, [name]: value })).toThrow(refused);
      expect(() => resolveOptions(batchOptions, { ...scenes, [name]: value })).toThrow(refused);
    }
    expect(resolveOptions(batchOptions, { [name]: value })).toMatchObject({ [name]: value });
    expect(resolveOptions(batchOptions, { preset: 'paper', jitter: 'instance', [name]: value })).toMatchObject({ [name]: value });
  }
});

test('an option that another one replaces is refused, but not its value from a default or a preset, as manifests hold it', () => {
  const resolve = (given: object) => resolveOptions(augmentOptions, { in: 'data', out: 'out', ...given });
  expect(() => resolve({ turns: true, flip: 0.2 })).toThrow('--flip: has no effect with --turns; omit or change one of the two');
  expect(resolve({ turns: true, preset: 'composer' })).toMatchObject({ turns: true, flip: 0.9 });
  expect(() => resolve({ place: 'prior', maxTranslation: 0.5 })).toThrow(
    '--max-translation: has no effect with --place prior; omit or change one of the two',
  );
  expect(() => resolve({ place: 'prior', jitter: 'scene' })).toThrow(/^--place: has no effect with --jitter scene/);
  for (const scenes of [{ jitter: 'scene' }, { preset: 'paper' }])
    expect(() => resolve({ ...scenes, maxTranslation: 0.5 })).toThrow(
      /^--max-translation: has no effect with --jitter scene( of --preset paper)?; omit or change one of the two$/,
    );
  expect(resolve({ preset: 'composer', jitter: 'scene' })).toMatchObject({ maxTranslation: 0.5, jitter: 'scene' });
  for (const placeBand of ['0.5', '0.5,0.5', '-0.1,0.5', '0.5,1.1'])
    expect(() => resolve({ placeBand })).toThrow(/^--place-band: expected two numbers/);
  expect(() => resolve({ placeBand: '0.2,0.8' })).toThrow(
    '--place-band: not possible with --place anywhere, the default; omit or change one of the two',
  );
  const placed = resolve({ preset: 'placed' });
  expect(placed).toMatchObject({ place: 'prior', stuff: 'skip', balance: 'inverse' });
  expect(resolve(placed)).toEqual(placed);
  const options = resolve({ preset: 'overhead' });
  expect(options.turns).toBe(true);
  expect(resolve(options)).toEqual(options);
});

test('turns are refused beside a prior of places, in which instances stand upright, also if presets set one of them', () => {
  const resolve = (given: object) => resolveOptions(augmentOptions, { in: 'data', out: 'out', ...given });
  const end = '; omit or change one of the two';
  expect(() => resolve({ turns: true, place: 'prior' })).toThrow(`--turns: not possible with --place prior${end}`);
  expect(() => resolve({ turns: true, preset: 'placed' })).toThrow(`--turns: not possible with --place prior of --preset placed${end}`);
  expect(() => resolve({ preset: 'overhead', place: 'prior' })).toThrow(
    `--turns of --preset overhead: not possible with --place prior${end}`,
  );
});

test('a refusal names the preset that sets an option', () => {
  const resolve = (given: object) => resolveOptions(augmentOptions, { in: 'data', out: 'out', ...given });
  const end = ', which places whole scenes; omit or change one of the two';
  expect(() => resolve({ preset: 'placed', jitter: 'scene' })).toThrow(
    `--place of --preset placed: has no effect with --jitter scene${end}`,
  );
  expect(() => resolve({ preset: 'ssj', turns: true })).toThrow(`--turns: has no effect with --jitter scene of --preset ssj${end}`);
});

test('all values that a manifest holds are accepted again, also lists beside whole scenes', () => {
  const options = resolveOptions(augmentOptions, { in: 'data', out: 'out', preset: 'paper' });
  expect(resolveOptions(augmentOptions, JSON.parse(JSON.stringify(options)))).toEqual(options);
});
