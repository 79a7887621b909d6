import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { listTree } from '../../src/base/tree.ts';
import { assignSplits, chooseSplit, listName, readLists, refuseSharedLists } from '../../src/dataset/lists.ts';
import type { Paired } from '../../src/dataset/paired.ts';
import type { Fault } from '../../src/errors.ts';
import { layoutNamed } from '../../src/formats/layouts.ts';
import { temporaryFolder, writeTree } from '../make.ts';

const lists = 'ImageSets/Segmentation';
const sampleOf = (id: string): Paired => ({
  id,
  split: '',
  image: `${id}.jpg`,
  mask: `${id}.png`,
  endings: { image: '', mask: '', objects: '' },
});

describe('lists of ids', () => {
  test('are read from the text files of their folder, without empty lines and second columns', async () => {
    const root = await writeTree(join(temporaryFolder(), 'voc'), {
      [`${lists}/train.txt`]: 'a\r\n\n  b 1\n',
      [`${lists}/val.txt`]: '',
      [`${lists}/notes.md`]: 'x\n',
      'ImageSets/Main/car.txt': 'x\n',
    });
    const tree = await listTree(root);
    expect([...(await readLists(root, tree, layoutNamed('voc')))]).toEqual([
      [`${lists}/train.txt`, ['a', 'b']],
      [`${lists}/val.txt`, []],
    ]);
    expect(await readLists(root, tree, layoutNamed('camvid'))).toEqual(new Map());
    expect(listName(`${lists}/train.txt`)).toBe('train');
  });

  test('assign samples to splits: to the augmented one if it lists them, otherwise to the first that does', () => {
    const bad = new Map<string, Fault>();
    const found = new Map([
      ['l/all.txt', ['a', 'b', 'c']],
      ['l/train.txt', ['b']],
      ['l/val.txt', ['c', 'd', 'e']],
    ]);
    const samples = [sampleOf('a'), sampleOf('b'), sampleOf('c'), sampleOf('f')];
    const splits = (split: string) =>
      assignSplits(samples, new Map([['d', 'images/d.png']]), found, split, bad).map((sample) => [sample.id, sample.split]);
    expect(splits('train')).toEqual([
      ['b', 'train'],
      ['a', 'all'],
      ['c', 'all'],
    ]);
    expect(splits('val')).toEqual([
      ['c', 'val'],
      ['a', 'all'],
      ['b', 'all'],
    ]);
    expect([...bad.keys()]).toEqual(['d', 'e']);
    expect(bad.get('d')).toMatchObject({ path: 'images/d.png', what: expect.stringMatching(/^has no mask, but l\/val\.txt lists it/) });
    expect(bad.get('e')).toMatchObject({ path: 'l/val.txt', what: expect.stringMatching(/^lists e, /), split: 'val' });
  });

  test('have names without extensions; others are named as such', () => {
    const bad = new Map<string, Fault>();
    const placed = assignSplits(
      [sampleOf('a')],
      new Map([['b', 'b.jpg']]),
      new Map([['l/train.txt', ['a.jpg', 'b.png', 'c.png']]]),
      'train',
      bad,
    );
    expect([placed, [...bad.values()].map(({ what }) => what)]).toEqual([
      [],
      [
        'lists a.jpg, but lines must be names without extensions; write a',
        'lists b.png, but lines must be names without extensions; write b',
        'lists c.png, but there is no such image; add it, or remove the line',
      ],
    ]);
  });

  test('find a sample whose name has another form of Unicode', () => {
    const placed = assignSplits(
      [sampleOf('ä'.normalize('NFC'))],
      new Map(),
      new Map([['l/train.txt', ['ä'.normalize('NFD')]]]),
      'train',
      new Map(),
    );
    expect(placed.map(({ id, split }) => [id, split])).toEqual([['ä'.normalize('NFC'), 'train']]);
  });

  test('of another split may name all augmented samples or none, but not some', () => {
    const refuse = (ids: string[]) => refuseSharedLists(new Map([['l/val.txt', ids]]), 'train', [{ id: 'a' }, { id: 'b' }]);
    for (const ids of [[], ['c'], ['a', 'b', 'c']]) expect(() => refuse(ids)).not.toThrow();
    expect(() => refuse(['b', 'c'])).toThrow(expect.objectContaining({ code: 'usage', message: expect.stringContaining('--only-split') }));
  });
});

describe('the split that is augmented', () => {
  test.each([
    [['val', 'train', 'train2017'], undefined, 'train'],
    [['val2017', 'train2017'], undefined, 'train2017'],
    [['val'], undefined, 'val'],
    [[], undefined, ''],
    [['train', 'val'], 'val', 'val'],
  ])('of %j, with --split %s, is %j', (splits, wanted, expected) => {
    expect(chooseSplit(splits, wanted)).toBe(expected);
  });

  test.each([
    [['a', 'b'], undefined, /splits are a, b; pass --split NAME/],
    [['train1', 'train2'], undefined, /splits are train1, train2/],
    [['b', 'a'], 'c', /^--split c: .*splits are a, b/],
    [[], 'c', /^--split c: .*has no splits/],
  ])('of %j, with --split %s, is an error', (splits, wanted, message) => {
    expect(() => chooseSplit(splits, wanted)).toThrow(expect.objectContaining({ code: 'usage', message: expect.stringMatching(message) }));
  });
});
