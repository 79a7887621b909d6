import { describe, expect, test } from 'vitest';
import { ownedSpans } from '../../src/masks/coverage.ts';
import { footOf, groundUnder } from '../../src/masks/ground.ts';
import { shapeOfSpans } from '../../src/masks/spans.ts';
import { mappingOf, tablesOf } from '../../src/masks/tables.ts';
import { type Places, placesOf } from '../../src/plan/places.ts';
import { type Candidate, eligible, type PlanOptions, planSample } from '../../src/plan/plan.ts';
import { priorGauge } from '../../src/plan/prior.ts';
import { stream } from '../../src/plan/rng.ts';
import type { Instance } from '../../src/types.ts';
import { instanceOf } from '../make.ts';
import { candidate, defaults } from './candidates.ts';
import { grass, height, heightAt, person, road, sky, uprightScenes, width } from './scenes.ts';

const limits = { minArea: '8px', maxArea: 1 } as const;

function placesIn(samples: readonly Candidate[], band: readonly [low: number, high: number] = [0.1, 0.9]): Places {
  const gauge = priorGauge((sample: Candidate) => eligible(sample, sample, { ...defaults, ...limits }));
  for (const sample of samples) gauge.add(gauge.read(sample, 'both'));
  return placesOf(gauge.result().prior, band);
}

/** Feet of the pastes of some plans: row, height and class under each. */
function feetOf(pool: readonly Candidate[], options: Partial<PlanOptions>, seeds: number) {
  const feet: { y: number; tall: number; ground: number; scale: number }[] = [];
  let dropped = 0;
  for (let seed = 0; seed < seeds; seed++) {
    for (const target of pool) {
      const plan = planSample(target, pool, 0, { ...defaults, ...limits, ...options, seed });
      dropped += plan.dropped.length;
      const source = pool.find(({ id }) => id === plan.source);
      for (const placement of plan.placements) {
        const mapping = mappingOf(placement, undefined, source as Candidate, target);
        const instance = source?.instances[placement.instance] as Instance;
        const foot = footOf(shapeOfSpans(ownedSpans(instance, tablesOf(mapping, source as Candidate), mapping.seen)));
        const { targetBox, scale } = placement;
        feet.push({ y: foot[1], tall: targetBox[3] - targetBox[1], ground: groundUnder(foot, target), scale });
      }
    }
  }
  return { feet, dropped };
}

const shareOf = <T>(list: readonly T[], holds: (one: T) => boolean): number => list.filter(holds).length / list.length;

describe('places of a prior', () => {
  const scenes = uprightScenes(120);
  const places = placesIn(scenes);

  test('stand on what instances of the class stand on, in its shares, and as large as they are in that row', () => {
    const { feet } = feetOf(scenes, { places }, 4);
    expect(feet.length).toBeGreaterThan(500);
    const source = scenes.flatMap((scene) => scene.instances.map((one) => groundUnder(footOf(one), scene)));
    for (const ground of [road, grass])
      expect(Math.abs(shareOf(feet, (foot) => foot.ground === ground) - shareOf(source, (one) => one === ground))).toBeLessThan(0.05);
    expect(shareOf(feet, ({ ground }) => ground === sky)).toBe(0);
    // Rows of the prior are two pixels high, and sizes an eighth of an octave.
    expect(shareOf(feet, ({ y, tall }) => Math.abs(tall / heightAt(y) - 1) < 0.25)).toBeGreaterThan(0.95);
    for (const { scale } of feet) {
      expect(scale).toBeGreaterThanOrEqual(defaults.scale[0]);
      expect(scale).toBeLessThanOrEqual(defaults.scale[1]);
    }
    const anywhere = feetOf(scenes, {}, 1).feet;
    expect(shareOf(anywhere, ({ ground }) => ground === sky)).toBeGreaterThan(0.2);
  });

  test('put the foot right above the pixel that was drawn, however the instance is scaled and flipped', () => {
    // A column, as narrow as the grass that it may stand on, under a wide head; half of it is lost when it shrinks.
    const lamp = instanceOf(person, [30, 60, 51, 100], (x, y) => y < 70 || x === 33);
    const scene = candidate('t', [], { width, height, ids: (scenes[0] as Candidate).ids, instances: [] });
    const source = candidate('s', [], { width, height, ids: (scenes[0] as Candidate).ids, instances: [lamp] });
    for (let seed = 0; seed < 300; seed++) {
      const [placement] = planSample(scene, [scene, source], 0, { ...defaults, ...limits, places, seed }).placements;
      if (!placement) continue;
      const [x0, , x1] = placement.targetBox;
      if (x0 < 0 || x1 > width) continue;
      const mapping = mappingOf(placement, undefined, source, scene);
      const foot = footOf(shapeOfSpans(ownedSpans(lamp, tablesOf(mapping, source), mapping.seen)));
      expect([road, grass, person]).toContain(groundUnder(foot, scene));
      expect(foot[1]).toBeGreaterThanOrEqual(48);
    }
  });

  test('do not depend on the order of the samples that were measured', () => {
    const again = placesIn(stream(0, 0, '', '').shuffle(scenes));
    for (const target of scenes.slice(0, 20))
      expect(planSample(target, scenes, 0, { ...defaults, ...limits, places: again })).toEqual(
        planSample(target, scenes, 0, { ...defaults, ...limits, places }),
      );
  });

  test('are among those that --paste-on allows, so that the rule refuses no draw', () => {
    const { feet, dropped } = feetOf(scenes, { places, pasteOn: new Set([grass]) }, 1);
    expect(feet.length).toBeGreaterThan(50);
    expect(shareOf(feet, ({ ground }) => ground === grass)).toBe(1);
    expect(dropped).toBeLessThan(feet.length / 20);
  });

  test('are left out if the target shows none, or if no scale in its range gives a size of the prior', () => {
    const empty = candidate('sky', [], { width, height, ids: new Uint8Array(width * height).fill(sky), instances: [] });
    const plan = planSample(empty, [empty, ...scenes], 0, { ...defaults, ...limits, places });
    expect(plan).toMatchObject({ reason: 'nothing fits', placements: [] });
    expect(plan.dropped[0]).toMatchObject({ reason: 'no place in prior' });
    const giant = instanceOf(person, [4, 2, 90, 120]);
    const source = candidate('s', [], { width, height, instances: [giant] });
    expect(
      planSample(scenes[0] as Candidate, [scenes[0] as Candidate, source], 0, { ...defaults, ...limits, scale: [1, 2], places }),
    ).toMatchObject({
      reason: 'nothing fits',
      dropped: [{ reason: 'no place in prior' }],
    });
  });

  test('of a class with few instances are those of all classes', () => {
    const rare = scenes.map((scene, n) =>
      n < 3 ? { ...scene, instances: scene.instances.map((one) => ({ ...one, classId: person + 1 })) } : scene,
    );
    const { feet } = feetOf(rare, { places: placesIn(rare), mayPaste: (id) => id === person + 1 }, 6);
    expect(feet.length).toBeGreaterThan(30);
    expect(shareOf(feet, ({ ground }) => ground === sky)).toBe(0);
    expect(new Set(feet.map(({ y }) => y)).size).toBeGreaterThan(15);
  });

  test('have heights between the quantiles of the band', () => {
    // Instances of one row are 8 to 24 pixels high.
    const ids = Uint8Array.from({ length: width * height }, (_, i) => (i < width * 64 ? sky : road));
    const many = Array.from({ length: 170 }, (_, n) => {
      const tall = 8 + (n % 17);
      return candidate(`m${n}`, [], { width, height, ids, instances: [instanceOf(person, [40, 80 - tall, 44, 80])] });
    });
    const tallIn = (band: readonly [number, number]) =>
      feetOf(many, { places: placesIn(many, band), scale: [0.2, 4] }, 2).feet.map(({ tall }) => tall);
    const [wide, narrow] = [tallIn([0, 1]), tallIn([0.4, 0.6])];
    expect([Math.min(...wide), Math.max(...wide)]).toEqual([8, expect.any(Number)]);
    expect(Math.max(...wide)).toBeGreaterThan(22);
    expect(Math.min(...narrow)).toBeGreaterThanOrEqual(13);
    expect(Math.max(...narrow)).toBeLessThanOrEqual(19);
  });
});
