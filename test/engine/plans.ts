import fc from 'fast-check';
import type { Plan } from '../../src/types.ts';

/** Source numbers, one per plan; the largest possible number belongs to no plan. */
export const drawnSources = fc
  .integer({ min: 1, max: 20 })
  .chain((count) => fc.array(fc.nat(count), { minLength: count, maxLength: count }));

/** Plans from their source numbers; every fifth plan pastes nothing. */
export function plansOf(drawn: readonly number[]): Plan[] {
  return drawn.map((source, n) => ({
    id: `${n}`,
    copy: 0,
    source: `${source}`,
    placements:
      n % 5 === 4
        ? []
        : [{ instance: 0, classId: 1, sourceBox: [0, 0, 1, 1] as const, targetBox: [0, 0, 1, 1] as const, scale: 1, flip: false, area: 1 }],
    dropped: [],
  }));
}
