/** Command lines that make an output again, from its manifest. */
import { quoted } from '../base/shell.ts';
import { augmentOptions, type Option } from '../options.ts';
import type { ManifestFrame } from '../output/manifest-file.ts';
import type { PageOption } from '../output/page-data.ts';
import { areEqual, flagOf, usualValue } from '../schema.ts';

type Given = Pick<ManifestFrame, 'options' | 'seed' | 'sources' | 'list'>;

/** Options of a run that its output depends on. */
export function optionsOf({ options, seed }: Given): PageOption[] {
  return rowsOf({ ...options, seed }).map(([option, value, chosen]) => ({
    flag: flagOf(option),
    value: typeof value === 'object' && !Array.isArray(value) ? JSON.stringify(value) : textOf(value),
    meaning: option.description,
    chosen,
  }));
}

/** A file that a command reads. */
interface CommandFile {
  readonly name: string;
  readonly text: string;
}

/** The command of a run with the options that differ from the defaults, and the files that it reads. Folders have names in capitals. */
export function augmentCommand({ options, seed, sources, list }: Given): { command: string; files: CommandFile[] } {
  const files: CommandFile[] = [];
  const words = chosenFlags({ ...options, seed }, (name, value) => {
    files.push({ name, text: JSON.stringify(value, undefined, 2) });
    return name;
  });
  const from = [...(sources ? ['--sources', 'SOURCES'] : []), ...(list ? ['--list', 'LIST'] : [])];
  return { command: ['copypaste', 'augment', '--in', 'DATA', ...from, '--out', 'AGAIN', ...words].join(' '), files };
}

/** Options that differ from the defaults, each as it stands in a command. @param inFile returns the name of a file with a value. */
export function chosenFlags(options: Readonly<Record<string, unknown>>, inFile: (name: string, value: unknown) => string): string[] {
  return rowsOf(options)
    .filter(([, , chosen]) => chosen)
    .map(([option, value]) => {
      const flag = flagOf(option);
      if (option.kind === 'switch') return flag;
      if (option.kind === 'file of ranges') return `${flag} ${inFile('scales.json', value)}`;
      if (option.kind === 'balance' && typeof value === 'object' && value !== null)
        return `${flag} ${'rfs' in value ? `rfs:${value.rfs}` : `target:${inFile('shares.json', value)}`}`;
      const text = option.kind === 'weights' ? Object.entries(value as object).map((pair) => pair.join('=')) : value;
      return `${flag} ${quoted(textOf(text))}`;
    });
}

/** The command that makes an output again from its manifest, byte for byte. */
export function replayCommand(manifest: string, { sources }: Given): string {
  const from = sources ? ['--sources', 'SOURCES'] : [];
  return ['copypaste', 'replay', quoted(manifest), '--in', 'DATA', ...from, '--out', 'AGAIN'].join(' ');
}

/** Known options with their values, and whether these differ from the defaults. */
function rowsOf(options: Readonly<Record<string, unknown>>): [Option, unknown, chosen: boolean][] {
  return Object.entries(augmentOptions as Readonly<Record<string, Option>>).flatMap(([name, option]): [Option, unknown, boolean][] => {
    const value = options[name];
    if (value === undefined) return [];
    return [[option, value, !areEqual(value, usualValue(augmentOptions, name, options.preset))]];
  });
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join(',');
  return value === true ? 'yes' : value === false ? 'no' : String(value);
}
