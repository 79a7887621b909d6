import { expect, test } from 'vitest';
import { finderIn, firstFrom, type List, PackedList, pathList, sortedPaths } from '../../src/base/list.ts';

/** More paths than a list keeps as they are, in order. */
const many = Array.from({ length: 70_000 }, (_, n) => `images/${String(n >> 10).padStart(3, '0')}/${String(n).padStart(6, '0')} é.png`);

function listOf(paths: readonly string[]): List<string> {
  const list = pathList();
  for (const path of paths) list.push(path);
  return list;
}

const list = listOf(many);

test('a list has its values in order, also those that are packed', () => {
  expect(list.length).toBe(many.length);
  expect([...list]).toEqual(many);
  for (const n of [0, 69_999, 63, 64, 40_000, 1, 65_536]) expect(list.at(n)).toBe(many[n]);
  expect([list.at(-1), list.at(70_000)]).toEqual([undefined, undefined]);
  // Once all blocks have been read one by one.
  expect(many.every((path, n) => list.at(n) === path)).toBe(true);
  expect([...list]).toEqual(many);
});

test('a list keeps no more blocks unpacked, however often it is read', () => {
  let unpacked = 0;
  const numbers = new PackedList<number, number[]>({
    pack: (values) => [...values],
    unpack(values) {
      unpacked++;
      return values;
    },
  });
  const [block, blocks] = [64, 2000];
  for (let n = 0; n < block * blocks; n++) numbers.push(n);
  for (let round = 0; round < 50; round++)
    for (let n = 0; n < block * blocks; n += block) if (numbers.at(n) !== n) throw new Error(`${n} is another value`);
  // The blocks that were read last are still unpacked, and no others.
  unpacked = 0;
  for (let number = blocks - 1; number >= 500; number--) numbers.at(number * block);
  expect(1500 - unpacked).toBe(1024);
});

test('a list answers as an array does', () => {
  const isOdd = (path: string): boolean => /[13579] é/.test(path);
  expect(list.filter(isOdd)).toEqual(many.filter(isOdd));
  expect(list.find((_, n) => n === 66_000)).toBe(many[66_000]);
  expect([list.some((path) => path === many[69_000]), list.some((path) => path === '')]).toEqual([true, false]);
  expect([list.every((path) => path.endsWith('.png')), list.every(isOdd)]).toEqual([true, false]);
  expect(list.map((path, n) => path.length + n)).toEqual(many.map((path, n) => path.length + n));
  expect(list.flatMap((_, n) => (n % 2 === 0 ? [n, -n] : n))).toEqual(many.flatMap((_, n) => (n % 2 === 0 ? [n, -n] : n)));
  expect(list.reduce((sum, { length }, n) => sum + length * n, 1)).toBe(many.reduce((sum, { length }, n) => sum + length * n, 1));
  const part = list.slice(60, 69_990);
  expect([part.length, part.at(0), part.at(69_930), part.slice(10, 20).at(9)]).toEqual([69_930, many[60], undefined, many[79]]);
  expect([...part.slice(5, 200)]).toEqual(many.slice(65, 260));
  expect(list.slice(69_990, 80_000).length).toBe(10);
});

test('paths that share nothing, or are the same, are kept', () => {
  const paths = Array.from({ length: 66_000 }, (_, n) => (n % 3 === 0 ? 'a' : n % 3 === 1 ? '' : `ÿ\u{1f600}${n}`));
  expect([...listOf(paths)]).toEqual(paths);
});

test('sorted paths are found', () => {
  for (const n of [0, 1, 35_000, 69_999]) expect(firstFrom(list, many[n] as string)).toBe(n);
  expect([firstFrom(list, ''), firstFrom(list, 'images/000/000000 ê'), firstFrom(list, 'z')]).toEqual([0, 1, 70_000]);
  const find = finderIn(list);
  expect([many[5], many[6], 'none', many[7], many[2], many[69_999]].map((path) => find(path as string))).toEqual([
    5,
    6,
    undefined,
    7,
    2,
    69_999,
  ]);
});

test('paths are sorted by their UTF-16 code units', () => {
  expect(sortedPaths(list)).toBe(list);
  const mixed = [...many.slice(40_000), 'train.txt', 'train/a', 'train-b/a', 'ÿ', ...many.slice(0, 40_000)];
  expect([...sortedPaths(listOf(mixed))]).toEqual([...mixed].sort());
  expect([...sortedPaths(listOf(['b', 'a', 'b']))]).toEqual(['a', 'b', 'b']);
});
