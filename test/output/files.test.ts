import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import {
  createFinder,
  createOutputFolder,
  isMissing,
  isTemporary,
  linkAtomic,
  makeFolders,
  readOwn,
  removeTemporaries,
  syncFolders,
  writeAtomic,
  writeHashed,
} from '../../src/output/files.ts';
import { temporaryFolder, writeTree } from '../make.ts';

const folder = temporaryFolder();
let number = 0;
const newFolder = (files: Record<string, string> = {}): Promise<string> =>
  writeTree(join(folder, `${number++}`), { '.keep': '', ...files });
const namesIn = (root: string): string[] => readdirSync(root).filter((name) => name !== '.keep');

test('a file takes the place of another only once it is complete', async () => {
  const root = await newFolder({ a: 'old' });
  const seen: string[] = [];
  await writeAtomic(join(root, 'a'), async function* () {
    yield 'new ';
    seen.push(readFileSync(join(root, 'a'), 'utf8'));
    yield new TextEncoder().encode('text');
  });
  expect(seen).toEqual(['old']);
  expect(readFileSync(join(root, 'a'), 'utf8')).toBe('new text');
  expect(namesIn(root)).toEqual(['a']);
});

test('a write that fails leaves the earlier file and no temporary one, and names its cause', async () => {
  const root = await newFolder({ a: 'old' });
  const failing = writeAtomic(join(root, 'a'), async function* () {
    yield 'half';
    throw new Error('the disk is full');
  });
  await expect(failing).rejects.toMatchObject({
    code: 'io',
    message: expect.stringContaining(`${join(root, 'a')}: cannot be written: the disk is full`),
  });
  expect(readFileSync(join(root, 'a'), 'utf8')).toBe('old');
  expect(namesIn(root)).toEqual(['a']);
  await expect(writeAtomic(join(root, 'none', 'a'), 'x')).rejects.toMatchObject({ code: 'io' });
});

test('a file is written again when another run removes its temporary file, with the digest of its content', async () => {
  const root = await newFolder();
  let times = 0;
  const digest = await writeHashed(join(root, 'a'), async function* () {
    yield 'some ';
    if (++times === 1) await removeTemporaries(root);
    yield 'text';
  });
  expect(times).toBe(2);
  expect(digest).toBe(sha256(readFileSync(join(root, 'a'))));
  expect(readFileSync(join(root, 'a'), 'utf8')).toBe('some text');
});

test('temporary files are removed at any depth, and no others', async () => {
  const [temporary, ...others] = ['.0123456789ab.tmp', '.0123456789AB.tmp', '0123456789ab.tmp', '.0123456789ab.tmp.png'];
  expect([temporary as string, ...others].map(isTemporary)).toEqual([true, false, false, false]);
  const root = await newFolder({ [temporary as string]: '', [`a/b/${temporary}`]: '', 'a/b/c': '', [others[0] as string]: '' });
  await removeTemporaries(root);
  expect(readdirSync(root, { recursive: true }).map(String).sort()).toEqual([others[0], '.keep', 'a', 'a/b', 'a/b/c'].sort());
});

test('a hard link takes the place of a file, is made to what a symbolic link leads to, and leaves no temporary file', async () => {
  const root = await newFolder({ from: 'text', to: 'old' });
  await symlink('from', join(root, 'link'));
  expect(await linkAtomic(join(root, 'link'), join(root, 'to'))).toBe(true);
  expect(lstatSync(join(root, 'to')).ino).toBe(statSync(join(root, 'from')).ino);
  expect(await linkAtomic(join(root, 'from'), join(root, 'to'))).toBe(true);
  expect(await linkAtomic(join(root, 'none'), join(root, 'to'))).toBe(false);
  expect(namesIn(root).sort()).toEqual(['from', 'link', 'to']);
});

test('folders are made below their root, and none through a symbolic link that leads out of it', async () => {
  const [root, outside] = [await newFolder({ file: '' }), await newFolder()];
  await symlink(outside, join(root, 'out'));
  await symlink('..a', join(root, 'within'));
  const { guarded } = createOutputFolder(root);
  const make = (folder: string) => guarded(join(folder, 'x').slice(root.length + 1), async () => {});
  await Promise.all([make(join(root, '..a', 'b')), make(join(root, '..a', 'b'))]);
  await make(join(root, 'within', 'c'));
  expect(readdirSync(join(root, '..a')).sort()).toEqual(['b', 'c']);
  await expect(make(join(root, 'out', 'a'))).rejects.toMatchObject({ code: 'cannotCreate' });
  await expect(make(join(root, 'file', 'a'))).rejects.toMatchObject({ code: 'cannotCreate' });
});

test('folders are flushed with their parents, and a missing one is an error', async () => {
  const root = await newFolder({ 'a/b/c': '' });
  await syncFolders(root, ['a/b']);
  await expect(syncFolders(root, ['a/none'])).rejects.toMatchObject({ code: 'io' });
});

test('folders are made with those above them, and one that exists is left as it is', async () => {
  const root = await newFolder({ 'a/b': '' });
  await Promise.all([makeFolders(join(root, 'c/d/e')), makeFolders(join(root, 'c/d/e')), makeFolders(join(root, 'a'))]);
  expect(statSync(join(root, 'c/d/e')).isDirectory()).toBe(true);
  await expect(makeFolders(join(root, 'a/b/c'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  await expect(makeFolders(join(root, 'a/b'))).rejects.toMatchObject({ code: 'EEXIST' });
});

test.runIf(process.platform === 'linux')('a file system without room for folders is refused at once', async () => {
  await expect(makeFolders('/proc/none/below')).rejects.toMatchObject({ code: 'ENOENT' });
});

test('no file is written outside a folder, or into a folder that was replaced since its first file', async () => {
  const [root, outside] = [await newFolder(), await newFolder()];
  const { guarded } = createOutputFolder(root);
  const write = (path: string): Promise<void> => guarded(path, (file) => writeAtomic(file, 'x'));
  await write('a/b/c');
  for (const path of ['../x', '/x', 'a/../../x']) await expect(write(path)).rejects.toMatchObject({ code: 'cannotCreate' });
  await rename(join(root, 'a/b'), join(outside, 'b'));
  await symlink(outside, join(root, 'a/b'));
  const replaced = { code: 'cannotCreate', message: expect.stringMatching(/a\/b: the folder was replaced during the run; /) };
  await expect(write('a/b/d')).rejects.toMatchObject(replaced);
  await expect(write('a/b/new/d')).rejects.toMatchObject(replaced);
  expect(namesIn(outside)).toEqual(['b']);
  await rm(join(root, 'a/b'));
  await rename(join(outside, 'b'), join(root, 'a/b'));
  await write('a/b/d');
  // A link that is put there while a file is written is noticed behind it.
  const swapped = guarded('a/b/e', async () => {
    await rename(join(root, 'a'), join(outside, 'a'));
    await mkdir(join(root, 'a/b'), { recursive: true });
  });
  await expect(swapped).rejects.toMatchObject(replaced);
});

test('a file of an output is not found through a link that leads out of it', async () => {
  const [root, outside] = [await newFolder({ 'a/x': '1' }), await newFolder({ x: '2' })];
  const find = createFinder(root);
  await symlink(outside, join(root, 'out'));
  await symlink('a', join(root, 'within'));
  await symlink('x', join(root, 'a/link'));
  expect(String(await readOwn(find, 'a/x'))).toBe('1');
  expect(String(await readOwn(find, 'within/x'))).toBe('1');
  for (const [path, why] of [
    ['out/x', 'a symbolic link leads out of the output folder'],
    ['a/link', 'is a symbolic link'],
    ['a', 'is not a regular file'],
  ] as const)
    await expect(readOwn(find, path)).rejects.toMatchObject({ message: `${path}: cannot be read: ${why}` });
  const missing = await readOwn(find, 'none/x').catch((error: unknown) => error);
  expect(isMissing(missing)).toBe(true);
  await writeTree(root, { 'none/x': '3' });
  expect(String(await readOwn(find, 'none/x'))).toBe('3');
});
