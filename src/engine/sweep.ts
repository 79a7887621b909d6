/** The option `sweep`: values of options that a preview compares. */
import { nearest } from '../base/nearest.ts';
import { CopyPasteError } from '../errors.ts';
import { augmentOptions, type Option, previewOptions } from '../options.ts';

/** Largest number of options that are swept together: the first gives the rows of the grid, the last its columns. */
const mostSweeps = 2;

/** Values of one option, as on a command line. */
export interface Sweep {
  /** Name of the option in the API, and on the command line without dashes. */
  readonly option: string;
  readonly name: string;
  readonly values: readonly string[];
}

/** Options that a sweep may name, by their names on the command line: those of `augment` that change what is pasted. */
const sweepable: ReadonlyMap<string, string> = new Map(
  Object.entries(previewOptions as Readonly<Record<string, Option>>)
    .filter(([option, { bytes }]) => Object.hasOwn(augmentOptions, option) && (bytes !== false || option === 'sources'))
    .filter(([option]) => option !== 'out')
    .map(([option, { flag }]) => [nameOf(flag), option]),
);

function nameOf(flag: string): string {
  return flag
    .replace(/^-\w, /, '')
    .replace(/^-+/, '')
    .replace(/ .*/, '');
}

/**
 * Parses sweeps such as `scale=0.5,1|1,2`. The values are checked with the options of each setting.
 *
 * @param given options that are given beside the sweeps.
 * @throws {CopyPasteError} `usage` for an unknown option, one that is given twice, or more than two sweeps.
 */
export function sweepsOf(texts: readonly string[], given: Readonly<Record<string, unknown>>): Sweep[] {
  if (texts.length > mostSweeps)
    throw new CopyPasteError(
      'usage',
      `--sweep: given ${texts.length} times, but a grid has two sides; leave ${texts.length - mostSweeps} out`,
    );
  const sweeps = texts.map((text): Sweep => {
    const [, name = '', values] = /^(?:--?)?([\w-]+)=(.*)$/s.exec(text.trim()) ?? [];
    if (values === undefined)
      throw new CopyPasteError('usage', `--sweep '${text}': expected an option with its values, such as 'scale=0.5,1|1,2'`);
    const option = sweepable.get(name);
    if (option === undefined) {
      const meant = nearest(name, sweepable.keys());
      const remedy = meant === undefined ? `choose from ${[...sweepable.keys()].join(', ')}` : `did you mean ${meant}?`;
      throw new CopyPasteError('usage', `--sweep: '${name}' is no option that can be swept; ${remedy}`);
    }
    if (given[option] !== undefined)
      throw new CopyPasteError('usage', `--sweep: ${name} is also given as an option of its own; leave one of the two out`);
    return { option, name, values: values.split('|').map((value) => value.trim()) };
  });
  const [one, other] = sweeps;
  if (one && one.option === other?.option)
    throw new CopyPasteError('usage', `--sweep: ${one.name} is swept twice; give all its values at once, divided by |`);
  return sweeps;
}

/** A combination of values: what to add to the options that are given, and a name such as `scale 0.5 to 1`. */
export interface Setting {
  readonly name: string;
  readonly given: Readonly<Record<string, string>>;
}

/** A value of a sweep in words: the two ends of a range have no comma between them, which divides the options of a name. */
function shown({ option }: Sweep, value: string): string {
  const { kind } = (previewOptions as Readonly<Record<string, Option>>)[option] as Option;
  return kind === 'range' ? value.replace(/\s*,\s*/, ' to ') : value;
}

/** Combinations of the values of sweeps in rows, with the values of the last sweep side by side; one without a name if there is no sweep. */
export function settingsOf(sweeps: readonly Sweep[]): Setting[][] {
  const columns = sweeps.at(-1);
  const rows = sweeps.length > 1 ? sweeps[0] : undefined;
  const list = (sweep: Sweep | undefined): Setting[] =>
    sweep
      ? sweep.values.map((value) => ({ name: `${sweep.name} ${shown(sweep, value)}`, given: { [sweep.option]: value } }))
      : [{ name: '', given: {} }];
  return list(rows).map((row) =>
    list(columns).map((column) => ({
      name: [row.name, column.name].filter((name) => name !== '').join(', '),
      given: { ...row.given, ...column.given },
    })),
  );
}
