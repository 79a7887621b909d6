import type { Box, MinVisible } from '../types.ts';

/** Pixels of an existing instance before and after pastes. */
interface Counts {
  readonly before: number;
  readonly after: number;
}

/** The paper's official code keeps an instance that has more pixels left, or whose box has moved by no more at any side. */
const official = { pixels: 300, move: 10 };

/**
 * Says whether an existing instance that pastes cover is kept; one without pixels never is.
 *
 * @param boxes of the instance before and after, which are asked for where they matter.
 */
export function visibility(minVisible: MinVisible): (counts: Counts, boxes: () => readonly Box[]) => boolean {
  return ({ before, after }, boxes) => {
    if (after === 0) return false;
    if (minVisible !== 'official') return after >= minVisible * before;
    if (after > official.pixels) return true;
    const [was, is] = boxes() as [Box, Box];
    return was.every((edge, n) => Math.abs(edge - (is[n] as number)) <= official.move);
  };
}
