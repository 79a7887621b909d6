/** Tells which instances `augment` may paste if no option is given. */
import { type KnownClasses, pasteFilter } from '../dataset/classes.ts';
import { augmentOptions } from '../options.ts';
import { areaLimits, limitInPixels, type PlanOptions } from '../plan/plan.ts';
import { resolveOptions } from '../schema.ts';
import type { Instance, Reason, Size } from '../types.ts';

/** Creates a function that gives the reason why an instance is not pasted into an image of the size of its own; `undefined` if it may be. */
export function createJudge(classes: KnownClasses) {
  const options = resolveOptions(augmentOptions, { in: '.', out: '.' });
  const mayPaste = pasteFilter(classes, options);
  return (
    { classId, area, truncated, crowd }: Pick<Instance, 'classId' | 'area' | 'truncated' | 'crowd'>,
    size: Size,
  ): Reason | undefined => {
    if (crowd) return 'crowd';
    if (!mayPaste(classId)) return classes.regions?.has(classId) ? 'stuff' : 'class of stuff';
    return misfitOf({ area, truncated }, size, size, options.scale, options);
  };
}

/** The reason why an instance of a source of some size fits into no frame of another size; `undefined` if it fits at some scale. */
export function misfitOf(
  { area, truncated }: Pick<Instance, 'area' | 'truncated'>,
  size: Size,
  frame: Size,
  [low, high]: readonly [low: number, high: number],
  options: Pick<PlanOptions, 'truncated' | 'minSourceArea' | 'minArea' | 'maxArea'>,
): 'cut off' | 'too small' | 'too large' | undefined {
  const { minArea, maxArea } = areaLimits(frame, options);
  if (truncated && options.truncated === 'skip') return 'cut off';
  if (area < limitInPixels(options.minSourceArea, size) || area * high ** 2 < minArea) return 'too small';
  return area * low ** 2 > maxArea ? 'too large' : undefined;
}
