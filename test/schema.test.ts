import { expect, test } from 'vitest';
import { augmentOptions, batchOptions } from '../src/options.ts';
import { resolveOptions } from '../src/schema.ts';

test('options that place single instances are refused beside whole scenes, whichever option asks for those', () => {
  const given = { pasteOn: [1], avoid: [1], maxCover: 0.5, scaleByClass: { 1: [1, 2] } };
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
