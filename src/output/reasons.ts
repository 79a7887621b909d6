/** The reasons of the manifest in words; the page of a report has them too. */

import type { Dropped, DropReason, PassReason } from '../types.ts';

/** A reason in words that follow a number or a name, and the options that it depends on. */
interface Wording {
  readonly words: string;
  readonly options: readonly string[];
}

/** Reasons why a drawn instance was not pasted. */
export const dropWords: Readonly<Record<DropReason, Wording>> = {
  'below min-area': { words: 'too small after scaling or cropping', options: ['--min-area'] },
  'above max-area': { words: 'too large after scaling', options: ['--max-area'] },
  'not on --paste-on': { words: 'found no class to stand on', options: ['--paste-on'] },
  'on --avoid': { words: 'would cover a class to avoid', options: ['--avoid'] },
  'above max-cover': { words: 'would cover too much of an existing instance', options: ['--max-cover'] },
  'no place in prior': { words: 'no place fits the class and size', options: ['--place', '--place-band', '--scale'] },
};

/** Reasons why a sample was written unchanged. */
export const passWords: Readonly<Record<PassReason, Wording>> = {
  'not drawn': { words: 'left out by chance', options: ['-p'] },
  'not a target': { words: 'not to be pasted into', options: ['--targets'] },
  'no source': { words: 'no source to paste from', options: [] },
  'nothing fits': { words: 'no drawn instance fits', options: [] },
  'other split': { words: 'of another split', options: [] },
  original: { words: 'original', options: ['--include-originals'] },
};

/** Reasons with their numbers, the most frequent first. */
export function byNumber<T extends string>(counts: Readonly<Partial<Record<T, number>>>): [reason: T, n: number][] {
  return (Object.entries(counts) as [T, number][]).sort(([, a], [, b]) => b - a);
}

/** A reason in words, with its options in parentheses. */
function reasonInWords({ words, options }: Wording): string {
  return options.length > 0 ? `${words} (${options.join(', ')})` : words;
}

/** Reasons in words, the most frequent first; a single one without its number, which stands before it. */
export function reasonsInWords<T extends string>(
  counts: Readonly<Partial<Record<T, number>>>,
  wording: Readonly<Record<T, Wording>>,
): string {
  const found = byNumber(counts);
  return found.map(([reason, n]) => `${found.length > 1 ? `${n} ` : ''}${reasonInWords(wording[reason])}`).join(', ');
}

/** Reason why nothing was pasted into a sample, in words, with the reasons of its instances. */
export function passInWords({
  reason,
  dropped = [],
}: {
  readonly reason: PassReason;
  readonly dropped?: readonly Pick<Dropped, 'reason'>[] | undefined;
}): string {
  const why = [...new Set(dropped.map((one) => reasonInWords(dropWords[one.reason])))];
  return `${reasonInWords(passWords[reason])}${why.length > 0 ? `: ${why.join(', ')}` : ''}`;
}
