import fc from 'fast-check';
import { passThrough } from '../../src/plan/plan.ts';
import type { Plan } from '../../src/types.ts';

/** Source numbers, one per plan; the largest possible number belongs to no plan. */
export const drawnSources = fc
  .integer({ min: 1, max: 20 })
  .chain((count) => fc.array(fc.nat(count), { minLength: count, maxLength: count }));

/** Plans from their source numbers; every fifth plan pastes nothing. */
export function plansOf(drawn: readonly number[]): Plan[] {
  return drawn.map((source, n): Plan => {
    const id = `${n}`;
    if (n % 5 === 4) return passThrough(id, 0, 'nothing fits');
    const box = [0, 0, 1, 1] as const;
    const placement = { instance: 0, classId: 1, sourceBox: box, targetBox: box, scale: 1, flip: false, area: 1 };
    return { id, copy: 0, source: `${source}`, placements: [placement], dropped: [] };
  });
}
