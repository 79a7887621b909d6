import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { createMeter, type Meter } from '../../src/base/meter.ts';
import { openSourced } from '../../src/dataset/sources.ts';
import { createJob } from '../../src/engine/job.ts';
import { measure } from '../../src/engine/measure.ts';
import { startThreads, type Threads } from '../../src/engine/threads.ts';
import type { CopyPasteError } from '../../src/errors.ts';
import { type AugmentOptions, augmentOptions } from '../../src/options.ts';
import { openRenderer } from '../../src/render/backend.ts';
import { resolveOptions } from '../../src/schema.ts';
import { augment } from '../../src/verbs/augment.ts';
import { temporaryFolder, treeDigests, writeTree } from '../make.ts';
import { built, smallData } from './small.ts';

const folder = temporaryFolder();
const root = await smallData(join(folder, 'data'), ['a', 'b', 'c', 'd', 'e']);
let number = 0;
const newOut = (): string => join(folder, `out${number++}`);

/** Enough variants of five samples to start threads. */
const many = { in: root, p: 1, copies: 40, batchSize: 3 } as const;

/** Starts threads, runs a function with them, and stops them. */
async function withThreads<T>(
  given: Partial<AugmentOptions>,
  run: (threads: Threads, options: AugmentOptions) => Promise<T>,
  { worker = built.worker, ...hooks }: { worker?: URL; stop?: AbortSignal; meter?: Meter } = {},
): Promise<T> {
  const options = resolveOptions(augmentOptions, { ...many, out: newOut(), ...given });
  const threads = (await startThreads(await openSourced(options), options, 'cpu', worker, hooks)) as Threads;
  try {
    return await run(threads, options);
  } finally {
    await threads.stop();
  }
}

/** Job of this thread, with its first batch. */
async function alone(options: AugmentOptions, poison: ReadonlyMap<string, string> = new Map()) {
  const job = createJob(await openSourced(options), options, {}, await openRenderer('cpu'), { poison, stopped: () => false });
  const [ref] = job.planner.batches();
  return { job, ref: ref as NonNullable<typeof ref> };
}

test('threads write the bytes that one thread writes, and report every sample', async () => {
  const [out, other] = [newOut(), newOut()];
  const done: string[] = [];
  const expected = await augment({ ...many, out });
  const summary = await augment({ ...many, out: other }, { done: (id, record) => done.push(`${id} ${record?.copy}`) }, built);
  expect(await treeDigests(other)).toEqual(await treeDigests(out));
  expect(summary).toEqual(expected);
  expect(done).toHaveLength(200);
  expect(new Set(done).size).toBe(200);
});

test('threads take the instances from another data set, to the same bytes', async () => {
  const sources = await smallData(join(folder, 'sources'), ['v', 'w', 'x', 'y', 'z']);
  const [out, other] = [newOut(), newOut()];
  const expected = await augment({ ...many, sources, out });
  expect(await augment({ ...many, sources, out: other }, {}, built)).toEqual(expected);
  expect(await treeDigests(other)).toEqual(await treeDigests(out));
});

test('no thread is started for few small samples, for TensorFlow, or without a built worker', async () => {
  const start = async (given: Partial<AugmentOptions>, backend: 'cpu' | 'tensorflow', worker: URL | undefined) => {
    const options = resolveOptions(augmentOptions, { ...many, out: newOut(), ...given });
    return startThreads(await openSourced(options), options, backend, worker, {});
  };
  expect(await start({ copies: 39 }, 'cpu', built.worker)).toBeUndefined();
  expect(await start({}, 'tensorflow', built.worker)).toBeUndefined();
  expect(await start({}, 'cpu', undefined)).toBeUndefined();
});

test('records come back in the order of the samples, and poison is skipped', async () => {
  await withThreads({}, async (threads, options) => {
    const [, second] = (await alone(options)).ref.samples;
    const poison = new Map([[second?.id as string, 'it crashed a process']]);
    const { job, ref } = await alone({ ...options, out: newOut() }, poison);
    const { results, read } = await threads.begin(ref, {}, poison);
    const outcomes = await Promise.all(results);
    expect(outcomes.map(({ id }) => id)).toEqual(ref.samples.map(({ id }) => id));
    expect(outcomes[1]).toEqual({ id: second?.id, skipped: 'it crashed a process' });
    const own = await job.begin(ref);
    expect(outcomes).toEqual(await Promise.all(own.results));
    expect(read).toEqual(own.read);
  });
});

test('a data set is measured by threads as by this thread, and an error in one ends the measurement', async () => {
  const meter = createMeter();
  const given = { in: 'fixtures/camvid', balance: 'inverse', place: 'prior', copies: 60 } as const;
  await withThreads(
    given,
    async (threads, options) => {
      const dataset = await openSourced(options);
      const measures = await measure(dataset, options, { meter }, threads);
      expect(meter.read()).toMatchObject({ stage: 'measuring', total: { count: 8 }, count: 8, bytes: meter.read().total?.bytes });
      expect(measures).toEqual(await measure(dataset, options));
      expect(Object.keys(measures).sort()).toEqual(['balance', 'prior', 'weights']);
    },
    { meter },
  );
  const damaged = await smallData(join(folder, 'unreadable'), ['a', 'b', 'c', 'd']);
  await withThreads({ in: damaged, balance: 'inverse', copies: 60 }, async (threads, options) => {
    const dataset = await openSourced(options);
    const mask = dataset.samples.at(2)?.mask as string;
    await writeFile(join(damaged, mask), readFileSync(join(damaged, mask)).subarray(0, 40));
    await expect(measure(dataset, options, {}, threads)).rejects.toMatchObject({ code: 'data', message: expect.stringContaining(mask) });
  });
});

test('an error in a thread keeps its code, message, file and offenders', async () => {
  const damaged = await smallData(join(folder, 'damaged'), ['a', 'b', 'c', 'd', 'e']);
  await withThreads({ in: damaged }, async (threads, resolved) => {
    const { job, ref } = await alone(resolved);
    const file = join(damaged, ref.samples[0]?.image as string);
    await writeFile(file, readFileSync(file).subarray(0, 80));
    const { results } = await job.begin(ref);
    const error: CopyPasteError = await Promise.all(results).then(
      () => expect.fail('nothing was wrong'),
      (reason) => reason,
    );
    await Promise.allSettled(results);
    await expect(threads.begin(ref, {}, new Map())).rejects.toMatchObject({
      name: 'CopyPasteError',
      code: 'data',
      message: error.message,
      path: error.path,
      offenders: error.offenders,
    });
  });
});

test('a stop signal stops threads: no batch begins, and the run is continued to the same bytes', async () => {
  const stop = new AbortController();
  await withThreads(
    {},
    async (threads, options) => {
      const { ref } = await alone(options);
      await (await threads.begin(ref, {}, new Map())).results[0];
      stop.abort();
      await expect(threads.begin(ref, {}, new Map())).rejects.toMatchObject({ code: 'interrupted' });
    },
    { stop: stop.signal },
  );
  const [out, whole] = [newOut(), newOut()];
  const later = new AbortController();
  let done = 0;
  const count = (): void => {
    if (++done === 50) later.abort();
  };
  await expect(augment({ ...many, out }, { done: count, stop: later.signal }, built)).rejects.toMatchObject({ code: 'interrupted' });
  expect(done).toBeLessThan(200);
  const { reused } = await augment({ ...many, out }, {}, built);
  expect(reused).toBeGreaterThanOrEqual(50);
  await augment({ ...many, out: whole });
  expect(await treeDigests(out)).toEqual(await treeDigests(whole));
});

test('a thread that throws before its first batch fails the run', async () => {
  const programs = await writeTree(join(folder, 'programs'), { 'worker.mjs': "throw new Error('broken');" });
  const worker = pathToFileURL(join(programs, 'worker.mjs'));
  const begun = withThreads({}, async (threads, options) => threads.begin((await alone(options)).ref, {}, new Map()), { worker });
  await expect(begun).rejects.toThrow('broken');
});
