import { describe, expect, test } from 'vitest';
import { openSourced } from '../../src/dataset/sources.ts';
import { augmentOptions, type Given, type Option } from '../../src/options.ts';
import { headOf, refuseOther } from '../../src/output/head.ts';
import type { ManifestHead } from '../../src/output/manifest.ts';
import { resolveOptions } from '../../src/schema.ts';

const rows: [name: string, row: Option][] = Object.entries(augmentOptions);

async function head(given: Omit<Given<typeof augmentOptions>, 'in' | 'out'> = {}, input = 'fixtures/voc'): Promise<ManifestHead> {
  const options = resolveOptions(augmentOptions, { ...given, in: input, out: 'out' });
  return headOf(await openSourced(options), options);
}

describe('the head of a manifest', () => {
  test('contains the seed, and all options with a value that change bytes, in order', async () => {
    const { options, seed } = await head({ seed: 3 });
    const resolved: Readonly<Record<string, unknown>> = resolveOptions(augmentOptions, { in: 'fixtures/voc', out: 'out' });
    const expected = rows.filter(([name, { bytes }]) => bytes !== false && name !== 'seed' && resolved[name] !== undefined);
    expect(Object.keys(options)).toEqual(expected.map(([name]) => name));
    expect(seed).toBe(3);
  });

  test('does not depend on options that change no byte', async () => {
    const given = { jobs: 1, memory: 2 ** 28, quiet: true, json: true, link: true, fallback: true, overwrite: true } as const;
    expect(await head({ ...given, dryRun: true, requireMasks: true })).toEqual(await head());
  });

  test.each<[string, Parameters<typeof head>[0]]>([
    ['p was 0.5 and is now 1', { p: 1 }],
    ['seed was 0 and is now 1', { seed: 1 }],
    ['max-instances was 5 and is now 3', { maxInstances: 3 }],
    ['classes was not set and is now ["person"]', { classes: ['person'] }],
    ['ignore was [255] and is now []', { ignore: [] }],
  ])('of another run is refused with the first difference: %s', async (difference, given) => {
    const [there, here] = await Promise.all([head(), head(given)]);
    const message = `--out out: contains another run: ${difference}; choose another folder or pass --overwrite`;
    expect(() => refuseOther(there, here, 'out')).toThrow(expect.objectContaining({ code: 'usage', message }));
    expect(() => refuseOther(there, there, 'out')).not.toThrow();
  });

  test('of another layout is refused by that name', async () => {
    const [there, here] = await Promise.all([head(), head({}, 'fixtures/camvid')]);
    expect(() => refuseOther(there, here, 'out')).toThrow('contains another run: layout was "voc" and is now "camvid"');
  });

  test('of other input files is refused with their number and size', async () => {
    const there = await head();
    const more = { ...there, input: { ...there.input, files: 99, listing: '0'.repeat(64) } };
    const renamed = { ...there, input: { ...there.input, listing: '0'.repeat(64) } };
    const { files, bytes } = there.input;
    const [was, is] = [`${files} files of ${bytes} bytes`, `99 files of ${bytes} bytes`];
    expect(() => refuseOther(there, more, 'out')).toThrow(`the data set had ${was} and now has ${is}`);
    expect(() => refuseOther(there, renamed, 'out')).toThrow('file names or sizes of the data set have changed');
  });
});
