import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findInstances } from '../../src/masks/instances.ts';
import type { Instance, Mask } from '../../src/types.ts';
import { maskOf } from '../make.ts';

/** Masks of 8 and 16 bits, of noise and of runs. */
const mask = fc
  .record({
    width: fc.integer({ min: 1, max: 24 }),
    height: fc.integer({ min: 1, max: 14 }),
    wide: fc.boolean(),
    run: fc.constantFrom(1, 3, 11),
  })
  .chain(({ width, height, wide, run }) =>
    fc.uint8Array({ min: 0, max: 3, minLength: width * height, maxLength: width * height }).map((noise): Mask => {
      const ids = noise.map((_, i) => noise[Math.floor(i / run)] as number);
      return { width, height, ids: wide ? Uint16Array.from(ids, (id) => id * 21_000) : ids };
    }),
  );

/** Pixels of an instance. */
function pixelsOf({ spans, start, end }: Instance, width: number): number[] {
  const pixels: number[] = [];
  for (let i = start; i < end; i += 3)
    for (let x = spans[i + 1] as number; x < (spans[i + 2] as number); x++) pixels.push((spans[i] as number) * width + x);
  return pixels;
}

/** Components by flooding, as sorted lists of pixels: parts of one id with at most `gap` pixels between them. */
function flood({ width, height, ids }: Mask, leftOut: ReadonlySet<number>, gap = 0): number[][] {
  const reach = gap + 1;
  const seen = new Set<number>();
  const components: number[][] = [];
  ids.forEach((id, start) => {
    if (seen.has(start) || leftOut.has(id)) return;
    const component: number[] = [];
    const queue = [start];
    seen.add(start);
    for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
      component.push(at);
      const [x, y] = [at % width, Math.floor(at / width)];
      for (let dy = -reach; dy <= reach; dy++) {
        for (let dx = -reach; dx <= reach; dx++) {
          const next = (y + dy) * width + x + dx;
          if (x + dx < 0 || x + dx >= width || y + dy < 0 || y + dy >= height || seen.has(next) || ids[next] !== id) continue;
          seen.add(next);
          queue.push(next);
        }
      }
    }
    components.push(component.sort((a, b) => a - b));
  });
  return components;
}

describe('findInstances', () => {
  test('component: finds what flooding finds, in raster order, with box and area', () => {
    fc.assert(
      fc.property(mask, (m) => {
        const leftOut = new Set([0]);
        const found = findInstances(m, undefined, 'component', leftOut);
        expect(found.instances.map((instance) => pixelsOf(instance, m.width))).toEqual(flood(m, leftOut));
        const counts = [...new Set(m.ids)].sort((a, b) => a - b).map((id) => [id, m.ids.filter((other) => other === id).length]);
        expect([...found.pixels]).toEqual(counts);
        for (const { classId, box, area, ...instance } of found.instances) {
          const pixels = pixelsOf({ classId, box, area, ...instance }, m.width);
          const [xs, ys] = [pixels.map((p) => p % m.width), pixels.map((p) => Math.floor(p / m.width))];
          expect(box).toEqual([Math.min(...xs), Math.min(...ys), Math.max(...xs) + 1, Math.max(...ys) + 1]);
          expect(area).toBe(pixels.length);
          expect(pixels.every((p) => m.ids[p] === classId)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('component: joins parts that have at most a number of pixels between them', () => {
    const sparse = fc
      .tuple(mask, fc.uint8Array({ minLength: 24 * 14, maxLength: 24 * 14 }))
      .map(([m, holes]): Mask => ({ ...m, ids: m.ids.map((id, i) => ((holes[i] as number) < 200 ? 0 : id)) }));
    fc.assert(
      fc.property(fc.oneof(mask, sparse), fc.constantFrom(1, 2, 3, 6, 40), (m, gap) => {
        for (const leftOut of [new Set([0]), new Set<number>()]) {
          const { instances } = findInstances(m, undefined, 'component', leftOut, undefined, 'mask', gap);
          expect(instances.map((instance) => pixelsOf(instance, m.width))).toEqual(flood(m, leftOut, gap));
        }
      }),
      { numRuns: 150 },
    );
    const rows = maskOf('1..1', '....', '....', '2..1');
    const counts = [0, 1, 2].map(
      (gap) => findInstances(rows, undefined, 'component', new Set([0]), undefined, 'mask', gap).instances.length,
    );
    expect(counts).toEqual([4, 4, 2]);
  });

  test('class: all pixels of an id are one instance; background and ignore never are', () => {
    const { instances: found } = findInstances(maskOf('1.1', '.f.', '2.1'), undefined, 'class', new Set([0, 15]));
    expect(found.map(({ classId, area }) => [classId, area])).toEqual([
      [1, 3],
      [2, 1],
    ]);
  });

  test('object: all pixels of an object are one instance, with the class of most of them', () => {
    const classes = maskOf('333', '35.', '...');
    const objects = maskOf('112', '12f', '...');
    const { instances: found } = findInstances(classes, objects, 'object', new Set([0, 15]));
    expect(found.map(({ classId, area }) => [classId, area])).toEqual([
      [3, 3],
      [3, 2],
    ]);
  });

  test('an instance that touches the border, or stops just short of it, is truncated', () => {
    const inner = maskOf('.......', '.......', '.......', '...1...', '.......', '.......', '.......');
    expect(findInstances(inner, undefined, 'component', new Set([0])).instances.map(({ truncated }) => truncated)).toEqual([false]);
    const near = maskOf('.......', '.......', '.......', '.....1.', '.......', '.......', '.......');
    expect(findInstances(near, undefined, 'component', new Set([0])).instances.map(({ truncated }) => truncated)).toEqual([true]);
  });
});

test('a mask of noise, with more instances than any annotation has, is refused by name', () => {
  const [width, height] = [1100, 1000];
  // No pixel touches another with the same id.
  const ids = Uint8Array.from({ length: width * height }, (_, i) => 1 + (i % 2) + 2 * (Math.floor(i / width) % 2));
  const find = (): unknown => findInstances({ width, height, ids }, undefined, 'component', new Set([0]), undefined, 'masks/a.png');
  expect(find).toThrow(expect.objectContaining({ code: 'data', message: expect.stringMatching(/^masks\/a\.png: .*instances/) }));
});
