import type { Measures } from './measures.ts';
import type { Stream } from './rng.ts';

/** Weight of an instance of a class. */
export function weightOf(classId: number, { weights }: Measures): number {
  return weights?.instances[classId] ?? 1;
}

/** Factor of the probability that a sample with instances of these classes is a target: the largest one, as in LVIS. */
export function targetFactor(classes: Iterable<number>, { weights }: Measures): number {
  let factor = 1;
  if (weights?.targets) for (const id of classes) factor = Math.max(factor, weights.targets[id] ?? 1);
  return factor;
}

const largestFactors = new WeakMap<object, number>();

/** Largest factor by which a sample is a target more often; found once, since it is asked for each sample. */
export function largestFactor({ weights }: Measures): number {
  if (!weights?.targets) return 1;
  const known = largestFactors.get(weights.targets);
  if (known !== undefined) return known;
  const factor = Object.values(weights.targets).reduce((largest, one) => Math.max(largest, one), 1);
  largestFactors.set(weights.targets, factor);
  return factor;
}

/**
 * Indices of `weights` in random order: each next one is drawn by weight from those that are left. An index of weight 0 is never drawn.
 */
export function* drawByWeight(weights: ArrayLike<number>, random: Pick<Stream, 'uniform'>): Generator<number> {
  const left = new Float64Array(weights);
  for (;;) {
    const total = left.reduce((sum, weight) => sum + weight, 0);
    if (!(total > 0)) return;
    let rest = random.uniform() * total;
    let drawn = -1;
    // Rounding may leave a rest beyond the last one.
    for (let i = 0; i < left.length && (drawn < 0 || rest >= 0); i++) {
      const weight = left[i] as number;
      if (weight === 0) continue;
      drawn = i;
      rest -= weight;
    }
    yield drawn;
    left[drawn] = 0;
  }
}

/** Maximum number of draws for one target, most of which are repeats if few samples have nearly all of the weight. */
const maxRepeats = 4096;

/** Indices drawn without replacement by the weights whose running sums are given. */
export function* drawBySums(sums: Float64Array, random: Pick<Stream, 'uniform'>): Generator<number> {
  const total = sums.at(-1) ?? 0;
  const seen = new Set<number>();
  for (let draw = 0; total > 0 && draw < maxRepeats && seen.size < sums.length; draw++) {
    const n = firstAbove(sums, random.uniform() * total);
    if (seen.has(n)) continue;
    seen.add(n);
    yield n;
  }
}

/** Index of the first of ascending numbers that exceeds a value; their number if none does. */
export function firstAbove(numbers: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] as number) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
