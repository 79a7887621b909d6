import type { PagePaste } from '../src/output/page-data.ts';

const prefix = 'sources:';

/** Name of a source sample. */
export function describeSource(source: string): string {
  return source.startsWith(prefix) ? `${source.slice(prefix.length)} of the other data set` : source;
}

/** Orientation and colours of a paste, as the end of a sentence; empty if they are those of its source. */
export function lookOf({ transpose, flip, flipY, tone }: PagePaste): string {
  return [
    transpose ? ', transposed' : '',
    flip ? ', flipped' : '',
    flipY ? ', flipped upside down' : '',
    tone
      ? `, colours times ${tone.gain.map((gain) => (gain / 256).toFixed(2)).join('/')} plus ${tone.offset.map((offset) => Math.round(offset / 256)).join('/')}`
      : '',
  ].join('');
}

/** Why an instance that was drawn was not pasted, and the option to change. */
export const dropMeanings: Readonly<Record<string, string>> = {
  'below min-area': 'It would have been smaller than --min-area allows.',
  'above max-area': 'It would have been larger than --max-area allows.',
  'not on --paste-on': 'It found no place on a class of --paste-on.',
  'on --avoid': 'Every place would have covered a class of --avoid.',
  'above max-cover': 'Every place would have covered more of an existing instance than --max-cover allows.',
  'no place in prior': 'No place suits its class and size; --place-band and --scale loosen that.',
};

/** Why a sample was written unchanged. */
export const passMeanings: Readonly<Record<string, string>> = {
  'not drawn': 'Chance left it out; -p is the probability of pasting into a sample.',
  'not a target': 'Options --targets or --background-ratio leave it out.',
  'no source': 'No other sample of its batch had an instance to paste.',
  'nothing fits': 'No instance that was drawn fitted.',
};
