import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Archive, Ranges } from '../../src/archives/archive.ts';
import { openArchive } from '../../src/archives/open.ts';
import { tarOf } from '../../src/archives/tar-writer.ts';
import { temporaryFolder } from '../make.ts';

const folder = temporaryFolder();
let number = 0;

const files: Readonly<Record<string, string>> = {
  '0001.jpg': 'an image',
  '0001.mask.png': 'x'.repeat(513),
  [`${'deep/'.repeat(30)}0002.jpg`]: 'a long path',
  [`${'n'.repeat(180)}.jpg`]: 'a long name',
  'ünï/0003.jpg': 'not ASCII',
  'empty.txt': '',
};

function rangesOf(bytes: Buffer, path = 'a.tar'): Ranges & { read: Ranges['read'] } {
  return { path, size: bytes.length, read: async (start, length) => bytes.subarray(start, start + length) };
}

async function contentsOf(archive: Archive): Promise<Record<string, string>> {
  const entries = archive.names.map(async (name) => [name, Buffer.from(await archive.read(name)).toString()] as const);
  return Object.fromEntries(await Promise.all(entries));
}

/** A tar of some files that the system's tar writes. */
async function tarBy(flags: readonly string[], contents = files): Promise<Buffer> {
  const root = join(folder, `${number++}`);
  for (const [path, text] of Object.entries(contents)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  const { status, stderr } = spawnSync('tar', ['-cf', `${root}.tar`, ...flags, '-C', root, '.']);
  expect(`${status} ${stderr}`).toBe('0 ');
  return readFileSync(`${root}.tar`);
}

async function ours(contents: Readonly<Record<string, string>> = files): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  const each = async function* () {
    for (const [name, text] of Object.entries(contents)) yield { name, bytes: Buffer.from(text) };
  };
  for await (const part of tarOf(each())) parts.push(part);
  return Buffer.concat(parts);
}

describe('a tar archive', () => {
  test.each(['gnu', 'pax', 'posix', 'ustar', 'oldgnu'])('of the form %s has the files that were packed', async (form) => {
    const short = form === 'ustar' ? Object.fromEntries(Object.entries(files).filter(([name]) => !/n{180}/.test(name))) : files;
    expect(await contentsOf(await openArchive(rangesOf(await tarBy([`--format=${form}`], short))))).toEqual(short);
  });

  test('that is written is read by tar and by this reader, and has the same bytes each time', async () => {
    const bytes = await ours();
    expect(bytes.equals(await ours())).toBe(true);
    expect(await contentsOf(await openArchive(rangesOf(bytes)))).toEqual(files);
    const path = join(folder, 'ours.tar');
    await writeFile(path, bytes);
    const { stdout } = spawnSync('tar', ['--quoting-style=literal', '-tf', path], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    });
    expect(stdout.trim().split('\n')).toEqual(Object.keys(files));
  });

  test('is read by ranges', async () => {
    const archive = await openArchive(rangesOf(await ours()));
    expect(Buffer.from(await archive.read('0001.jpg', { start: 3, end: 100 })).toString()).toBe('image');
    expect(archive.size('0001.mask.png')).toBe(513);
    await expect(archive.read('none')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('is refused if it is cut off at any block', async () => {
    const bytes = await ours();
    const end = bytes.length - 1024;
    for (let length = 0; length <= end; length += 256)
      await expect(openArchive(rangesOf(bytes.subarray(0, length)))).rejects.toThrow(/is cut off/);
    await expect(openArchive(rangesOf(bytes.subarray(0, end + 512)))).resolves.toBeDefined();
  });

  test('is refused if a byte of a header differs', async () => {
    const bytes = Buffer.from(await ours());
    bytes[5] = (bytes[5] as number) ^ 1;
    await expect(openArchive(rangesOf(bytes))).rejects.toThrow(/does not fit its checksum/);
  });

  test('is refused with two members of one name, names that lead out, links, and data behind its end', async () => {
    const one = await ours({ 'a.jpg': 'a' });
    const members = one.subarray(0, one.length - 1024);
    await expect(openArchive(rangesOf(Buffer.concat([members, one])))).rejects.toThrow('has two members of the name a.jpg');
    await expect(openArchive(rangesOf(Buffer.concat([one, one])))).rejects.toThrow(/goes on behind its end/);
    await expect(openArchive(rangesOf(await ours({ '../a.jpg': 'a' })))).rejects.toThrow(/leads out of it/);
    const root = join(folder, 'linked');
    await mkdir(root);
    await symlink('/etc/passwd', join(root, 'a.jpg'));
    spawnSync('tar', ['-cf', `${root}.tar`, '-C', root, '.']);
    await expect(openArchive(rangesOf(readFileSync(`${root}.tar`)))).rejects.toThrow('its member a.jpg is a symbolic link');
  });

  test('is refused if a name is not UTF-8, in a header or before it', async () => {
    const names = { plain: Buffer.from([97, 0xff, 46, 106, 112, 103]), long: Buffer.concat([Buffer.alloc(120, 97), Buffer.from([0xff])]) };
    for (const [form, name] of [
      ['gnu', names.plain],
      ['gnu', names.long],
      ['pax', names.plain],
      ['pax', names.long],
    ] as const) {
      const root = join(folder, `${number++}`);
      await mkdir(root);
      await writeFile(Buffer.concat([Buffer.from(`${root}/`), name]), 'an image');
      spawnSync('tar', ['-cf', `${root}.tar`, `--format=${form}`, '-C', root, '.']);
      await expect(openArchive(rangesOf(readFileSync(`${root}.tar`)))).rejects.toThrow(
        /has a member whose name is not UTF-8, \.\/a+\ufffd/,
      );
    }
    // A header has the start of a long name, which may end within a character.
    const long = { [`${'a'.repeat(98)}ü.jpg`]: 'an image', [`${'a'.repeat(99)}ü.jpg`]: 'an image' };
    for (const form of ['gnu', 'pax'])
      expect(await contentsOf(await openArchive(rangesOf(await tarBy([`--format=${form}`], long))))).toEqual(long);
  });

  test.each(['gnu', 'posix'])('of the form %s is refused if a member is sparse', async (form) => {
    const root = join(folder, `sparse-${form}`);
    await mkdir(root);
    await writeFile(join(root, 'a.jpg'), 'x');
    await truncate(join(root, 'a.jpg'), 1 << 20);
    spawnSync('tar', ['-cSf', `${root}.tar`, `--format=${form}`, '-C', root, '.']);
    await expect(openArchive(rangesOf(readFileSync(`${root}.tar`)))).rejects.toThrow(/its member \S*a.jpg is a sparse file/);
  });

  test('is refused if a header states a size below zero, which would lead back to that header', async () => {
    const bytes = await tarBy(['--format=pax', '--pax-option=delete=*time'], { [`${'n'.repeat(180)}.jpg`]: 'a' });
    const at = 512 * Math.floor(bytes.indexOf(' path=') / 512);
    const length = bytes.toString('latin1', at).indexOf('\0');
    const comment = (size: number): string => `${size} comment=${'x'.repeat(size - `${size} comment=\n`.length)}\n`;
    bytes.write(`14 size=-1536\n${comment(length - 14)}`, at, 'latin1');
    await expect(openArchive(rangesOf(bytes))).rejects.toThrow(`is damaged: the pax header at byte ${at} is invalid; copy it again`);
  });

  test('is refused if a member is also a folder', async () => {
    const bytes = await ours({ 'a.jpg': 'a', 'a.jpg-b': 'b', 'a.jpg/b.jpg': 'b' });
    await expect(openArchive(rangesOf(bytes))).rejects.toThrow('has a member a.jpg, which is also the folder of a.jpg/b.jpg; rename one');
  });

  test('is refused if it is compressed as a whole, whatever its name', async () => {
    const bytes = await tarBy(['--gzip']);
    await expect(openArchive(rangesOf(bytes))).rejects.toThrow(/compressed as a whole/);
    await expect(openArchive(rangesOf(bytes, 'a.tar.gz'))).rejects.toThrow(/compressed as a whole/);
  });
});
