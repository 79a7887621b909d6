import { expect, test } from 'vitest';
import { createBudget, memoryOf } from '../src/budget.ts';
import { verifyOptions } from '../src/options.ts';
import { resolveOptions } from '../src/schema.ts';

test('a budget lets in what fits, in order, and what is too large alone', async () => {
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
  expect(() => resolveOptions(verifyOptions, { out: 'x', memory: text })).toThrow(/^--memory: expected a size as 512MB or 4GB, got/);
});
