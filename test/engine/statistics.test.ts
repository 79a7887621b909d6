import { describe, expect, test } from 'vitest';
import { addInstance, createSpread, createStatistics } from '../../src/engine/statistics.ts';
import type { ManifestRecord } from '../../src/output/manifest.ts';
import { gridSize, sizeBins } from '../../src/output/page-data.ts';

const size = { width: 100, height: 50 };

/** Cells of a spread that hold instances, as [column, row, number]. */
function cellsOf({ places }: { readonly places: readonly number[] }): number[][] {
  return places.flatMap((n, i) => (n === 0 ? [] : [[i % gridSize, Math.floor(i / gridSize), n]]));
}

describe('a spread', () => {
  test('counts an instance in each cell that its box touches', () => {
    const spread = createSpread();
    addInstance(spread, [4, 0, 11, 2], 10, size);
    addInstance(spread, [5, 0, 6, 1], 1, size);
    expect(spread.instances).toBe(2);
    expect(cellsOf(spread)).toEqual([
      [0, 0, 1],
      [1, 0, 2],
      [2, 0, 1],
    ]);
  });

  test('counts only the part of a box inside the image', () => {
    const spread = createSpread();
    addInstance(spread, [-20, 49, 3, 80], 10, size);
    addInstance(spread, [99, -3, 120, 1], 10, size);
    expect(cellsOf(spread)).toEqual([
      [gridSize - 1, 0, 1],
      [0, gridSize - 1, 1],
    ]);
  });

  test.each([
    [5000, sizeBins - 1],
    [2500, sizeBins - 1],
    [2499, sizeBins - 2],
    [1250, sizeBins - 2],
    [1, sizeBins - 13],
  ])('counts an area of %i of 5000 pixels in bin %i', (area, bin) => {
    const spread = createSpread();
    addInstance(spread, [0, 0, 1, 1], area, size);
    expect(spread.sizes.indexOf(1)).toBe(bin);
  });

  test('counts the smallest areas in the first bin', () => {
    const spread = createSpread();
    addInstance(spread, [0, 0, 1, 1], 1, { width: 4000, height: 4000 });
    expect(spread.sizes[0]).toBe(1);
  });
});

const files = { files: { image: { path: 'a.png', sha256: '', codec: 'png' } }, inputs: { image: { path: 'a.png', sha256: '' } } };
const placement = { instance: 0, sourceBox: [0, 0, 1, 1], scale: 1, flip: false, area: 50, visible: 50, targetBox: [0, 0, 10, 5] };

/** A record of a sample that was pasted into. */
function augmented(id: string, classIds: readonly number[], rest: object = {}): ManifestRecord {
  const placements = classIds.map((classId, n) => ({ ...placement, classId, order: n + 1 }));
  const record = { id, split: '', copy: 0, status: 'augmented', source: 'b', placements, dropped: [], pixels: { 1: [10, 20] }, ...rest };
  return { ...files, ...record } as unknown as ManifestRecord;
}

function unchanged(id: string, reason: string, rest: object = {}): ManifestRecord {
  return { ...files, id, split: '', status: 'unchanged', reason, ...rest } as unknown as ManifestRecord;
}

test('records are counted by class, reason and pixels', () => {
  const { add, result } = createStatistics();
  const dropped = [{ instance: 1, classId: 3, reason: 'below min-area' }];
  add(augmented('a', [1, 1, 2]), size);
  add(augmented('c', [2], { source: 'd', dropped, covered: [{ dropped: true }, { dropped: false }, { dropped: false }] }), size);
  add(unchanged('e', 'nothing fits', { copy: 0, dropped }), size);
  add(unchanged('f', 'not drawn', { copy: 0 }), size);
  add(unchanged('g', 'original'), size);
  add(unchanged('h', 'other split'), size);
  expect(result).toMatchObject({
    augmented: 2,
    unchanged: { 'nothing fits': 1, 'not drawn': 1 },
    copied: 2,
    dropped: { 'below min-area': 2 },
    sources: new Set(['b', 'd']),
    covered: 2,
    removed: 1,
    pixels: new Map([[1, { before: 20, after: 40 }]]),
    extent: { width: 200, height: 100 },
  });
  expect([...result.classes].map(([id, { samples, dropped, spread }]) => [id, samples, dropped, spread.instances])).toEqual([
    [1, 1, {}, 2],
    [2, 2, {}, 2],
    [3, 0, { 'below min-area': 2 }, 0],
  ]);
});
