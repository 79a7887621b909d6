import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readAnnotations } from '../../src/dataset/annotations.ts';
import { openDataset } from '../../src/dataset/open.ts';
import { inChains, usedBy } from '../../src/engine/chains.ts';
import { createBudgets, createHoldings, type Holdings } from '../../src/engine/holdings.ts';
import type { Annotations, Plan } from '../../src/types.ts';
import { drawBox, filled, imageOf, rgba, temporaryFolder, writeTree } from '../make.ts';
import { drawnSources, plansOf } from './plans.ts';

/** 21 samples of 4 × 4 pixels of RGB, by their number. */
const root = await writeTree(
  `${temporaryFolder()}/data`,
  Object.fromEntries(
    Array.from({ length: 21 }, (_, n) => [
      [`images/${String(n).padStart(2, '0')}.png`, imageOf(4, 4, () => rgba(n, n, n))],
      [`masks/${String(n).padStart(2, '0')}.png`, drawBox(filled(4, 4, 0), [1, 1, 3, 3], 1)],
    ]).flat(),
  ),
);
const dataset = await openDataset({ in: root, maskSuffix: '', onlySplit: true, skipBad: false });
const imageBytes = 4 * 4 * 3;
const workingBytes = 6 * imageBytes;

async function annotationsOf(): Promise<Map<string, Annotations>> {
  const read = dataset.samples.map((sample) => readAnnotations(sample, dataset, { instances: 'component', jitter: 'instance' }));
  return new Map((await Promise.all(read)).map((annotation, n) => [`${n}`, annotation]));
}

/** Enters plans in order, each of which leaves at once. */
async function pass(holdings: Holdings): Promise<void> {
  for (const plan of holdings.plans) (await holdings.enter(plan))();
}

/** Returns `true` if a number of bytes of a budget is free. */
async function isFree(budget: { take(bytes: number): Promise<() => void> }, bytes: number): Promise<boolean> {
  let entered = false;
  void budget.take(bytes).then((leave) => {
    entered = true;
    leave();
  });
  await setImmediate();
  return entered;
}

test('plans keep their order in parts whose images fit into half of the image memory, and each plan is in one part', async () => {
  await fc.assert(
    fc.asyncProperty(drawnSources, fc.integer({ min: 1, max: 40 }), async (drawn, images) => {
      const plans = plansOf(drawn);
      const parts = createHoldings(plans, await annotationsOf(), createBudgets(4 * images * imageBytes));
      expect(parts.flatMap((part) => part.plans)).toEqual(inChains(plans));
      for (const { plans } of parts) expect(new Set(plans.flatMap(usedBy)).size).toBeLessThanOrEqual(Math.max(images, 2));
    }),
    { numRuns: 30 },
  );
});

test('nothing is held after all plans have left, in any order', async () => {
  await fc.assert(
    fc.asyncProperty(drawnSources, fc.infiniteStream(fc.nat(1000)), async (drawn, numbers) => {
      const memory = 1e6;
      const budgets = createBudgets(memory);
      for (const holdings of createHoldings(plansOf(drawn), await annotationsOf(), budgets)) {
        const inside: { plan: Plan; leave(): void }[] = [];
        for (const plan of holdings.plans) inside.push({ plan, leave: await holdings.enter(plan) });
        const working = inside.filter(({ plan }) => usedBy(plan).length > 0);
        if (working.length > 0) expect(await isFree(budgets.decoded, memory / 2)).toBe(false);
        while (inside.length > 0) {
          const [{ plan, leave }] = inside.splice((numbers.next().value as number) % inside.length, 1) as [(typeof inside)[number]];
          for (const id of usedBy(plan)) expect(holdings.alone(plan, id)).toBe(!inside.some((other) => usedBy(other.plan).includes(id)));
          leave();
          for (const id of usedBy(plan)) expect(holdings.alone(plan, id)).toBe(false);
        }
      }
      expect(await isFree(budgets.decoded, memory / 2)).toBe(true);
      expect(await isFree(budgets.working, memory / 2)).toBe(true);
    }),
    { numRuns: 30 },
  );
});

test('a part waits until the images of the previous part are released', async () => {
  const budgets = createBudgets(8 * imageBytes + 2);
  const [first, second] = createHoldings(plansOf([1, 0, 3, 2]), await annotationsOf(), budgets) as [Holdings, Holdings];
  const [a, b] = first.plans as [Plan, Plan];
  const [c] = second.plans as [Plan];
  // The budget has room for the images of two parts, and half of it is taken.
  const taken = await budgets.decoded.take(2 * imageBytes);
  const leaveA = await first.enter(a);
  let entered = false;
  const waiting = second.enter(c).then((leave) => {
    entered = true;
    return leave;
  });
  leaveA();
  await setImmediate();
  expect(entered).toBe(false);
  (await first.enter(b))();
  (await waiting)();
  expect(entered).toBe(true);
  taken();
});

test('a plan waits for working memory of six times its image', async () => {
  const budgets = createBudgets(2 * workingBytes);
  const [holdings] = createHoldings(plansOf([0, 1]), await annotationsOf(), budgets) as [Holdings];
  const [a, b] = holdings.plans as [Plan, Plan];
  const leave = await holdings.enter(a);
  let entered = false;
  const waiting = holdings.enter(b).then((end) => {
    entered = true;
    return end;
  });
  await setImmediate();
  expect(entered).toBe(false);
  leave();
  (await waiting)();
});

test('an image is decoded once while a plan holds it, and again in the next part', async () => {
  const [holdings] = createHoldings(plansOf([1, 1, 1]), await annotationsOf(), createBudgets(1e6)) as [Holdings];
  const [last, ...rest] = [...holdings.plans].reverse() as [Plan, ...Plan[]];
  const image = holdings.load('1');
  expect((await image).image.pixels).toEqual(new Uint8Array(imageBytes).fill(1));
  for (const plan of rest) {
    const leave = await holdings.enter(plan);
    holdings.release(plan, '1');
    expect(holdings.load('1')).toBe(image);
    leave();
  }
  expect(last.id).toBe('1');
  expect(holdings.alone(last, '1')).toBe(true);
  expect(holdings.load('1')).toBe(image);
  (await holdings.enter(last))();
  expect(holdings.load('1')).not.toBe(image);
});

test('plans that paste nothing enter at once and hold nothing', async () => {
  const budgets = createBudgets(2);
  const taken = await budgets.decoded.take(1);
  const plans = plansOf([0, 0, 0, 0, 0]).slice(4);
  for (const holdings of createHoldings(plans, await annotationsOf(), budgets)) await pass(holdings);
  taken();
});
