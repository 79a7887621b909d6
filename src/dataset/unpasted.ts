import { plural } from '../base/plural.ts';
import type { Unpasted } from '../formats/format.ts';

/** Words for a number of annotations that cannot be pasted. */
const words: { readonly [reason in keyof Required<Unpasted>]: (n: number) => string } = {
  box: (n) => `${plural(n, 'box', 'boxes')} without a mask`,
  'line or point': (n) => `${n} of a form without an area, such as lines and points`,
  'too few points': (n) => `${plural(n, 'outline')} of fewer than three points`,
  'no area': (n) => `${n} without a pixel`,
  'outside the image': (n) => `${n} outside the image`,
  'unknown label': (n) => `${n} without a known label`,
  crowd: (n) => `${plural(n, 'crowd')} (iscrowd 1)`,
  'crowd of run lengths': (n) => `${plural(n, 'crowd')} (iscrowd 1) with run lengths`,
  stuff: (n) => `${plural(n, 'segment')} of stuff (isthing 0)`,
};

/** Annotations by reason, in words. */
export function describeUnpasted(unpasted: Unpasted): string {
  return Object.entries(words)
    .flatMap(([reason, word]) => {
      const n = unpasted[reason as keyof Unpasted] ?? 0;
      return n > 0 ? [word(n)] : [];
    })
    .join(', ');
}

/** Annotations that cannot be pasted. @param crowds set if crowds of run lengths are objects. */
export function unpastedWith(unpasted: Unpasted, crowds: 'objects' | undefined): Unpasted {
  if (!crowds) return unpasted;
  const { 'crowd of run lengths': _, ...rest } = unpasted;
  return rest;
}

/** Number of annotations that cannot be pasted. */
export function total(unpasted: Unpasted): number {
  return Object.values(unpasted).reduce((sum, n) => sum + n, 0);
}
