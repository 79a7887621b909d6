import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { inOrder } from '../../src/engine/in-order.ts';
import type { BatchRef } from '../../src/engine/planner.ts';

const refs: BatchRef[] = [0, 1, 2, 3, 4].map((n) => ({ copy: 0, n, samples: [] }));

/** Batches with one result each, and a log of those that have begun and ended. */
function batches(fails?: number) {
  const log: string[] = [];
  const begin = async ({ n }: BatchRef) => {
    log.push(`begin ${n}`);
    await setImmediate();
    if (n === fails) throw new Error(`batch ${n}`);
    const result = setImmediate(n).then(() => log.push(`end ${n}`));
    return { n, results: [result] };
  };
  return { log, begin };
}

test.each([0, 1, 3])('batches are yielded in order, and %i begin ahead of the one that is yielded', async (ahead) => {
  const { log, begin } = batches();
  const yielded: number[] = [];
  for await (const { n, results } of inOrder(refs, begin, ahead)) {
    yielded.push(n);
    await Promise.all(results);
    expect(log.filter((line) => line.startsWith('begin'))).toHaveLength(Math.min(n + 1 + ahead, refs.length));
  }
  expect(yielded).toEqual([0, 1, 2, 3, 4]);
});

test('a batch that fails ends the run after those before it, once the batches in progress have ended', async () => {
  const { log, begin } = batches(2);
  const yielded: number[] = [];
  const run = async (): Promise<void> => {
    for await (const { n } of inOrder(refs, begin, 2)) yielded.push(n);
  };
  await expect(run()).rejects.toThrow('batch 2');
  expect(yielded).toEqual([0, 1]);
  expect(log.slice(-2)).toEqual(['end 3', 'end 4']);
});

test('a consumer that stops waits for the batches in progress, and no other begins', async () => {
  const { log, begin } = batches();
  for await (const { n } of inOrder(refs, begin, 1)) if (n === 1) break;
  expect(log.filter((line) => line.startsWith('begin'))).toEqual(['begin 0', 'begin 1', 'begin 2']);
  expect(log.at(-1)).toBe('end 2');
});
