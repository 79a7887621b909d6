import type { Prior } from './prior.ts';

/** Facts of the whole data set that plans depend on, as plain data. The manifest records them. */
export interface Measures {
  /** Prior of places, with `--place prior`. */
  readonly prior?: Prior;
  readonly weights?: ClassWeights;
  readonly balance?: Balance;
  /** Running sums of the weights of the samples of a source set; not recorded, since they follow from the weights of the classes. */
  readonly sourceSums?: Float64Array;
}

/** Numbers by class id. */
export type ByClass = Readonly<Record<number, number>>;

/** Weights by which sources and instances are drawn. */
export interface ClassWeights {
  /** Weight of an instance of each class; 1 for a class that is absent. An instance of weight 0 is never pasted. */
  readonly instances: ByClass;
  /** Factor by which a sample that holds a class is a target more often; 1 for a class that is absent. */
  readonly targets?: ByClass;
}

/** Histogram that the weights are made for. */
export interface Balance {
  /** The histogram of what is pasted, or of the augmented samples as a whole. */
  readonly of: 'pasted' | 'result';
  readonly by: 'instances' | 'pixels';
  /** Share of each class that was asked for; the shares sum to 1. */
  readonly asked: ByClass;
  /** Instances or pixels of each class in the output without its pastes, for the histogram of the result. */
  readonly existing?: ByClass | undefined;
  /** Classes that cannot reach their share, each with what stands in its way. */
  readonly limited: readonly Limit[];
}

/**
 * Reasons why a class cannot reach its share: it does not occur, none of its instances may be pasted, few batches or few samples have it,
 * its instances seldom fit, or there are few pastes beside what exists.
 */
export const limitReasons = ['absent', 'unusable', 'batches', 'samples', 'fit', 'pastes'] as const;

/** A class that cannot reach its share. */
export interface Limit {
  readonly id: number;
  readonly reason: (typeof limitReasons)[number];
  /** Number of batches that have an instance of the class to paste, of all that were looked at. */
  readonly batches: readonly [having: number, all: number];
}
