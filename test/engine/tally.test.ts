import { expect, test } from 'vitest';
import { foreignClass } from '../../src/dataset/classes.ts';
import { openDataset } from '../../src/dataset/open.ts';
import { countSources, createTally, totalsOf } from '../../src/engine/tally.ts';
import type { SampleRecord } from '../../src/output/manifest.ts';
import type { Annotations, Instance, Sample } from '../../src/types.ts';
import { filled, instanceOf } from '../make.ts';

const opened = await openDataset({ in: 'fixtures/camvid', maskSuffix: '', onlySplit: true, skipBad: false });
const dataset = {
  ...opened,
  skipped: [{ id: 'z', reason: 'z.png: has no mask', path: 'z.png', what: 'has no mask' }],
  leftBehind: ['notes.txt'],
};
const sample = dataset.samples.at(0) as Sample;
const base = { split: 'train', copy: 0 } as const;

function augmented(id: string, ...classes: number[]): SampleRecord {
  const placements = classes.map((classId, n) => ({
    order: n + 1,
    instance: n,
    classId,
    sourceBox: [0, 0, 2, 2] as [number, number, number, number],
    targetBox: [0, 0, 2, 2] as [number, number, number, number],
    scale: 1,
    flip: false,
    area: 4,
    visible: 4,
  }));
  return {
    ...base,
    id,
    status: 'augmented',
    source: 'b',
    placements,
    dropped: [{ instance: 9, classId: 1, reason: 'below min-area' }],
    pixels: { 3: [50, 40], 5: [20, 18], 8: [20, 32], 11: [10, 10] },
  };
}

function annotationsOf(...instances: Instance[]): Annotations {
  return { sample, input: { root: 'nowhere' }, mask: filled(9, 9, 0), pixels: new Map(), files: [], instances };
}

test('instances are counted by class, with their pixels and those of truncated ones, but no crowds or foreign classes', () => {
  const car = instanceOf(8, [0, 0, 3, 3]);
  const cut = { ...instanceOf(8, [0, 0, 2, 2]), truncated: true };
  const crowd = { ...car, crowd: true };
  expect(countSources([annotationsOf(car, crowd), annotationsOf(cut, { ...car, classId: foreignClass })])).toEqual([
    { classId: 8, instances: 2, pixels: 13, truncated: 4 },
  ]);
});

test('a summary counts variants by status and reason, instances by class, and lists skipped samples in order', () => {
  const tally = createTally(dataset, 'cpu', { stuff: 'skip' });
  tally.read([{ classId: 8, instances: 5, pixels: 100, truncated: 50 }]);
  tally.read([
    { classId: 8, instances: 1, pixels: 10, truncated: 0 },
    { classId: 3, instances: 2, pixels: 40, truncated: 21 },
  ]);
  tally.add({ id: 'a', record: augmented('a', 8, 8, 3) });
  tally.add({ id: 'c', record: { ...base, id: 'c', status: 'unchanged', reason: 'not drawn' } });
  tally.add({ id: 'd', record: { ...base, id: 'd', status: 'unchanged', reason: 'no source', dropped: [] } });
  tally.add({ id: 'e', record: { ...base, id: 'e', status: 'unchanged', reason: 'not drawn' } });
  tally.add({ id: 'b', skipped: 'b.png: is damaged' });
  const summary = tally.summary(2, 1);
  expect(summary).toEqual({
    layout: 'camvid',
    split: 'train',
    backend: 'cpu',
    reused: 1,
    samples: 4,
    augmented: 1,
    unchanged: { 'no source': 1, 'not drawn': 2 },
    copied: 2,
    pasted: 3,
    dropped: { 'below min-area': 1 },
    skipped: [
      { id: 'b', reason: 'b.png: is damaged' },
      { id: 'z', reason: 'z.png: has no mask' },
    ],
    pixels: 100,
    classes: [
      { id: 3, name: 'road', instances: 2, pasted: 1, before: 50, after: 40, allowed: false, skipped: true, stuff: true, scenery: false },
      { id: 5, name: 'tree', instances: 0, pasted: 0, before: 20, after: 18, allowed: false, skipped: true, stuff: true, scenery: false },
      { id: 8, name: 'car', instances: 6, pasted: 2, before: 20, after: 32, allowed: true, skipped: false, stuff: false, scenery: false },
    ],
    leftBehind: ['notes.txt'],
  });
  expect(Object.keys(summary.unchanged)).toEqual(['no source', 'not drawn']);
  expect(totalsOf(summary)).toEqual({
    classes: [
      { id: 3, name: 'road', instances: 2, pasted: 1 },
      { id: 8, name: 'car', instances: 6, pasted: 2 },
    ],
    skipped: summary.skipped,
    summary: { samples: 4, augmented: 1, unchanged: summary.unchanged, pasted: 3, dropped: summary.dropped, skipped: 2 },
  });
});

test('a class looks like scenery if 0.95 of the pixels of at least 20 instances are cut off, and nothing says what is stuff', () => {
  const { stuff: _, ...unknown } = dataset;
  const judged = (set: typeof unknown, instances: number, truncated: number) => {
    const tally = createTally(set, 'cpu', { stuff: 'skip' });
    tally.read([{ classId: 8, instances, pixels: 1000, truncated }]);
    const [row] = tally.summary(0, 0).classes;
    return [row?.scenery, row?.stuff, row?.allowed];
  };
  expect(judged(unknown, 20, 951)).toEqual([true, undefined, true]);
  expect(judged(unknown, 20, 950)).toEqual([false, undefined, true]);
  expect(judged(unknown, 19, 1000)).toEqual([false, undefined, true]);
  expect(judged(dataset, 20, 1000)).toEqual([false, false, true]);
});
