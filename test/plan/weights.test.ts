import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stream } from '../../src/plan/rng.ts';
import { drawBySums, drawByWeight, targetFactor, weightOf } from '../../src/plan/weights.ts';

const weightLists = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 1e-3, max: 1e3, noNaN: true })), { maxLength: 20 });
const sumsOf = (weights: readonly number[]): Float64Array => {
  let sum = 0;
  return Float64Array.from(weights, (weight) => (sum += weight));
};

describe('draws by weight', () => {
  test('give every index with a weight once, and no other', () => {
    fc.assert(
      fc.property(weightLists, fc.nat(), (weights, seed) => {
        const expected = weights.flatMap((weight, n) => (weight > 0 ? [n] : []));
        const drawn = [...drawByWeight(weights, stream(seed, 0, 'a', 'test'))];
        expect(drawn.sort((a, b) => a - b)).toEqual(expected);
        const bySums = [...drawBySums(sumsOf(weights), stream(seed, 0, 'a', 'test'))];
        expect(new Set(bySums).size).toBe(bySums.length);
        for (const n of bySums) expect(weights[n]).toBeGreaterThan(0);
      }),
    );
  });

  test('take the first index in proportion to its weight', () => {
    const weights = [1, 0, 2, 5];
    for (const draw of [
      (seed: number) => drawByWeight(weights, stream(seed, 0, 'a', 'test')).next().value as number,
      (seed: number) => drawBySums(sumsOf(weights), stream(seed, 0, 'a', 'test')).next().value as number,
    ]) {
      const counts = [0, 0, 0, 0];
      for (let seed = 0; seed < 4000; seed++) {
        const n = draw(seed);
        counts[n] = (counts[n] as number) + 1;
      }
      for (const [n, weight] of weights.entries()) expect(Math.abs((counts[n] as number) / 4000 - weight / 8)).toBeLessThan(0.02);
    }
  });
});

test('a class without a weight has weight 1, and a target the largest factor of its classes', () => {
  const measures = { weights: { instances: { 3: 0.5 }, targets: { 3: 2, 4: 3 } } };
  expect([3, 4].map((id) => weightOf(id, measures))).toEqual([0.5, 1]);
  expect(weightOf(3, {})).toBe(1);
  expect([[], [3], [3, 4], [5]].map((classes) => targetFactor(classes, measures))).toEqual([1, 2, 3, 1]);
  expect(targetFactor([3], {})).toBe(1);
});
