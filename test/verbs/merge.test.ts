import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { appendFile, cp, mkdir, readdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { Hooks } from '../../src/engine/hooks.ts';
import { optionsOfRun, readPart } from '../../src/engine/part.ts';
import type { CopyPasteError } from '../../src/errors.ts';
import { openRunFile } from '../../src/output/run-file.ts';
import { openShard, withRecordFiles } from '../../src/output/shards.ts';
import { augment, augmentShard } from '../../src/verbs/augment.ts';
import { extract } from '../../src/verbs/extract.ts';
import { merge } from '../../src/verbs/merge.ts';
import { status } from '../../src/verbs/status.ts';
import { temporaryFolder, treeDigests, writeTree } from '../make.ts';
import { expectSameInShards, planned } from '../shards.ts';

const folder = temporaryFolder();
let number = 0;
const newOut = (): string => join(folder, `out${number++}`);
const camvid = 'fixtures/camvid';
const small = { in: camvid, p: 0.7, batchSize: 2 };

describe('any number of shards, and none, give the same files', { timeout: 120_000 }, () => {
  test.each([
    ['small batches', {}, [1, 7]],
    ['copies and originals', { copies: 2, includeOriginals: true }, [3, 64]],
    ['a prior and a balance', { preset: 'placed' as const }, [3]],
    [
      'another data set of sources, drawn by weight',
      { sources: 'fixtures/voc', balance: 'inverse' as const, classNames: 'fixtures/voc/class_names.txt' },
      [3],
    ],
  ])('%s', async (_, options, counts) => {
    await expectSameInShards({ ...small, ...options }, newOut(), counts);
  });

  // Most of 64 shards have nothing to do.
  test.each(['camvid', 'coco', 'cvat', 'datumaro', 'labelme', 'panoptic', 'via', 'voc', 'yolo'])('the set %s', async (name) => {
    await expectSameInShards({ in: `fixtures/${name}`, p: 1, batchSize: 2, includeOriginals: true }, newOut(), [2, 64]);
  });

  test('a bank of objects as sources', async () => {
    const bank = join(folder, 'bank');
    await extract({ in: camvid, out: bank });
    await expectSameInShards({ ...small, sources: bank, copies: 2 }, newOut(), [3, 64]);
  });

  test('bad samples of several splits, whose originals are left out', async () => {
    const data = join(folder, 'bad');
    await cp(camvid, data, { recursive: true });
    const images = async (split: string): Promise<string[]> => (await readdir(join(data, split))).map((name) => join(data, split, name));
    for (const image of [...(await images('train')).slice(2, 4), ...(await images('val')).slice(0, 1)]) {
      const bytes = await readFile(image);
      await writeFile(image, bytes.subarray(0, bytes.length >> 1));
    }
    await expectSameInShards({ ...small, in: data, skipBad: true, copies: 2, includeOriginals: true }, newOut(), [3, 64]);
  });
});

test('a record file that was cut off is named alike by merge, status and its shard', async () => {
  const out = newOut();
  const run = await planned({ ...small, out, shards: 2 });
  for (const shard of ['1/2', '2/2']) await augmentShard({ run, shard });
  const file = join(out, 'shard-2-of-2.jsonl');
  const whole = await readFile(file, 'utf8');
  const end = whole.lastIndexOf('{"done":');
  const refusal = { code: 'io', path: file, message: `${file}: is incomplete; delete it, and do the shard again` };
  for (const text of [whole.slice(0, -1), whole.slice(0, end), whole.slice(0, whole.indexOf('\n') + 1)]) {
    await writeFile(file, text);
    await expect(merge({ run })).rejects.toMatchObject(refusal);
    await expect(status({ run })).rejects.toMatchObject(refusal);
    await expect(augmentShard({ run, shard: '2/2' })).rejects.toMatchObject(refusal);
  }
  // Its line may have the keys of very many batches.
  await writeFile(file, whole.replace('{"done":', `{"done":${' '.repeat(100_000)}`));
  expect((await status({ run })).missing).toEqual([]);
  await unlink(file);
  await augmentShard({ run, shard: '2/2' });
  await merge({ run });
});

test('shards that are interrupted continue, in any order, and one that is done stays as it is', async () => {
  const out = newOut();
  const whole = newOut();
  await augment({ ...small, out: whole });
  const run = await planned({ ...small, out, shards: 2 });
  const stop = new AbortController();
  const hooks: Hooks = { stop: stop.signal, done: () => stop.abort() };
  await expect(augmentShard({ run, shard: '1/2' }, hooks)).rejects.toMatchObject({ code: 'interrupted' });
  expect(await readdir(out)).toContain('shard-1-of-2.open.jsonl');
  await expect(merge({ run })).rejects.toMatchObject({
    code: 'noInput',
    message: `${out}: shards are not done: 1-2 of 2; do the rest first`,
  });
  await augmentShard({ run, shard: '2/2' });
  expect((await augmentShard({ run, shard: '1/2' }))?.reused).toBeGreaterThan(0);
  const before = await treeDigests(out);
  expect(await augmentShard({ run, shard: '1/2' })).toBe(undefined);
  expect(await treeDigests(out)).toEqual(before);
  await merge({ run });
  expect(await treeDigests(out)).toEqual(await treeDigests(whole));
  expect(await augmentShard({ run, shard: '2/2' })).toBe(undefined);
  expect((await merge({ run })).again).toBe(true);
  expect(await treeDigests(out)).toEqual(await treeDigests(whole));
});

test('a shard may be done by two processes at once', async () => {
  const out = newOut();
  const whole = newOut();
  await augment({ ...small, out: whole });
  const run = await planned({ ...small, out, shards: 2 });
  await Promise.all(['1/2', '1/2', '2/2'].map((shard) => augmentShard({ run, shard })));
  await merge({ run });
  expect(await treeDigests(out)).toEqual(await treeDigests(whole));
});

test('a process that is stopped after another has done the same shard leaves it done', async () => {
  const out = newOut();
  const whole = newOut();
  await augment({ ...small, out: whole });
  const run = await planned({ ...small, out, shards: 1 });
  const file = await openRunFile(run);
  const { dataset } = await readPart(file, 0, optionsOfRun(file, {}));
  const late = await openShard(file, { shard: 1, out, dataset });
  await late?.begin('0', []);
  await augmentShard({ run, shard: '1/1' });
  await late?.close();
  expect(await augmentShard({ run, shard: '1/1' })).toBe(undefined);
  expect((await status({ run })).missing).toEqual([]);
  await merge({ run });
  expect(await treeDigests(out)).toEqual(await treeDigests(whole));
});

test('a process that has yet to begin a batch leaves the journal of another that does the same shard', async () => {
  const out = newOut();
  const run = await planned({ ...small, out, shards: 1 });
  const file = await openRunFile(run);
  const { dataset } = await readPart(file, 0, optionsOfRun(file, {}));
  const idle = await openShard(file, { shard: 1, out, dataset });
  let begun = (): void => {};
  const entered = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const working = augmentShard({ run, shard: '1/1' }, { done: () => begun() });
  await entered;
  await idle?.close();
  await working;
  expect(await readdir(out)).toContain('shard-1-of-1.jsonl');
  await merge({ run });
});

test('a shard whose journal was removed while it ran fails', async () => {
  const out = newOut();
  const run = await planned({ ...small, out, shards: 1 });
  const hooks: Hooks = { done: () => rmSync(join(out, 'shard-1-of-1.open.jsonl'), { force: true }) };
  await expect(augmentShard({ run, shard: '1/1' }, hooks)).rejects.toMatchObject({
    code: 'io',
    message: expect.stringContaining('shard-1-of-1.open.jsonl: was removed while the shard was done; run again'),
  });
});

test.each([
  ['in one folder', { minArea: 0.99, maxArea: 1 }],
  ['from another data set', { minArea: 0.99, maxArea: 1, sources: 'fixtures/voc', classNames: 'fixtures/voc/class_names.txt' }],
])('a merge says why nothing was pasted, as augment does: %s', async (_, options) => {
  const given = { ...small, ...options, p: 1 };
  const out = newOut();
  const { nothing } = await augment({ ...given, out: newOut() });
  expect(nothing).toMatch(/none of|no instance/);
  const run = await planned({ ...given, out, shards: 2 });
  for (const shard of ['1/2', '2/2']) await augmentShard({ run, shard });
  expect((await merge({ run })).summary.nothing).toBe(nothing);
  expect((await merge({ run })).summary.nothing).toBe(nothing);
});

test('an empty record file is not done, and one that lacks a batch is named with a remedy', async () => {
  const out = newOut();
  const run = await planned({ ...small, out, shards: 1 });
  await augmentShard({ run, shard: '1/1' });
  const record = join(out, 'shard-1-of-1.jsonl');
  const lines = (await readFile(record, 'utf8')).split('\n');
  await writeFile(record, lines.filter((line) => !line.startsWith('{"end":"0.1"')).join('\n'));
  await expect(merge({ run })).rejects.toThrow(`${record}: batch 0.1 is missing; delete it, and do the shard again`);
  await writeFile(record, '');
  expect(await status({ run })).toMatchObject({ missing: [1] });
  expect(await augmentShard({ run, shard: '1/1' })).not.toBe(undefined);
  await merge({ run });
});

test('record files are read only, and none is made', async () => {
  const out = newOut();
  const run = await openRunFile(await planned({ ...small, out, shards: 2 }));
  await mkdir(out);
  await expect(withRecordFiles(run, out, async () => {})).rejects.toMatchObject({ code: 'io' });
  expect(await readdir(out)).toEqual([]);
});

test('a merge needs no descriptor for each shard', async () => {
  const out = newOut();
  const run = await planned({ ...small, includeOriginals: true, out, shards: 300 });
  const file = await openRunFile(run);
  const options = optionsOfRun(file, {});
  for (let shard = 1; shard <= 300; shard++) {
    const { amount, originals, dataset } = await readPart(file, shard - 1, options);
    if (amount.count + originals.length + dataset.others.length > 0) await augmentShard({ run, shard: `${shard}/300` });
    else {
      const lines = [{ head: { run: file.digest, shard, of: 300 } }, { done: [] }];
      await writeTree(out, { [`shard-${shard}-of-300.jsonl`]: lines.map((line) => `${JSON.stringify(line)}\n`).join('') });
    }
  }
  const command = `ulimit -n 200; exec '${process.execPath}' bin/copypaste.cjs merge -q --run '${run}'`;
  const { stderr } = await promisify(execFile)('sh', ['-c', command]);
  expect(stderr).toBe('');
  await augment({ ...small, includeOriginals: true, out: `${out}-whole` });
  expect(await treeDigests(out)).toEqual(await treeDigests(`${out}-whole`));
});

test('an output folder that cannot be listed is an error, and one that is missing has no shards', async () => {
  const out = newOut();
  const run = await planned({ ...small, out, shards: 2 });
  expect(await status({ run })).toMatchObject({ missing: [1, 2] });
  await writeFile(out, 'a file');
  await expect(status({ run })).rejects.toMatchObject({ code: 'noInput', message: expect.stringMatching(/: cannot be listed: ENOTDIR/) });
});

test('data and output may have moved since the run was planned', async () => {
  const [out, moved] = [newOut(), newOut()];
  const data = join(folder, 'moved');
  const run = await planned({ ...small, out, shards: 2, fast: true });
  await cp(camvid, data, { recursive: true, preserveTimestamps: true });
  for (const shard of ['1/2', '2/2']) await augmentShard({ run, shard, in: data, out: moved });
  await merge({ run, in: data, out: moved });
  await augment({ ...small, out });
  expect(await treeDigests(moved)).toEqual(await treeDigests(out));
});

test.each([
  [false, false],
  [true, false],
  [false, true],
])('an input file that has changed is refused by name (--fast %s, --skip-bad %s)', async (fast, skipBad) => {
  const data = join(folder, `changed${fast}${skipBad}`);
  await cp(camvid, data, { recursive: true });
  const run = await planned({ ...small, p: 1, in: data, out: newOut(), shards: 1, fast, skipBad });
  const [mask = ''] = await readdir(join(data, 'trainannot'));
  await appendFile(join(data, 'trainannot', mask), ' ');
  const error = await augmentShard({ run, shard: '1/1' }).catch((error: CopyPasteError) => error);
  expect(error).toMatchObject({ code: 'data' });
  const { message, offenders } = error as CopyPasteError;
  expect([message, ...offenders].join()).toMatch(new RegExp(`trainannot/${mask}: has`));
});

describe('an output folder is refused', () => {
  test('that has shards of another run', async () => {
    const out = newOut();
    const [run, other] = [
      await planned({ ...small, out, shards: 2 }),
      await planned({ ...small, seed: 1, out, shards: 2 }, `${out}.other`),
    ];
    await augmentShard({ run, shard: '1/2' });
    for (const shard of ['1/2', '2/2'])
      await expect(augmentShard({ run: other, shard })).rejects.toMatchObject({
        code: 'usage',
        message: `--out ${out}: shard-1-of-2.jsonl is of another run than ${other}; choose another folder, or empty this one`,
      });
    await augmentShard({ run, shard: '2/2' });
    await expect(merge({ run: other })).rejects.toMatchObject({ code: 'usage' });
    await merge({ run });
    await expect(merge({ run: other })).rejects.toThrow('contains another run: seed was 0 and is now 1');
    await expect(augmentShard({ run: other, shard: '1/2' })).rejects.toThrow('contains another run: seed was 0 and is now 1');
  });

  test('that has other files, or a run without shards', async () => {
    const out = await writeTree(newOut(), { 'note.txt': 'mine' });
    const run = await planned({ ...small, out, shards: 2 });
    await expect(augmentShard({ run, shard: '1/2' })).rejects.toMatchObject({ code: 'cannotCreate' });
    await unlink(join(out, 'note.txt'));
    await augmentShard({ run, shard: '1/2' });
    await expect(augment({ ...small, out })).rejects.toMatchObject({ code: 'cannotCreate' });
  });
});

test.each(['0/2', '3/2', '1/3', '1', '-1/2', 'one', '1/2/2', ''])('--shard %j is refused', async (shard) => {
  const run = await planned({ ...small, out: newOut(), shards: 2 });
  await expect(augmentShard({ run, shard })).rejects.toMatchObject({ code: 'usage', message: expect.stringMatching(/^--shard/) });
});

test('a run that was planned with another version is refused', async () => {
  const out = newOut();
  const run = await planned({ ...small, out, shards: 2 });
  const text = (await readFile(run, 'utf8')).replace('"version":"0.', '"version":"9.');
  await writeFile(run, text);
  await expect(augmentShard({ run, shard: '1/2' })).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringMatching(/^the run was planned with copypaste 9\./),
  });
});
