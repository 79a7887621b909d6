import type { Candidate } from '../../src/plan/plan.ts';
import { stream } from '../../src/plan/rng.ts';
import type { Box } from '../../src/types.ts';
import { instanceOf } from '../make.ts';
import { candidate } from './candidates.ts';

/** Size of drawn scenes. */
export const [width, height] = [96, 128];

/** Classes of drawn scenes. */
export const [sky, road, grass, person] = [1, 2, 3, 4] as const;

const horizon = 48;

/** A drawn person: its box, and the class that it stands on. */
interface Figure {
  readonly box: Box;
}

function sceneOf(id: string, groundOf: (x: number, y: number) => number, figures: readonly Figure[]): Candidate {
  const ids = Uint8Array.from({ length: width * height }, (_, i) => groundOf(i % width, Math.floor(i / width)));
  for (const { box } of figures) {
    const [x0, y0, x1, y1] = box;
    for (let y = y0; y < y1; y++) ids.fill(person, y * width + x0, y * width + x1);
  }
  return candidate(id, [], { width, height, ids, instances: figures.map(({ box }) => instanceOf(person, box)) });
}

/** Height of a person in a scene with a horizon, by the row of its foot. */
export function heightAt(foot: number): number {
  return 6 + Math.floor((foot - horizon) / 2);
}

/** Scenes of sky over a road with grass at its left: persons stand on the road, one of five on the grass, and are larger nearer to the camera. */
export function uprightScenes(count: number): Candidate[] {
  return Array.from({ length: count }, (_, n) => {
    const random = stream(1, 0, `${n}`, 'scene');
    const figures = Array.from({ length: 2 }, (_, i): Figure => {
      const foot = horizon + 4 + random.below(height - horizon - 8);
      const tall = heightAt(foot);
      const left = random.uniform() < 0.2 ? 4 + random.below(14) : 34 + 30 * i + random.below(20);
      return { box: [left, foot + 1 - tall, left + 4, foot + 1] };
    });
    return sceneOf(`u${n}`, (x, y) => (y < horizon ? sky : x < 24 ? grass : road), figures);
  });
}

/** Scenes without direction: persons of any size lie anywhere on one class. */
export function flatScenes(count: number): Candidate[] {
  return Array.from({ length: count }, (_, n) => {
    const random = stream(2, 0, `${n}`, 'scene');
    const figures = Array.from({ length: 3 }, (_, i): Figure => {
      const size = 5 + random.below(12);
      const [left, top] = [4 + 30 * i + random.below(14), 4 + random.below(height - 24)];
      return { box: [left, top, left + size, top + size] };
    });
    return sceneOf(`f${n}`, () => road, figures);
  });
}
