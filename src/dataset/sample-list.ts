/** Lists of samples, which are kept packed: a data set may have millions. */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { type List, PackedList } from '../base/list.ts';
import { createSorter, groupsOf } from '../base/sorter.ts';
import type { Fault } from '../errors.ts';
import type { Sample } from '../types.ts';
import type { Paired } from './paired.ts';

/** Parts of a sample, and of its views, that many samples share. */
const sharedKeys = new Set(['size', 'format', 'endings', 'view']);

/** A packed list of samples. */
export type SampleList<S extends Paired = Sample> = PackedList<S, Uint8Array>;

/** Creates an empty list of samples. In its blocks, a number stands for each part that many samples share. */
export function sampleList<S extends Paired = Sample>(): SampleList<S> {
  const values: object[] = [];
  const numbers = new Map<string, number>();
  const known = new WeakMap<object, number>();
  const numberOf = (value: object): number => {
    let n = known.get(value);
    if (n !== undefined) return n;
    const key = JSON.stringify(value);
    n = numbers.get(key);
    if (n === undefined) numbers.set(key, (n = values.push(value) - 1));
    known.set(value, n);
    return n;
  };
  const withNumbers = (one: object): object => {
    const packed: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(one))
      packed[key] = sharedKeys.has(key) ? numberOf(value) : key === 'views' ? (value as object[]).map(withNumbers) : value;
    return packed;
  };
  const setValues = (packed: Record<string, unknown>): void => {
    for (const key of sharedKeys) if (key in packed) packed[key] = values[packed[key] as number];
    for (const view of (packed.views as Record<string, unknown>[] | undefined) ?? []) setValues(view);
  };
  return new PackedList<S, Uint8Array>({
    pack: (samples) => Buffer.from(deflateRawSync(JSON.stringify(samples.map(withNumbers)), { level: 1 })),
    unpack(packed) {
      const samples = JSON.parse(inflateRawSync(packed).toString());
      for (const sample of samples) setValues(sample);
      return samples;
    },
  });
}

/** The samples that pass a test; the same list if all do. */
export function samplesOf<S extends Paired>(samples: List<S>, test: (sample: S) => boolean): List<S> {
  if (samples.every(test)) return samples;
  const chosen = sampleList<S>();
  for (const sample of samples) if (test(sample)) chosen.push(sample);
  return chosen;
}

/** The samples that pass a test, and the others. */
export function divided<S extends Paired>(samples: List<S>, test: (sample: S) => boolean): [List<S>, List<S>] {
  const chosen = samplesOf(samples, test);
  return [chosen, chosen === samples ? [] : samplesOf(samples, (sample) => !test(sample))];
}

/** Sorts samples by id. A second sample of the same id is bad, since their outputs would collide. */
export function unique(samples: List<Paired>, bad: Map<string, Fault>): List<Paired> {
  let before: string | undefined;
  const areSorted = samples.every(({ id }) => {
    const isNext = before === undefined || before < id;
    before = id;
    return isNext;
  });
  if (areSorted) return samples;
  const ids = createSorter();
  let n = 0;
  for (const { id } of samples) ids.add(`${id}\0${String(n++).padStart(12, '0')}`);
  const sorted = sampleList<Paired>();
  for (const { rests } of groupsOf(ids.sorted())) {
    let twin: Paired | undefined;
    for (const rest of rests) {
      const sample = samples.at(Number(rest)) as Paired;
      if (twin === undefined) {
        twin = sample;
        sorted.push(sample);
        continue;
      }
      const what =
        twin.image === sample.image && sample.entry
          ? `is the file of two images in ${sample.entry.document}; keep one of them`
          : `has the same sample id as ${twin.image}; rename one of them`;
      bad.set(sample.image, { path: sample.image, what, split: sample.split });
    }
  }
  return sorted;
}
