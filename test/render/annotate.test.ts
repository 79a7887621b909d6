import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { annotate } from '../../src/render/annotate.ts';
import type { MinVisible } from '../../src/render/visibility.ts';
import type { Annotated, Box, Mask, PastePlan } from '../../src/types.ts';
import { annotationOf, drawBox, filled, maskOf, rowsOf } from '../make.ts';

const leftOut = new Set([0, 255]);

/** Pastes boxes of classes onto an annotation, later ones over earlier ones. */
function pasteBoxes(
  mask: Mask,
  objects: Mask | undefined,
  boxes: readonly { box: Box; classId: number }[],
  minVisible: MinVisible = 0.05,
): Annotated {
  const owner = new Int32Array(mask.ids.length);
  boxes.forEach(({ box: [x0, y0, x1, y1] }, k) => {
    for (let y = y0; y < y1; y++) owner.fill(k + 1, y * mask.width + x0, y * mask.width + x1);
  });
  const plan: PastePlan = {
    id: 'target',
    copy: 0,
    source: 'source',
    placements: boxes.map(({ box, classId }, instance) => {
      const area = (box[2] - box[0]) * (box[3] - box[1]);
      return { instance, classId, sourceBox: box, targetBox: box, scale: 1, flip: false, area };
    }),
    dropped: [],
  };
  return annotate(annotationOf(mask, objects), mask, plan, owner, { leftOut, ignore: 255, minVisible });
}

/** Distinct ids of a mask, without background and ignore. */
function idsOf(mask: Mask | undefined): number[] {
  return [...new Set((mask as Mask).ids)].filter((id) => !leftOut.has(id)).sort((a, b) => a - b);
}

describe('annotate', () => {
  test('mmdetection: 2 target + 3 pasted - 1 fully covered = 4 objects; the other target shrinks', () => {
    const objects = drawBox(drawBox(filled(20, 20, 0), [0, 0, 5, 5], 1), [10, 10, 18, 18], 2);
    const mask = drawBox(drawBox(filled(20, 20, 0), [0, 0, 5, 5], 3), [10, 10, 18, 18], 4);
    const result = pasteBoxes(mask, objects, [
      { box: [0, 0, 6, 6], classId: 7 },
      { box: [10, 10, 14, 18], classId: 7 },
      { box: [0, 15, 3, 18], classId: 8 },
    ]);
    expect(idsOf(result.objects)).toHaveLength(4);
    expect(result.covered).toEqual([
      { object: 1, before: 25, after: 0, dropped: true },
      { object: 2, before: 64, after: 32, dropped: false },
    ]);
    expect(result.objectIds).toEqual([3, 4, 5]);
    expect(idsOf(result.mask)).toEqual([4, 7, 8]);
  });

  test('torchvision: 32x32, target all 2, source all 10: the result holds exactly {2, 10}; the rest stays', () => {
    const mask = filled(32, 32, 2);
    const { mask: pasted, pixels } = pasteBoxes(mask, undefined, [
      { box: [12, 13, 18, 19], classId: 10 },
      { box: [1, 15, 8, 19], classId: 10 },
    ]);
    expect(idsOf(pasted)).toEqual([2, 10]);
    expect([...pixels]).toEqual([
      [2, [1024, 1024 - 36 - 28]],
      [10, [0, 64]],
    ]);
    expect(rowsOf(pasted)[13]).toBe(`${'2'.repeat(12)}${'a'.repeat(6)}${'2'.repeat(14)}`);
    expect(mask.ids.every((id) => id === 2)).toBe(true);
  });

  test.each([
    ['fully covered: removed', 8, true, 0],
    ['under the visible fraction: dropped, its last pixels become ignore', 7, true, 8],
    ['partly visible: survives', 4, false, 32],
  ])('AlbumentationsX: an instance %s', (_, columns, dropped, after) => {
    const objects = drawBox(filled(12, 12, 0), [2, 2, 10, 10], 1);
    const mask = drawBox(filled(12, 12, 0), [2, 2, 10, 10], 5);
    const result = pasteBoxes(mask, objects, [{ box: [2, 2, 2 + columns, 10], classId: 6 }], 0.2);
    expect(result.covered).toEqual([{ object: 1, before: 64, after, dropped }]);
    const survivors = (result.objects as Mask).ids.filter((id) => id === 1).length;
    expect(survivors).toBe(dropped ? 0 : after);
    // The survivor's mask is zero inside the paste; the class mask keeps the last pixels either way.
    expect((result.objects as Mask).ids[2 * 12 + 2]).toBe(2);
    expect(result.mask.ids.filter((id) => id === 5).length).toBe(after);
  });

  test('official: an object of few pixels is dropped if its box moved by more than ten, each object by itself', () => {
    const objects = drawBox(drawBox(filled(60, 60, 0), [2, 2, 32, 12], 1), [2, 20, 32, 32], 2);
    const result = pasteBoxes(
      filled(60, 60, 5),
      objects,
      [
        { box: [21, 0, 60, 14], classId: 6 },
        { box: [23, 19, 60, 34], classId: 6 },
      ],
      'official',
    );
    expect(result.covered).toEqual([
      { object: 1, before: 300, after: 190, dropped: true },
      { object: 2, before: 360, after: 252, dropped: false },
    ]);
    expect(idsOf(result.objects)).toEqual([2, 3, 4]);
  });

  test('a paste that is covered completely has no object', () => {
    const result = pasteBoxes(filled(10, 10, 5), filled(10, 10, 0), [
      { box: [1, 1, 3, 3], classId: 6 },
      { box: [0, 0, 5, 5], classId: 7 },
    ]);
    expect([result.visible, result.objectIds]).toEqual([
      [0, 25],
      [undefined, 1],
    ]);
  });

  test('an object that no paste covers is not reported, and visibility 1 keeps it', () => {
    const objects = drawBox(filled(10, 10, 0), [0, 0, 3, 3], 1);
    const result = pasteBoxes(filled(10, 10, 5), objects, [{ box: [5, 5, 8, 8], classId: 6 }], 1);
    expect(result.covered).toEqual([]);
    expect(idsOf(result.objects)).toEqual([1, 2]);
  });

  test("segpaste's invariants: ids preserved, objects disjoint, ignore preserved outside pastes", () => {
    const box = fc
      .tuple(fc.nat(10), fc.nat(10), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }))
      .map(([x, y, w, h]): Box => [x, y, x + w, y + h]);
    fc.assert(
      fc.property(fc.array(box, { minLength: 1, maxLength: 6 }), fc.array(box, { maxLength: 4 }), (pastes, existing) => {
        const mask = drawBox(filled(16, 16, 0), [0, 8, 16, 9], 255);
        const objects = drawBox(filled(16, 16, 0), [0, 8, 16, 9], 255);
        existing.forEach((at, i) => {
          drawBox(mask, at, 9);
          drawBox(objects, at, i + 1);
        });
        const result = pasteBoxes(
          mask,
          objects,
          pastes.map((at, i) => ({ box: at, classId: 20 + i })),
          0,
        );
        const seen = new Map<number, number>();
        for (let i = 0; i < 256; i++) {
          const [classId, object] = [result.mask.ids[i] as number, (result.objects as Mask).ids[i] as number];
          const pasted = classId >= 20 && classId < 40;
          expect(pasted ? object : classId).toBe(pasted ? result.objectIds[classId - 20] : mask.ids[i]);
          if (!pasted) expect(object).toBe(objects.ids[i]);
          else seen.set(classId, (seen.get(classId) ?? 0) + 1);
        }
        expect(result.visible).toEqual(pastes.map((_, i) => seen.get(20 + i) ?? 0));
        const total = [...result.pixels.values()].reduce((sum, [before, after]) => [sum[0] + before, sum[1] + after], [0, 0] as [
          number,
          number,
        ]);
        expect(total).toEqual([256, 256]);
      }),
    );
  });

  test('keeps 8 bits where they suffice, widens where a class needs 16, and never scales', () => {
    expect(pasteBoxes(filled(4, 4, 3), undefined, [{ box: [0, 0, 1, 1], classId: 200 }]).mask.ids).toBeInstanceOf(Uint8Array);
    const wide = pasteBoxes(filled(4, 4, 3), undefined, [{ box: [0, 0, 1, 1], classId: 300 }]).mask;
    expect([...new Set(wide.ids)]).toEqual([300, 3]);
  });

  test("ids beyond the end of a palette get VOC's colours, all different", () => {
    const palette = Uint8Array.of(0, 0, 0, 128, 0, 0);
    const objects = { ...drawBox(filled(4, 4, 0), [0, 0, 2, 2], 1), palette };
    const result = pasteBoxes({ ...filled(4, 4, 0), palette }, objects, [
      { box: [2, 2, 4, 4], classId: 4 },
      { box: [0, 2, 2, 4], classId: 1 },
    ]);
    expect(result.objectIds).toEqual([2, 3]);
    expect([...((result.objects as Mask).palette as Uint8Array)]).toEqual([...palette, 0, 128, 0, 128, 128, 0]);
    expect([...(result.mask.palette as Uint8Array).subarray(12)]).toEqual([0, 0, 128]);
  });

  test("a scene's masks take the nearest pixel, and the canvas around it is ignore", () => {
    const mask = maskOf('12', '34');
    const plan: PastePlan = {
      id: 'target',
      copy: 0,
      source: 'source',
      scenes: { target: { targetBox: [0, 0, 1, 2], scale: 1, flip: true }, source: { targetBox: [0, 0, 2, 2], scale: 1, flip: false } },
      placements: [],
      dropped: [],
    };
    const owner = new Int32Array(4);
    const result = annotate(annotationOf(mask), mask, plan, owner, { leftOut, ignore: 255, minVisible: 0 });
    expect([...result.mask.ids]).toEqual([2, 255, 4, 255]);
  });
});
