import { memory, slice, type Tensor3D, type Tensor4D, type TensorContainer, tensor } from '@tensorflow/tfjs-core';
import * as data from '@tensorflow/tfjs-data';
import { beforeAll, describe, expect, test } from 'vitest';
import { CopyPaste, copyPaste, copyPasteBatch } from '../src/batch.ts';
import { isPasted } from '../src/plan/plan.ts';
import { backendNames } from '../src/render/backends.ts';
import { openBackend } from '../src/render/open.ts';
import { missingBackend } from './backends.ts';
import { drawBox, filled } from './make.ts';

const [N, H, W] = [4, 24, 32];
const options = { p: 1, seed: 5, minArea: '4px' } as const;

/** Pixel values that no two samples share: `60·n + …`. */
function batch(channels = 3, dtype: 'int32' | 'float32' = 'int32', channelsFirst = false, scale = 1): { xs: Tensor4D; ys: Tensor3D } {
  const values = Array.from({ length: N * H * W * channels }, (_, i) => {
    const [n, rest] = [Math.floor(i / (H * W * channels)), i % (H * W * channels)];
    const pixel = channelsFirst ? rest % (H * W) : Math.floor(rest / channels);
    const channel = channelsFirst ? Math.floor(rest / (H * W)) : rest % channels;
    return (60 * n + ((pixel * 7 + channel * 3) % 50)) / scale;
  });
  const masks = Array.from({ length: N }, (_, n) => drawBox(drawBox(filled(W, H, 0), [6 + n, 6, 16 + n, 18], n + 1), [0, 20, W, H], 255));
  return {
    xs: tensor(values, channelsFirst ? [N, channels, H, W] : [N, H, W, channels], dtype) as Tensor4D,
    ys: tensor(
      masks.flatMap(({ ids }) => [...ids]),
      [N, H, W],
      'int32',
    ) as Tensor3D,
  };
}

const missing = new Map<string, string | undefined>();
for (const name of backendNames) missing.set(name, await missingBackend(name));

describe.for(backendNames)('on %s', (backend) => {
  describe.skipIf(missing.get(backend))(missing.get(backend) ?? '', () => {
    beforeAll(async () => {
      await openBackend(backend);
    });

    describe('copyPasteBatch', () => {
      test('image and mask agree: a pixel shows the sample that its class belongs to', async () => {
        const { xs, ys } = batch();
        const { images, masks, sourceMasks, area, plan } = await copyPasteBatch(xs, ys, options);
        const [before, after] = [await ys.array(), await masks.array()];
        const [x, y] = [await xs.array(), await images.array()];
        const own = await area.array();
        const from = await sourceMasks.array();
        expect([images.dtype, images.shape, masks.dtype, masks.shape, own.length]).toEqual(['int32', [N, H, W, 3], 'int32', [N, H, W], N]);
        for (let n = 0; n < N; n++) {
          const source = Number(plan[n]?.source);
          expect(from[n]).toEqual(before[source]);
          let pasted = 0;
          for (let i = 0; i < H; i++) {
            for (let j = 0; j < W; j++) {
              const id = after[n]?.[i]?.[j] as number;
              if (id === source + 1) {
                pasted++;
                expect(Math.floor((y[n]?.[i]?.[j]?.[0] as number) / 60)).toBe(source);
              } else {
                expect([id, y[n]?.[i]?.[j]]).toEqual([before[n]?.[i]?.[j], x[n]?.[i]?.[j]]);
              }
            }
          }
          expect(pasted).toBeGreaterThan(0);
          expect(own[n]).toBeCloseTo(1 - pasted / (H * W), 5);
        }
      });

      test('layouts, types and ranges give the same values', async () => {
        const reference = await (await copyPasteBatch(batch().xs, batch().ys, options)).images.data();
        const floats = await copyPasteBatch(batch(3, 'float32').xs, batch().ys, options);
        expect(floats.images.dtype).toBe('float32');
        expect(Array.from(await floats.images.data())).toEqual(Array.from(reference));
        const unit = await copyPasteBatch(batch(3, 'float32', false, 255).xs, batch().ys, { ...options, range: [0, 1] });
        (await unit.images.data()).forEach((value, i) => {
          expect(value * 255).toBeCloseTo(reference[i] as number, 3);
        });
        const first = await copyPasteBatch(batch(3, 'int32', true).xs, batch().ys, { ...options, channelsFirst: true });
        expect(first.images.shape).toEqual([N, 3, H, W]);
        const values = await first.images.data();
        for (let n = 0; n < N; n++)
          for (let c = 0; c < 3; c++)
            for (let i = 0; i < H * W; i++) expect(values[(n * 3 + c) * H * W + i]).toBe(reference[(n * H * W + i) * 3 + c]);
      });

      test.each([1, 4])('takes %i channels', async (channels) => {
        const { xs, ys } = batch(channels);
        const reference = await (await copyPasteBatch(batch(3).xs, ys, options)).images.data();
        const values = await (await copyPasteBatch(xs, ys, options)).images.data();
        for (let i = 0; i < N * H * W; i++) expect(values[i * channels]).toBe(reference[i * 3]);
      });

      test('alpha above 127 goes through', async () => {
        const xs = tensor(new Array(2 * 8 * 8 * 4).fill(200), [2, 8, 8, 4], 'int32') as Tensor4D;
        const ys = tensor(
          [1, 2].flatMap((id) => [...drawBox(filled(8, 8, 0), [3, 3, 5, 5], id).ids]),
          [2, 8, 8],
          'int32',
        ) as Tensor3D;
        const { images, plan } = await copyPasteBatch(xs, ys, { ...options, minArea: '1px' });
        expect(plan.some(({ placements }) => placements.length > 0)).toBe(true);
        expect([...new Set(await images.data())]).toEqual([200]);
      });

      test('the paper preset pads with the mean colour and ignore', async () => {
        const { xs, ys } = batch();
        const { images, masks, plan } = await copyPasteBatch(xs, ys, { ...options, preset: 'paper', scale: [0.3, 0.5] });
        expect(plan.every((one) => isPasted(one) && one.scenes)).toBe(true);
        const [pixels, ids] = [await images.data(), await masks.data()];
        const corner = [...pixels.slice(0, 3)];
        if (ids[0] === 255) expect(corner).toEqual([124, 116, 104]);
        expect(ids.filter((id) => id === 255).length).toBeGreaterThan(0.5 * N * H * W);
      });

      test('p 0, a batch of one and a batch of none are the identity', async () => {
        const { xs, ys } = batch();
        const { images, masks, area, sourceMasks } = await copyPasteBatch(xs, ys, { p: 0 });
        expect(await images.array()).toEqual(await xs.array());
        expect(await masks.array()).toEqual(await ys.array());
        expect(await sourceMasks.array()).toEqual(await ys.array());
        expect(await area.array()).toEqual([1, 1, 1, 1]);
        const one = await copyPasteBatch(slice(xs, 0, 1), slice(ys, 0, 1), options);
        expect(one.plan).toMatchObject([{ reason: 'no source' }]);
        const none = await copyPasteBatch(
          tensor([], [0, H, W, 3], 'int32') as Tensor4D,
          tensor([], [0, H, W], 'int32') as Tensor3D,
          options,
        );
        expect(none.plan).toEqual([]);
      });

      test.each([
        ['masks of another size', { ys: tensor(new Array(6).fill(0), [1, 2, 3], 'int32') }, /masks: expected \[4,24,32\]/],
        ['float masks', { ys: tensor(new Array(N * H * W).fill(0), [N, H, W]) }, /masks: expected int32, got float32/],
        ['an id below 0', { ys: tensor(new Array(N * H * W).fill(-1), [N, H, W], 'int32') }, /expected class ids from 0 to 65535, got -1/],
        ['two channels', { xs: tensor(new Array(N * H * W * 2).fill(0), [N, H, W, 2], 'int32') }, /expected 1, 3 or 4 channels, got 2/],
        ['a missing dimension', { xs: tensor([1, 2], [1, 1, 2]) }, /images: expected 4 dimensions/],
      ])('refuses %s', async (_, part, message) => {
        const { xs, ys } = { ...batch(), ...part } as ReturnType<typeof batch>;
        await expect(copyPasteBatch(xs, ys, options)).rejects.toThrow(message);
      });

      test('refuses unknown options', async () => {
        const { xs, ys } = batch();
        await expect(copyPasteBatch(xs, ys, { probability: 1 } as never)).rejects.toThrow('probability: no such option');
        await expect(copyPasteBatch(xs, ys, { range: [1, 0] })).rejects.toThrow('range: expected two numbers LO,HI with LO < HI');
      });

      test('gives the values of the cpu, in every layout and type', async () => {
        const cases = [
          [batch(3, 'int32'), options],
          [batch(4, 'int32', true), { ...options, channelsFirst: true }],
          [batch(1, 'float32', false, 255), { ...options, range: [0, 1], preset: 'paper' }],
          [batch(3, 'float32', true, 77.7), { ...options, range: [-0.3, 2.9], channelsFirst: true }],
        ] as const;
        for (const [{ xs, ys }, given] of cases) {
          const values = async (): Promise<unknown[]> => {
            const { plan, ...tensors } = await copyPasteBatch(xs, ys, given);
            return [plan, ...(await Promise.all(Object.values(tensors).map((one) => one.data())))];
          };
          await openBackend('cpu');
          const expected = await values();
          await openBackend(backend);
          expect(await values()).toEqual(expected);
        }
      });

      test('bytes are rounded alike: values halfway between two, in ranges that float32 does not hold', async () => {
        for (const range of [
          [0, 100],
          [-0.3, 2.9],
          [-2.117904, 2.64],
        ] as const) {
          const [low, high] = range;
          const values = Array.from(
            { length: 2 * 16 * 64 * 3 },
            (_, i) => low + (((i % 510) / 2 + (i % 7 ? 0 : 0.25)) / 255) * (high - low),
          );
          const xs = tensor(values, [2, 16, 64, 3], 'float32') as Tensor4D;
          const boxes = [1, 2].map((id) => drawBox(filled(64, 16, 0), [5, 4, 55, 12], id));
          const ys = tensor(
            boxes.flatMap(({ ids }) => [...ids]),
            [2, 16, 64],
            'int32',
          ) as Tensor3D;
          const run = async () => (await copyPasteBatch(xs, ys, { ...options, range, scale: [1, 1], maxArea: 1 })).images.data();
          await openBackend('cpu');
          const expected = await run();
          await openBackend(backend);
          expect(await run()).toEqual(expected);
        }
      });

      test('an ignore id beyond 8 bits is written whole, where masks hold small ids only', async () => {
        const { xs, ys } = batch();
        const { masks } = await copyPasteBatch(xs, ys, { ...options, preset: 'paper', scale: [0.3, 0.5], ignore: [300] });
        const ids = new Set(await masks.data());
        expect(ids).toContain(300);
        expect([...ids].filter((id) => ![0, 1, 2, 3, 4, 255, 300].includes(id))).toEqual([]);
      });

      test.each(['default', 'paper'] as const)('%s: a target that nothing fits is as it came, and says so', async (preset) => {
        // Thin diagonals: no pixel has half coverage when they shrink.
        const diagonal = (id: number) => Array.from({ length: 32 * 32 }, (_, i) => (i % 33 === 0 && i > 99 && i < 900 ? id : 0));
        const ys = tensor([...diagonal(1), ...diagonal(2)], [2, 32, 32], 'int32') as Tensor3D;
        const xs = tensor(
          Array.from({ length: 2 * 32 * 32 * 3 }, (_, i) => (i * 7) % 256),
          [2, 32, 32, 3],
          'int32',
        ) as Tensor4D;
        const given = { ...options, preset, scale: [0.3, 0.5], minArea: '2px', ignore: [9] } as const;
        const { images, masks, sourceMasks, area, plan } = await copyPasteBatch(xs, ys, given);
        expect(plan.map(({ reason }) => reason)).toEqual(['nothing fits', 'nothing fits']);
        expect(plan.flatMap(({ dropped }) => dropped)).toEqual(
          [0, 1].map((n) => ({ instance: 0, classId: 2 - n, reason: 'below min-area' })),
        );
        for (const [came, is] of [
          [xs, images],
          [ys, masks],
          [ys, sourceMasks],
        ] as const)
          expect(await is.data()).toEqual(await came.data());
        expect([...(await area.data())]).toEqual([1, 1]);
      });

      test('leaks no tensor', async () => {
        const { xs, ys } = batch(3, 'float32');
        const before = memory().numTensors;
        for (const preset of ['default', 'paper'] as const) {
          const { plan: _, ...tensors } = await copyPasteBatch(xs, ys, { ...options, preset });
          expect(memory().numTensors).toBe(before + 4);
          for (const one of Object.values(tensors)) one.dispose();
          expect(memory().numTensors).toBe(before);
        }
      });
    });

    describe('CopyPaste', () => {
      test('draws anew at each step, and repeats itself from the same one', async () => {
        const { xs, ys } = batch();
        const algorithm = new CopyPaste(options);
        const boxes = async (one: CopyPaste): Promise<string> =>
          JSON.stringify((await one.apply({ xs, ys })).plan.map(({ placements }) => placements));
        const [first, second] = [await boxes(algorithm), await boxes(algorithm)];
        expect(second).not.toBe(first);
        expect(await boxes(new CopyPaste({ ...options, step: 1 }))).toBe(second);
      });
    });

    describe('copyPaste', () => {
      test('maps a tf.data.Dataset batch by batch, without leaks', async () => {
        const { xs, ys } = batch(3, 'float32');
        const [images, masks] = [(await xs.array()) as never[], (await ys.array()) as never[]];
        xs.dispose();
        ys.dispose();
        const before = memory().numTensors;
        const dataset = data
          .zip({
            xs: data.array(images).map((x) => tensor(x)),
            ys: data.array(masks).map((y) => tensor(y, undefined, 'int32')),
          } as never)
          .batch(2);
        let batches = 0;
        await copyPaste(dataset, options).forEachAsync((value: TensorContainer) => {
          const { xs, ys } = value as { xs: Tensor4D; ys: Tensor3D };
          expect([xs.shape, ys.shape]).toEqual([
            [2, H, W, 3],
            [2, H, W],
          ]);
          batches++;
        });
        expect(batches).toBe(2);
        expect(memory().numTensors).toBe(before);
      });
    });
  });
});
