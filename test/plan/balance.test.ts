import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BalancedRun, balanceGauge, calibrate, type Request } from '../../src/plan/balance.ts';
import { batchesOf } from '../../src/plan/batches.ts';
import type { Measures } from '../../src/plan/measures.ts';
import { type Candidate, type PlanOptions, planFromSet, planSample } from '../../src/plan/plan.ts';
import { stream } from '../../src/plan/rng.ts';
import type { Box, Plan } from '../../src/types.ts';
import { instanceOf } from '../make.ts';
import { defaults } from './candidates.ts';

const frame = { width: 200, height: 150 };
const options: PlanOptions = { ...defaults, p: 0.5 };

/** Classes with the probability that a sample holds them, how many it then holds at most, and their length in pixels. */
const classes = [
  { id: 1, chance: 1, most: 6, length: 12 },
  { id: 2, chance: 0.8, most: 4, length: 30 },
  { id: 3, chance: 0.5, most: 2, length: 20 },
  { id: 4, chance: 0.25, most: 1, length: 16 },
];

function candidate(n: number, prefix = 's'): Candidate {
  const random = stream(9, 0, `${prefix}${n}`, 'make');
  const instances = classes.flatMap(({ id, chance, most, length }) => {
    if (random.uniform() >= chance) return [];
    return Array.from({ length: 1 + random.below(most) }, () => {
      const [x, y] = [4 + random.below(150), 4 + random.below(100)];
      const side = Math.round(length * random.between(0.6, 1.4));
      return instanceOf(id, [x, y, x + side, y + side] as Box, (i, j) => (i - x + j - y) % 5 !== 0);
    });
  });
  const rest = { annotated: instances.length > 0, ids: new Uint8Array(0), capacity: Number.POSITIVE_INFINITY, largestId: 255 };
  return { id: `${prefix}${n}`, ...frame, instances, ...rest };
}

const samples = Array.from({ length: 144 }, (_, n) => candidate(n));
const bank = Array.from({ length: 150 }, (_, n) => candidate(n, 'bank'));

function runOf(change: Partial<BalancedRun> = {}): BalancedRun {
  return { options, ids: samples.map(({ id }) => id), batchSize: 16, copies: 1, originals: 0, apart: false, frame, ...change };
}

function measure(request: Request, run = runOf()): Measures {
  const gauge = balanceGauge(request, run);
  for (const sample of samples) {
    const role = run.apart ? 'target' : 'both';
    gauge.add(gauge.read(sample, role), sample.id, role);
  }
  if (run.apart) for (const sample of bank) gauge.add(gauge.read(sample, 'source'), sample.id, 'source');
  return gauge.result();
}

/** Plans of all copies of a run. */
async function plansOf(measures: Measures, { options, copies, batchSize, apart }: BalancedRun): Promise<Plan[]> {
  const plans: Plan[] = [];
  const own = { ...options, measures };
  for (let copy = 0; copy < copies; copy++) {
    for (const batch of batchesOf(samples, batchSize, copy, options.seed)) {
      for (const target of batch) {
        plans.push(apart ? await planFromSet(target, bank.length, async (n) => bank[n], copy, own) : planSample(target, batch, copy, own));
      }
    }
  }
  return plans;
}

/** Shares of the classes among what plans paste, and in the result. */
function sharesOf(plans: readonly Plan[], by: 'instances' | 'pixels', of: 'pasted' | 'result', copies = 1): number[] {
  const amounts = classes.map(({ id }) => {
    const added = plans.flatMap(({ placements }) => placements.filter(({ classId }) => classId === id));
    const existing = samples.flatMap(({ instances }) => instances.filter(({ classId }) => classId === id));
    const amount = (all: readonly { area: number }[]): number =>
      by === 'instances' ? all.length : all.reduce((sum, { area }) => sum + area, 0);
    return amount(added) + (of === 'result' ? copies * amount(existing) : 0);
  });
  const total = amounts.reduce((sum, n) => sum + n, 0);
  return amounts.map((n) => n / total);
}

function furthest(shares: readonly number[], asked: readonly number[]): number {
  return Math.max(...shares.map((share, n) => Math.abs(share - (asked[n] as number))));
}

const equal = [0.25, 0.25, 0.25, 0.25];

describe('balance', () => {
  test('without weights, the rarest class is pasted less than a tenth of the time', async () => {
    expect(sharesOf(await plansOf({}, runOf()), 'instances', 'pasted').at(-1)).toBeLessThan(0.1);
  });

  test.each([
    ['a small run', {}],
    ['p 1', { options: { ...options, p: 1 } }],
    ['four copies', { copies: 4 }],
    ['another seed', { options: { ...options, seed: 7 } }],
    ['one instance at most', { options: { ...options, maxInstances: 1 } }],
    ['all instances', { options: { ...options, maxInstances: 'all' as const, p: 1, copies: 2 } }],
    ['a source set', { apart: true }],
    ['sources that may be their own targets', { options: { ...options, allowSelf: true } }],
  ])('inverse pastes as many instances of each class within 2 points: %s', async (_, change) => {
    const run = runOf(change);
    const measures = measure('inverse', run);
    const shares = sharesOf(await plansOf(measures, run), 'instances', 'pasted');
    if (measures.balance?.limited.length === 0) expect(furthest(shares, equal)).toBeLessThan(0.02);
    else expect(run.options.maxInstances).toBe('all');
  });

  test.each(['pasted', 'result'] as const)('shares of %s instances and pixels come out within 2 points', async (of) => {
    for (const by of ['instances', 'pixels'] as const) {
      const run = runOf({ options: { ...options, p: 1 }, copies: 4 });
      // Of the result, only shares near to those that exist can be reached.
      const natural = sharesOf([], by, 'result');
      const asked =
        of === 'pasted'
          ? by === 'instances'
            ? [0.2, 0.4, 0.25, 0.15]
            : [0.2, 0.6, 0.15, 0.05]
          : natural.map((share, n) => share * 0.8 + (equal[n] as number) * 0.2);
      const shares = new Map(classes.map(({ id }, n) => [id, asked[n] as number]));
      const measures = measure({ shares, of, by }, run);
      expect(measures.balance?.limited).toEqual([]);
      expect(furthest(sharesOf(await plansOf(measures, run), by, of, 4), asked)).toBeLessThan(0.02);
    }
  });

  test('a class without a share is not pasted', async () => {
    const run = runOf();
    const measures = measure(
      {
        shares: new Map([
          [3, 3],
          [4, 1],
        ]),
        of: 'pasted',
        by: 'instances',
      },
      run,
    );
    const shares = sharesOf(await plansOf(measures, run), 'instances', 'pasted');
    expect(furthest(shares, [0, 0, 0.75, 0.25])).toBeLessThan(0.02);
    expect(shares.slice(0, 2)).toEqual([0, 0]);
  });

  test('a class weight multiplies the natural share of a class, and 0 never pastes it', async () => {
    const run = runOf({ options: { ...options, p: 1 } });
    const counts = classes.map(({ id }) =>
      samples.reduce((sum, { instances }) => sum + instances.filter(({ classId }) => classId === id).length, 0),
    );
    const weighed = [0, 1, 1, 5].map((weight, n) => weight * (counts[n] as number));
    const asked = weighed.map((n) => n / weighed.reduce((sum, one) => sum + one, 0));
    const measures = measure(
      {
        weights: new Map([
          [1, 0],
          [4, 5],
        ]),
      },
      run,
    );
    expect(furthest(sharesOf(await plansOf(measures, run), 'instances', 'pasted'), asked)).toBeLessThan(0.02);
  });

  test('rfs draws rare classes, and samples that hold them, by the repeat factors of LVIS', async () => {
    const run = runOf();
    const measures = measure({ rfs: 0.9 }, run);
    const holding = (id: number): Candidate[] => samples.filter(({ instances }) => instances.some(({ classId }) => classId === id));
    for (const { id } of classes) {
      const factor = Math.max(1, Math.sqrt((0.9 * samples.length) / holding(id).length));
      expect(measures.weights?.targets?.[id]).toBeCloseTo(factor, 4);
    }
    const plans = await plansOf(measures, { ...run, copies: 8 });
    const drawn = (sample: Candidate): number => plans.filter(({ id, reason }) => id === sample.id && reason !== 'not drawn').length;
    const rate = (all: readonly Candidate[]): number => all.reduce((sum, sample) => sum + drawn(sample), 0) / (8 * all.length);
    const rare = holding(4);
    expect(Math.abs(rate(rare) - 0.5 * (measures.weights?.targets?.[4] as number))).toBeLessThan(0.05);
    const common = samples.filter(({ instances }) => !instances.some(({ classId }) => classId > 2));
    expect(Math.abs(rate(common) - 0.5 * (measures.weights?.targets?.[2] as number))).toBeLessThan(0.06);
  });

  test('names what keeps a class from its share', () => {
    const limitsFor = (asked: Readonly<Record<number, number>>, change: Partial<BalancedRun> = {}, of: 'pasted' | 'result' = 'pasted') => {
      const shares = new Map(Object.entries(asked).map(([id, share]) => [Number(id), share]));
      return measure({ shares, of, by: 'instances' }, runOf(change)).balance?.limited.map(({ id, reason }) => [id, reason]);
    };
    expect(limitsFor({ 1: 1, 9: 1 })).toEqual([[9, 'absent']]);
    expect(limitsFor({ 4: 1 }, { options: { ...options, mayPaste: (id) => id !== 4 } })).toEqual([[4, 'unusable']]);
    expect(limitsFor({ 1: 1, 4: 19 }, { batchSize: 2 })).toEqual([[4, 'batches']]);
    expect(limitsFor({ 1: 1, 4: 19 })).toEqual([[4, 'samples']]);
    expect(limitsFor({ 1: 1, 4: 19 }, {}, 'result')).toEqual([
      [1, 'pastes'],
      [4, 'pastes'],
    ]);
    expect(measure('inverse').balance?.limited).toEqual([]);
  });

  test('depends on the parts alone, not on the order in which samples are measured', () => {
    const run = runOf();
    const gauge = balanceGauge('inverse', run);
    const parts = samples.map((sample) => structuredClone(gauge.read(sample, 'both')));
    for (const [n, { id }] of [...samples.entries()].reverse()) gauge.add(parts[n] as (typeof parts)[number], id, 'both');
    expect(gauge.result()).toEqual(measure('inverse', run));
  });
});

describe('calibrate', () => {
  test('finds weights for any shares, where outcomes follow the weights', () => {
    const amounts = fc.array(fc.double({ min: 0.05, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(amounts, amounts, amounts, (counts, bend, asked) => {
        const share = (values: readonly number[]): number[] => values.map((value) => value / values.reduce((sum, one) => sum + one, 0));
        const wanted = share(asked);
        // Concave, as where sources run out of instances.
        const outcome = (weights: readonly number[]) => {
          const reached = share(weights.map((weight, i) => (weight * (counts[i] as number)) / (weight + (bend[i] as number))));
          return { wanted, reached, final: reached, possible: wanted, fitting: [] };
        };
        const { reached } = outcome(calibrate([1, 1, 1, 1], outcome, 1e6));
        expect(furthest(reached, wanted)).toBeLessThan(0.02);
      }),
    );
  });

  test('keeps a class of weight 0 out, and every weight near its start', () => {
    const outcome = () => ({ wanted: [0, 1, 0], reached: [0, 0.5, 0.5], final: [0, 0.5, 0.5], possible: [0, 1, 0], fitting: [] });
    const weights = calibrate([0, 1, 1], outcome, 3);
    expect(weights[0]).toBe(0);
    for (const weight of weights.slice(1)) expect(weight).toBeLessThanOrEqual(1.5);
  });
});
