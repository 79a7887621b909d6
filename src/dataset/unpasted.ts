import { plural } from '../base/plural.ts';
import type { Reason, Unpasted } from '../types.ts';

/** Words for a number of annotations that cannot be pasted. */
const words: Readonly<Partial<Record<Reason, (n: number) => string>>> = {
  box: (n) => `${plural(n, 'box', 'boxes')} without a mask`,
  'line or point': (n) => `${n} of a form without an area, such as lines and points`,
  'too few points': (n) => `${plural(n, 'outline')} of fewer than three points`,
  'wrong number of points': (n) => `${n} with a wrong number of points`,
  'no area': (n) => `${n} without a pixel`,
  'outside the image': (n) => `${n} outside the image`,
  'unknown label': (n) => `${n} without a known label`,
  crowd: (n) => `${plural(n, 'crowd')} (iscrowd 1)`,
  'crowd of run lengths': (n) => `${plural(n, 'crowd')} (iscrowd 1) with run lengths`,
  'further annotation': (n) => `${n} in further annotations of an image`,
  stuff: (n) => `${plural(n, 'segment')} of stuff (isthing 0)`,
  'class of stuff': (n) => `${n} of a class of stuff`,
  'cut off': (n) => `${n} cut off by the border of the image`,
  'too small': (n) => `${n} too small`,
  'too large': (n) => `${n} too large`,
};

const order = Object.keys(words);

/** Annotations by reason, in words. */
export function describeUnpasted(unpasted: Unpasted): string {
  const found = Object.entries(unpasted) as [Reason, number][];
  const place = ([reason]: [Reason, number]): number => order.indexOf(reason) + 1 || order.length + 1;
  found.sort((a, b) => place(a) - place(b) || (a[0] < b[0] ? -1 : 1));
  return found.map(([reason, n]) => words[reason]?.(n) ?? `${n} ${reason}`).join(', ');
}

/** Annotations that cannot be pasted. @param crowds set if crowds of run lengths are objects. */
export function unpastedWith(unpasted: Unpasted, crowds: 'objects' | undefined): Unpasted {
  if (!crowds) return unpasted;
  const { 'crowd of run lengths': _, ...rest } = unpasted;
  return rest;
}

/** Number of annotations that cannot be pasted. */
export function total(unpasted: Unpasted): number {
  return Object.values(unpasted).reduce<number>((sum, n = 0) => sum + n, 0);
}
