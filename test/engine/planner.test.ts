import { describe, expect, test } from 'vitest';
import { openSourced } from '../../src/dataset/sources.ts';
import { type BatchRef, createPlanner } from '../../src/engine/planner.ts';
import { type AugmentOptions, augmentOptions, type Given } from '../../src/options.ts';
import type { Candidate } from '../../src/plan/plan.ts';
import { resolveOptions } from '../../src/schema.ts';
import { instanceOf } from '../make.ts';

const optionsOf = (given: Partial<Given<typeof augmentOptions>>): AugmentOptions =>
  resolveOptions(augmentOptions, { in: 'fixtures/camvid', out: 'nowhere', batchSize: 4, ...given });
const dataset = await openSourced(optionsOf({}));
const ids = dataset.samples.map(({ id }) => id);

function plannerOf(given: Partial<Given<typeof augmentOptions>> = {}, copies = 2) {
  const planner = createPlanner(dataset, optionsOf(given), copies, {});
  return { planner, batches: [...planner.batches()] as [BatchRef, ...BatchRef[]] };
}

/** A sample with one instance of each class. */
function candidateOf(id: string, ...classes: number[]): [string, Candidate] {
  const instances = classes.map((classId) => instanceOf(classId, [100, 100, 200, 200]));
  return [id, { id, annotated: true, width: 480, height: 360, ids: new Uint8Array(480 * 360), instances, capacity: 1e6, largestId: 255 }];
}

const noDraw = async (): Promise<never> => {
  throw new Error('nothing is drawn from a source set');
};

describe('a planner', () => {
  test('divides every copy into numbered batches, each copy in an order of its own', () => {
    const { batches } = plannerOf();
    expect(batches.map(({ copy, n, samples }) => [copy, n, samples.length])).toEqual([
      [0, 0, 4],
      [0, 1, 4],
      [1, 0, 4],
      [1, 1, 4],
    ]);
    const orderOf = (copy: number) => batches.filter((ref) => ref.copy === copy).flatMap(({ samples }) => samples.map(({ id }) => id));
    for (const copy of [0, 1]) expect(orderOf(copy).sort()).toEqual([...ids].sort());
    expect(orderOf(0)).not.toEqual(orderOf(1));
    expect(plannerOf().batches).toEqual(batches);
  });

  test('needs no sample of a batch without a target, unless bad samples have to be found', async () => {
    const { planner, batches } = plannerOf({ p: 0 });
    expect(planner.batch(batches[0]).needed).toEqual([]);
    const plans = await planner.batch(batches[0]).plan(new Map(), noDraw);
    expect(plans.map(({ id, reason }) => [id, reason])).toEqual(batches[0].samples.map(({ id }) => [id, 'not drawn']));
    const careful = plannerOf({ p: 0, skipBad: true });
    expect(careful.planner.batch(careful.batches[0]).needed).toEqual(batches[0].samples);
    const drawn = plannerOf({ p: 1 });
    expect(drawn.planner.batch(drawn.batches[0]).needed).toEqual(batches[0].samples);
  });

  test('takes sources from its batch alone, of classes that are allowed, and passes bad samples over', async () => {
    const { planner, batches } = plannerOf({ p: 1, classes: ['car'] });
    const [a, b, ...bad] = batches[0].samples.map(({ id }) => id) as [string, string, ...string[]];
    const car = 8;
    expect(dataset.classNames.get(car)).toBe('car');
    const plans = await planner.batch(batches[0]).plan(new Map([candidateOf(a, car), candidateOf(b, car, 9)]), noDraw);
    expect(plans.map(({ id }) => id)).toEqual([a, b, ...bad]);
    expect(plans.map(({ source, reason }) => source ?? reason)).toEqual([b, a, 'not drawn', 'not drawn']);
    for (const { placements } of plans) for (const { classId } of placements) expect(classId).toBe(car);
  });
});
