import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inParts } from '../../src/base/parts.ts';

test('results come in the order of the items, and concurrency is limited', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(5), { maxLength: 30 }), fc.integer({ min: 1, max: 9 }), async (delays, concurrency) => {
      let running = 0;
      const results = await inParts(delays, concurrency, async (delay) => {
        expect(++running).toBeLessThanOrEqual(concurrency);
        for (let i = 0; i < delay; i++) await setImmediate();
        running--;
        return 10 * delay;
      });
      expect(results).toEqual(delays.map((delay) => 10 * delay));
    }),
  );
});

test('no step starts after one has failed, and none is running when the error is thrown', async () => {
  const started: number[] = [];
  let running = 0;
  const work = inParts([0, 1, 2, 3, 4, 5], 2, async (n) => {
    started.push(n);
    running++;
    for (let i = 0; i < (n === 1 ? 1 : 9); i++) await setImmediate();
    running--;
    if (n === 1) throw new Error('no');
  });
  await expect(work).rejects.toThrow('no');
  expect(running).toBe(0);
  expect(started.length).toBeLessThanOrEqual(3);
  await setImmediate();
  await setImmediate();
  expect(started.length).toBeLessThanOrEqual(3);
});
