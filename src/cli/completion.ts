import { completionOptions, type Given, type Option } from '../options.ts';
import { resolveOptions } from '../schema.ts';
import { type CommandRow, commands } from './commands.ts';
import { argumentOf, isFlag } from './flags.ts';
import type { Streams } from './streams.ts';

/** Prints the completion script of a shell. */
export async function run(given: Given<typeof completionOptions>, { stdout }: Streams): Promise<number> {
  const { shell } = resolveOptions(completionOptions, given);
  stdout.write(scripts[shell]());
  return 0;
}

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** Values that a shell offers: folders, files, choices, or none that it knows. */
type Values = 'folders' | 'files' | 'text' | readonly string[];

/** A flag or an argument of a command. */
interface Word {
  /** Forms of a flag, such as `-j` and `--jobs`; empty for an argument. */
  readonly flags: readonly string[];
  readonly description: string;
  /** Absent for a flag without a value. */
  readonly values?: Values;
}

const help: Word = { flags: ['-h', '--help'], description: 'print help' };

function wordsOf({ options }: CommandRow): Word[] {
  const rows = Object.values(options);
  const flags = rows.filter(isFlag).map((option) => ({
    flags: option.flag.replace(/ <.*/, '').split(', '),
    description: summaryOf(option.description),
    ...(option.kind !== 'switch' && { values: valuesOf(option) }),
  }));
  const positional = rows
    .filter((option) => argumentOf(option) !== undefined)
    .map((option) => ({ flags: [], description: argumentOf(option) as string, values: valuesOf(option) }));
  return [...positional, ...flags, help];
}

function valuesOf({ kind, flag, choices }: Option): Values {
  if (choices) return choices;
  const isFile = /<(file|manifest)>$/.test(flag);
  if (kind === 'path') return isFile ? 'files' : 'folders';
  // A path inside the data set does not begin in the working folder.
  return isFile && kind !== 'path inside' ? 'files' : 'text';
}

/** The first part of a description, since a shell has one line for it. */
function summaryOf(description: string): string {
  return description.split(/[;:(]/)[0]?.trim() as string;
}

/** Commands without options, which are not in the table. */
const helpers = { help: 'describe a command and all its options', version: 'print the version' };

const names = [...commands.map(({ name }) => name), ...Object.keys(helpers)];

function bashScript(): string {
  const offer = (values: Values): string =>
    values === 'text'
      ? ':'
      : values === 'folders' || values === 'files'
        ? `_copypaste_${values}`
        : `_copypaste_words '${values.join(' ')}'`;
  const commandCase = (row: CommandRow): string => {
    const words = wordsOf(row);
    const all = words.flatMap(({ flags }) => flags);
    const cases = new Map<string, string[]>();
    for (const { flags, values } of words) {
      if (flags.length > 0 && values) cases.set(offer(values), [...(cases.get(offer(values)) ?? []), ...flags]);
    }
    const positional = words.find(({ flags }) => flags.length === 0)?.values ?? 'text';
    return `    ${row.name})
      case $previous in
${[...cases].map(([action, flags]) => `        ${flags.join('|')}) ${action}; return ;;`).join('\n')}
      esac
      case $current in
        -*) _copypaste_words '${all.join(' ')}' ;;
        *) ${offer(positional)} ;;
      esac ;;`;
  };
  return `# Completion of copypaste for bash: source <(copypaste completion bash)
_copypaste_words() { COMPREPLY=($(compgen -W "$1" -- "$current")); }
_copypaste_folders() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -d -- "$current"))
  compopt -o filenames 2> /dev/null
}
_copypaste_files() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -f -- "$current"))
  compopt -o filenames 2> /dev/null
}
_copypaste() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  # bash splits words at =, as in --preset=paper.
  if [[ $current == = ]]; then
    current=
  elif [[ $previous == = ]]; then
    previous=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  if ((COMP_CWORD == 1)); then
    _copypaste_words '${[...names, ...help.flags, '-v', '--version'].join(' ')}'
    return
  fi
  case \${COMP_WORDS[1]} in
${commands.map(commandCase).join('\n')}
    help) _copypaste_words '${names.join(' ')}' ;;
  esac
}
complete -F _copypaste copypaste
`;
}

function zshScript(): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  const escaped = (text: string): string => text.replaceAll(/[\\[\]:]/g, '\\$&');
  const offer = (values: Values): string =>
    values === 'text' ? ' ' : values === 'folders' ? '_files -/' : values === 'files' ? '_files' : `(${values.join(' ')})`;
  const spec = ({ flags, description, values }: Word): string => {
    const value = values === undefined ? '' : `:${flags.length === 0 ? escaped(description) : 'value'}:${offer(values)}`;
    const [first, ...others] = flags;
    // With two colons, zsh would offer the values of the next argument too.
    if (first === undefined) return quoted(value);
    const excluded = others.length > 0 ? `(${flags.join(' ')})` : '';
    return flags.map((flag) => quoted(`${excluded}${flag}[${escaped(description)}]${value}`)).join(' ');
  };
  const commandCase = (row: CommandRow): string =>
    `    ${row.name})\n      _arguments \\\n${wordsOf(row)
      .map((word) => `        ${spec(word)}`)
      .join(' \\\n')} ;;`;
  const described = [...commands.map(({ name, description }) => [name, summaryOf(description)]), ...Object.entries(helpers)];
  return `#compdef copypaste
# Completion of copypaste for zsh: source <(copypaste completion zsh), after compinit
_copypaste() {
  local -a commands=(
${described.map(([name, text]) => `    ${quoted(`${name}:${text}`)}`).join('\n')}
  )
  if ((CURRENT == 2)); then
    _describe -t commands command commands
    return
  fi
  shift words
  ((CURRENT--))
  case $words[1] in
${commands.map(commandCase).join('\n')}
    help) _describe -t commands command commands ;;
  esac
}
# zsh runs this file as the function if it lies in fpath.
if [[ $funcstack[1] == _copypaste ]]; then _copypaste "$@"; else compdef _copypaste copypaste; fi
`;
}

function fishScript(): string {
  const quoted = (text: string): string => `'${text.replaceAll(/[\\']/g, '\\$&')}'`;
  const offer = (values: Values | undefined): string => {
    if (values === undefined) return '';
    if (values === 'files') return ' -r -F';
    if (values === 'text') return ' -x';
    return ` -x -a ${quoted(values === 'folders' ? '(__fish_complete_directories (commandline -ct))' : values.join(' '))}`;
  };
  const lineOf = (name: string, { flags, description, values }: Word): string => {
    const begin = `complete -c copypaste -n '__copypaste_is ${name}'`;
    if (flags.length === 0) return values === 'files' ? `${begin} -F` : `${begin}${offer(values).replace(' -x', '')}`;
    const forms = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
    return `${begin} ${forms.join(' ')}${offer(values)} -d ${quoted(description)}`;
  };
  const commandLine = ([name, description]: readonly [string, string]): string =>
    `complete -c copypaste -n __copypaste_is_new -a ${name} -d ${quoted(description)}`;
  return `# Completion of copypaste for fish: copypaste completion fish | source
function __copypaste_is_new
    test (count (commandline -opc)) -eq 1
end
function __copypaste_is
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test $words[2] = $argv[1]
end
complete -c copypaste -e
complete -c copypaste -f
${[...commands.map(({ name, description }) => [name, summaryOf(description)] as const), ...Object.entries(helpers)].map(commandLine).join('\n')}
complete -c copypaste -n __copypaste_is_new -s h -l help -d 'print help'
complete -c copypaste -n __copypaste_is_new -s v -l version -d 'print the version'
complete -c copypaste -n '__copypaste_is help' -a ${quoted(names.join(' '))}
${commands.flatMap((row) => wordsOf(row).map((word) => lineOf(row.name, word))).join('\n')}
`;
}
