import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { takeWords } from '../src/buffers.ts';
import { sha256 } from '../src/digest.ts';
import { batchImages, countUses, inChains, samplesOf } from '../src/groups.ts';
import { augmentOptions } from '../src/options.ts';
import { createPipeline, createPlanner, inOrder, readAnnotations } from '../src/pipeline.ts';
import { bytesOf } from '../src/pixels.ts';
import { openDataset } from '../src/read/dataset.ts';
import { type Render, renderOnCpu } from '../src/render/render.ts';
import { resolveOptions } from '../src/schema.ts';
import type { Pasted, Plan } from '../src/types.ts';
import { deepImageOf, drawBox, filled, imageOf, rgba, temporaryFolder, writeTree } from './make.ts';

const render = vi.fn<Render>(renderOnCpu);
afterEach(() => render.mockClear());

const options = resolveOptions(augmentOptions, { in: 'fixtures/camvid', out: 'nowhere', p: 1, jobs: 3 });
const imagePixels = 480 * 360;

/** What the pipeline gives where one call of the op takes so many pixels, and how many targets each call had. */
async function run(batchPixels: number, given = options): Promise<{ digests: (string | undefined)[]; calls: number[]; uploads: number[] }> {
  const digests: (string | undefined)[] = [];
  const none = async (): Promise<undefined> => undefined;
  const sink = {
    paste: async ({ image, mask, owner, areas }: Pasted) =>
      [bytesOf(image.pixels), mask.ids as Uint8Array, bytesOf(owner)].map(sha256).join() + areas.join(),
    pass: none,
    skip: (): undefined => undefined,
  };
  const dataset = await openDataset(given);
  const planner = createPlanner(dataset, given, 1);
  const { begin } = createPipeline(dataset, given, { batchPixels, render }, planner, () => sink);
  for await (const { results } of inOrder(planner.batches(), begin, 1)) digests.push(...(await Promise.all(results)));
  const { calls } = render.mock;
  return {
    digests,
    calls: calls.map(([, targets]) => targets.length),
    uploads: calls.map(([images]) => images.flatMap(({ length }) => length / imagePixels).reduce((a, b) => a + b)),
  };
}

test('how many samples are rendered at once changes no byte', async () => {
  const one = await run(0);
  expect(one.digests).toHaveLength(8);
  expect(one.calls).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
  render.mockClear();
  const all = await run(2 ** 26);
  expect(all).toEqual({ digests: one.digests, calls: [8], uploads: [8] });
  render.mockClear();
  const some = await run(7 * imagePixels);
  expect(some.digests).toEqual(one.digests);
  expect(some.calls.length).toBeGreaterThan(1);
  expect(some.calls.length).toBeLessThan(8);
  // What is uploaded is what a group uses.
  expect(Math.max(...some.uploads)).toBeLessThan(7);
});

test('the buffer of an image is not used again while one of them is being decoded into it', async () => {
  const folder = temporaryFolder();
  const large = imageOf(700, 500, (x, y) => rgba(x & 255, y & 255, 9));
  const root = await writeTree(join(folder, 'in'), {
    'images/a.png': large,
    'masks/a.png': filled(700, 500, 1),
    'images/b.png': imageOf(8, 8, () => rgba(1, 2, 3)),
    'masks/b.png': filled(8, 8, 1),
  });
  const dataset = await openDataset({ in: root, maskSuffix: '', onlySplit: false, skipBad: false });
  const annotations = await Promise.all(
    dataset.samples.map((sample) => readAnnotations(sample, dataset, { instances: 'class', jitter: 'instance' })),
  );
  const images = batchImages(annotations);
  await rm(join(root, 'images/b.png'));
  const [slow, failed] = [images.load('a'), images.load('b')];
  await expect(failed).rejects.toThrow('b.png');
  for (const id of ['a', 'b']) images.release(id);
  // Whoever has the buffer now is not written over.
  const again = takeWords(700 * 500).fill(0);
  await slow;
  await setTimeout(20);
  expect(again.every((word) => word === 0)).toBe(true);
});

test('samples of 8 and 16 bits a channel paste into one another, however many are rendered at once', async () => {
  const folder = temporaryFolder();
  // Odd sizes, so that an image of 16 bits begins at an odd word after one of 8.
  const noise = (seed: number) => (x: number, y: number, c: number) => Math.imul(x + 97 * y + 31 * c + seed, 0x9e3779b1) >>> 16;
  const word = (seed: number) => (x: number, y: number) => rgba(noise(seed)(x, y, 0) & 255, noise(seed)(x, y, 1) & 255, seed);
  const mask = (id: number) => drawBox(filled(31, 21, 0), [4, 4, 21, 15], id);
  const root = await writeTree(join(folder, 'mixed'), {
    ...Object.fromEntries([0, 2, 3].map((n) => [`images/${n}.png`, imageOf(31, 21, word(n))])),
    ...Object.fromEntries([1, 4, 5].map((n) => [`images/${n}.png`, deepImageOf(31, 21, 3, noise(n))])),
    ...Object.fromEntries([0, 1, 2, 3, 4, 5].map((n) => [`masks/${n}.png`, mask(n + 1)])),
  });
  const given = resolveOptions(augmentOptions, { in: root, out: 'nowhere', p: 1, jobs: 3 });
  const one = await run(0, given);
  expect(one.digests.filter((digest) => digest !== undefined)).toHaveLength(6);
  expect((await run(2 ** 26, given)).digests).toEqual(one.digests);
  expect((await run(3000, given)).digests).toEqual(one.digests);
});

test('how much memory there is changes no byte, and less of it holds fewer images at once', async () => {
  const one = await run(2 ** 26);
  render.mockClear();
  const little = await run(2 ** 26, { ...options, memory: 2 ** 20 });
  expect(little.digests).toEqual(one.digests);
  expect(Math.max(...one.uploads)).toBe(8);
  expect(Math.max(...little.uploads)).toBe(2);
});

test('a sample ends once, with the last plan that pastes into it or from it, and its plan follows one that pastes from it', () => {
  const sources = fc.integer({ min: 1, max: 20 }).chain((count) => fc.array(fc.nat(count), { minLength: count, maxLength: count }));
  fc.assert(
    fc.property(sources, (drawn) => {
      // A source that is none of the batch, and plans that paste nothing.
      const plans = drawn.map((source, n) => ({ id: `${n}`, source: `${source}`, placements: n % 5 === 4 ? [] : [{}] }) as unknown as Plan);
      const order = inChains(plans);
      expect([...order].sort((a, b) => Number(a.id) - Number(b.id))).toEqual(plans);
      for (const [i, { source }] of order.entries()) {
        const own = order.findIndex(({ id }) => id === source);
        expect(own <= i + 1).toBe(true);
      }
      const last = new Map(order.flatMap((plan, i) => samplesOf(plan).map((id) => [id, i])));
      const ended = new Map<string, number>();
      let at = 0;
      const leave = countUses(order, (id) => {
        expect(ended.has(id)).toBe(false);
        ended.set(id, at);
      });
      for (const plan of order) {
        leave(plan);
        at++;
      }
      expect(ended).toEqual(last);
    }),
  );
});
