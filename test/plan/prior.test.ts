import { describe, expect, test } from 'vitest';
import type { Candidate } from '../../src/plan/plan.ts';
import { eligible } from '../../src/plan/plan.ts';
import { type Prior, priorGauge, rowOf, sizeBounds } from '../../src/plan/prior.ts';
import { stream } from '../../src/plan/rng.ts';
import { instanceOf } from '../make.ts';
import { candidate, defaults } from './candidates.ts';
import { flatScenes, grass, height, person, road, sky, uprightScenes } from './scenes.ts';

/** Prior of samples. */
function priorOf(samples: readonly Candidate[]): Prior {
  const gauge = priorGauge((sample: Candidate) => eligible(sample, sample, { ...defaults, minArea: '1px', maxArea: 1 }));
  for (const sample of samples) gauge.add(gauge.read(sample, 'both'));
  return gauge.result().prior;
}

describe('a prior', () => {
  test('counts the class and the row under feet, sizes by row, and pixels by row', () => {
    // A frame of 64 rows: sky above row 32, road below; one instance of 8 rows and one of 16 stand on row 40.
    const ids = Uint8Array.from({ length: 16 * 64 }, (_, i) => (i < 16 * 32 ? 1 : 2));
    const instances = [instanceOf(4, [2, 32, 4, 40]), instanceOf(5, [8, 24, 12, 40])];
    const prior = priorOf([candidate('a', [], { width: 16, height: 64, ids, instances })]);
    const eighth = 8 * 8;
    const quarter = 9 * 8;
    expect(prior).toMatchObject({
      instances: 2,
      used: false,
      classes: [
        { id: 4, feet: [{ under: 2, from: 40, counts: [1] }], sizes: [{ row: 40, from: eighth, counts: [1] }] },
        { id: 5, feet: [{ under: 2, from: 40, counts: [1] }], sizes: [{ row: 40, from: quarter, counts: [1] }] },
      ],
      ground: [{ id: 2, from: 32, counts: Array.from({ length: 32 }, () => 16), samples: [0, 0, 0, 0, 1, 1, 1, 1] }],
    });
  });

  test('has sizes of an eighth of an octave', () => {
    for (const [n, bound] of sizeBounds.entries()) {
      expect(Math.abs(bound / 2 ** (n / 8 - 11) - 1)).toBeLessThan(1e-12);
      if (n % 8 === 0) expect(bound).toBe(2 ** (n / 8 - 11));
    }
    expect([0, 1, 2, 359].map((y) => rowOf(y, 360))).toEqual([0, 0, 0, 63]);
  });

  test('does not depend on the order of samples, and leaves out those of a separate source set', () => {
    const samples = uprightScenes(40);
    const prior = priorOf(samples);
    expect(priorOf(stream(0, 0, '', '').shuffle(samples))).toEqual(prior);
    const gauge = priorGauge((sample: Candidate) => sample.instances.map((_, i) => i));
    for (const sample of samples) gauge.add(gauge.read(sample, 'source'));
    expect(gauge.result().prior).toMatchObject({ instances: 0, gain: 0, used: false, classes: [], ground: [] });
  });

  test('is used where things stand on something, and not where they lie anywhere', () => {
    const upright = priorOf(uprightScenes(150));
    expect(upright.gain).toBeGreaterThan(0.4);
    expect(upright).toMatchObject({ instances: 300, used: true });
    const flat = priorOf(flatScenes(150));
    expect(Math.abs(flat.gain)).toBeLessThan(0.2);
    expect(flat.used).toBe(false);
  });

  test('finds no gain in chance, however few instances there are', () => {
    for (const count of [1, 2, 5, 20]) expect(priorOf(flatScenes(count)).used).toBe(false);
  });

  test('leaves out classes under feet that are rare, as errors of the annotation', () => {
    const samples = uprightScenes(60);
    const floating = instanceOf(person, [40, 10, 46, 22]);
    const [first, ...rest] = samples as [Candidate, ...Candidate[]];
    const prior = priorOf([{ ...first, instances: [...first.instances, floating] }, ...rest]);
    expect(prior.instances).toBe(121);
    expect(prior.classes[0]?.feet.map(({ under }) => under)).toEqual([road, grass]);
    expect(prior.ground.map(({ id }) => id)).not.toContain(sky);
  });

  test('does not count feet in the last row, under which nothing lies', () => {
    const ids = new Uint8Array(200 * 100).fill(2);
    expect(priorOf([candidate('a', [[10, 60, 20, 100]], { ids })]).instances).toBe(0);
    expect(height % 64).toBe(0);
  });
});
