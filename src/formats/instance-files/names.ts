/** Names of mask files of one shape: `<class>_<number>`, a number, a class, or anything else. */
import { withoutExtension } from '../../base/paths.ts';
import { unnamedClass } from '../format.ts';

/** What the name of a mask file says about its shape. */
interface NamedShape {
  readonly className: string;
  /** True if the name contains the word `crowd`, which marks a crowd of objects in pycococreator. */
  readonly crowd: boolean;
  /** Form of the name; `other` names, such as digests, say nothing. */
  readonly form: 'numbered' | 'bare' | 'other';
  /** Number at its end. */
  readonly number?: number;
}

const numbered = /^(?:(?![0-9a-f]{16})(\p{L}.{0,31}?)_)?(\d+)$/u;
const bare = /^\p{L}[\p{L} _-]{0,31}$/u;
const pasted = /^copypaste(\d+)$/;

/** Reads the name of a mask file, without what it shares with its image. */
export function readName(name: string): NamedShape {
  const stem = withoutExtension(name);
  const [, ours] = pasted.exec(stem) ?? [];
  if (ours !== undefined) return { className: unnamedClass, crowd: false, form: 'other', number: Number(ours) };
  const [, word, number] = numbered.exec(stem) ?? [];
  if (number !== undefined) return { ...classOf(word), form: 'numbered', number: Number(number) };
  return bare.test(stem) ? { ...classOf(stem), form: 'bare' } : { className: unnamedClass, crowd: false, form: 'other' };
}

function classOf(word = ''): Pick<NamedShape, 'className' | 'crowd'> {
  const parts = word.split('_');
  const rest = parts.filter((part) => part.toLowerCase() !== 'crowd');
  return { className: rest.join('_') || unnamedClass, crowd: rest.length < parts.length };
}

/**
 * Creates a function that names new mask files of an image, with the next free number.
 *
 * @param names of the image's own files.
 * @param infix text before the names; after `_`, a number alone is a name.
 */
export function newNames(names: readonly string[], infix: string): (className: string) => string {
  let next = names.reduce((most, name) => Math.max(most, readName(name).number ?? 0), 0) + 1;
  return (className) => {
    const word = className === unnamedClass ? (infix === '_' ? '' : 'copypaste') : `${className}_`;
    return `${word}${next++}.png`;
  };
}
