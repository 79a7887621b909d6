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
