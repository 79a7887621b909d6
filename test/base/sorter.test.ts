import { readdirSync, readlinkSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { createSorter, groupsOf } from '../../src/base/sorter.ts';
import { temporaryFolder } from '../make.ts';

function sortedBySorter(texts: readonly string[]): string[] {
  const sorter = createSorter();
  for (const text of texts) sorter.add(text);
  return [...sorter.sorted()];
}

test.each([0, 1, 1 << 14, (1 << 14) + 1, 100_000])('%i texts come out as sort orders them, and nothing stays behind', (n) => {
  const before = process.env.TMPDIR;
  const folder = (process.env.TMPDIR = temporaryFolder());
  try {
    // Characters beyond the Basic Multilingual Plane, halves of them, quotes, and texts that occur twice.
    const texts = Array.from({ length: n }, (_, i) => `${(i * 7919) % 100_003}\u{1f600}"\n${String.fromCharCode(0xd800 + (i % 7))}é`);
    expect(sortedBySorter(texts)).toEqual([...texts].sort());
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
});

test('a folder that takes no temporary file is named', () => {
  const before = process.env.TMPDIR;
  process.env.TMPDIR = '/nowhere';
  try {
    expect(() => sortedBySorter(Array.from({ length: 20_000 }, String))).toThrow(
      '/nowhere: no temporary file: ENOENT: no such file or directory; free some space there, or name another folder in TMPDIR',
    );
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
});

test.runIf(process.platform === 'linux')('the temporary file of a sorter that an error left unsorted is closed', async () => {
  const before = process.env.TMPDIR;
  const folder = (process.env.TMPDIR = temporaryFolder());
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const linkOf = (file: string): string => {
    try {
      return readlinkSync(`/proc/self/fd/${file}`);
    } catch {
      return '';
    }
  };
  const open = (): number => readdirSync('/proc/self/fd').filter((file) => linkOf(file).startsWith(folder)).length;
  try {
    const fail = (): void => {
      const sorter = createSorter();
      for (let n = 0; n < 20_000; n++) sorter.add(String(n));
      expect(open()).toBe(1);
    };
    fail();
    await expect
      .poll(() => {
        collect();
        return open();
      })
      .toBe(0);
    const kept = createSorter();
    for (let n = 0; n < 20_000; n++) kept.add(String(n));
    collect();
    await new Promise((done) => setTimeout(done, 50));
    expect([...kept.sorted()]).toHaveLength(20_000);
    expect(open()).toBe(0);
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
});

test('texts are grouped by what comes before their last character 0', () => {
  expect(Array.from(groupsOf(['a\0x', 'a\0y', 'a b\0', 'c\0\0z']), ({ key, rests }) => ({ key, rests: [...rests] }))).toEqual([
    { key: 'a', rests: ['x', 'y'] },
    { key: 'a b', rests: [''] },
    { key: 'c\0', rests: ['z'] },
  ]);
});

test('a group is read as it is taken, and what is not taken is passed over', () => {
  let read = 0;
  let isClosed = false;
  const texts = function* () {
    try {
      for (const key of 'abc')
        for (let n = 0; n < 200_000; n++) {
          read++;
          yield `${key}\0${String(n).padStart(6, '0')}`;
        }
    } finally {
      isClosed = true;
    }
  };
  let held = 0;
  const seen: string[] = [];
  for (const { key, rests } of groupsOf(texts())) {
    seen.push(key);
    let taken = (seen.length - 1) * 200_000;
    held = Math.max(held, read - taken);
    for (const rest of rests) {
      if (key === 'b') break;
      if (Number(rest) !== taken % 200_000) throw new Error(`${rest} is out of order`);
      held = Math.max(held, read - ++taken);
    }
    if (key === 'c') break;
  }
  expect(seen).toEqual(['a', 'b', 'c']);
  expect(held).toBeLessThanOrEqual(2);
  expect(isClosed).toBe(true);
});
