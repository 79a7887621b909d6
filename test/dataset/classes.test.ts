import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { classIds, foreignClass, ignoreIdOf, pasteFilter, readClassNames } from '../../src/dataset/classes.ts';
import { temporaryFolder } from '../make.ts';

describe('class names', () => {
  test('are read one per line, or with ids', async () => {
    const path = join(temporaryFolder(), 'names.txt');
    await writeFile(path, 'sky\nbuilding\n\ncar\n');
    expect([...(await readClassNames(path))]).toEqual([
      [0, 'sky'],
      [1, 'building'],
      [3, 'car'],
    ]);
    await writeFile(path, '7 car\r\n24: person\r\n');
    expect([...(await readClassNames(path))]).toEqual([
      [7, 'car'],
      [24, 'person'],
    ]);
  });

  test('are resolved to ids, and an unknown name is an error that lists the classes', () => {
    const names = new Map([
      [8, 'car'],
      [9, 'Pedestrian'],
    ]);
    expect([...classIds(['car', 'pedestrian', '3'], names, '--classes')]).toEqual([8, 9, 3]);
    expect(() => classIds(['dog'], names, '--classes')).toThrow("--classes: unknown class 'dog'; classes are car, Pedestrian");
    expect(() => classIds(['pedestrain'], names, '--classes')).toThrow(
      "--classes: unknown class 'pedestrain' (did you mean Pedestrian?); classes are car, Pedestrian",
    );
  });

  test('of which two share an id, or one is too large, or that cannot be read, are an error', async () => {
    const path = join(temporaryFolder(), 'names.txt');
    await expect(readClassNames(path)).rejects.toMatchObject({ code: 'noInput' });
    await writeFile(path, '1 car\n1 bus\n');
    await expect(readClassNames(path)).rejects.toMatchObject({ code: 'data', message: expect.stringContaining('id 1') });
    await writeFile(path, '65536 car\n');
    await expect(readClassNames(path)).rejects.toMatchObject({ code: 'data', message: expect.stringContaining('id 65536 is larger') });
  });
});

test('a class may be pasted if it is among those chosen and not excluded; a foreign class never may', () => {
  const names = new Map([
    [1, 'car'],
    [2, 'bus'],
    [3, 'dog'],
  ]);
  const allowed = (options: Parameters<typeof pasteFilter>[1]) =>
    [foreignClass, 1, 2, 3, 4].filter(pasteFilter({ classNames: names }, options));
  expect(allowed({})).toEqual([1, 2, 3, 4]);
  expect(allowed({ classes: ['car', 2] })).toEqual([1, 2]);
  expect(allowed({ excludeClasses: ['car', 4] })).toEqual([2, 3]);
  expect(allowed({ classes: ['car', 'bus'], excludeClasses: ['BUS'] })).toEqual([1]);
});

test('stuff is pasted if it is kept or named, regions never', () => {
  const classNames = new Map([
    [1, 'car'],
    [2, 'road'],
    [3, 'sky'],
  ]);
  const allowed = (options: Parameters<typeof pasteFilter>[1], known = {}) =>
    [1, 2, 3, 4].filter(pasteFilter({ classNames, stuff: new Set([2, 3]), ...known }, options));
  expect(allowed({ stuff: 'skip' })).toEqual([1, 4]);
  expect(allowed({ stuff: 'keep' })).toEqual([1, 2, 3, 4]);
  expect(allowed({ stuff: 'skip', classes: ['road', 'car'] })).toEqual([1, 2]);
  expect(allowed({ stuff: 'skip', classes: ['road', 'car'], excludeClasses: ['road'] })).toEqual([1]);
  expect(allowed({ stuff: 'keep', classes: ['sky', 'car'] }, { regions: new Set([2, 3]) })).toEqual([1]);
  expect([1, 2, 3].filter(pasteFilter({ classNames }, { stuff: 'skip' }))).toEqual([1, 2, 3]);
});

test('the id of void pixels is the first ignore id, which jittered scenes need', () => {
  expect(ignoreIdOf(new Set([255, 7]), 'scene')).toBe(255);
  expect(ignoreIdOf([], 'instance')).toBe(undefined);
  expect(() => ignoreIdOf([], 'scene')).toThrow(expect.objectContaining({ code: 'usage', message: expect.stringContaining('--ignore') }));
});
