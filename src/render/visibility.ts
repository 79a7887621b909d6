import type { Box } from '../types.ts';

/** Limit below which a covered instance is dropped: a fraction of its pixels, or the rule of the paper's official code. */
export type MinVisible = number | 'official';

/** Pixels of an existing instance before and after pastes. */
interface Counts {
  readonly before: number;
  readonly after: number;
}

/** Limits of the paper's official code: it keeps an instance that has more pixels left, or whose box has no side that moved farther. */
const official = { pixels: 300, move: 10 };

/**
 * Makes the test that decides if a partly covered instance is kept. An instance without pixels is never kept.
 *
 * @param boxes of the instance before and after the pastes; called only if they matter.
 */
export function visibility(minVisible: MinVisible): (counts: Counts, boxes: () => readonly Box[]) => boolean {
  return ({ before, after }, boxes) => {
    if (after === 0) return false;
    if (minVisible !== 'official') return after >= minVisible * before;
    if (after > official.pixels) return true;
    const [was, is] = boxes() as [Box, Box];
    return was.every((edge, n) => Math.abs(edge - is[n]!) <= official.move);
  };
}
