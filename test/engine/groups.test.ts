import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import { openDataset } from '../../src/dataset/open.ts';
import { inOrder } from '../../src/engine/in-order.ts';
import { createPipeline } from '../../src/engine/pipeline.ts';
import { createPlanner } from '../../src/engine/planner.ts';
import { augmentOptions } from '../../src/options.ts';
import { type Render, renderOnCpu } from '../../src/render/render.ts';
import { resolveOptions } from '../../src/schema.ts';
import type { Pasted } from '../../src/types.ts';
import { deepImageOf, drawBox, filled, imageOf, rgba, temporaryFolder, writeTree } from '../make.ts';

const render = vi.fn<Render>(renderOnCpu);
afterEach(() => render.mockClear());

const options = resolveOptions(augmentOptions, { in: 'fixtures/camvid', out: 'nowhere', p: 1, jobs: 3 });
const imagePixels = 480 * 360;

/** Runs the pipeline with a limit of pixels per call of the op. @returns digests of its results, and the targets and uploaded images of each call. */
async function run(
  batchPixels: number,
  given = options,
  keepsOriginal = false,
): Promise<{ digests: (string | undefined)[]; calls: number[]; uploads: number[] }> {
  const digests: (string | undefined)[] = [];
  const none = async (): Promise<undefined> => undefined;
  const sink = {
    keepsOriginal,
    paste: async ({ image, mask, owner }: Pasted) =>
      [image.pixels, mask.ids, owner]
        .map(({ buffer, byteOffset, byteLength }) => sha256(new Uint8Array(buffer, byteOffset, byteLength)))
        .join(),
    pass: none,
    skip: (): undefined => undefined,
  };
  const dataset = await openDataset(given);
  const planner = createPlanner(dataset, given, 1, {});
  const { begin } = createPipeline(dataset, given, { batchPixels, render }, planner, () => sink);
  for await (const { results } of inOrder(planner.batches(), begin, 1)) digests.push(...(await Promise.all(results)));
  const { calls } = render.mock;
  return {
    digests,
    calls: calls.map(([, targets]) => targets.length),
    uploads: calls.map(([images]) => images.map(({ pixels, bands }) => pixels.length / bands / imagePixels).reduce((a, b) => a + b)),
  };
}

test('the number of samples that are rendered at once changes no byte', async () => {
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
  // A group uploads only the images that it uses.
  expect(Math.max(...some.uploads)).toBeLessThan(7);
});

test('samples of 8 and 16 bits per channel paste into one another, however many are rendered at once', async () => {
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

test('the amount of memory changes no byte, and less memory holds fewer images at once', async () => {
  const one = await run(2 ** 26);
  render.mockClear();
  const little = await run(2 ** 26, { ...options, memory: 2 ** 20 });
  expect(little.digests).toEqual(one.digests);
  expect(Math.max(...one.uploads)).toBe(8);
  expect(Math.max(...little.uploads)).toBe(2);
});

test('most targets are pasted into in place, to the same bytes, and none whose original is used afterwards', async () => {
  const plain = await run(0);
  const inPlace = render.mock.calls.map(([, [target]]) => target?.inPlace);
  expect(inPlace.filter(Boolean).length).toBeGreaterThan(4);
  render.mockClear();
  const kept = await run(0, options, true);
  expect(kept.digests).toEqual(plain.digests);
  expect(render.mock.calls.some(([, [target]]) => target?.inPlace)).toBe(false);
});
