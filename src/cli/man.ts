import { version } from '../version.ts';
import { commands, examples } from './commands.ts';
import { type Entry, presetSection, programOptions, sectionsOf, usageOf } from './help.ts';

/** The manual page, in the man macros of roff. */
export function manPage(): string {
  const commandPart = (row: (typeof commands)[number]): string[] => [
    `.SS ${text(row.name)}`,
    text(`Usage: ${usageOf(row)}`),
    '.PP',
    text(`${row.description.charAt(0).toUpperCase()}${row.description.slice(1)}.`),
    ...sectionsOf(row).flatMap(({ title, entries }) => ['.PP', `.I ${text(title)}`, ...entries.flatMap(entryOf)]),
    '.PP',
    '.I Examples',
    ...row.examples.flatMap(({ line, purpose }) => entryOf({ term: line, text: purpose })),
  ];
  const lines = [
    `.TH COPYPASTE 1 "" "copypaste ${version}" "User Commands"`,
    // Names of options are not hyphenated, nor lines filled with spaces.
    '.nh',
    '.ad l',
    '.SH NAME',
    'copypaste \\- Copy-Paste augmentation of segmentation data sets',
    '.SH SYNOPSIS',
    '.B copypaste',
    '.I command',
    '[options]',
    '.SH OPTIONS',
    ...programOptions.flatMap(entryOf),
    '.SH COMMANDS',
    ...commands.flatMap(commandPart),
    '.SH PRESETS',
    ...presetSection().entries.flatMap(entryOf),
    '.SH EXAMPLES',
    ...examples.flatMap(({ line, purpose }) => entryOf({ term: line, text: purpose })),
    '.SH SEE ALSO',
    text('README.md and docs/ of the package. docs/pipelines.md has the exit codes.'),
  ];
  return `${lines.join('\n')}\n`;
}

function entryOf(entry: Entry): string[] {
  return ['.TP', `.B ${text(entry.term)}`, text(entry.text)];
}

/** Text as roff reads it: hyphens and backslashes are escaped, and no line begins with a request. */
function text(plain: string): string {
  const escaped = plain
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/[^\x20-\x7e]/gu, (one) => `\\[u${one.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}]`);
  return escaped.replace(/^(?=[.'])/, '\\&');
}
