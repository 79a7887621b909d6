import { type Command, Option as Flag } from 'commander';
import type { Option } from './options.ts';

/** Gives a command a flag for each option; values stay texts, which the schema parses. */
export function addFlags(command: Command, table: Readonly<Record<string, Option>>): Command {
  for (const option of Object.values(table)) {
    command.addOption(new Flag(option.flag, describe(option)).makeOptionMandatory(option.required === true));
  }
  return command;
}

/**
 * An option's description with its choices and default.
 *
 * @public README's tables are made with it.
 */
export function describe({ description, choices, default: value }: Option): string {
  const notes = [
    ...(choices ? [choices.join(', ')] : []),
    ...(value !== undefined && value !== '' ? [`default ${Array.isArray(value) ? value.join(',') : value}`] : []),
  ];
  return notes.length > 0 ? `${description} (${notes.join('; ')})` : description;
}
