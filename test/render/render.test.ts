import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import { enableProdMode, registerBackend, setBackend } from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { transposed } from '../../src/masks/spans.ts';
import { inFrame, type Mapping, withEdges } from '../../src/masks/tables.ts';
import type { Rendered } from '../../src/render/render.ts';
import { render } from '../../src/render/tensors.ts';
import type { Box, Image, Instance, Tone, Turn } from '../../src/types.ts';
import { imageOf, instanceOf, rgba, wordsOf } from '../make.ts';

enableProdMode();

interface Placed extends Partial<Turn> {
  readonly targetBox: Box;
  readonly tone?: Tone;
  readonly blend?: boolean;
  /** The part that is pasted; default the whole source. */
  readonly from?: Instance;
}

/** Pastes instances of one image into another; gives RGBA8 words. */
async function pasteInto(
  target: Image,
  source: Image,
  placements: readonly Placed[],
): Promise<Omit<Rendered, 'pixels'> & { pixels: Int32Array }> {
  const sourceRef = { offset: target.width * target.height, width: source.width, height: source.height };
  const [rendered] = await render(
    [target, source],
    [
      {
        width: target.width,
        height: target.height,
        image: { offset: 0, width: target.width, height: target.height },
        pastes: placements.map(({ from, targetBox, flip = false, flipY, transpose, tone, blend = false }) => {
          const seen = inFrame(targetBox, target);
          const mapping: Mapping = {
            from: from?.box ?? [0, 0, source.width, source.height],
            onto: targetBox,
            seen,
            flip,
            flipY,
            transpose,
          };
          return {
            source: sourceRef,
            ...(from && { instance: transpose ? transposed(from) : from }),
            ...(blend ? withEdges(mapping, source, target) : mapping),
            tone,
            blend,
          };
        }),
      },
    ],
  );
  return { ...(rendered as Rendered), pixels: wordsOf({ pixels: (rendered as Rendered).pixels, bands: 3 }) };
}

const noise = (seed: number) => (x: number, y: number) =>
  rgba((x * 37 + y * 101 + seed) & 255, (x * 11 + y * 7) & 255, (x * y + seed) & 255);

describe('render', () => {
  test('white on white changes nothing, at any scale and place', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: -20, max: 30 }),
        fc.integer({ min: -20, max: 30 }),
        fc.integer({ min: 1, max: 80 }),
        fc.integer({ min: 1, max: 80 }),
        fc.record({ flip: fc.boolean(), flipY: fc.boolean(), transpose: fc.boolean(), blend: fc.boolean() }),
        async (x, y, width, height, how) => {
          const white = imageOf(32, 24, () => -1);
          const disc = instanceOf(1, [4, 3, 20, 19], (px, py) => (px - 12) ** 2 + (py - 11) ** 2 < 64);
          const { pixels } = await pasteInto(white, white, [{ from: disc, targetBox: [x, y, x + width, y + height], ...how }]);
          expect(pixels.every((word) => word === -1)).toBe(true);
        },
      ),
    );
  });

  test('at scale 1 a paste is a copy of exactly the instance; all other pixels are byte-identical', async () => {
    const target = imageOf(30, 20, noise(1));
    const source = imageOf(25, 22, noise(9));
    const shape = instanceOf(2, [3, 4, 15, 18], (x, y) => (x + y) % 3 !== 0);
    const { pixels, owner } = await pasteInto(target, source, [{ from: shape, targetBox: [10, 2, 22, 16] }]);
    for (let y = 0; y < 20; y++) {
      for (let x = 0; x < 30; x++) {
        const [sx, sy] = [x - 7, y + 2];
        const inside = x >= 10 && x < 22 && y >= 2 && y < 16 && (sx + sy) % 3 !== 0;
        expect(owner[y * 30 + x]).toBe(inside ? 1 : 0);
        expect(pixels[y * 30 + x]).toBe(inside ? wordsOf(source)[sy * 25 + sx] : wordsOf(target)[y * 30 + x]);
      }
    }
  });

  test('a flip flips', async () => {
    const target = imageOf(12, 8, () => 0);
    const source = imageOf(12, 8, noise(3));
    const { pixels } = await pasteInto(target, source, [{ from: instanceOf(1, [2, 1, 9, 7]), targetBox: [2, 1, 9, 7], flip: true }]);
    for (let y = 1; y < 7; y++) for (let x = 2; x < 9; x++) expect(pixels[y * 12 + x]).toBe(wordsOf(source)[y * 12 + (10 - x)]);
  });

  const image = (axes: 'as it is' | 'exchanged', of: Image): Image =>
    axes === 'as it is' ? of : imageOf(of.height, of.width, (x, y) => wordsOf(of)[x * of.width + y] as number);
  const ragged = instanceOf(1, [2, 1, 13, 9], (x, y) => (x * 5 + y * 3 + ((x * y) >> 1)) % 7 < 5);

  test('a transposed paste is the paste of the transposed source, at any scale', async () => {
    const exchanged = { ...ragged, ...transposed(ragged) };
    const [target, source] = [imageOf(30, 26, noise(1)), imageOf(16, 12, noise(9))];
    for (const targetBox of [
      [3, 2, 11, 13],
      [-5, -7, 21, 30],
      [9, 4, 12, 9],
    ] as Box[]) {
      for (const n of [0, 1, 2, 3]) {
        const how = { targetBox, flip: n > 1, flipY: n % 2 === 1, blend: n > 0 };
        expect(await pasteInto(target, source, [{ from: ragged, ...how, transpose: true }])).toEqual(
          await pasteInto(target, image('exchanged', source), [{ from: exchanged, ...how }]),
        );
        // A vertical flip is a horizontal one of the whole picture with exchanged axes.
        const [x0, y0, x1, y1] = targetBox;
        const upright = await pasteInto(image('exchanged', target), image('exchanged', source), [
          { from: exchanged, targetBox: [y0, x0, y1, x1], flip: how.flipY, flipY: how.flip, blend: how.blend },
        ]);
        const { pixels } = await pasteInto(target, source, [{ from: ragged, ...how }]);
        expect([...pixels]).toEqual([...pixels].map((_, i) => upright.pixels[(i % 30) * 26 + Math.floor(i / 30)]));
      }
    }
  });

  test('at scale 1 a paste in each of the eight orientations is a copy of the turned source', async () => {
    const target = imageOf(30, 26, noise(1));
    const source = imageOf(16, 12, noise(9));
    const inside = new Set<number>();
    for (let y = 1; y < 9; y++) for (let x = 2; x < 13; x++) if ((x * 5 + y * 3 + ((x * y) >> 1)) % 7 < 5) inside.add(y * 16 + x);
    for (let n = 0; n < 8; n++) {
      const [transpose, flip, flipY] = [n > 3, n % 4 > 1, n % 2 === 1];
      const [width, height] = transpose ? [8, 11] : [11, 8];
      const { pixels } = await pasteInto(target, source, [
        { from: ragged, targetBox: [5, 6, 5 + width, 6 + height], transpose, flip, flipY },
      ]);
      for (let i = 0; i < 30 * 26; i++) {
        const [x, y] = [(i % 30) - 5, Math.floor(i / 30) - 6];
        const [u, v] = [flip ? width - 1 - x : x, flipY ? height - 1 - y : y];
        const at = transpose ? (1 + u) * 16 + 2 + v : (1 + v) * 16 + 2 + u;
        const pasted = x >= 0 && y >= 0 && x < width && y < height && inside.has(at);
        expect(pixels[i]).toBe(pasted ? wordsOf(source)[at] : wordsOf(target)[i]);
      }
    }
  });

  test('a tone changes the colours of the paste alone, each by its own gain and offset, and clamps them', async () => {
    const [target, source] = [imageOf(20, 20, noise(5)), imageOf(20, 20, noise(77))];
    const tone: Tone = { gain: [384, 256, 100], offset: [-5000, 16320, 0] };
    const from = instanceOf(1, [3, 3, 15, 15], (x, y) => (x - 9) ** 2 + (y - 9) ** 2 < 30);
    const plain = await pasteInto(target, source, [{ from, targetBox: [2, 1, 19, 16] }]);
    const toned = await pasteInto(target, source, [{ from, targetBox: [2, 1, 19, 16], tone }]);
    expect(toned.owner).toEqual(plain.owner);
    plain.pixels.forEach((word, i) => {
      const change = (c: number): number => {
        const value = ((word >> (8 * c)) & 255) * (tone.gain[c] as number) + (tone.offset[c] as number) + 128;
        return Math.min(255, Math.max(0, Math.floor(value / 256)));
      };
      expect(toned.pixels[i]).toBe(plain.owner[i] ? rgba(change(0), change(1), change(2)) : word);
    });
  });

  test('antialias mixes by coverage at the edge, also beside the box, and changes no owner', async () => {
    const [black, white] = [imageOf(60, 50, () => rgba(0, 0, 0)), imageOf(20, 20, () => -1)];
    // Enlarged three times: a triangle filter turns the edge at x = 20 into a ramp of three pixels.
    const from = instanceOf(1, [4, 4, 8, 8]);
    const paste = (blend: boolean) => pasteInto(black, white, [{ from, targetBox: [20, 20, 32, 32], blend }]);
    const [hard, soft] = [await paste(false), await paste(true)];
    expect(soft.owner.map((k) => Math.max(0, k))).toEqual(hard.owner);
    const row = Array.from({ length: 60 }, (_, x) => (soft.pixels[26 * 60 + x] as number) & 255);
    // Coverages of a third and of two thirds, in weights of 256.
    expect(row.slice(17, 22)).toEqual([0, 0, 85, 170, 255]);
    expect([...soft.owner.slice(26 * 60 + 17, 26 * 60 + 22)]).toEqual([0, 0, -1, 1, 1]);
    expect(hard.pixels.every((word) => word === -1 || word === rgba(0, 0, 0))).toBe(true);
  });

  test('shrinking by 10 averages: a fine checkerboard becomes grey, and an area matches the exact one', async () => {
    const source = imageOf(400, 400, (x, y) => ((x + y) % 2 ? rgba(255, 255, 255) : rgba(0, 0, 0)));
    const disc = instanceOf(1, [50, 50, 350, 350], (x, y) => (x + 0.5 - 200) ** 2 + (y + 0.5 - 200) ** 2 < 150 ** 2);
    const { pixels, owner } = await pasteInto(
      imageOf(60, 60, () => 0),
      source,
      [{ from: disc, targetBox: [10, 10, 40, 40] }],
    );
    const exact = Math.PI * 15 ** 2;
    expect(Math.abs(owner.filter((k) => k === 1).length - exact) / exact).toBeLessThan(0.01);
    for (let i = 0; i < pixels.length; i++) if (owner[i]) expect(Math.abs(((pixels[i] as number) & 255) - 127.5)).toBeLessThan(4);
  });

  test('a shrunk gradient holds the mean of the pixels that each one covers', async () => {
    const source = imageOf(200, 100, (x, y) => rgba(x, 2 * y, 100));
    const { pixels } = await pasteInto(
      imageOf(20, 10, () => 0),
      source,
      [{ from: instanceOf(1, [0, 0, 200, 100]), targetBox: [0, 0, 20, 10] }],
    );
    for (let y = 1; y < 9; y++) {
      for (let x = 1; x < 19; x++) {
        const word = pixels[y * 20 + x] as number;
        expect(Math.abs((word & 255) - (10 * x + 4.5))).toBeLessThanOrEqual(1);
        expect(Math.abs(((word >> 8) & 255) - (20 * y + 9))).toBeLessThanOrEqual(1);
      }
    }
  });

  test("the mask's outline is the image's footprint: nothing else changes, and its rim has the colour of the instance alone", async () => {
    const target = imageOf(80, 80, () => rgba(10, 200, 10));
    const inDisc = (x: number, y: number): boolean => (x - 30) ** 2 + (y - 30) ** 2 < 380;
    // The surroundings of the instance in its own image do not show at its rim.
    const source = imageOf(60, 60, (x, y) => (inDisc(x, y) ? rgba(200, 10, 10) : rgba(0, 0, 255)));
    const disc = instanceOf(1, [10, 10, 50, 50], inDisc);
    for (const size of [13, 40, 77]) {
      const { pixels, owner } = await pasteInto(target, source, [{ from: disc, targetBox: [2, 2, 2 + size, 2 + size] }]);
      for (let i = 0; i < pixels.length; i++) expect(pixels[i]).toBe(owner[i] ? rgba(200, 10, 10) : rgba(10, 200, 10));
    }
  });

  test('an instance enlarged four times has the outline of the same shape drawn large', async () => {
    const inDisc = (r: number, c: number) => (x: number, y: number) => (x + 0.5 - c) ** 2 + (y + 0.5 - c) ** 2 < r * r;
    const small = instanceOf(1, [10, 10, 50, 50], inDisc(20, 30));
    const { owner } = await pasteInto(
      imageOf(200, 200, () => 0),
      imageOf(60, 60, noise(1)),
      [{ from: small, targetBox: [20, 20, 180, 180] }],
    );
    const large = Int32Array.from({ length: 200 * 200 }, (_, i) => (inDisc(80, 100)(i % 200, Math.floor(i / 200)) ? 1 : 0));
    const differing = owner.reduce((sum, k, i) => sum + (k === large[i] ? 0 : 1), 0);
    expect(differing / (Math.PI * 80 ** 2)).toBeLessThan(0.02);
    // The nearest mask pixel gives a staircase, whose outline is longer.
    const nearest = Int32Array.from({ length: 200 * 200 }, (_, i) => {
      const [x, y] = [10 + ((i % 200) - 20) / 4, 10 + (Math.floor(i / 200) - 20) / 4].map(Math.floor) as [number, number];
      return inDisc(20, 30)(x, y) ? 1 : 0;
    });
    expect(perimeter(nearest, 200) / perimeter(large, 200)).toBeGreaterThan(1.12);
    expect(Math.abs(perimeter(owner, 200) / perimeter(large, 200) - 1)).toBeLessThan(0.06);
  });

  test('a later paste covers an earlier one, and a paste outside the frame leaves no pixel', async () => {
    const target = imageOf(20, 20, noise(5));
    const source = imageOf(20, 20, noise(77));
    const box = (size: number): Instance => instanceOf(1, [0, 0, size, size]);
    const at = (x: number, size: number): Box => [x, x, x + size, x + size];
    const { owner } = await pasteInto(target, source, [
      { from: box(8), targetBox: at(2, 8) },
      { from: box(4), targetBox: at(4, 4) },
      { from: box(3), targetBox: at(-30, 3) },
    ]);
    expect([1, 2, 3].map((k) => owner.filter((one) => one === k).length)).toEqual([48, 16, 0]);
    expect(owner[5 * 20 + 5]).toBe(2);
    expect(owner[3 * 20 + 3]).toBe(1);
  });

  test('renders several targets of different sizes in one call as it does one by one', async () => {
    const a = imageOf(9, 7, noise(1));
    const b = imageOf(16, 5, noise(2));
    const images = [a, b];
    const refs = [
      { offset: 0, width: 9, height: 7 },
      { offset: 63, width: 16, height: 5 },
    ] as const;
    const targets = [0, 1].map((n) => ({
      ...(refs[n] as (typeof refs)[0]),
      image: refs[n] as (typeof refs)[0],
      pastes: [
        {
          source: refs[1 - n] as (typeof refs)[0],
          instance: instanceOf(1, [1, 1, 6, 4]),
          from: [1, 1, 6, 4] as Box,
          onto: [2, 1, 9, 6] as Box,
          seen: inFrame([2, 1, 9, 6], refs[n] as (typeof refs)[0]),
          flip: n === 1,
        },
      ],
    }));
    const together = await render(images, targets);
    const apart = [await render(images, targets.slice(0, 1)), await render(images, targets.slice(1))].flat();
    expect(together).toEqual(apart);
  });

  test('a backend without kernels of its own runs those of the cpu', async () => {
    const [target, source] = [imageOf(30, 20, noise(1)), imageOf(25, 22, noise(9))];
    const paste = () => pasteInto(target, source, [{ from: instanceOf(2, [3, 4, 15, 18]), targetBox: [10, 2, 29, 19] }]);
    await setBackend('cpu');
    const expected = await paste();
    registerBackend('other', () => new MathBackendCPU());
    await setBackend('other');
    expect(await paste()).toEqual(expected);
    await setBackend('cpu');
  });
});

/** Length of the outline that marching squares draws: a corner is cut diagonally. */
function perimeter(owner: ArrayLike<number>, width: number): number {
  let length = 0;
  for (let i = width + 1; i < owner.length; i++) {
    const [a, b, c, d] = [i, i - 1, i - width, i - width - 1].map((at) => owner[at] !== 0) as [boolean, boolean, boolean, boolean];
    const held = Number(a) + Number(b) + Number(c) + Number(d);
    if (held % 2 === 1) length += Math.SQRT1_2;
    else if (held === 2) length += a === d ? Math.SQRT2 : 1;
  }
  return length;
}
