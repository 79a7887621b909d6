import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { memory } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeImage, imageHeaderOf } from '../../src/codecs/image.ts';
import { valuesOf, wordsPerPixel } from '../../src/codecs/pixels.ts';
import { decodeMask } from '../../src/codecs/png-masks.ts';
import { findInstances } from '../../src/masks/instances.ts';
import { type Shape, transposed } from '../../src/masks/spans.ts';
import { inFrame, sceneMapping, withEdges } from '../../src/masks/tables.ts';
import { drawTone } from '../../src/plan/jitter.ts';
import { withArea } from '../../src/plan/plan.ts';
import { type Stream, stream } from '../../src/plan/rng.ts';
import { annotate } from '../../src/render/annotate.ts';
import type { BackendName } from '../../src/render/backends.ts';
import { openBackend } from '../../src/render/open.ts';
import {
  type ImageRef,
  type Paste,
  pastesOf,
  type Render,
  type Rendered,
  type RenderOptions,
  type Target,
} from '../../src/render/render.ts';
import { render as renderWithOp } from '../../src/render/tensors.ts';
import type { Bands, Box, Depth, Image, Instance, Mask, PastePlan, Raster, Size } from '../../src/types.ts';
import { missingBackend } from '../backends.ts';
import { annotationOf, writeTree } from '../make.ts';
import { renderPlainly } from './reference.ts';

const golden = 'fixtures/golden';

/** The contract of every backend: it renders the bytes of the reference. A missing backend is skipped with a message, and fails in CI. */
export async function testKernel(name: BackendName, render = renderWithOp): Promise<void> {
  const missing = await missingBackend(name);
  describe.skipIf(missing)(`backend ${name}${render === renderWithOp ? '' : ', without TensorFlow.js'}${missing ?? ''}`, () => {
    let tensors = 0;
    beforeAll(async () => {
      await openBackend(name);
      tensors = memory().numTensors;
    });
    afterAll(() => {
      expect(memory().numTensors).toBe(tensors);
    });

    test.each(readdirSync(golden))('golden case %s', async (folder) => {
      await testGolden(join(golden, folder), render);
    });

    describe.each([8, 16] as const)('%i bits a channel', (depth) => {
      test.each([
        ['tiny batches', 150, { images: 4, size: 12, scale: 4, pastes: 5 }],
        ['small batches', 120, { images: 5, size: 70, scale: 4, pastes: 6 }],
        ['medium batches', 16, { images: 3, size: 300, scale: 2, pastes: 4 }],
        ['many overlapping placements', 4, { images: 2, size: 60, scale: 2, pastes: 64, exactly: true }],
        ['large images', 2, { images: 2, size: 1500, scale: 0.7, pastes: 3 }],
      ])('%s', async (what, count, bounds) => {
        for (let n = 0; n < count; n++) {
          const { words, refs, targets } = drawBatch(stream(7, n, what, 'kernel'), bounds, depth);
          // In one array, and in one array for each image, with and without alpha.
          const images =
            n % 3 === 0 ? [rasterOf(words, depth)] : refs.map((ref, i) => cut(words, ref, depth, n % 3 === 1 || i % 2 === 0 ? 3 : 4));
          const expected = renderPlainly(images, targets, depth);
          expectEqual(await render(images, targets, depth), expected, `${what} ${n}`);
          // One at a time, into images without other users.
          for (const [i, target] of targets.entries()) {
            if (!target.image || target.pastes.some(({ source }) => source === target.image)) continue;
            const copies = images.map(({ pixels, bands }) => ({ pixels: pixels.slice(), bands }));
            const [alone] = await render(copies, [{ ...target, inPlace: true }], depth);
            expectEqual([alone as Rendered], [expected[i] as Rendered], `${what} ${n}, in place`);
            if (copies.length === refs.length && refs.length > 1)
              for (const [m, ref] of refs.entries()) if (ref !== target.image) expect(copies[m]).toEqual(images[m]);
          }
        }
      });

      test('a large image is shrunk to a hundredth and enlarged beyond its frame', async () => {
        const [width, height] = [500, 400];
        const random = stream(7, 0, 'extremes', 'kernel');
        const images = [rasterOf(noise(random, wordsPerPixel(depth) * (width * height + 4)), depth)];
        const large: ImageRef = { offset: 0, width, height };
        const small: ImageRef = { offset: width * height, width: 2, height: 2 };
        const frame: ImageRef = { offset: 0, width: 300, height: 200 };
        const whole: Box = [0, 0, width, height];
        const targets: Target[] = [
          { ...size(small), image: small, pastes: [pasteOf(random, large, whole, [-2, -1, 3, 3], true, small)] },
          {
            ...size(frame),
            image: frame,
            pastes: [
              pasteOf(random, small, [0, 0, 2, 2], [-700, -900, 1900, 700], false, frame),
              pasteOf(random, large, whole, [-100, -100, 400, 300], true, frame),
            ],
          },
          {
            ...size(frame),
            pastes: [wholeOf(large, [-1000, -600, 1000, 1000], true, frame)],
          },
        ];
        expectEqual(await render(images, targets, depth), renderPlainly(images, targets, depth), 'extremes');
      });

      test('black stays black, and white white, at any scale', async () => {
        const image: ImageRef = { offset: 0, width: 40, height: 30 };
        for (const word of [0, -1]) {
          const images = [rasterOf(new Int32Array(wordsPerPixel(depth) * 1200).fill(word), depth)];
          const pastes = (
            [
              [3, 2, 17, 9],
              [-30, -9, 90, 50],
            ] as Box[]
          ).map((box) => wholeOf(image, box, true, image));
          const [{ pixels, owner }] = (await render(images, [{ ...size(image), image, pastes }], depth)) as [Rendered];
          expect([new Set(pixels), new Set(owner)]).toEqual([new Set([word && 2 ** depth - 1]), new Set([2])]);
        }
      });
    });

    test('no target, no placement and boxes outside the frame change nothing', async () => {
      const random = stream(7, 0, 'nothing', 'kernel');
      const images = [rasterOf(noise(random, 30), 8)];
      const image: ImageRef = { offset: 0, width: 6, height: 5 };
      expect(await render(images, [])).toEqual([]);
      const out = (
        [
          [-9, 0, -3, 5],
          [6, 0, 9, 5],
          [0, 5, 6, 9],
          [0, -4, 6, 0],
        ] as Box[]
      ).map((box) => pasteOf(random, image, [1, 1, 4, 4], box, false, image));
      const same = { pixels: (images[0] as Raster).pixels, owner: new Int32Array(30) };
      expectEqual(
        await render(images, [
          { ...size(image), image, pastes: [] },
          { ...size(image), image, pastes: out },
        ]),
        [same, same],
        'nothing',
      );
    });
  });
}

function expectEqual(actual: readonly Rendered[], expected: readonly Rendered[], what: string): void {
  expect(actual.length, what).toBe(expected.length);
  actual.forEach((one, n) => {
    const other = expected[n] as Rendered;
    for (const plane of ['owner', 'pixels'] as const) {
      const bytes = [one[plane], other[plane]].map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength));
      if (!(bytes[0] as Buffer).equals(bytes[1] as Buffer)) {
        const at = one[plane].findIndex((value, i) => value !== other[plane][i]);
        expect.fail(`${what}: ${plane} of target ${n} differs at ${at}: ${one[plane][at]}, not ${other[plane][at]}`);
      }
    }
  });
}

const size = ({ width, height }: Size): Size => ({ width, height });

function noise(random: Stream, length: number): Int32Array {
  // Runs of equal words beside noise, so that both flat and noisy neighbourhoods occur.
  const words = new Int32Array(length);
  for (let i = 0; i < length; ) {
    const end = i + 1 + random.below(4) ** 3;
    const word = random.below(2 ** 32) | 0;
    for (; i < Math.min(end, length); i++) words[i] = word;
  }
  return words;
}

/** A paste of a random shape. */
function pasteOf(random: Stream, source: ImageRef, from: Box, onto: Box, flip: boolean, frame: Size): Paste {
  const [x0, y0, x1, y1] = from;
  const runs: number[] = [];
  for (let y = y0; y < y1; y++) {
    for (let x = x0 + random.below(3); x < x1; ) {
      const end = Math.min(x1, x + 1 + random.below(1 + (x1 - x0)));
      runs.push(y, x, end);
      x = end + 1 + random.below(4);
    }
  }
  return {
    source,
    instance: { box: from, spans: Int32Array.from(runs), start: 0, end: runs.length },
    from,
    onto,
    seen: inFrame(onto, frame),
    flip,
  };
}

function wholeOf(source: ImageRef, targetBox: Box, flip: boolean, frame: Size): Paste {
  return { source, ...sceneMapping({ targetBox, scale: 1, flip }, source, frame) };
}

/** A paste with a random orientation, tone and treatment of its edges. */
function restyled(random: Stream, paste: Paste, frame: Size): Paste {
  const [turns, tones, blends] = [0, 1, 2].map(() => random.below(2) === 1);
  const reach = random.uniform();
  const turned: Paste =
    turns && paste.instance
      ? { ...paste, transpose: true, instance: transposed(paste.instance), flipY: random.below(2) === 1 }
      : { ...paste, flipY: random.below(2) === 1 };
  return {
    ...(blends && paste.instance ? withEdges(turned, paste.source, frame) : turned),
    ...(paste.instance && turned.instance && { instance: turned.instance }),
    source: paste.source,
    tone: tones ? drawTone(reach, random) : undefined,
    blend: blends as boolean,
  };
}

interface Bounds {
  images: number;
  size: number;
  scale: number;
  pastes: number;
  /** The exact number of pastes. */
  exactly?: boolean;
}

/** Images of irregular sizes, and targets among them with placements of scales from 0.01, some outside the frame, some of whole scenes. */
function drawBatch(random: Stream, bounds: Bounds, depth: Depth): { words: Int32Array; refs: ImageRef[]; targets: Target[] } {
  let length = 0;
  const refs = Array.from({ length: 1 + random.below(bounds.images) }, (): ImageRef => {
    // Small sizes are as likely as large ones.
    const [width, height] = [side(random, bounds.size), side(random, (bounds.size * 2) / 3)];
    length += width * height;
    return { offset: length - width * height, width, height };
  });
  const pick = (): ImageRef => refs[random.below(refs.length)] as ImageRef;
  // Half of the batches have plain pastes only.
  const styled = random.below(2) === 1;
  const targets = Array.from({ length: random.below(4) + (bounds.exactly ? 1 : 0) }, (): Target => {
    const image = pick();
    const pastes = Array.from({ length: bounds.exactly ? bounds.pastes : random.below(1 + bounds.pastes) }, (): Paste => {
      const source = pick();
      const [x0, y0] = [random.below(source.width), random.below(source.height)];
      const box: Box = [x0, y0, x0 + 1 + random.below(source.width - x0), y0 + 1 + random.below(source.height - y0)];
      const scale = (): number => 0.01 * (bounds.scale / 0.01) ** random.uniform();
      const [w, h] = [Math.max(1, Math.round((box[2] - box[0]) * scale())), Math.max(1, Math.round((box[3] - box[1]) * scale()))];
      const [x, y] = [random.below(image.width + 2 * w) - w - (w >> 1), random.below(image.height + 2 * h) - h - (h >> 1)];
      const paste = pasteOf(random, source, box, [x, y, x + w, y + h], random.below(2) === 1, image);
      const kind = random.below(8);
      if (kind > 1) return styled ? restyled(random, paste, image) : paste;
      const { instance, ...whole } = paste;
      if (kind === 1) return whole;
      // In a scene, the box is a part of what the scene's tables cover.
      const inScene = {
        source,
        instance: instance as Shape,
        ...sceneMapping({ targetBox: paste.onto, scale: 1, flip: paste.flip }, source, image),
      };
      return styled ? { ...inScene, tone: drawTone(random.uniform(), random), blend: true } : inScene;
    });
    return { ...size(image), ...(random.below(6) > 0 && { image }), pastes };
  });
  return { words: noise(random, wordsPerPixel(depth) * length), refs, targets };
}

function rasterOf(words: Int32Array, depth: Depth): Raster {
  return { pixels: valuesOf(words, depth), bands: 4 };
}

/** One raster of all images. */
function cut(words: Int32Array, { offset, width, height }: ImageRef, depth: Depth, bands: Bands): Raster {
  const all = valuesOf(words, depth).slice(4 * offset, 4 * (offset + width * height));
  return { pixels: all.filter((_, i) => i % 4 < bands), bands };
}

function side(random: Stream, largest: number): number {
  return Math.max(1, Math.round(largest ** random.uniform()));
}

/**
 * A golden case is a folder: target and source with their masks, a plan whose instances are the components of the source's mask, and the
 * expected output, where owner −k is byte 256 − k. `GOLDEN=write` writes the output.
 */
async function testGolden(folder: string, render: Render): Promise<void> {
  const file = (name: string): Uint8Array => readFileSync(join(folder, name));
  const mask = (name: string): Mask => decodeMask(file(`${name}.png`), name);
  const masks = { target: mask('target-mask'), source: mask('source-mask') };
  type Case = PastePlan & Partial<RenderOptions> & { leftOut: number[] };
  const { leftOut, blend = 'none', ...given } = JSON.parse(file('plan.json').toString()) as Case;
  const sizes = [masks.target, masks.source].map(({ width, height }) => width * height) as [number, number];
  const read = async (name: string, { width, height }: Size): Promise<Image> =>
    decodeImage(file(name), { width, height }, name, { ...(await imageHeaderOf(file(name), name)).format, upright: true });
  const [target, source] = [await read('target.png', masks.target), await read('source.png', masks.source)];
  const ids = new Set(leftOut);
  const { instances } = findInstances(masks.source, undefined, 'component', ids);
  const placements = given.placements.map((one) =>
    withArea(one, instances[one.instance] as Instance, given.scenes?.source, masks.source, masks.target),
  );
  const plan = { ...given, placements };
  const [rendered] = (await render(
    [target, source],
    [pastesOf(plan, { offset: 0, ...size(masks.target) }, { offset: sizes[0], ...size(masks.source) }, instances, { blend })],
    target.depth,
  )) as [Rendered];
  const { mask: annotated, visible } = annotate(annotationOf(masks.target), masks.source, plan, rendered.owner, {
    leftOut: ids,
    ignore: leftOut.at(-1),
    minVisible: 0,
  });
  const results: Record<string, Mask | Image> = {
    'expected.png': { ...target, pixels: rendered.pixels },
    'expected-mask.png': annotated,
    'expected-owner.png': { ...size(target), ids: Uint8Array.from(rendered.owner) },
  };
  const counts = { areas: placements.map(({ area }) => area), visible };
  if (process.env.GOLDEN === 'write') {
    await writeTree(folder, { ...results, 'expected.json': `${JSON.stringify(counts)}\n` });
  }
  expect(counts).toEqual(JSON.parse(file('expected.json').toString()));
  for (const name of ['expected-mask', 'expected-owner']) expect((results[`${name}.png`] as Mask).ids, name).toEqual(mask(name).ids);
  expect(rendered.pixels).toEqual((await read('expected.png', target)).pixels);
}
