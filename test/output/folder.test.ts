import { appendFileSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { cp, mkdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Hooks } from '../../src/engine/hooks.ts';
import type { augmentOptions, Given } from '../../src/options.ts';
import { augment } from '../../src/verbs/augment.ts';
import { extract } from '../../src/verbs/extract.ts';
import { temporaryFolder, treeDigests, writeTree } from '../make.ts';

const folder = temporaryFolder();
const camvid = 'fixtures/camvid';
let number = 0;

type Options = Omit<Given<typeof augmentOptions>, 'in' | 'out'> & { in?: string };
const options = { p: 1, batchSize: 2, copies: 2, includeOriginals: true } as const;

const newOut = (): string => join(folder, `out${number++}`);
const run = (out: string, given: Options = {}, events: Hooks = {}) => augment({ in: camvid, ...options, ...given, out }, events);

/** Interrupts a run after a number of samples. */
async function interrupt(out: string, samples: number, given: Options = {}): Promise<void> {
  const stop = new AbortController();
  let done = 0;
  const count = (): void => {
    if (++done === samples) stop.abort();
  };
  const stopped = augment({ in: camvid, ...options, ...given, out }, { done: count, stop: stop.signal });
  await expect(stopped).rejects.toMatchObject({ code: 'interrupted' });
}

const reference = newOut();
const expected = run(reference).then(() => treeDigests(reference));

describe('a run that was interrupted', () => {
  test.each([1, 5, 11, 16])('is continued by the same call to the same bytes, after %i samples', async (samples) => {
    const out = newOut();
    await interrupt(out, samples);
    expect(readdirSync(out)).toContain('run.jsonl');
    expect(readdirSync(out)).not.toContain('manifest.json');
    const before = readdirSync(out, { recursive: true }).map(String);
    expect(before.filter((file) => file.endsWith('.tmp'))).toEqual([]);
    const { reused, samples: all } = await run(out);
    expect(reused).toBeGreaterThanOrEqual(samples);
    expect(all).toBe(16);
    expect(await treeDigests(out)).toEqual(await expected);
  });

  test('repeats only batches whose files are damaged or missing', async () => {
    const out = newOut();
    await interrupt(out, 12);
    const images = readdirSync(join(out, 'train')).sort();
    const [first, second, third] = images.map((name) => join(out, 'train', name)) as [string, string, string];
    await truncate(first, 100);
    await rm(second);
    const { ino } = statSync(third);
    await writeFile(join(out, 'train', '.0123456789ab.tmp'), 'torn');
    await run(out);
    expect(statSync(third).ino).toBe(ino);
    expect(await treeDigests(out)).toEqual(await expected);
  });

  test('is continued from a journal with an incomplete line, at its end or its beginning', async () => {
    const out = newOut();
    await interrupt(out, 6);
    appendFileSync(join(out, 'run.jsonl'), '{"end":"1.0","outcomes":[{"id":"tr');
    await run(out);
    expect(await treeDigests(out)).toEqual(await expected);
    const torn = newOut();
    await writeTree(torn, { 'run.jsonl': '{"head":{"schema":3,' });
    await run(torn);
    expect(await treeDigests(torn)).toEqual(await expected);
  });

  test('is not continued if its input has changed, in content or in size', async () => {
    const input = join(folder, 'changing');
    await cp(camvid, input, { recursive: true });
    const out = newOut();
    await interrupt(out, 6, { in: input });
    const image = JSON.parse(
      readFileSync(join(out, 'run.jsonl'), 'utf8')
        .split('\n')
        .find((line) => line.startsWith('{"end"')) as string,
    ).outcomes[0].record.inputs.image.path;
    const bytes = await readFile(join(input, image));
    const other = Buffer.from(bytes);
    other[other.length - 20] = (other[other.length - 20] as number) ^ 1;
    await writeFile(join(input, image), other);
    await expect(run(out, { in: input })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(`${image}: has changed`),
    });
    await writeFile(join(input, image), Buffer.concat([bytes, Buffer.alloc(1)]));
    await expect(run(out, { in: input })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(/the data set had 20 files of/),
    });
    await writeFile(join(input, image), bytes);
    await run(out, { in: input });
    expect(await treeDigests(out)).toEqual(await expected);
  });

  test('is continued with --link to the same bytes', async () => {
    const out = newOut();
    await interrupt(out, 8, { link: true });
    await rm(join(out, 'run.jsonl'));
    await writeTree(out, { 'run.jsonl': '' });
    await expect(run(out, { link: true })).rejects.toMatchObject({ code: 'cannotCreate' });
    const again = newOut();
    await interrupt(again, 16, { link: true });
    await run(again, { link: true });
    expect(await treeDigests(again)).toEqual(await expected);
  });
});

describe('a run that is complete', () => {
  test('is left unchanged by the same call, which returns its summary', async () => {
    const out = newOut();
    const first = await run(out);
    const { mtimeMs } = statSync(join(out, 'manifest.json'));
    const second = await run(out);
    expect(statSync(join(out, 'manifest.json')).mtimeMs).toBe(mtimeMs);
    const { backend: _, classes, ...rest } = first;
    expect(second).toEqual({ ...rest, reused: 26, classes });
    expect(await treeDigests(out)).toEqual(await expected);
  });

  test.each<[string, Options]>([
    ['p was 1 and is now 0.5', { p: 0.5 }],
    ['seed was 0 and is now 7', { seed: 7 }],
    ['split was "train" and is now "val"', { split: 'val' }],
    ['classes was not set and is now ["car"]', { classes: ['car'] }],
  ])('is refused to a call that would write other bytes, with the difference: %s', async (difference, given) => {
    await expected;
    await expect(run(reference, given)).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining(difference) });
  });

  test('does not depend on the place of its input or on options that change no byte', async () => {
    await expected;
    const input = join(folder, 'elsewhere');
    await cp(camvid, input, { recursive: true });
    expect(await run(reference, { in: input, jobs: 1, link: true, quiet: true })).toMatchObject({ reused: 26 });
  });

  // Linux answers a read of this file at its start with EIO.
  test.runIf(existsSync('/proc/self/mem'))('is not taken for foreign files if its manifest cannot be read', async () => {
    const out = newOut();
    await run(out);
    await rm(join(out, 'manifest.json'));
    symlinkSync('/proc/self/mem', join(out, 'manifest.json'));
    const unread = { code: 'io', message: expect.stringMatching(/manifest\.json: .*cannot be read: EIO/) };
    await expect(run(out)).rejects.toMatchObject(unread);
    await expect(run(out, { overwrite: true })).rejects.toMatchObject(unread);
    await expect(extract({ in: camvid, out })).rejects.toMatchObject(unread);
    expect(readdirSync(join(out, 'train')).length).toBeGreaterThan(0);
  });

  test.each<[string, (text: string) => string]>([
    ['is cut short', (text) => text.slice(0, -100)],
    ['has a damaged record', (text) => text.replace(/"area":\d+/, '"area":0')],
  ])('is refused as a folder of other files if its manifest %s', async (_, damage) => {
    const out = newOut();
    await run(out);
    const manifest = readFileSync(join(out, 'manifest.json'), 'utf8');
    await writeFile(join(out, 'manifest.json'), damage(manifest));
    const message = expect.stringMatching(/^--out .*is not a copypaste manifest: /);
    await expect(run(out)).rejects.toMatchObject({ code: 'cannotCreate', message });
    await expect(run(out, { overwrite: true })).rejects.toMatchObject({ code: 'cannotCreate', message });
    expect(readdirSync(join(out, 'train')).length).toBeGreaterThan(0);
  });

  test('of another version is refused', async () => {
    const out = newOut();
    await run(out);
    const manifest = readFileSync(join(out, 'manifest.json'), 'utf8');
    await writeFile(join(out, 'manifest.json'), manifest.replace(/"version":"[^"]+"/, '"version":"0.0.1"'));
    await expect(run(out)).rejects.toMatchObject({ code: 'usage', message: expect.stringMatching(/version was "0\.0\.1" and is now /) });
  });
});

describe('--overwrite', () => {
  test('starts over, and removes only files that the earlier run has written', async () => {
    const out = newOut();
    await run(out, { copies: 3, imageFormat: 'png' });
    await writeTree(out, { 'notes.txt': 'mine', 'train/mine.txt': 'mine' });
    await expect(run(out)).rejects.toMatchObject({ code: 'usage' });
    await run(out, { overwrite: true });
    const { 'notes.txt': notes, 'train/mine.txt': mine, ...rest } = await treeDigests(out);
    expect(notes).toBe(mine);
    expect(rest).toEqual(await expected);
  });

  test('removes all files that an interrupted run has written, recorded or not', async () => {
    const out = newOut();
    await interrupt(out, 10, { copies: 3, imageFormat: 'webp' });
    await run(out, { overwrite: true });
    expect(await treeDigests(out)).toEqual(await expected);
  });

  test('refuses a folder without a run, and one in which it would replace a foreign file', async () => {
    const foreign = await writeTree(newOut(), { 'notes.txt': 'mine' });
    await expect(run(foreign, { overwrite: true })).rejects.toMatchObject({ code: 'cannotCreate' });
    const out = newOut();
    await run(out, { copies: 1, includeOriginals: false });
    const name = readdirSync(join(camvid, 'train'))[0]?.replace('.jpg', '_aug2.jpg') as string;
    await writeTree(out, { [`train/${name}`]: 'mine' });
    await expect(run(out, { overwrite: true })).rejects.toMatchObject({
      code: 'cannotCreate',
      message: expect.stringContaining(`train/${name} would be replaced, but was not written by the earlier run`),
    });
    expect(readFileSync(join(out, 'train', name), 'utf8')).toBe('mine');
  });

  test('never deletes files through a symbolic link that leads out of the folder', async () => {
    const out = newOut();
    await run(out);
    const outside = join(folder, 'outside');
    await mkdir(outside);
    await rm(join(outside, 'train'), { recursive: true, force: true });
    await cp(join(out, 'train'), join(outside, 'train'), { recursive: true });
    await rm(join(out, 'train'), { recursive: true });
    await symlink(join(outside, 'train'), join(out, 'train'));
    const before = await treeDigests(outside);
    await run(out, { overwrite: true }).catch(() => {});
    expect(Object.keys(await treeDigests(outside)).sort()).toEqual(Object.keys(before).sort());
  });
});

test('a run that is stopped before its first batch leaves nothing behind', async () => {
  const out = newOut();
  const stop = new AbortController();
  stop.abort();
  await expect(augment({ in: camvid, out }, { stop: stop.signal })).rejects.toMatchObject({ code: 'interrupted' });
  expect(readdirSync(folder)).not.toContain(out.slice(folder.length + 1));
});

test('a folder that is replaced by a symbolic link during a run ends the run, and hardly a file gets there', async () => {
  for (const [at, ...more] of [['.'], ['train', 'x']] as const) {
    const [out, outside] = [newOut(), join(folder, `outside${number++}`)];
    await mkdir(outside);
    let done = 0;
    const swap = (): void => {
      if (++done !== 5) return;
      renameSync(join(out, at), `${out}.moved`);
      symlinkSync(outside, join(out, at));
    };
    const swapped = run(out, { jobs: 1, ...(more.length > 0 && { batchSize: 3 }) }, { done: swap });
    await expect(swapped).rejects.toMatchObject({ code: expect.stringMatching(/cannotCreate|io/) });
    expect(readdirSync(outside, { recursive: true }).length).toBeLessThan(3);
  }
});

test('of two different runs that start at once in one folder, one is refused', async () => {
  const out = newOut();
  const results = await Promise.allSettled([run(out, { seed: 1 }), run(out, { seed: 2 })]);
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(results.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'usage' } });
});

test('--overwrite leaves a folder that it refuses unchanged', async () => {
  const out = await writeTree(newOut(), { 'manifest.json': '{"name":"another thing"}' });
  await expect(run(out, { overwrite: true })).rejects.toMatchObject({ code: 'cannotCreate' });
  expect(readdirSync(out)).toEqual(['manifest.json']);
});

test('--skip-bad does not skip a sample that is temporarily unreadable', async () => {
  const root = join(folder, `in${number++}`);
  await cp(camvid, root, { recursive: true });
  const mask = join(root, 'trainannot', readdirSync(join(root, 'trainannot'))[0] as string);
  const bytes = readFileSync(mask);
  const out = newOut();
  // The mask exists when it is checked, but not when it is read.
  const gone = run(out, { in: root, skipBad: true }, { opened: () => rmSync(mask) });
  await expect(gone).rejects.toMatchObject({ code: 'io', message: expect.not.stringContaining(root) });
  await writeFile(mask, bytes);
  expect((await run(out, { in: root, skipBad: true })).skipped).toEqual([]);
});
