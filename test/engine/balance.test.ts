import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { requestOf } from '../../src/engine/balance.ts';
import { withFiles } from '../../src/engine/option-files.ts';
import { augmentOptions } from '../../src/options.ts';
import { manifestSchema } from '../../src/output/manifest.ts';
import { resolveOptions } from '../../src/schema.ts';
import { augment } from '../../src/verbs/augment.ts';
import { replay } from '../../src/verbs/replay.ts';
import { temporaryFolder, treeDigests } from '../make.ts';

const folder = temporaryFolder();
const names = new Map([
  [8, 'car'],
  [10, 'bicyclist'],
]);
const given = { in: 'fixtures/camvid', out: 'nowhere' };
const optionsOf = (more: Record<string, unknown>) => resolveOptions(augmentOptions, { ...given, ...more });
const request = (more: Record<string, unknown>) => requestOf(optionsOf(more), names);

async function fileOf(text: string): Promise<string> {
  const path = join(folder, 'balance.yaml');
  await writeFile(path, text);
  return path;
}

describe('the options of a balance', () => {
  test('are weights or shares by class name or id', () => {
    expect(request({})).toBeUndefined();
    expect(request({ balance: 'inverse' })).toBe('inverse');
    expect(request({ balance: 'rfs' })).toEqual({ rfs: 0.001 });
    expect(request({ balance: 'rfs:0.1' })).toEqual({ rfs: 0.1 });
    expect(request({ classWeights: 'car=1, 10=8' })).toEqual({
      weights: new Map([
        [8, 1],
        [10, 8],
      ]),
    });
    expect(request({ balance: { shares: { Bicyclist: 2 } } })).toEqual({ shares: new Map([[10, 2]]), of: 'result', by: 'instances' });
  });

  test('are refused if they are wrong', () => {
    for (const balance of ['rfs:0', 'rfs:', 'rfsx', 'equal', 'target:', { shares: { car: 0 } }, { shares: {} }])
      expect(() => request({ balance })).toThrow(/--balance: expected rfs/);
    for (const classWeights of ['car', 'car=-1', 'car=', '=1', 'car=1,car=2', ''])
      expect(() => request({ classWeights })).toThrow(/--class-weights: expected classes, each once, with weights/);
    expect(() => request({ classWeights: 'tram=1' })).toThrow("--class-weights: unknown class 'tram'; classes are car, bicyclist");
    expect(() => request({ classWeights: 'car=1,8=2' })).toThrow(/class 8 occurs twice/);
    expect(() => request({ balance: 'inverse', classWeights: 'car=1' })).toThrow(
      '--balance: has no effect with --class-weights; omit or change one of the two',
    );
  });

  test('let weights that are given replace the balance of a preset', () => {
    const weights = { weights: new Map([[8, 2]]) };
    const options = optionsOf({ preset: 'placed', classWeights: 'car=2' });
    expect(requestOf(options, names)).toEqual(weights);
    expect(requestOf(optionsOf(options), names)).toEqual(weights);
  });

  test('hold the content of a file, not its path', async () => {
    const of = async (text: string) => optionsOf(await withFiles(augmentOptions, { balance: `target:${await fileOf(text)}` })).balance;
    const shares = { car: 1, bicyclist: 3 };
    expect(await of('of: pasted\nshares: {car: 1, bicyclist: 3}')).toEqual({ of: 'pasted', by: 'instances', shares });
    expect(await of('{ "by": "pixels", "shares": { "car": 1, "bicyclist": 3 } }')).toEqual({ of: 'result', by: 'pixels', shares });
    await expect(of('car: 1')).rejects.toThrow(/not a balance; write lines such as/);
    await expect(of('shares: [')).rejects.toMatchObject({ code: 'data', message: expect.stringMatching(/not valid YAML/) });
    await expect(withFiles(augmentOptions, { balance: 'target:missing.yaml' })).rejects.toMatchObject({ code: 'noInput' });
  });
});

describe('a balanced run', () => {
  const run = async (more: Record<string, unknown>, name: string) => {
    const out = join(folder, name);
    const summary = await augment({ ...given, out, p: 1, batchSize: 4, copies: 2, ...more });
    return { out, summary, manifest: manifestSchema.parse(JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8'))) };
  };

  test('records its weights, compares runs by content, and replays without measuring', async () => {
    const text = 'of: pasted\nshares: {car: 1, pedestrian: 1}';
    const { out, summary, manifest } = await run({ balance: `target:${await fileOf(text)}` }, 'a');
    expect(manifest.options.balance).toEqual({ of: 'pasted', by: 'instances', shares: { car: 1, pedestrian: 1 } });
    expect(manifest.measures?.weights?.instances).toMatchObject({ 2: 0 });
    expect(manifest.classes.filter(({ pasted }) => pasted > 0).map(({ name }) => name)).toEqual(['car', 'pedestrian']);
    expect(summary.balance?.classes.map(({ name, asked }) => [name, asked])).toEqual([
      ['car', 0.5],
      ['pedestrian', 0.5],
    ]);
    const again = await augment({
      ...given,
      out,
      p: 1,
      batchSize: 4,
      copies: 2,
      balance: JSON.parse(JSON.stringify(manifest.options.balance)),
    });
    expect(again.balance).toEqual(summary.balance);
    await expect(run({ balance: 'inverse' }, 'a')).rejects.toThrow(/contains another run: balance was/);
    const rebuilt = join(folder, 'b');
    await replay({ manifest: join(out, 'manifest.json'), in: given.in, out: rebuilt });
    expect(await treeDigests(rebuilt)).toEqual(await treeDigests(out));
  });

  test('has the same targets whether or not a rule needs the instances of a target', async () => {
    const classMap = join(folder, 'classes.yaml');
    await writeFile(classMap, 'person: pedestrian');
    const sourced = { sources: 'fixtures/voc', classMap, balance: 'rfs:0.9', p: 0.3, copies: 3 };
    const targets = async (more: Record<string, unknown>, name: string): Promise<string[]> => {
      const { manifest } = await run({ ...sourced, ...more }, name);
      return manifest.records.flatMap((one) => (one.status === 'unchanged' && one.reason === 'not drawn' ? [] : [`${one.copy} ${one.id}`]));
    };
    expect(await targets({}, 'e')).toEqual(await targets({ maxCover: 1 }, 'f'));
  });

  test('refuses classes that have nothing to paste', async () => {
    await expect(run({ classWeights: '77=2' }, 'c')).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(/class 77 has no instance/),
    });
    await expect(run({ classWeights: 'car=0', classes: 'car' }, 'c')).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(/leaves no class/),
    });
    await expect(run({ balance: { shares: { car: 1 } }, classes: 'pedestrian' }, 'c')).rejects.toMatchObject({
      code: 'usage',
      message: '--balance: class car is never pasted; allow it with --classes, --exclude-classes or --stuff, or leave it out',
    });
  });
});
