import { expect, test } from 'vitest';
import { createPromptly } from '../../src/base/prompt.ts';

/** Takes steps that last some milliseconds by a clock of their own. @returns the number of steps that the thread took itself. */
async function own(promptly: ReturnType<typeof createPromptly>, clock: { now: number }, steps: number, ms: number): Promise<number> {
  let count = 0;
  for (let i = 0; i < steps; i++) {
    await promptly(
      () => {
        clock.now += ms;
        count++;
      },
      async () => {},
    );
    await new Promise(setImmediate);
  }
  return count;
}

test('a thread takes steps itself where the file system is prompt, with a slow one now and then', async () => {
  const clock = { now: 0 };
  const promptly = createPromptly(() => clock.now);
  for (let i = 0; i < 20; i++) {
    expect(await own(promptly, clock, 30, 0.05)).toBe(30);
    expect(await own(promptly, clock, 1, 30)).toBe(1);
  }
});

test('it leaves the steps of a slow file system to the pool, and tries again later', async () => {
  const clock = { now: 0 };
  const promptly = createPromptly(() => clock.now);
  expect(await own(promptly, clock, 1000, 2)).toBeLessThan(10);
  expect(await own(promptly, clock, 3000, 0.05)).toBeGreaterThan(1500);
});

test('it turns to its events in between', async () => {
  const clock = { now: 0 };
  const promptly = createPromptly(() => clock.now);
  let pooled = 0;
  for (let i = 0; i < 100; i++)
    await promptly(
      () => {
        clock.now += 0.4;
      },
      async () => {
        pooled++;
        await new Promise(setImmediate);
      },
    );
  expect(pooled).toBe(3);
});

test('an error of a step is the error of the promise', async () => {
  const fail = (): never => {
    throw new Error('no space left');
  };
  await expect(createPromptly()(fail, async () => 1)).rejects.toThrow('no space left');
});
