/** Options of a command line and its configuration together. */

import { yamlLine } from '../base/yaml.ts';
import { type Configuration, findConfiguration, readConfiguration } from '../engine/configuration.ts';
import { withFiles } from '../engine/option-files.ts';
import { sweepsOf } from '../engine/sweep.ts';
import { CopyPasteError, printable } from '../errors.ts';
import { configFlags, configured, keyOf, type Option, presets, shardOptions } from '../options.ts';
import { areEqual, flagOf, resolveOptions, usualValue } from '../schema.ts';
import type { CommandRow } from './commands.ts';
import { commentLines } from './comment.ts';
import type { Streams } from './streams.ts';

type Table = Readonly<Record<string, Option>>;
type Values = Readonly<Record<string, unknown>>;

/** A command that reads a configuration. */
interface Call {
  readonly row: CommandRow;
  /** Values of the command line. */
  readonly given: Values;
  readonly streams: Streams;
}

/**
 * Runs a command with the options of its command line and of its configuration; the former override the latter, which override the preset.
 * With `--print-config`, prints them instead.
 *
 * @param run runs the command with its options; `ofFile` names those that the configuration sets.
 * @returns the exit code.
 * @throws {CopyPasteError} of the configuration; those of the command name the line that set the option they are about.
 */
export async function runConfigured(
  { row: { name, options }, given, streams }: Call,
  run: (given: Values, ofFile: ReadonlySet<string>) => Promise<number>,
): Promise<number> {
  const table: Table = Object.fromEntries(Object.entries(options).filter(([key]) => !Object.hasOwn(configFlags, key)));
  const flags = Object.fromEntries(Object.entries(given).filter(([key, value]) => Object.hasOwn(table, key) && value !== undefined));
  const configuration = await configurationOf(given, flags, table, streams);
  const swept = Array.isArray(flags.sweep) ? sweepsOf(flags.sweep, {}).map(({ option }) => option) : [];
  const isTaken = (key: string): boolean =>
    Object.hasOwn(table, key) && table[key]?.config !== false && flags[key] === undefined && !swept.includes(key);
  const set = [...(configuration?.settings ?? [])].filter(([key]) => isTaken(key));
  const all: Values = { ...Object.fromEntries(set.map(([key, { value }]) => [key, value])), ...flags };
  // What is the default or the preset's anyway is as if it were not given.
  const isUsual = ([key, { value }]: (typeof set)[number]): boolean => areEqual(value, usualValue(table, key, all.preset));
  const usual = swept.includes('preset') ? [] : set.filter(isUsual).map(([key]) => key);
  if (name === 'plan' && configuration && given.quiet !== true) noteUnplanned(configuration, streams);
  try {
    if (given.printConfig !== true) {
      const taken = Object.entries(all).filter(([key]) => !usual.includes(key));
      return await run(Object.fromEntries(taken), new Set(set.map(([key]) => key)));
    }
    streams.stdout.write(
      await describeOptions(name, table, all, (key) => (Object.hasOwn(flags, key) ? 'flag' : placeOf(configuration, key))),
    );
    return 0;
  } catch (error) {
    throw locate(error, table, configuration, new Map(set));
  }
}

/** Reads the configuration that the command line names, or finds one, and names that one on standard error. */
async function configurationOf(given: Values, flags: Values, options: Table, { stderr }: Streams): Promise<Configuration | undefined> {
  if (given.run !== undefined) {
    const idle = typeof given.config === 'string' ? '--config' : given.printConfig === true ? '--print-config' : undefined;
    if (idle !== undefined)
      throw new CopyPasteError('usage', `${idle}: has no effect with --run, whose file has the options of the run; leave it out`);
  }
  if (given.config === false || given.run !== undefined || given.shard !== undefined) return undefined;
  if (typeof given.config === 'string') return readConfiguration(given.config);
  const found = await findConfiguration(typeof flags.in === 'string' ? flags.in : undefined);
  const input = flags.in === undefined && Object.hasOwn(options, 'in') ? found?.configuration.settings.get('in') : undefined;
  const data = input ? ` (in: ${input.value})` : '';
  const unread = found?.unread === undefined ? '' : `; ${found.unread} is not read`;
  if (found && given.quiet !== true) stderr.write(`${printable(`configuration: ${found.configuration.path}${data}${unread}`)}\n`);
  return found?.configuration;
}

/** Names the options of a configuration that only the shards of a run have, on standard error. */
function noteUnplanned({ path, settings }: Configuration, { stderr }: Streams): void {
  const names = [...settings.keys()].filter((name) => Object.hasOwn(shardOptions, name) && configured[name]?.kind !== 'path');
  if (names.length === 0) return;
  stderr.write(`${printable(`${path}: not part of the run file: ${names.map(keyOf).join(', ')}; pass them to augment --run`)}\n`);
}

/** File and line that set an option. */
function placeOf(configuration: Configuration | undefined, key: string): string | undefined {
  const line = configuration?.settings.get(key);
  return line && `${configuration?.path}${line.line === undefined ? '' : `:${line.line}`}`;
}

/** All options of a command as a configuration, with the origin of each value. */
async function describeOptions(name: string, table: Table, all: Values, originOf: (key: string) => string | undefined): Promise<string> {
  const optional: Table = Object.fromEntries(Object.entries(table).map(([key, { required: _, ...option }]) => [key, option]));
  const values: Values = resolveOptions(optional, await withFiles(table, all));
  const ofPreset: Values = presets[values.preset as keyof typeof presets]?.values ?? {};
  const keys = Object.keys(table).filter((key) => table[key]?.config !== false);
  const set = keys.filter((key) => values[key] !== undefined);
  const lines = await Promise.all(set.map(async (key) => `${keyOf(key)}: ${await yamlLine(values[key])}`));
  const origins = set.map((key) => originOf(key) ?? (Object.hasOwn(ofPreset, key) ? `preset ${values.preset}` : 'default'));
  const width = Math.min(longest, Math.max(...lines.map((line) => line.length)));
  const unset = keys.filter((key) => values[key] === undefined).map(keyOf);
  return [
    `# Options of copypaste ${name}, with their origins.`,
    ...lines.map((line, i) => printable(`${line.padEnd(width)} # ${origins[i]}`)),
    ...commentLines(`Not set: ${unset.join(', ')}.`),
    '',
  ].join('\n');
}

/** Longest line that the column of origins makes room for. */
const longest = 32;

/** An error of a command with the place in the configuration of the option that it is about, if that is there. */
function locate(
  error: unknown,
  table: Table,
  configuration: Configuration | undefined,
  set: ReadonlyMap<string, { readonly line?: number }>,
): unknown {
  if (!(error instanceof CopyPasteError) || !configuration || error.path !== undefined) return error;
  // Behind the semicolon, messages advise other options.
  const flags = error.what.split(';')[0]?.match(/(?<![\w-])--?[a-z][\w-]*/g) ?? [];
  const names = flags.flatMap((flag) => Object.keys(table).find((name) => flagOf(table[name] as Option) === flag) ?? []);
  const name = names.find((one) => set.has(one));
  if (name === undefined) return error;
  const { code, what, offenders } = error;
  if (name !== names[0]) {
    const place = `${flagOf(table[name] as Option)} is set in ${placeOf(configuration, name)}`;
    return new CopyPasteError(code, `${what} (${place})`, { offenders, cause: error });
  }
  return new CopyPasteError(code, what, { path: configuration.path, line: set.get(name)?.line, offenders, cause: error });
}
