import { groups, type Option, presets } from '../options.ts';
import { homepage } from '../version.ts';
import { type CommandRow, commands, type Example, examples } from './commands.ts';
import { argumentOf, describeOption, isFlag, termOf } from './flags.ts';

/** A part of help: a heading and its entries. */
export interface Section {
  readonly title: string;
  readonly entries: readonly Entry[];
}

export interface Entry {
  readonly term: string;
  readonly text: string;
}

/** Widths of the terms from which descriptions begin on a new line, and of terminals in which they always do. */
const widestTerm = 28;
const narrow = 60;

/** Help of the program. @param width in columns. */
export function programHelp(width: number): string {
  return textOf(
    [
      wrapped('Copy-Paste augmentation of segmentation data sets, offline.', width),
      wrapped('Usage: copypaste COMMAND [options]', width),
      sectionText({ title: 'Commands', entries: commands.map(({ name, description }) => ({ term: name, text: description })) }, width),
      sectionText({ title: 'Options', entries: programOptions }, width),
      examplesText(examples, width),
    ],
    ['copypaste help COMMAND describes a command.', `Documentation: ${homepage}`],
    width,
  );
}

/** Options that the program has besides its commands. */
export const programOptions: readonly Entry[] = [
  { term: '-h, --help', text: 'print help; after a command, -h prints its most used options and --help all of them' },
  { term: '-v, --version', text: 'print the version' },
];

/** Help of a command. @param long false for its most used options alone. @param width in columns. */
export function commandHelp(command: CommandRow, long: boolean, width: number): string {
  const [first, ...rest] = sectionsOf(command);
  const hidden = rest.flatMap(({ entries }) => entries).length;
  const shown = long ? rest : [];
  const presets = long && Object.hasOwn(command.options, 'preset') ? [sectionText(presetSection(), width)] : [];
  return textOf(
    [
      wrapped(sentence(command.description), width),
      wrapped(`Usage: ${usageOf(command)}`, width),
      ...[...(first ? [first] : []), ...shown].map((section) => sectionText(section, width)),
      ...presets,
      examplesText(command.examples, width),
    ],
    [
      ...(!long && hidden > 0
        ? [
            `copypaste ${command.name} --help also describes ${hidden} other options: ${rest.map(({ title }) => lowerFirst(title)).join(', ')}.`,
          ]
        : []),
      `Documentation: ${homepage}`,
    ],
    width,
  );
}

/** Sections of a command's options: the most used ones, then the others by group. */
export function sectionsOf({ options, first }: CommandRow): Section[] {
  const isFirst = (name: string): boolean => first?.includes(name) ?? true;
  const entryOf = (option: Option): Entry => ({ term: termOf(option), text: describeOption(option) });
  const others = Object.entries(options).filter(([name]) => !isFirst(name));
  const used = (first ?? Object.keys(options)).map((name) => options[name] as Option);
  return [
    { title: first ? 'Most used' : 'Options', entries: used.map(entryOf) },
    ...([...groups, 'Others'] as const).flatMap((title) => {
      const entries = others.filter(([, { group = 'Others' }]) => group === title).map(([, option]) => entryOf(option));
      return entries.length > 0 ? [{ title, entries }] : [];
    }),
  ];
}

/** Section on when to use each preset. */
export function presetSection(): Section {
  return { title: 'Presets', entries: Object.entries(presets).map(([term, { when }]) => ({ term, text: when })) };
}

/** The usual form of a command line: arguments, then required options. */
export function usageOf({ name, options }: CommandRow): string {
  const rows = Object.values(options);
  const words = rows.flatMap((option) => {
    const argument = argumentOf(option);
    return argument === undefined ? [] : [option.required ? `<${argument}>` : `[${argument}]`];
  });
  const required = rows.filter((option) => option.required && argumentOf(option) === undefined).map(({ flag }) => flag);
  const more = rows.some(isFlag) ? ['[options]'] : [];
  return ['copypaste', name, ...words, ...required, ...more].join(' ');
}

function textOf(blocks: readonly string[], ending: readonly string[], width: number): string {
  return `${[...blocks, ending.map((line) => wrapped(line, width)).join('\n')].join('\n\n')}\n`;
}

function sectionText({ title, entries }: Section, width: number): string {
  const stacked = width < narrow;
  const terms = entries.map(({ term }) => term.length).filter((length) => length <= widestTerm);
  const column = stacked ? 6 : Math.max(0, ...terms) + 4;
  const lines = entries.map(({ term, text }) => {
    const body = wrapped(text, width, column);
    return stacked || term.length > column - 4 ? `  ${term}\n${body}` : `  ${term.padEnd(column - 2)}${body.trimStart()}`;
  });
  return [`${title}:`, ...lines].join('\n');
}

function examplesText(rows: readonly Example[], width: number): string {
  return ['Examples:', ...rows.flatMap(({ line, purpose }) => [wrapped(line, width, 2, ' \\', 6), wrapped(purpose, width, 6)])].join('\n');
}

/**
 * Breaks text between words.
 *
 * @param indent spaces before each line.
 * @param end text at the end of a line that is continued.
 * @param next spaces before the lines after the first.
 */
export function wrapped(text: string, width: number, indent = 0, end = '', next = indent): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const before = lines.length === 0 ? indent : next;
    if (line !== '' && before + line.length + 1 + word.length + end.length > width) {
      lines.push(' '.repeat(before) + line + end);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, ' '.repeat(lines.length === 0 ? indent : next) + line].join('\n');
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
