import { readdirSync } from 'node:fs';
import { chmod, cp, lstat, mkdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { sha256 as sha256Of } from '../../src/base/digest.ts';
import { openDigests } from '../../src/output/digest-cache.ts';
import type { ManifestRecord } from '../../src/output/manifest.ts';
import { augment } from '../../src/verbs/augment.ts';
import { extract } from '../../src/verbs/extract.ts';
import { temporaryFolder, writeTree } from '../make.ts';

const folder = temporaryFolder();
let number = 0;

/** Changes the last digit of a text, or the last byte of another file, and neither the size nor the time of modification. */
async function change(path: string): Promise<void> {
  const { atime, mtime } = await lstat(path);
  const bytes = await readFile(path);
  const digits = /\.(txt|json|yaml|xml)$/.test(path) ? bytes.findLastIndex((byte) => byte > 48 && byte < 58) : -1;
  const at = digits < 0 ? bytes.length - 1 : digits;
  bytes[at] = (bytes[at] as number) ^ 1;
  await writeFile(path, bytes);
  await utimes(path, atime, mtime);
}

/** A copy of a fixture, and an output folder that does not exist yet. */
async function place(fixture: string): Promise<{ root: string; out: string }> {
  const root = join(folder, `in${number}`);
  await cp(join('fixtures', fixture), root, { recursive: true });
  return { root, out: join(folder, `out${number++}`) };
}

const changed = (...offenders: string[]) => ({
  code: 'usage',
  offenders,
  message: expect.stringMatching(/changed since this run was complete; /),
});

describe('the same command on a complete run', () => {
  test.each([
    ['camvid', 'trainannot/0001TP_007350.png'],
    ['camvid', 'valannot/0016E5_07959.png'],
    ['voc', 'JPEGImages/2011_000003.jpg'],
    ['yolo', 'labels/train/0006R0_f01950.txt'],
    ['yolo', 'data.yaml'],
    ['labelme', '2011_000003.json'],
  ])('is refused if an input file of equal size has changed: %s/%s', async (fixture, file) => {
    const { root, out } = await place(fixture);
    if (fixture === 'yolo') await writeTree(root, { 'data.yaml': `${await readFile(join(root, 'data.yaml'), 'utf8')}\n# 1\n` });
    const options = { in: root, out, p: 1, allowSelf: true };
    await augment(options);
    expect((await augment(options)).backend).toBeUndefined();
    await change(join(root, file));
    await expect(augment(options)).rejects.toMatchObject(changed(`${join(root, file)}: has other content`));
  });

  test('is refused if an output file has changed, is gone, or has become something else', async () => {
    const { root, out } = await place('camvid');
    const options = { in: root, out, p: 1 };
    await augment(options);
    const { records } = JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8'));
    const [one, other, third] = records.map(({ files }: ManifestRecord) => join(out, files.mask?.path ?? '')) as [string, string, string];
    await change(one);
    await rm(other);
    await rename(third, `${third}.kept`);
    await symlink(`${third}.kept`, third);
    await expect(augment(options)).rejects.toMatchObject(
      changed(`${one}: has other content`, `${other}: is missing`, `${third}: cannot be read: is a symbolic link`),
    );
  });

  test('is refused if the set of the sources, or a data set whose objects were extracted, has changed', async () => {
    const { root, out } = await place('camvid');
    const options = { in: 'fixtures/voc', sources: root, classMap: join(folder, 'map.yaml'), out, p: 1, minArea: '1px' } as const;
    await writeTree(folder, { 'map.yaml': 'car: car\n' });
    await augment(options);
    expect((await augment(options)).backend).toBeUndefined();
    const { records } = JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8'));
    const { path } = records.find((one: { sourceInputs?: object }) => one.sourceInputs).sourceInputs.mask;
    await change(join(root, path));
    await expect(augment(options)).rejects.toMatchObject(changed(`${join(root, path)}: has other content`));

    const bank = { in: (await place('camvid')).root, out: join(folder, 'bank') };
    await extract(bank);
    await extract(bank);
    const image = 'train/0001TP_007350.jpg';
    await change(join(bank.in, image));
    await expect(extract(bank)).rejects.toMatchObject(changed(`${join(bank.in, image)}: has other content`));
  });
});

describe('the cache of digests', () => {
  const cache = join(folder, 'cache');
  const digestsFolder = join(cache, 'copypaste/digests');
  const cached = () => readdirSync(digestsFolder);
  beforeEach(() => {
    vi.stubEnv('XDG_CACHE_HOME', cache);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    vi.useRealTimers();
    await rm(cache, { recursive: true, force: true });
  });

  /** A file that has not been changed for a minute, by a clock that is a minute ahead. */
  async function settledFile(): Promise<{ root: string; file: string }> {
    const root = await writeTree(join(folder, `settled${number++}`), { a: 'one' });
    vi.useFakeTimers({ now: Date.now() + 60_000, toFake: ['Date'] });
    return { root, file: join(root, 'a') };
  }

  /** Digest of a file from the cache of its folder, which is saved then. */
  async function digest(root: string, file: string, rescan = false): Promise<string> {
    const digests = await openDigests(root, rescan);
    const found = await digests.of(file, 'a', false);
    await digests.save();
    return found;
  }

  const marked = Buffer.alloc(32, 'marked');

  /** Replaces each digest in the cache by another one, so that its use shows. */
  async function mark(): Promise<void> {
    const path = join(digestsFolder, cached()[0] as string);
    const entries = (await readFile(path)).subarray(0, -32);
    for (let at = 0; at < entries.length; at += 48) entries.fill(marked, at + 16, at + 48);
    await writeFile(path, Buffer.concat([entries, Buffer.from(sha256Of(entries), 'hex')]));
  }

  test('spares reading a file that has not changed, but not with --rescan', async () => {
    const { root, file } = await settledFile();
    const real = await digest(root, file);
    await mark();
    expect(await digest(root, file)).toBe(marked.toString('hex'));
    expect(await digest(root, file, true)).toBe(real);
    expect(await digest(root, file)).toBe(real);
  });

  test.each<[string, (file: string) => Promise<unknown>]>([
    ['its content, with size and time of modification kept', change],
    ['its time of modification', (file) => utimes(file, 1, 1)],
    [
      'its inode',
      async (file) => {
        await cp(file, `${file}.other`, { preserveTimestamps: true });
        await rename(`${file}.other`, file);
      },
    ],
    ['its size', (file) => writeFile(file, 'longer')],
  ])('is not believed if a file has changed in %s', async (_, alter) => {
    const { root, file } = await settledFile();
    await digest(root, file);
    await mark();
    await alter(file);
    expect(await digest(root, file)).toMatch(/^[0-9a-f]{64}$/);
  });

  test('keeps no digest of a file that has just changed, or changes in the future', async () => {
    const root = await writeTree(join(folder, `racy${number++}`), { a: 'one' });
    await digest(root, join(root, 'a'));
    await utimes(join(root, 'a'), 4e9, 4e9);
    await digest(root, join(root, 'a'));
    expect(readdirSync(folder)).not.toContain('cache');
  });

  test('changes nothing if it is damaged, or cannot be written or read', async () => {
    const { root, file } = await settledFile();
    const real = await digest(root, file);
    const [name] = cached();
    const path = join(digestsFolder, name as string);
    const whole = await readFile(path);
    const changed = Buffer.from(whole).fill(marked, 16, 48);
    for (const bytes of ['', '{}', 'a'.repeat(80), changed, changed.subarray(0, 60)]) {
      await writeFile(path, bytes);
      expect(await digest(root, file)).toBe(real);
    }
    await rm(cache, { recursive: true });
    await writeFile(cache, 'no folder');
    expect(await digest(root, file)).toBe(real);
    await rm(cache);
    await mkdir(cache);
    await chmod(cache, 0o500);
    expect(await digest(root, file)).toBe(real);
    await chmod(cache, 0o700);
    vi.stubEnv('XDG_CACHE_HOME', 'relative');
    vi.stubEnv('HOME', join(folder, 'home'));
    expect(await digest(root, file)).toBe(real);
    expect(readdirSync('.')).not.toContain('relative');
  });

  test('holds the digests of many files, and of no others', async () => {
    const files = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`${n}`, `content ${n}`]));
    const root = await writeTree(join(folder, `many${number++}`), files);
    vi.useFakeTimers({ now: Date.now() + 60_000, toFake: ['Date'] });
    const all = async (names: readonly string[]): Promise<void> => {
      const digests = await openDigests(root, false);
      for (const name of names) expect(await digests.of(join(root, name), name, false)).toBe(sha256Of(`content ${name}`));
      await digests.save();
    };
    const sizeOf = async (): Promise<number> => (await lstat(join(digestsFolder, cached()[0] as string))).size;
    await all(Object.keys(files));
    expect(await sizeOf()).toBe(500 * 48 + 32);
    await mark();
    const digests = await openDigests(root, false);
    const found = await Promise.all(Object.keys(files).map((name) => digests.of(join(root, name), name, false)));
    expect(found.filter((digest) => digest === marked.toString('hex'))).toHaveLength(500);
    await rm(cache, { recursive: true });
    await all(Object.keys(files));
    await utimes(join(root, '7'), 1, 1);
    await all(Object.keys(files).slice(0, 100));
    expect(await sizeOf()).toBe(100 * 48 + 32);
  });

  test('stays as long as it is used, even if no file changes', async () => {
    const { root, file } = await settledFile();
    await digest(root, file);
    const path = join(digestsFolder, cached()[0] as string);
    await utimes(path, 1, 1);
    await digest(root, file);
    expect(Math.round((await lstat(path)).mtimeMs)).toBe(Date.now());
  });

  test('loses the digests of outputs that nobody has looked at for a long time', async () => {
    const { root, file } = await settledFile();
    await mkdir(digestsFolder, { recursive: true });
    await writeFile(join(digestsFolder, 'old'), '');
    await utimes(join(digestsFolder, 'old'), 1, 1);
    await digest(root, file);
    expect(cached()).toHaveLength(1);
    expect(cached()[0]).not.toContain('old');
  });
});
