import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Candidate, isPasted, type PlanOptions, planFromSet, planSample } from '../../src/plan/plan.ts';
import { type RuleOptions, rulesOf } from '../../src/plan/rules.ts';
import { pastesOf } from '../../src/render/render.ts';
import type { Instance, Plan } from '../../src/types.ts';
import { instanceOf } from '../make.ts';
import { ownedPlainly } from '../render/reference.ts';
import { candidate, defaults } from './candidates.ts';

const [width, height] = [40, 30];
const frame = { width, height };

/** Blobs of any class that may overlap, as annotations that are shapes do. */
const blobs = fc.array(
  fc.record({
    classId: fc.integer({ min: 1, max: 4 }),
    x: fc.nat(width - 4),
    y: fc.nat(height - 4),
    w: fc.integer({ min: 2, max: 20 }),
    h: fc.integer({ min: 2, max: 20 }),
    holes: fc.integer({ min: 2, max: 9 }),
  }),
  { maxLength: 6 },
);
type Blobs = typeof blobs extends fc.Arbitrary<infer B> ? B : never;

function instancesOf(list: Blobs): Instance[] {
  return list.map(({ classId, x, y, w, h, holes }) =>
    instanceOf(
      classId,
      [x, y, Math.min(width, x + w), Math.min(height, y + h)],
      (px, py) => (px === x && py === y) || (px * 3 + py) % holes !== 0,
    ),
  );
}

function pixelsOf({ spans, start, end }: Pick<Instance, 'spans' | 'start' | 'end'>): number[] {
  const pixels: number[] = [];
  for (let s = start; s < end; s += 3)
    for (let x = spans[s + 1] as number; x < (spans[s + 2] as number); x++) pixels.push((spans[s] as number) * width + x);
  return pixels;
}

/** A target with a mask into which its instances are painted over bands of the classes 5 to 7. */
function targetOf(list: Blobs) {
  const instances = instancesOf(list);
  const ids = Uint8Array.from({ length: width * height }, (_, i) => 5 + Math.floor((3 * i) / (width * height)));
  for (const one of instances) for (const i of pixelsOf(one)) ids[i] = one.classId;
  return candidate('a', [], { ...frame, ids, instances });
}

const rules = fc.record({
  pasteOn: fc.option(
    fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }).map((list) => new Set(list)),
    { nil: undefined },
  ),
  avoid: fc.option(
    fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 3 }).map((list) => new Set(list)),
    { nil: undefined },
  ),
  maxCover: fc.option(fc.constantFrom(0, 0.1, 0.25, 0.5, 1), { nil: undefined }),
  mayCover: fc.option(fc.constant(new Set([4])), { nil: undefined }),
});

/** Breaches of the rules, judged from pixels alone. @param pastes pixels of each paste, in order. */
function breaches(target: ReturnType<typeof targetOf>, pastes: readonly number[][], { pasteOn, avoid, maxCover, mayCover }: RuleOptions) {
  const found: string[] = [];
  const all = new Set(pastes.flat());
  for (const paste of pastes) {
    const lowest = paste.map((i) => Math.floor(i / width)).reduce((a, b) => Math.max(a, b));
    const row = paste.filter((i) => Math.floor(i / width) === lowest).sort((a, b) => a - b);
    const foot = row[Math.floor((row.length - 1) / 2)] as number;
    const under = lowest + 1 < height ? foot + width : foot;
    if (pasteOn && !pasteOn.has(target.ids[under] as number)) found.push('not on --paste-on');
    const shown = (i: number): boolean => avoid?.has(target.ids[i] as number) === true;
    const hidden = target.instances.some((one) => avoid?.has(one.classId) && pixelsOf(one).some((i) => paste.includes(i)));
    if (paste.some(shown) || hidden) found.push('on --avoid');
  }
  for (const one of target.instances) {
    if (maxCover === undefined || mayCover?.has(one.classId)) continue;
    if (pixelsOf(one).filter((i) => all.has(i)).length / one.area > maxCover) found.push('above max-cover');
  }
  return found;
}

describe('placement rules', () => {
  test('are none without options', () => {
    expect(rulesOf(targetOf([]), {})).toBe(undefined);
    expect(rulesOf(targetOf([]), { mayCover: new Set([1]) })).toBe(undefined);
  });

  test('refuse a paste if and only if it breaks one of them, and name the first', () => {
    fc.assert(
      fc.property(blobs, fc.array(blobs.map(instancesOf), { maxLength: 2 }), rules, (list, drawn, options) => {
        const target = targetOf(list);
        const judged = rulesOf(target, options);
        const accepted: number[][] = [];
        for (const paste of drawn.flat()) {
          const found = breaches(target, [...accepted, pixelsOf(paste)], options);
          expect(judged?.misfit(paste)).toBe(found[0]);
          if (found.length > 0) continue;
          judged?.accept(paste);
          accepted.push(pixelsOf(paste));
        }
        const classes = new Set(target.ids);
        if (judged) expect(judged.hopeless()).toBe(options.pasteOn !== undefined && ![...options.pasteOn].some((id) => classes.has(id)));
      }),
      { numRuns: 500 },
    );
  });

  test('hold for every plan, by the pixels that its placements own; what is dropped has a reason', () => {
    fc.assert(
      fc.property(blobs, fc.array(blobs, { minLength: 1, maxLength: 3 }), rules, fc.nat(), (list, sources, options, seed) => {
        const target = targetOf(list);
        const pool = [target, ...sources.map((one, i) => candidate(`s${i}`, [], { ...frame, instances: instancesOf(one) }))];
        const plan = planSample(target, pool, 0, {
          ...defaults,
          ...options,
          seed,
          turns: seed % 2 === 1,
          minArea: '1px',
          maxArea: 1,
          maxInstances: 'all',
        });
        const reasons = ['below min-area', 'not on --paste-on', 'on --avoid', 'above max-cover'];
        for (const { reason } of plan.dropped) expect(reasons).toContain(reason);
        if (!isPasted(plan)) return;
        const source = pool.find(({ id }) => id === plan.source) as (typeof pool)[0];
        const { pastes } = pastesOf(plan, { offset: 0, ...frame }, { offset: 0, ...frame }, source.instances, { blend: 'none' });
        const owned = pastes.map((paste) => ownedPlainly(paste).map(([x, y]) => y * width + x));
        expect(plan.placements.map(({ area }) => area)).toEqual(owned.map(({ length }) => length));
        expect(breaches(target, owned, options)).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  const ground = candidate('a', [], { ...frame, ids: new Uint8Array(width * height).fill(1).fill(2, (width * height) / 2) });
  const box = candidate('b', [[10, 10, 14, 14]], frame);
  const plans = (options: Partial<PlanOptions>, n = 1000): Plan[] =>
    Array.from({ length: n }, (_, seed) =>
      planSample(ground, [ground, box], 0, { ...defaults, scale: [1, 1], minArea: '1px', ...options, seed }),
    );

  test('share the ten draws', () => {
    // Four rows stand on class 2, which begins at row 15, if their centre lies at 12.5 or below. Centres are drawn within 0.625 of 12.
    const near = { pasteOn: new Set([2]), maxTranslation: 0.625 / height };
    const pasted = plans(near).filter(isPasted).length / 1000;
    expect(Math.abs(pasted - (1 - 0.9 ** 10))).toBeLessThan(0.05);
    // Half of the columns are avoided.
    const halves = Uint8Array.from(ground.ids, (id, i) => (i % width < width / 2 ? id : 3));
    const both = (seed: number): Plan =>
      planSample({ ...ground, ids: halves }, [box], 0, {
        ...defaults,
        scale: [1, 1],
        minArea: '1px',
        pasteOn: new Set([1]),
        avoid: new Set([3]),
        seed,
      });
    // Rows: a centre from 0 to 12.5 of 30. Columns: one from 0 to 18.5 of 40.
    const hit = (12.5 / 30) * (18.5 / 40);
    const met = Array.from({ length: 1000 }, (_, seed) => both(seed)).filter(isPasted).length / 1000;
    expect(Math.abs(met - (1 - (1 - hit) ** 10))).toBeLessThan(0.05);
    const none = plans({ pasteOn: new Set([2]), maxTranslation: 0 }, 20);
    for (const plan of none)
      expect(plan).toMatchObject({ reason: 'nothing fits', source: 'b', dropped: [{ reason: 'not on --paste-on' }] });
  });

  test('change nothing if every draw meets them', () => {
    expect(plans({ pasteOn: new Set([1, 2]), avoid: new Set([3]), maxCover: 0 }, 50)).toEqual(plans({}, 50));
  });

  test('that no source can meet are tried with one source only', async () => {
    let reads = 0;
    const read = async () => {
      reads++;
      return box;
    };
    const options = { ...defaults, pasteOn: new Set([7]), minArea: '1px' } as const;
    const plan = await planFromSet(ground, 1000, read, 0, options);
    expect(plan).toMatchObject({
      reason: 'nothing fits',
      source: 'b',
      dropped: [{ instance: 0, classId: 1, reason: 'not on --paste-on' }],
    });
    expect(reads).toBe(1);
  });
});

describe('ranges of the scale by class', () => {
  const pool = [
    candidate('a', [], frame),
    candidate(
      'b',
      [
        [5, 5, 9, 9],
        [20, 5, 24, 9],
      ],
      frame,
    ),
  ];
  const plansOf = (options: Partial<PlanOptions>): Plan[] =>
    Array.from({ length: 300 }, (_, seed) =>
      planSample(pool[0] as Candidate, pool, 0, { ...defaults, minArea: '1px', maxArea: 1, ...options, seed }),
    );

  test('hold for their classes, and --scale for the others', () => {
    const scales = new Map<number, number[]>();
    for (const { placements } of plansOf({ scale: [0.5, 2], scaleByClass: { 2: [3, 4] } }))
      for (const { classId, scale } of placements) scales.set(classId, [...(scales.get(classId) ?? []), scale]);
    const [first, second] = [1, 2].map((id) => scales.get(id) as number[]) as [number[], number[]];
    expect([Math.min(...first) < 0.6, Math.max(...first) > 1.9, Math.max(...first) < 2]).toEqual([true, true, true]);
    expect([Math.min(...second) >= 3, Math.min(...second) < 3.1, Math.max(...second) > 3.9, Math.max(...second) < 4]).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });

  test('decide which instances are drawn at all', () => {
    const classes = (options: Partial<PlanOptions>) =>
      [...new Set(plansOf(options).flatMap(({ placements, dropped }) => [...placements, ...dropped].map(({ classId }) => classId)))].sort();
    // 16 pixels each.
    expect(classes({ scale: [1, 1], minArea: '20px' })).toEqual([]);
    expect(classes({ scale: [1, 1], minArea: '20px', scaleByClass: { 2: [1, 2] } })).toEqual([2]);
    expect(classes({ scale: [1, 1], maxArea: '10px', scaleByClass: { 1: [0.5, 1] } })).toEqual([1]);
  });
});
