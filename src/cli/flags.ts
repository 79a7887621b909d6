import { Argument, type Command, Option as Flag } from 'commander';
import type { Option } from '../options.ts';

/** Adds a flag or an argument to a command for each option; values stay strings, which the schema parses, in a list where a flag may be repeated. */
export function addFlags(command: Command, table: Readonly<Record<string, Option>>): Command {
  for (const option of Object.values(table)) {
    if (isArgument(option)) command.addArgument(new Argument(option.flag, describeOption(option)));
    else {
      const flag = new Flag(option.flag, describeOption(option)).makeOptionMandatory(option.required === true);
      if (option.kind === 'sweeps') flag.argParser((value, before: readonly string[] = []) => [...before, value]);
      command.addOption(option.group ? flag.helpGroup(`${option.group}:`) : flag);
    }
  }
  return command;
}

/** Values of a command line, by option name. */
export function givenOf(command: Command, table: Readonly<Record<string, Option>>): Record<string, unknown> {
  const names = Object.keys(table).filter((name) => isArgument(table[name] as Option));
  return { ...command.opts(), ...Object.fromEntries(names.map((name, i) => [name, command.args[i]])) };
}

function isArgument({ flag }: Option): boolean {
  return flag.startsWith('<');
}

/**
 * An option's description with its choices and default.
 *
 * @public `scripts/docs.js` makes the tables of docs/ with it.
 */
export function describeOption({ description, choices, default: value }: Option): string {
  const notes = [
    ...(choices ? [choices.join(', ')] : []),
    ...(value !== undefined && value !== '' ? [`default ${Array.isArray(value) ? value.join(',') : value}`] : []),
  ];
  return notes.length > 0 ? `${description} (${notes.join('; ')})` : description;
}
