import { Argument, type Command, Option as Flag } from 'commander';
import { CopyPasteError } from '../errors.ts';
import type { Option } from '../options.ts';

type Table = Readonly<Record<string, Option>>;

/** Adds the flag, the argument or both of each option to a command; values stay strings, which the schema parses, in a list where a flag may be repeated. */
export function addFlags(command: Command, table: Table): Command {
  for (const option of Object.values(table)) {
    if (isFlag(option)) {
      const flag = new Flag(option.flag);
      if (option.kind === 'sweeps') flag.argParser((value, before: readonly string[] = []) => [...before, value]);
      command.addOption(flag);
    }
    const argument = argumentOf(option);
    // A missing value is refused with the other options, since a configuration may hold it.
    if (argument !== undefined) command.addArgument(new Argument(`[${argument}]`));
  }
  return command;
}

/** Values of a command line, by option name. @throws {CopyPasteError} `usage` if a value is given as an argument and with its flag. */
export function givenOf(command: Command, table: Table): Record<string, unknown> {
  const given: Record<string, unknown> = command.opts();
  const names = Object.keys(table).filter((name) => argumentOf(table[name] as Option) !== undefined);
  for (const [i, name] of names.entries()) {
    const value = command.args[i];
    if (value === undefined) continue;
    if (given[name] !== undefined) {
      const { argument, flag } = table[name] as Option;
      throw new CopyPasteError(
        'usage',
        `${argument} is given twice: ${value} and ${flag.replace(/ <.*/, '')} ${given[name]}; leave one out`,
      );
    }
    given[name] = value;
  }
  return given;
}

/** Name of the argument that holds an option's value; `undefined` if it has only a flag. */
export function argumentOf({ flag, argument }: Option): string | undefined {
  return argument ?? (isFlag({ flag }) ? undefined : flag.slice(1, -1));
}

/** Tests if an option has a flag. */
export function isFlag({ flag }: Pick<Option, 'flag'>): boolean {
  return flag.startsWith('-');
}

/** An option's name in tables: its argument, its flag or both. */
export function termOf({ flag, argument }: Option): string {
  return argument === undefined ? flag : `<${argument}>, ${flag}`;
}

/** An option's description with its choices and default. */
export function describeOption({ description, choices, default: value }: Option): string {
  const notes = [
    ...(choices ? [choices.join(', ')] : []),
    ...(value !== undefined && value !== '' ? [`default ${Array.isArray(value) ? value.join(',') : value}`] : []),
  ];
  return notes.length > 0 ? `${description} (${notes.join('; ')})` : description;
}
