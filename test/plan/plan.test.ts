import { describe, expect, test } from 'vitest';
import { type Candidate, isPasted, type PlanOptions, planFromSet, planSample } from '../../src/plan/plan.ts';
import type { Box, Plan, Scene, Tone } from '../../src/types.ts';
import { candidate, defaults } from './candidates.ts';

const three: Box[] = [
  [10, 10, 40, 30],
  [60, 20, 90, 60],
  [120, 40, 150, 80],
];
const batch = ['a', 'b', 'c', 'd'].map((id) => candidate(id, three));

/** Plans of one target under many seeds. */
function plansOf(options: Partial<PlanOptions>, pool = batch, n = 400): Plan[] {
  return Array.from({ length: n }, (_, seed) => planSample(pool[0] as Candidate, pool, 0, { ...defaults, ...options, seed }));
}

describe('planSample', () => {
  test('p is a probability', () => {
    const drawn = plansOf({ p: 0.3 }, batch, 2000).filter(({ reason }) => reason !== 'not drawn').length;
    expect(drawn / 2000).toBeGreaterThan(0.26);
    expect(drawn / 2000).toBeLessThan(0.34);
    expect(plansOf({ p: 0 }).every(({ reason }) => reason === 'not drawn')).toBe(true);
    expect(plansOf({ p: 1 }).every(({ placements }) => placements.length > 0)).toBe(true);
  });

  test('the number of instances is uniform in 1..n, without replacement', () => {
    const counts = [0, 0, 0, 0];
    for (const { placements } of plansOf({ scale: [1, 1] }, batch, 1500)) {
      counts[placements.length] = (counts[placements.length] as number) + 1;
      expect(new Set(placements.map(({ instance }) => instance)).size).toBe(placements.length);
    }
    for (const n of counts.slice(1)) expect(Math.abs(n - 500)).toBeLessThan(80);
    expect(plansOf({ maxInstances: 1 }).every(({ placements }) => placements.length === 1)).toBe(true);
  });

  test('every other sample is a source about as often; the target only with allowSelf', () => {
    const sources = (options: Partial<PlanOptions>): string[] =>
      [...new Set(plansOf(options).map(({ source }) => source as string))].sort();
    expect(sources({})).toEqual(['b', 'c', 'd']);
    expect(sources({ allowSelf: true })).toEqual(['a', 'b', 'c', 'd']);
  });

  test('over many draws fewer than 5 % of placements sit where they came from', () => {
    const placements = plansOf({ scale: [1, 1] }).flatMap(({ placements }) => placements);
    const home = placements.filter(({ sourceBox, targetBox }) => String(sourceBox) === String(targetBox));
    expect(home.length / placements.length).toBeLessThan(0.05);
  });

  test('boxes keep their centre inside the frame, scales their range, and areas their limits', () => {
    for (const { placements, dropped } of plansOf({ minArea: '40px', maxArea: 0.1, scale: [0.1, 3] })) {
      for (const {
        sourceBox: [sx0, sy0, sx1, sy1],
        targetBox: [x0, y0, x1, y1],
        scale,
        area,
      } of placements) {
        expect(scale).toBeGreaterThanOrEqual(0.1);
        expect(scale).toBeLessThan(3);
        expect([x1 - x0, y1 - y0]).toEqual([sx1 - sx0, sy1 - sy0].map((length) => Math.max(1, Math.round(length * scale))));
        expect((x0 + x1) / 2).toBeGreaterThanOrEqual(-1);
        expect((x0 + x1) / 2).toBeLessThanOrEqual(201);
        const inside = Math.max(0, Math.min(200, x1) - Math.max(0, x0)) * Math.max(0, Math.min(100, y1) - Math.max(0, y0));
        // These instances fill their boxes, except for corners when they are enlarged.
        expect(area).toBeLessThanOrEqual(inside);
        expect(area).toBeGreaterThanOrEqual(inside - 4 * scale ** 2);
        expect(area).toBeGreaterThanOrEqual(40);
        expect(area).toBeLessThanOrEqual(2000);
      }
      for (const { reason } of dropped) expect(['below min-area', 'above max-area']).toContain(reason);
    }
  });

  test('maxTranslation bounds how far an instance moves', () => {
    for (const { placements } of plansOf({ maxTranslation: 0.1, scale: [1, 1] })) {
      for (const { sourceBox, targetBox } of placements) {
        expect(Math.abs(targetBox[0] - sourceBox[0])).toBeLessThanOrEqual(21);
        expect(Math.abs(targetBox[1] - sourceBox[1])).toBeLessThanOrEqual(11);
      }
    }
  });

  test('turns are uniform over the eight orientations, and a transposed box has the sides of the other axis', () => {
    const placements = plansOf({ turns: true, flip: 0.9 }, batch, 3000).flatMap(({ placements }) => placements);
    const counts = new Array(8).fill(0);
    for (const { transpose, flip, flipY, sourceBox, targetBox, scale } of placements) {
      counts[(transpose ? 4 : 0) + (flip ? 2 : 0) + (flipY ? 1 : 0)]++;
      const sides = [sourceBox[2] - sourceBox[0], sourceBox[3] - sourceBox[1]].map((side) => Math.max(1, Math.round(side * scale)));
      expect([targetBox[2] - targetBox[0], targetBox[3] - targetBox[1]]).toEqual(transpose ? sides.reverse() : sides);
    }
    const expected = placements.length / 8;
    // The 99.9 % quantile of chi-squared with seven degrees of freedom.
    expect(counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0)).toBeLessThan(24.3);
  });

  test('gains and offsets are uniform in their ranges, independent of one another, and change nothing else', () => {
    for (const jitter of ['instance', 'scene'] as const) {
      const rest = { jitter, minArea: '1px', maxArea: 1 } as const;
      const plans = plansOf({ ...rest, tone: 0.25 }, batch, 2000);
      const bare = plans.map((plan) => ({ ...plan, placements: plan.placements.map(({ tone: _, ...one }) => one) }));
      expect(bare).toEqual(plansOf(rest, batch, 2000));
      const tones = plans.flatMap(({ placements }) => placements.map(({ tone }) => tone as Tone));
      // Values as fractions of their ranges.
      const series = [0, 1, 2].flatMap((c) => [
        tones.map(({ gain }) => ((gain[c] as number) - 192) / 128),
        tones.map(({ offset }) => ((offset[c] as number) + 4080) / 8160),
      ]);
      for (const [n, values] of series.entries()) {
        expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
        for (const at of [0.1, 0.3, 0.5, 0.7, 0.9])
          expect(Math.abs(values.filter((value) => value < at).length / values.length - at)).toBeLessThan(0.025);
        for (const other of series.slice(0, n)) {
          const product = values.reduce((sum, value, i) => sum + (value - 0.5) * ((other[i] as number) - 0.5), 0);
          expect(Math.abs((12 * product) / values.length)).toBeLessThan(0.06);
        }
      }
      expect(tones.every(({ gain, offset }) => [...gain, ...offset].every((value) => Number.isInteger(value)))).toBe(true);
    }
  });

  test('an instance that never fits is dropped with its reason, never pasted as it is', () => {
    const large = [candidate('a', []), candidate('b', [[10, 10, 150, 90]])];
    const plans = plansOf({ maxArea: 0.01, scale: [0.13, 4] }, large, 200).filter(({ dropped }) => dropped.length > 0);
    expect(plans.length).toBeGreaterThan(0);
    for (const { placements, dropped, reason } of plans) {
      expect(placements).toEqual([]);
      expect(dropped).toEqual([{ instance: 0, classId: 1, reason: 'above max-area' }]);
      expect(reason).toBe('nothing fits');
    }
  });

  test('instances that cannot fit at any scale are left out beforehand, by their own pixels, and no others', () => {
    const pool = [
      candidate('a', []),
      candidate('b', [
        [10, 10, 20, 20],
        [40, 40, 60, 60],
        [100, 10, 140, 50],
      ]),
    ];
    // 100, 400 and 1600 pixels, from a quarter of that to four times as many.
    const drawn = (options: Partial<PlanOptions>): number[] => {
      const plans = plansOf({ scale: [0.5, 2], maxArea: 1, minArea: '1px', ...options }, pool);
      return [...new Set(plans.flatMap(({ placements, dropped }) => [...placements, ...dropped].map(({ instance }) => instance)))].sort();
    };
    expect(drawn({})).toEqual([0, 1, 2]);
    expect(drawn({ minArea: '400px' })).toEqual([0, 1, 2]);
    expect(drawn({ minArea: '401px' })).toEqual([1, 2]);
    expect(drawn({ minArea: '1601px' })).toEqual([2]);
    expect(drawn({ maxArea: '400px' })).toEqual([0, 1, 2]);
    expect(drawn({ maxArea: '399px' })).toEqual([0, 1]);
    expect(plansOf({ minArea: '6401px', maxArea: 1 }, pool, 20).every(({ reason }) => reason === 'no source')).toBe(true);
  });

  test('an instance is drawn ten times, then dropped', () => {
    // At scale 1 it fits if all of it is inside the frame: at 5 of 20 positions along x, and 3 of 10 along y.
    const frame = { width: 20, height: 10 };
    const pool = [candidate('a', [], frame), candidate('b', [[1, 1, 17, 9]], frame)];
    const plans = plansOf({ scale: [1, 1], minArea: '128px', maxArea: 1 }, pool, 2000);
    const hit = (5 / 20) * (3 / 10);
    const pasted = plans.filter(({ placements }) => placements.length > 0).length / plans.length;
    expect(Math.abs(pasted - (1 - (1 - hit) ** 10))).toBeLessThan(0.04);
    for (const { placements, dropped } of plans) {
      expect(placements.length + dropped.length).toBe(1);
      if (dropped.length > 0) expect(dropped).toEqual([{ instance: 0, classId: 1, reason: 'below min-area' }]);
    }
  });

  test('256 samples of a source set are tried', async () => {
    const target = candidate('a', []);
    const read: number[] = [];
    // Without translation, part of it lies outside the frame.
    const source = candidate('b', [[0, 0, 40, 40]], { width: 400, height: 200 });
    const options = { ...defaults, scale: [1, 1], maxTranslation: 0, minArea: '1600px' } as const;
    const plan = await planFromSet(
      target,
      1000,
      async (n) => {
        read.push(n);
        return n % 2 === 0 ? source : undefined;
      },
      0,
      options,
    );
    expect(plan).toMatchObject({ reason: 'nothing fits', source: 'b', dropped: [{ instance: 0, reason: 'below min-area' }] });
    expect(read.filter((n) => n % 2 === 0).length).toBe(256);
    expect(new Set(read).size).toBe(read.length);
  });

  test('a batch of 0 and of 1 is the identity; an empty source changes nothing', () => {
    const lone = candidate('a', three);
    for (const pool of [[lone], [lone, candidate('b', [])], [lone, candidate('b', [[0, 0, 20, 20]]), candidate('c', [])]]) {
      const [first] = pool as [Candidate];
      const truncatedOnly = pool.map((one) => ({ ...one, instances: one.instances.map((instance) => ({ ...instance, truncated: true })) }));
      expect(planSample(first, truncatedOnly, 0, defaults).reason).toBe('no source');
    }
    expect(planSample(lone, [lone], 0, defaults)).toMatchObject({ reason: 'no source', placements: [] });
  });

  test('an instance that is too small in its source is never drawn, whatever its scale', () => {
    const pool = ['a', 'b', 'c'].map((id) => candidate(id, [...three, [5, 60, 13, 68]]));
    const drawn = (minSourceArea: PlanOptions['minSourceArea']) =>
      new Set(
        Array.from({ length: 40 }, (_, copy) =>
          planSample(pool[0] as Candidate, pool, copy, { ...defaults, minArea: '1px', minSourceArea }),
        )
          .flatMap(({ placements, dropped }) => [...placements, ...dropped])
          .map(({ classId }) => classId),
      );
    expect(drawn('64px')).toEqual(new Set([1, 2, 3, 4]));
    expect(drawn('65px')).toEqual(new Set([1, 2, 3]));
    expect(drawn(0.00325)).toEqual(new Set([1, 2, 3]));
    expect(planSample(pool[0] as Candidate, pool, 0, { ...defaults, minSourceArea: 0.1 })).toMatchObject({ reason: 'no source' });
  });

  test('the class filter, the depth of the mask and free object ids decide which instances are eligible', () => {
    expect(
      plansOf({ mayPaste: (id) => id === 2 })
        .flatMap(({ placements }) => placements)
        .every(({ classId }) => classId === 2),
    ).toBe(true);
    const narrow = [candidate('a', [], { largestId: 2 }), candidate('b', three)];
    expect(
      plansOf({}, narrow)
        .flatMap(({ placements }) => placements)
        .every(({ classId }) => classId <= 2),
    ).toBe(true);
    const full = [candidate('a', [], { capacity: 1 }), candidate('b', three)];
    expect(plansOf({}, full).every(({ placements }) => placements.length === 1)).toBe(true);
  });

  test('scene jitter: instances stay where the scene puts them; target and source are jittered separately', () => {
    const options: Partial<PlanOptions> = {
      jitter: 'scene',
      scale: [0.1, 2],
      minArea: '1px',
      maxArea: 1,
      maxInstances: 'all',
      truncated: 'keep',
    };
    const plans = plansOf(options);
    for (const { scenes, placements, dropped } of plans.filter(isPasted)) {
      for (const scene of [scenes?.target, scenes?.source]) {
        const [x0, y0, x1, y1] = (scene as Scene).targetBox;
        expect(Math.abs((x1 - x0) / (y1 - y0) / 2 - 1)).toBeLessThan(0.1);
        expect(x1 - x0 <= 200 ? x0 >= 0 && x1 <= 200 : x0 <= 0 && x1 >= 200).toBe(true);
        expect(y1 - y0 <= 100 ? y0 >= 0 && y1 <= 100 : y0 <= 0 && y1 >= 100).toBe(true);
      }
      const { targetBox, scale, flip } = (scenes as NonNullable<typeof scenes>).source;
      for (const placement of placements) {
        expect([placement.scale, placement.flip]).toEqual([scale, flip]);
        // Inside the frame, and within a tap's reach of the instance's own box in the scene.
        const [x0, y0, x1, y1] = placement.targetBox;
        expect(x0 >= 0 && y0 >= 0 && x1 <= 200 && y1 <= 100 && x0 < x1 && y0 < y1).toBe(true);
        const step = (targetBox[2] - targetBox[0]) / 200;
        const [left, right] = [placement.sourceBox[0], placement.sourceBox[2]].map((x) =>
          flip ? targetBox[2] - x * step : targetBox[0] + x * step,
        );
        expect(x0).toBeGreaterThanOrEqual(Math.max(0, Math.min(left as number, right as number) - step - 2));
        expect(x1).toBeLessThanOrEqual(Math.min(200, Math.max(left as number, right as number) + step + 2));
      }
      // Drawn once: an instance that does not fit is dropped.
      const seen = [...placements, ...dropped].map(({ instance }) => instance);
      expect(new Set(seen).size).toBe(seen.length);
      for (const { reason } of dropped) expect(reason).toBe('below min-area');
    }
    expect(plans.filter(({ placements }) => placements.length > 1).length).toBeGreaterThan(100);
  });
});
