import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { coverageOf, halfCoverage, nextRow, ownedSpans } from '../../src/masks/coverage.ts';
import { spansOfPixels, transposed } from '../../src/masks/spans.ts';
import { inFrame, type Mapping, tablesOf, withEdges } from '../../src/masks/tables.ts';
import { boxesInScene } from '../../src/plan/jitter.ts';
import { withArea } from '../../src/plan/plan.ts';
import { pastesOf, type RenderOptions, renderOnCpu, type Target } from '../../src/render/render.ts';
import type { Box, Instance, PastePlan, Placement, Size } from '../../src/types.ts';
import { instanceOf } from '../make.ts';
import { ownedPlainly } from '../render/reference.ts';

const frame = { width: 60, height: 45 };
const source = { width: 50, height: 40 };

const side = (most: number) => fc.tuple(fc.integer({ min: -most, max: most }), fc.integer({ min: 1, max: 2 * most }));
const anywhere = fc.record({ x: side(60), y: side(45), flip: fc.boolean() });
/** Instances with holes and ragged edges, anywhere in the source. */
const instances = fc
  .record({
    x: fc.nat(40),
    y: fc.nat(30),
    w: fc.integer({ min: 1, max: 50 }),
    h: fc.integer({ min: 1, max: 40 }),
    n: fc.integer({ min: 1, max: 9 }),
  })
  .map(({ x, y, w, h, n }) =>
    instanceOf(
      1,
      [x, y, Math.min(50, x + w), Math.min(40, y + h)],
      (px, py) => px - x + py - y === 0 || (px * 7 + py * 3 + ((px * py) >> 2)) % 10 < n,
    ),
  );

const turns = fc.record({ flip: fc.boolean(), flipY: fc.boolean(), transpose: fc.boolean() });

/** A plan as the op takes it. */
function targetOf(plan: Partial<PastePlan>, own: readonly Instance[], blend: RenderOptions['blend'] = 'none'): Target {
  const image = { offset: 0, ...frame };
  const ref = { offset: frame.width * frame.height, ...source };
  return pastesOf({ id: 'a', copy: 0, source: 'b', placements: [], dropped: [], ...plan }, image, ref, own, { blend });
}

const images = [frame, source].map(({ width, height }: Size) => ({
  pixels: new Uint8Array(3 * width * height).fill(9),
  bands: 3 as const,
}));

async function owned(target: Target): Promise<number[]> {
  const [rendered] = await renderOnCpu(images, [target]);
  return [...(rendered?.owner ?? [])];
}

test('the spans of a placement are the pixels that it owns', () => {
  fc.assert(
    fc.property(instances, anywhere, turns, (instance, { x, y }, turn) => {
      const targetBox: Box = [x[0], y[0], x[0] + x[1], y[0] + y[1]];
      const placement: Placement = { instance: 0, classId: 1, sourceBox: instance.box, targetBox, scale: 1, ...turn, area: 1 };
      const [paste] = targetOf({ placements: [placement] }, [instance]).pastes as [Target['pastes'][0]];
      const owned = new Set(ownedPlainly(paste).map(([px, py]) => py * frame.width + px));
      const expected = spansOfPixels([0, 0, frame.width, frame.height], (px, py) => owned.has(py * frame.width + px));
      expect(ownedSpans(paste.instance as Instance, tablesOf(paste, source), paste.seen)).toEqual(expected);
    }),
    { numRuns: 300 },
  );
});

/** Pixels of the frame that a mapping covers, with their coverage. */
function coveredBy(instance: Instance, mapping: Mapping): Map<number, number> {
  const coverage = coverageOf(mapping.transpose ? transposed(instance) : instance, tablesOf(mapping, source));
  const covered = new Map<number, number>();
  while (nextRow(coverage)) {
    const { row, from, to, full, rest, sums } = coverage;
    for (let i = from; i < to; i++) {
      const c = i >= full && i < rest ? 65536 : (sums[i] as number);
      if (c > 0) covered.set((mapping.seen[1] + row) * frame.width + mapping.seen[0] + i, c);
    }
  }
  return covered;
}

describe('a mapping with edges', () => {
  test('sees every pixel that the instance covers in part, and covers none beside the box by half', () => {
    fc.assert(
      fc.property(instances, anywhere, turns, (instance, { x, y }, turn) => {
        const onto: Box = [x[0], y[0], x[0] + x[1], y[0] + y[1]];
        const plain = { from: instance.box, onto, seen: inFrame(onto, frame), ...turn };
        const edged = withEdges(plain, source, frame);
        const [inside, found] = [coveredBy(instance, plain), coveredBy(instance, edged)];
        for (const [at, c] of found) expect(inside.get(at) ?? 0).toBe(inside.has(at) || c >= halfCoverage ? c : 0);
        for (const [at, c] of inside) expect(found.get(at)).toBe(c);
        // The whole frame, for instances that the border of their image does not cut off.
        const [x0, y0, x1, y1] = instance.box;
        if (x0 > 0 && y0 > 0 && x1 < source.width && y1 < source.height)
          expect(coveredBy(instance, { ...plain, seen: [0, 0, frame.width, frame.height] })).toEqual(found);
      }),
      { numRuns: 500 },
    );
  });

  test('does not repeat the border of the source beside it', () => {
    const cut = instanceOf(1, [0, 5, 10, 15]);
    const plain = { from: cut.box, onto: [20, 10, 40, 30], seen: [20, 10, 40, 30], flip: false } as const;
    expect(withEdges(plain, source, frame).seen).toEqual([20, 8, 42, 32]);
    expect(withEdges({ ...plain, flip: true }, source, frame).seen).toEqual([18, 8, 40, 32]);
    expect(withEdges({ ...plain, transpose: true }, source, frame).seen).toEqual([18, 10, 42, 32]);
    expect(withEdges({ ...plain, transpose: true, flipY: true }, source, frame).seen).toEqual([18, 8, 42, 30]);
  });
});

describe("a placement's area", () => {
  test('is the number of pixels that it owns when it is rendered alone', async () => {
    await fc.assert(
      fc.asyncProperty(instances, anywhere, turns, async (instance, { x, y }, turn) => {
        const targetBox: Box = [x[0], y[0], x[0] + x[1], y[0] + y[1]];
        const placement = withArea(
          { instance: 0, classId: 1, sourceBox: instance.box, targetBox, scale: 1, ...turn },
          instance,
          undefined,
          source,
          frame,
        );
        const target = targetOf({ placements: [placement] }, [instance]);
        expect(placement.area).toBe(ownedPlainly(target.pastes[0] as Target['pastes'][0]).length);
        const hard = await owned(target);
        expect(hard.filter((k) => k === 1).length).toBe(placement.area);
        const soft = await owned(targetOf({ placements: [placement] }, [instance], 'antialias'));
        expect(soft.map((k) => Math.max(0, k))).toEqual(hard);
      }),
      { numRuns: 300 },
    );
  });

  test('is the same in a jittered scene, and no pixel outside its box has a tap on it', async () => {
    await fc.assert(
      fc.asyncProperty(instances, anywhere, async (instance, { x, y, flip }) => {
        const scene = { targetBox: [x[0], y[0], x[0] + x[1], y[0] + y[1]] as Box, scale: 1, flip };
        const place = (targetBox: Box): Placement =>
          withArea({ instance: 0, classId: 1, sourceBox: instance.box, targetBox, scale: 1, flip }, instance, scene, source, frame);
        const targetBox = boxesInScene(scene, source, frame)(instance.box);
        const placement = place(targetBox);
        const target = targetOf({ placements: [placement], scenes: { target: scene, source: scene } }, [instance]);
        expect((await owned(target)).filter((k) => k === 1).length).toBe(placement.area);
        expect(ownedPlainly(target.pastes[0] as Target['pastes'][0]).length).toBe(placement.area);
        expect(place(scene.targetBox).area).toBe(placement.area);
      }),
      { numRuns: 300 },
    );
  });

  test('two instances of a scene that touch leave no crack between them', async () => {
    await fc.assert(
      fc.asyncProperty(anywhere, fc.integer({ min: 2, max: 9 }), async ({ x, y, flip }, n) => {
        const whole: Box = [0, 0, source.width, source.height];
        const left = (px: number, py: number): boolean => px < 20 + ((py * n) % 11);
        const both = [instanceOf(1, whole, left), instanceOf(2, whole, (px, py) => !left(px, py))];
        const scene = { targetBox: [x[0], y[0], x[0] + x[1], y[0] + y[1]] as Box, scale: 1, flip };
        const targetBox = boxesInScene(scene, source, frame)(whole);
        const placements = both.map((instance, i) =>
          withArea({ instance: i, classId: i + 1, sourceBox: whole, targetBox, scale: 1, flip }, instance, scene, source, frame),
        );
        const pixels = await owned(targetOf({ placements, scenes: { target: scene, source: scene } }, both));
        const [x0, y0, x1, y1] = targetBox;
        const inside = (i: number): boolean =>
          i % frame.width >= x0 && i % frame.width < x1 && i >= y0 * frame.width && i < y1 * frame.width;
        expect(pixels.map((k) => k > 0)).toEqual(pixels.map((_, i) => inside(i)));
      }),
    );
  });
});
