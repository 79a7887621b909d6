import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createBudget, createLimit, memoryOf } from '../../src/engine/budget.ts';
import { verifyOptions } from '../../src/options.ts';
import { resolveOptions } from '../../src/schema.ts';

test('a budget serves requests in order as they fit, and one that is too large alone', async () => {
  const budget = createBudget(10);
  const log: string[] = [];
  const use = async (name: string, bytes: number): Promise<() => void> => {
    const giveBack = await budget.take(bytes);
    log.push(name);
    return giveBack;
  };
  const [a, b] = await Promise.all([use('a', 4), use('b', 6)]);
  const c = use('c', 25);
  const d = use('d', 1);
  await Promise.resolve();
  expect(log).toEqual(['a', 'b']);
  a();
  await Promise.resolve();
  expect(log).toEqual(['a', 'b']);
  b();
  (await c)();
  (await d)();
  expect(log).toEqual(['a', 'b', 'c', 'd']);
});

test.each([
  ['512MB', 2 ** 29],
  ['4GB', 2 ** 32],
  ['1.5g', 1.5 * 2 ** 30],
  ['64 MiB', 2 ** 26],
  ['1000000', 1e6],
])('--memory %s is %i bytes', (text, bytes) => {
  expect(memoryOf(resolveOptions(verifyOptions, { out: 'x', memory: text }))).toBe(bytes);
});

test.each(['', 'much', '0', '-1GB', '4 X', 'GB'])("--memory '%s' is refused", (text) => {
  expect(() => resolveOptions(verifyOptions, { out: 'x', memory: text })).toThrow(/^--memory: expected a size such as 512MB or 4GB, got/);
});

test('a limit bounds the number of steps that run at once, in order, whether they fail or not', async () => {
  const limit = createLimit(2);
  const log: string[] = [];
  let running = 0;
  const step = (name: string, fails = false) =>
    limit(async () => {
      log.push(name);
      expect(++running).toBeLessThanOrEqual(2);
      await setImmediate();
      running--;
      if (fails) throw new Error(name);
      return name;
    });
  const results = await Promise.allSettled([step('a'), step('b', true), step('c'), step('d')]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  expect(log).toEqual(['a', 'b', 'c', 'd']);
});
