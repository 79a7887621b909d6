import { readFileSync } from 'node:fs';
import { setEnvironmentData } from 'node:worker_threads';
import { afterEach, expect, test } from 'vitest';
import { isDamaged, judgeWith } from '../../src/codecs/judge.ts';
import { built } from '../engine/small.ts';
import { imageOf, pngOf } from '../make.ts';

const sound = await pngOf(imageOf(40, 30, () => 7));
const trial = { what: 'header', name: 'a.png' } as const;

// The other tests of this process read damaged files too.
afterEach(() => setEnvironmentData('copypaste: program that judges files', undefined));

test('a damaged file fails again in a process of its own, and a sound one does not', async () => {
  judgeWith(built.judge);
  expect(await isDamaged(sound, trial)).toBe(false);
  expect(await isDamaged(sound.subarray(0, 20), trial)).toBe(true);
  const jpeg = readFileSync('fixtures/camvid/train/0001TP_007350.jpg');
  const pixels = { what: 'pixels', name: 'a.jpg', size: { width: 40, height: 30 } } as const;
  const format = { channels: 3, depth: 8, icc: false, cmyk: false, upright: true } as const;
  expect(await isDamaged(jpeg.subarray(0, jpeg.length >> 1), { ...pixels, format })).toBe(true);
});

test('a process that cannot be started or ends early proves nothing', async () => {
  judgeWith(new URL('nowhere.js', import.meta.url));
  expect(await isDamaged(sound.subarray(0, 20), trial)).toBe(false);
});

test('a file that begins like no image needs no process', async () => {
  judgeWith(new URL('nowhere.js', import.meta.url));
  expect(await isDamaged(Buffer.from('no image at all'), trial)).toBe(true);
});

test('one process tries many files; after one that kills it, the others go to a new process', async () => {
  judgeWith(new URL('judge-stub.cjs', import.meta.url));
  const killing = sound.subarray(0, 12);
  // The program calls a file damaged if it has tried another before.
  const verdicts = await Promise.all([sound, sound, sound, killing, sound, sound].map((bytes) => isDamaged(bytes, trial)));
  expect(verdicts).toEqual([false, true, true, false, false, true]);
});

test('a process that cannot be started leaves nothing behind that keeps this one alive', async () => {
  judgeWith(built.judge);
  const { execPath } = process;
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  process.execPath = '/nowhere/node';
  try {
    expect(await isDamaged(sound.subarray(0, 20), trial)).toBe(false);
  } finally {
    process.execPath = execPath;
  }
  expect(timers()).toBeLessThanOrEqual(before);
});
