import {
  any,
  cast,
  concat,
  div,
  equal,
  logicalAnd,
  max,
  mean,
  memory,
  mul,
  notEqual,
  scalar,
  slice,
  sub,
  sum,
  Tensor,
  type Tensor3D,
  type Tensor4D,
  type TensorContainer,
  tensor,
  tidy,
  zeros,
} from '@tensorflow/tfjs-core';
import * as data from '@tensorflow/tfjs-data';
import { beforeAll, describe, expect, test } from 'vitest';
import { type BatchOptions, CopyPaste, type CopyPasteBatch, copyPaste, copyPasteBatch } from '../src/batch.ts';
import { boxesOfIds } from '../src/masks/ids.ts';
import { batchOptions, previewOptions } from '../src/options.ts';
import { isPasted } from '../src/plan/plan.ts';
import { backendNames } from '../src/render/backends.ts';
import { openBackend } from '../src/render/open.ts';
import type { Box } from '../src/types.ts';
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

/** Boxes of the objects of `batchOfObjects`, in each sample; the first two touch, and the first lies near the border. */
const allBoxes = [
  [1, 3, 10, 12],
  [10, 3, 17, 12],
  [20, 8, 27, 15],
] as const;

/** A batch with objects 7 and 3 of class 1 and object 300 of class 2 in each sample. */
function batchOfObjects(): { xs: Tensor4D; ys: Tensor3D; objects: Tensor3D } {
  const draw = (ids: readonly number[]): Tensor3D => {
    const mask = { width: W, height: H, ids: new Uint16Array(W * H) };
    for (const [n, box] of allBoxes.entries()) drawBox(mask, box, ids[n] as number);
    return tensor(new Array(N).fill([...mask.ids]).flat(), [N, H, W], 'int32') as Tensor3D;
  };
  return { xs: batch().xs, ys: draw([1, 1, 2]), objects: draw([7, 3, 300]) };
}

/** Values of each sample of a batch of masks. */
async function splitOf(masks: Tensor3D): Promise<number[][]> {
  return ((await masks.array()) as number[][][]).map((rows) => rows.flat());
}

/** The smallest box around an id in a mask of a batch. */
function boxOf(ids: readonly number[], id: number): Box | undefined {
  return boxesOfIds({ width: W, height: H, ids: Uint16Array.from(ids) }).get(id);
}

type Result = Awaited<ReturnType<typeof pasteAll>>;

/** Options of `augment` that a batch offers: a value of each that differs from `base`, and a test of its effect on a batch of objects. */
const effects: Partial<Record<keyof BatchOptions, readonly [given: BatchOptions, holds: (result: Result) => boolean]>> = {
  preset: [{ preset: 'ssj' }, ({ plan }) => plan.every((one) => isPasted(one) && one.scenes !== undefined)],
  p: [{ p: 0 }, ({ plan }) => plan.every(({ reason }) => reason === 'not drawn')],
  seed: [{ seed: 6 }, ({ placements }) => placements.length > 0],
  maxInstances: [{ maxInstances: 1 }, ({ plan }) => plan.every(({ placements }) => placements.length === 1)],
  minArea: [{ minArea: '40px' }, ({ placements }) => placements.every(({ area }) => area >= 40)],
  maxArea: [{ maxArea: '40px' }, ({ placements }) => placements.every(({ area }) => area <= 40)],
  minSourceArea: [{ minSourceArea: 1 }, ({ plan }) => plan.every(({ reason }) => reason === 'no source')],
  scale: [{ scale: [1, 1] }, ({ placements }) => placements.every(({ scale }) => scale === 1)],
  flip: [{ flip: 1 }, ({ placements }) => placements.every(({ flip }) => flip)],
  maxTranslation: [
    { maxTranslation: 0, scale: [1, 1] },
    ({ placements }) => placements.every(({ sourceBox, targetBox }) => `${sourceBox}` === `${targetBox}`),
  ],
  scaleByClass: [
    { scaleByClass: { 2: [1, 1] } },
    ({ placements }) => placements.every(({ classId, scale }) => (classId === 2) === (scale === 1)),
  ],
  pasteOn: [
    { pasteOn: [9] },
    ({ plan, dropped }) =>
      plan.every(({ reason }) => reason === 'nothing fits') && dropped.every(({ reason }) => reason === 'not on --paste-on'),
  ],
  avoid: [{ avoid: [2] }, ({ covered }) => covered.length > 0 && covered.every(({ object }) => object !== 300)],
  maxCover: [{ maxCover: 0.2 }, ({ covered }) => covered.length > 0 && covered.every(({ before, after }) => after >= 0.8 * before)],
  classWeights: [{ classWeights: { 1: 0 } }, ({ placements }) => placements.every(({ classId }) => classId === 2)],
  turns: [
    { turns: true },
    ({ placements }) => new Set(placements.map(({ transpose, flip, flipY }) => `${transpose} ${flip} ${flipY}`)).size > 6,
  ],
  tone: [{ tone: 0.5 }, ({ placements, coloured }) => coloured === 0 && placements.every(({ tone }) => tone !== undefined)],
  blend: [{ blend: 'antialias' }, ({ coloured }) => coloured > 0],
  jitter: [{ jitter: 'scene' }, ({ plan }) => plan.every((one) => isPasted(one) && one.scenes !== undefined)],
  truncated: [{ truncated: 'skip' }, ({ placements }) => placements.every(({ sourceBox: [x0] }) => x0 > 2)],
  minVisible: [{ minVisible: 1 }, ({ covered }) => covered.every(({ dropped }) => dropped)],
  targets: [
    { targets: 'background' },
    ({ plan }) => plan.every(({ id, reason }) => (id === `${N - 1}` ? !reason : reason === 'not a target')),
  ],
  backgroundRatio: [
    { backgroundRatio: 0 },
    ({ plan }) => plan.every(({ id, reason }) => (id === `${N - 1}` ? reason === 'not drawn' : !reason)),
  ],
  allowSelf: [{ allowSelf: true }, ({ plan }) => plan.some(({ id, source }) => source === id)],
};

/** Pastes into a batch of objects, whose last sample has none, at several steps. */
async function pasteAll(given: BatchOptions) {
  const { xs, ...ids } = batchOfObjects();
  const [ys, objects] = [ids.ys, ids.objects].map((all) => concat([slice(all, 0, N - 1), zeros([1, H, W], 'int32')])) as [
    Tensor3D,
    Tensor3D,
  ];
  const results = [];
  let coloured = 0;
  for (let step = 0; step < 4; step++) {
    const result = await copyPasteBatch(xs, ys, { ...options, maxArea: 1, truncated: 'keep', minVisible: 0, ...given, objects, step });
    results.push(result);
    const changed = logicalAnd(any(notEqual(result.images, xs), 3), equal(result.objects, objects));
    coloured += (await sum(changed).data())[0] as number;
  }
  const plan = results.flatMap((result) => result.plan);
  return {
    plan,
    placements: plan.flatMap(({ placements }) => placements),
    dropped: plan.flatMap(({ dropped }) => dropped),
    covered: results.flatMap(({ covered }) => covered.flat()),
    /** Number of pixels that pastes colour and do not own. */
    coloured,
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
        const own = await area.data();
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

      test('each object is an instance, and its id, class, box and pixels follow the pastes', async () => {
        const { xs, ys, objects: ids } = batchOfObjects();
        const seen = { pasted: 0, covered: 0, dropped: 0, whole: 0 };
        for (let step = 0; step < 6; step++) {
          const given = { ...options, step, objects: ids, minVisible: 0.6, truncated: 'keep' } as const;
          const { masks, objects, instances, covered, plan } = await copyPasteBatch(xs, ys, given);
          const [before, after] = [await splitOf(ids), await splitOf(objects)];
          const [classesBefore, classes] = [await splitOf(ys), await splitOf(masks)];
          for (let n = 0; n < N; n++) {
            const own = { before: before[n] as number[], after: after[n] as number[] };
            const count = (values: readonly number[], id: number): number => values.filter((value) => value === id).length;
            const source = Number(plan[n]?.source);
            for (const { object, classId, box, area, pasted } of instances[n] ?? []) {
              expect([area, box]).toEqual([count(own.after, object), boxOf(own.after, object)]);
              expect(new Set(own.after.flatMap((id, i) => (id === object ? [classes[n]?.[i]] : [])))).toEqual(new Set([classId]));
              if (!pasted) {
                expect(own.before).toContain(object);
                seen.whole++;
                continue;
              }
              seen.pasted++;
              expect(own.before).not.toContain(object);
              const placement = plan[n]?.placements[pasted.placement];
              expect([placement?.classId, placement?.sourceBox]).toEqual([classId, boxOf(before[source] as number[], pasted.object)]);
            }
            for (const { object, before: pixels, after: left, dropped } of covered[n] ?? []) {
              expect(pixels).toBe(count(own.before, object));
              expect(left).toBeLessThan(pixels);
              expect(dropped).toBe(left < 0.6 * pixels);
              expect(count(own.after, object)).toBe(dropped ? 0 : left);
              seen[dropped ? 'dropped' : 'covered']++;
            }
            const left = new Set([...own.before].filter((id) => id !== 0));
            for (const { object, dropped } of covered[n] ?? []) if (dropped) left.delete(object);
            expect(
              instances[n]
                ?.filter(({ pasted }) => !pasted)
                .map(({ object }) => object)
                .sort(),
            ).toEqual([...left].sort());
            // The last pixels of a dropped object keep their class.
            own.after.forEach((id, i) => {
              if (id === own.before[i] || id === 0) expect(classes[n]?.[i]).toBe(classesBefore[n]?.[i]);
            });
          }
        }
        for (const times of Object.values(seen)) expect(times).toBeGreaterThan(3);
      });

      test('objects that touch and have one class are pasted apart, and the presets keep instances', async () => {
        const { xs, ys, objects } = batchOfObjects();
        for (const preset of ['default', 'composer', 'paper'] as const) {
          const given = { p: 1, seed: 1, truncated: 'keep', minArea: '1px', maxArea: 1, preset } as const;
          const { plan } = await copyPasteBatch(xs, ys, { ...given, objects });
          const boxes = new Set(plan.flatMap(({ placements }) => placements.map(({ sourceBox }) => `${sourceBox}`)));
          expect(boxes.size).toBeGreaterThan(0);
          for (const box of boxes) expect(allBoxes.map(String)).toContain(box);
        }
      });

      test('pastes get new object ids up to 65535, and no more pastes than ids are free', async () => {
        const ys = tensor(new Array(2).fill([...drawBox(filled(16, 16, 0), [4, 4, 9, 9], 1).ids]).flat(), [2, 16, 16], 'int32') as Tensor3D;
        const xs = tensor(new Array(2 * 16 * 16).fill(9), [2, 16, 16, 1], 'int32') as Tensor4D;
        const objects = tidy(() => mul(ys, scalar(65535, 'int32'))) as Tensor3D;
        const result = await copyPasteBatch(xs, ys, { ...options, minArea: '1px', objects });
        expect(result.instances.map((all) => all.flatMap(({ object, pasted }) => (pasted ? [object] : [])))).toEqual([[1], [1]]);
      });

      test.each([
        [
          'objects of another shape',
          (ys: Tensor3D) => slice(ys, 0, 1),
          {},
          'objects: expected the shape of the masks, [4,24,32], got [1,24,32]',
        ],
        ['objects of floats', (ys: Tensor3D) => cast(ys, 'float32'), {}, 'objects: expected int32, got float32; cast them'],
        [
          'an object id out of range',
          (ys: Tensor3D) => mul(ys, scalar(1000, 'int32')),
          {},
          'objects: expected object ids from 0 to 65535, got 255000',
        ],
        ['instances beside objects', (ys: Tensor3D) => ys, { instances: 'class' }, 'instances: with objects, each object is an instance'],
        ['join beside objects', (ys: Tensor3D) => ys, { join: '2px' }, 'join: with objects, each object is an instance'],
      ] as const)('refuses %s', async (_, change, more, message) => {
        const { xs, ys } = batch();
        await expect(copyPasteBatch(xs, ys, { ...options, ...more, objects: change(ys) as Tensor3D })).rejects.toThrow(message);
      });

      test('float images from 0 to 1 need a range; dark ones, integers and black ones do not', async () => {
        const { ys } = batch();
        const run = (xs: Tensor4D, given: BatchOptions = {}) => copyPasteBatch(xs, ys, { ...options, ...given });
        const unit = batch(3, 'float32', false, 255).xs;
        await expect(run(unit)).rejects.toThrow(
          /^images: float32 values are 0\.8\d+ at most, so they seem to lie in 0 to 1; pass range: \[0, 1\], or range: \[0, 255\] /,
        );
        await expect(run(tidy(() => div(unit, max(unit))))).rejects.toThrow('images: float32 values are 1 at most');
        for (const range of [
          [0, 1],
          [0, 255],
        ] as const)
          await run(unit, { range });
        await run(batch(3, 'float32', false, 229 / 1.5).xs);
        await run(zeros([N, H, W, 3]));
        await run(tensor(new Array(N * H * W * 3).fill(1), [N, H, W, 3], 'int32') as Tensor4D);
      });

      test('a perfect prediction costs nothing against masks alone, and something in the interpolated loss', async () => {
        const { xs, ys } = batch();
        const { masks, sourceMasks, area } = await copyPasteBatch(xs, ys, options);
        const wrong = (labels: Tensor3D): Tensor => mean(cast(notEqual(masks, labels), 'float32'), [1, 2]);
        expect([...(await wrong(masks).data())]).toEqual([0, 0, 0, 0]);
        for (const loss of await mul(sub(1, area), wrong(sourceMasks)).data()) expect(loss).toBeGreaterThan(0);
      });

      test('pasted values are clipped to the range, others are kept', async () => {
        const { ys } = batch();
        const xs = tensor(
          Array.from({ length: N * H * W }, (_, i) => (i % 2 ? 400 : -50)),
          [N, H, W, 1],
          'float32',
        ) as Tensor4D;
        const { images, masks } = await copyPasteBatch(xs, ys, options);
        const [values, ids, before] = [await images.data(), await masks.data(), await ys.data()];
        const pasted = values.filter((_, i) => ids[i] !== before[i]);
        expect(pasted.length).toBeGreaterThan(0);
        for (const value of pasted) expect(value >= 0 && value <= 255).toBe(true);
        values.forEach((value, i) => {
          if (before[i] === 255 && ids[i] === 255) expect(value).toBe(i % 2 ? 400 : -50);
        });
      });

      test('antialias blends pixels beside the mask, and leaves masks as they are', async () => {
        const { xs, ys } = batch();
        const [hard, soft] = [await copyPasteBatch(xs, ys, options), await copyPasteBatch(xs, ys, { ...options, blend: 'antialias' })];
        expect(await soft.masks.data()).toEqual(await hard.masks.data());
        expect([soft.plan, await soft.area.data()]).toEqual([hard.plan, await hard.area.data()]);
        const [plain, blended, before] = await Promise.all([hard.images.data(), soft.images.data(), xs.data()]);
        const beside = Array.from(blended.keys()).filter((i) => plain[i] === before[i] && blended[i] !== before[i]);
        expect(beside.length).toBeGreaterThan(N);
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

      test('joins the parts of an instance, and leaves out instances that are too small in their source', async () => {
        const xs = tensor(new Array(2 * H * W).fill(9), [2, H, W, 1], 'int32') as Tensor4D;
        const cut = () => drawBox(drawBox(filled(W, H, 0), [8, 8, 12, 16], 3), [14, 8, 18, 16], 3).ids;
        const ys = tensor([...cut(), ...cut()], [2, H, W], 'int32') as Tensor3D;
        const widths = async (more: BatchOptions) => {
          const { plan } = await copyPasteBatch(xs, ys, { ...options, maxArea: 1, ...more });
          return [...new Set(plan.flatMap(({ placements }) => placements.map(({ sourceBox: [x0, , x1] }) => x1 - x0)))];
        };
        expect(await widths({})).toEqual([4]);
        expect(await widths({ join: '1px' })).toEqual([4]);
        expect(await widths({ join: '2px' })).toEqual([10]);
        expect(await widths({ minSourceArea: '33px' })).toEqual([]);
        expect(await widths({ join: '2px', minSourceArea: '33px' })).toEqual([10]);
        await expect(widths({ join: '2px', instances: 'class' })).rejects.toMatchObject({ code: 'usage' });
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
        for (const given of [{ classWeights: { car: 2 } }, { scaleByClass: { car: [1, 2] as const } }])
          await expect(copyPasteBatch(xs, ys, given)).rejects.toThrow(`${Object.keys(given)[0]}: expected class ids, got 'car'`);
      });

      test('gives the values of the cpu, in every layout and type', async () => {
        const cases = [
          [batch(3, 'int32'), options],
          [batch(4, 'int32', true), { ...options, channelsFirst: true }],
          [batch(1, 'float32', false, 255), { ...options, range: [0, 1], preset: 'paper' }],
          [batchOfObjects(), { ...options, objects: batchOfObjects().objects, truncated: 'keep' }],
          [batch(3, 'float32', true, 77.7), { ...options, range: [-0.3, 2.9], channelsFirst: true }],
          [batch(3, 'int32'), { ...options, preset: 'overhead', tone: 0.4, blend: 'antialias' }],
          [batch(4, 'int32'), { ...options, preset: 'ssj', tone: 0.4, blend: 'antialias' }],
        ] as const;
        for (const [{ xs, ys }, given] of cases) {
          const values = async (): Promise<unknown[]> => {
            const result: CopyPasteBatch = await copyPasteBatch(xs, ys, given);
            return Promise.all(Object.values(result).map((one) => (one instanceof Tensor ? one.data() : one)));
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
        const result = await copyPasteBatch(xs, ys, { ...options, objects: ys });
        expect(memory().numTensors).toBe(before + 5);
        for (const one of Object.values(result)) if (one instanceof Tensor) one.dispose();
        await expect(copyPasteBatch(xs, ys, { ...options, objects: ys, range: [0, 0] })).rejects.toThrow('range: expected');
        const dark = tidy(() => div(xs, 255)) as Tensor4D;
        await expect(copyPasteBatch(dark, ys, { ...options, objects: ys })).rejects.toThrow('pass range');
        dark.dispose();
        expect(memory().numTensors).toBe(before);
      });
    });

    describe.runIf(backend === 'cpu')('an option of `augment` works in a batch', () => {
      test('every one that a batch offers is tested here', () => {
        const shared = Object.keys(batchOptions).filter((name) => Object.hasOwn(previewOptions, name));
        const own = ['instances', 'join', 'background', 'ignore', 'classes', 'excludeClasses'];
        expect(Object.keys(effects).sort()).toEqual(shared.filter((name) => !own.includes(name)).sort());
      });

      test.each(Object.entries(effects))('%s', async (_, [given, holds]) => {
        const [without, result] = [await pasteAll({}), await pasteAll(given)];
        expect(result).not.toEqual(without);
        expect(holds(result)).toBe(true);
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

      test('takes objects and gives them back', async () => {
        const { xs, ys, objects } = batchOfObjects();
        const applied = await new CopyPaste(options).apply({ xs, ys, objects });
        const direct = await copyPasteBatch(xs, ys, { ...options, objects });
        expect([applied.instances, applied.covered]).toEqual([direct.instances, direct.covered]);
        expect(await applied.objects.array()).toEqual(await direct.objects.array());
      });
    });

    describe('copyPaste', () => {
      test.each([false, true])('maps a tf.data.Dataset batch by batch, without leaks; objects: %s', async (hasObjects) => {
        const { xs, ys } = batch(3, 'float32');
        const [images, masks] = [(await xs.array()) as never[], (await ys.array()) as never[]];
        xs.dispose();
        ys.dispose();
        const before = memory().numTensors;
        const ofMasks = () => data.array(masks).map((y) => tensor(y, undefined, 'int32'));
        const dataset = data
          .zip({ xs: data.array(images).map((x) => tensor(x)), ys: ofMasks(), ...(hasObjects && { objects: ofMasks() }) } as never)
          .batch(2);
        let batches = 0;
        await copyPaste(dataset, options).forEachAsync((value: TensorContainer) => {
          const { xs, ys, objects } = value as { xs: Tensor4D; ys: Tensor3D; objects?: Tensor3D };
          expect([xs.shape, ys.shape, objects?.shape]).toEqual([[2, H, W, 3], [2, H, W], hasObjects ? [2, H, W] : undefined]);
          batches++;
        });
        expect(batches).toBe(2);
        expect(memory().numTensors).toBe(before);
      });
    });
  });
});
