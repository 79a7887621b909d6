import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Given, planOptions } from '../../src/options.ts';
import { plan } from '../../src/verbs/plan.ts';
import { temporaryFolder } from '../make.ts';

const folder = temporaryFolder();
let number = 0;

async function textOf(given: Given<typeof planOptions>): Promise<string> {
  let text = '';
  await plan(given, (part) => {
    text += part;
  });
  return text;
}

const out = join(folder, 'out');
const camvid = { in: 'fixtures/camvid', out, shards: 2, preset: 'placed' as const };

/** Texts of all parts of the measures, the last one first. */
async function partsOf(given: Given<typeof planOptions>, of: number): Promise<string[]> {
  const parts: string[] = [];
  for (let part = of; part >= 1; part--) parts.push(await textOf({ ...given, measure: `${part}/${of}` }));
  return parts;
}

async function fileOf(parts: readonly string[]): Promise<string> {
  const path = join(folder, `${number++}.measure`);
  await writeFile(path, parts.join(''));
  return path;
}

describe('a run file is the same, however the measures are divided', () => {
  test.each([
    ['a prior and a balance of class masks', camvid],
    ['a balance of COCO annotations', { in: 'fixtures/coco', out, shards: 3, balance: 'inverse' as const }],
    [
      'another data set of sources, drawn by weight',
      {
        in: 'fixtures/camvid',
        out,
        shards: 2,
        sources: 'fixtures/voc',
        balance: 'inverse' as const,
        classNames: 'fixtures/voc/class_names.txt',
      },
    ],
  ])('%s', async (_, given) => {
    const whole = await textOf(given);
    for (const n of [1, 2, 3, 7]) {
      const parts = await partsOf(given, n);
      // A task may have been repeated.
      const join = await fileOf([...parts, parts[0] as string]);
      expect(await textOf({ ...given, join })).toBe(whole);
    }
  });
});

describe('parts are refused', () => {
  const refused = async (parts: readonly string[], given = {}) =>
    textOf({ ...camvid, ...given, join: await fileOf(parts) }).then(
      () => undefined,
      ({ code, message }) => `${code}: ${message.replace(/^.*?measure: /, '')}`,
    );

  test('that are missing', async () => {
    const parts = await partsOf(camvid, 5);
    expect(await refused([parts[1], parts[4]] as string[])).toBe(
      'noInput: parts are missing: 2-3,5 of 5; measure the rest with plan --measure, and add it',
    );
    expect(await refused([])).toBe('data: has no whole part; pass a file of the parts that plan --measure has printed');
    await expect(textOf({ ...camvid, join: 'nowhere' })).rejects.toMatchObject({
      code: 'noInput',
      message: expect.stringContaining('no such file'),
    });
  });

  test('that are of another run, or of another division', async () => {
    const [two, one] = (await partsOf(camvid, 2)) as [string, string];
    expect(await refused([one, two], { seed: 7 })).toBe(
      'usage: part 1 of 2 was measured in another run: seed was 0 and is now 7; measure it again with plan --measure',
    );
    const [three] = await partsOf(camvid, 3);
    expect(await refused([one, three as string])).toBe('data: has parts of 2 and of 3; measure all parts again');
  });

  test('that are incomplete or damaged', async () => {
    const [two, one] = (await partsOf(camvid, 2)) as [string, string];
    const lines = one.split('\n');
    const again = 'measure again with plan --measure, into a new file, and add it';
    expect(await refused([`${lines.slice(0, -2).join('\n')}\n`, two])).toBe(`data: part is incomplete or damaged: 1 of 2; ${again}`);
    const damaged = one.replace('"role":"both"', '"role":"target"');
    expect(await refused([damaged, two])).toBe(`data: part is incomplete or damaged: 1 of 2; ${again}`);
    const three = await partsOf(camvid, 3);
    expect(await refused([three[2]?.slice(0, 99), three[0]?.slice(0, -9)] as string[])).toBe(
      `data: part is missing: 2 of 3, parts are incomplete or damaged: 1,3 of 3; ${again}`,
    );
    expect(await refused([`${lines[1]}\n`, one, two])).toBe('data: line 1 belongs to no part; measure the parts again');
    expect(await refused(['{"part":0}\n'])).toMatch(/^data: line 1 is no head of a part/);
    expect(await readFile(await fileOf([one]), 'utf8')).toBe(one);
  });
});

describe('a part that is incomplete or damaged does not count beside a whole one', async () => {
  const [two, one] = (await partsOf(camvid, 2)) as [string, string];
  const whole = await textOf(camvid);
  const head = one.indexOf('\n');
  // In the first key of the head, before its number, in the run, before and after its newline, in a sample, in the digest, before its newline.
  const cuts = [1, 5, 8, 12, head - 20, head, head + 1, head + 4, one.length - 70, one.length - 1];
  test.each(cuts.map((at) => [at - one.length, one.slice(0, at)] as const))('cut at %i', async (_, cut) => {
    for (const parts of [
      [cut, one, two],
      [one, cut, two],
      [two, one, cut],
      [cut, '\n', two, one],
      [cut, cut, two.slice(0, 40), one, two],
    ]) {
      expect(await textOf({ ...camvid, join: await fileOf(parts) })).toBe(whole);
    }
  });

  test('changed', async () => {
    const damaged = one.replace('"role":"both"', '"role":"target"');
    const torn = one.replace('{"sample"', '');
    for (const parts of [
      [damaged, torn, one, two],
      [two, one, torn, damaged],
    ])
      expect(await textOf({ ...camvid, join: await fileOf(parts) })).toBe(whole);
  });
});

test.each([
  ['0/2', 'parts are numbered from 1 to 2'],
  ['3/2', 'parts are numbered from 1 to 2'],
  ['3', 'expected a part such as 1/64, or slurm/64'],
  ['cron/2', 'expected a part such as 1/64, or slurm/64'],
  ['slurm/2', 'SLURM_ARRAY_TASK_ID is not set to a number'],
])('--measure %s is refused', async (measure, what) => {
  await expect(textOf({ ...camvid, measure })).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining(what) });
});

test('a part has the index of its task', async () => {
  process.env.JOB_COMPLETION_INDEX = '1';
  try {
    expect(await textOf({ ...camvid, measure: 'k8s/2' })).toBe(await textOf({ ...camvid, measure: '2/2' }));
  } finally {
    delete process.env.JOB_COMPLETION_INDEX;
  }
});

test('options that need no measures have no parts', async () => {
  const given = { ...camvid, preset: undefined };
  await expect(textOf({ ...given, measure: '1/2' })).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining('leave it out'),
  });
  await expect(textOf({ ...given, join: 'a' })).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining('leave it out') });
});
