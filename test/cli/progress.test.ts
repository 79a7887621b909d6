import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createProgress } from '../../src/cli/progress.ts';
import { captureStreams } from '../make.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('progress is a line every five seconds where there is no terminal', async () => {
  const { text, stderr } = captureStreams();
  const progress = await createProgress(stderr, false);
  vi.advanceTimersByTime(60_000);
  progress.start(4);
  progress.tick();
  vi.advanceTimersByTime(4999);
  progress.tick();
  expect(text.stderr).toBe('');
  vi.advanceTimersByTime(1);
  progress.tick();
  expect(text.stderr).toBe('3/4 samples\n');
  progress.tick();
  progress.stop();
  expect(text.stderr).toBe('3/4 samples\n');
});

test('progress is silent where the command is quiet', async () => {
  const { text, stderr } = captureStreams();
  for (const output of [stderr, { ...stderr, isTTY: true }]) {
    const progress = await createProgress(output, true);
    progress.start(2);
    vi.advanceTimersByTime(10_000);
    progress.tick();
    progress.stop();
  }
  expect(text).toEqual({ stdout: '', stderr: '' });
});
