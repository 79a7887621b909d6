import { Command, CommanderError } from 'commander';
import { nearest } from '../base/nearest.ts';
import { judgeWith } from '../codecs/judge.ts';
import type { Programs } from '../engine/programs.ts';
import { CopyPasteError, codeOf, type ErrorCode, exitCodes, messageOf, printable } from '../errors.ts';
import { version } from '../version.ts';
import { type CommandName, type CommandRow, commands } from './commands.ts';
import type { runConfigured } from './configuration.ts';
import { addFlags, givenOf } from './flags.ts';
import { commandHelp, programHelp } from './help.ts';
import { mostNamed, some } from './some.ts';
import { type Streams, usualWidth } from './streams.ts';

/** The code of a command; `run` checks the options and returns the exit code. `ofFile` names the options that a configuration sets. */
interface Loaded {
  run(given: never, streams: Streams, programs?: Programs, ofFile?: ReadonlySet<string>): Promise<number>;
}

/** Loads the code of each command. */
const loaders: Readonly<Record<CommandName, () => Promise<Loaded>>> = {
  augment: () => import('./augment.ts'),
  plan: () => import('./plan.ts'),
  jobfile: () => import('./jobfile.ts'),
  status: () => import('./status.ts'),
  merge: () => import('./merge.ts'),
  extract: () => import('./extract.ts'),
  pack: () => import('./pack.ts'),
  preview: () => import('./preview.ts'),
  init: () => import('./init.ts'),
  inspect: () => import('./inspect.ts'),
  verify: () => import('./verify.ts'),
  report: () => import('./report.ts'),
  replay: () => import('./replay.ts'),
  check: () => import('./check.ts'),
  doctor: () => import('./doctor.ts'),
  completion: () => import('./completion.ts'),
};

/**
 * Runs a command line.
 *
 * @param argv arguments after the program's name.
 * @param programs files of the built tool that threads and processes run; without them, this thread does all work.
 * @returns the exit code; never throws.
 */
export async function main(argv: readonly string[], streams: Streams, programs?: Programs): Promise<number> {
  let code = 0;
  if (programs) judgeWith(programs.judge);
  const { columns = usualWidth } = streams.stdout;
  const width = Math.min(columns, 100);
  const program = new Command('copypaste')
    .version(version, '-v, --version')
    .helpCommand(false)
    .showSuggestionAfterError(false)
    .configureHelp({ formatHelp: () => programHelp(width) })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => streams.stdout.write(text),
      writeErr: (text) => streams.stderr.write(text),
      outputError: () => {},
    });
  program.command('version').action(() => void streams.stdout.write(`${version}\n`));
  program.command('help [command]').action((name?: string) => {
    const described = name === undefined ? program : program.commands.find((one) => one.name() === name);
    if (!described) throw new CommanderError(exitCodes.usage, 'commander.unknownCommand', `unknown command '${name}'`);
    described.outputHelp();
  });
  for (const row of commands) {
    const command = addFlags(program.command(row.name), row.options);
    command.configureHelp({ formatHelp: () => commandHelp(row, !argv.includes('-h'), width) });
    command.action(async () => {
      const given = givenOf(command, row.options);
      const run = async (all: object, ofFile?: ReadonlySet<string>): Promise<number> =>
        (await loaders[row.name]()).run(all as never, streams, programs, ofFile);
      code = Object.hasOwn(row.options, 'config') ? await runWith({ row, given, streams }, run) : await run(given);
    });
  }
  try {
    if (argv.length === 0) {
      program.outputHelp({ error: true });
      return exitCodes.usage;
    }
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    const { code: exitCode, kind, message, file, offenders } = explain(error, argv, streams);
    if (exitCode !== 0 && argv.includes('--json')) {
      const described = { code: kind, message, ...(file !== undefined && { file }), ...(offenders && { offenders }) };
      streams.stdout.write(`${JSON.stringify({ error: described })}\n`);
    }
    return exitCode;
  }
}

/** Runs a command with its configuration. */
async function runWith(...call: Parameters<typeof runConfigured>): Promise<number> {
  return (await import('./configuration.ts')).runConfigured(...call);
}

/** An error as it is explained. */
interface Explained {
  /** Exit code. */
  readonly code: number;
  readonly kind: ErrorCode;
  readonly message: string;
  /** File with the problem. */
  readonly file?: string | undefined;
  /** One line for each bad sample or file, when there are several. */
  readonly offenders?: readonly string[];
}

function rowOf(argv: readonly string[]): CommandRow | undefined {
  return (commands as readonly CommandRow[]).find(({ name }) => name === argv[0]);
}

/** Tests if a command prints its errors as JSON too, with all offenders. */
function hasJson(argv: readonly string[]): boolean {
  return Object.hasOwn(rowOf(argv)?.options ?? {}, 'json');
}

/** Prints an error to standard error. */
function explain(error: unknown, argv: readonly string[], { stderr }: Streams): Explained {
  const explained = (kind: ErrorCode, message: string, rest: Partial<Explained> = {}): Explained => {
    return { code: exitCodes[kind], kind, message, ...rest };
  };
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return explained('usage', error.message, { code: 0 });
    const message = describeMistake(error, argv);
    stderr.write(`copypaste: ${printable(message)}\n`);
    return explained('usage', message);
  }
  if (error instanceof CopyPasteError) {
    const { code, message, path, offenders } = error;
    for (const line of some(offenders, mostNamed, hasJson(argv) ? '--json' : '')) stderr.write(`  ${line}\n`);
    stderr.write(`copypaste: ${message}\n`);
    return explained(code, message, { file: path, ...(offenders.length > 0 && { offenders }) });
  }
  // For example, file descriptors can run out while a module is loaded.
  const ofSystem = error instanceof Error && 'syscall' in error;
  if (ofSystem || codeOf(error) === 'ERR_MODULE_NOT_FOUND') {
    const message = `cannot load the program or read a file: ${messageOf(error)}; reinstall copypaste, or raise the limit of open files`;
    stderr.write(`copypaste: ${message}\n`);
    return explained('io', message);
  }
  if (error instanceof RangeError && /allocation failed/i.test(error.message)) {
    const message = `not enough memory: ${messageOf(error)}; raise its limit or lower --jobs, and run the same command again`;
    stderr.write(`copypaste: ${message}\n`);
    return explained('io', message);
  }
  const message = `internal error, please report it: ${messageOf(error)}`;
  stderr.write(`copypaste: ${message}\n${error instanceof Error ? `${error.stack}\n` : ''}`);
  return explained('bug', message);
}

/** Message about a command line that commander refuses, with the name that a misspelled one is likely to mean. */
function describeMistake({ code, message }: CommanderError, argv: readonly string[]): string {
  const what = message.replace(/^error: /, '').replace(/\.$/, '');
  const command = rowOf(argv);
  const [, given = ''] = /'(.*)'/.exec(what) ?? [];
  const names =
    code === 'commander.unknownCommand'
      ? [...commands.map(({ name }) => name), 'help', 'version']
      : code === 'commander.unknownOption'
        ? Object.values(command?.options ?? {}).flatMap(({ flag }) => /--[\w-]+/.exec(flag)?.[0] ?? [])
        : [];
  const meant = nearest(given.replace(/^-+/, '--').replace(/=.*/, ''), names);
  const remedy = meant === undefined ? `copypaste ${command ? `${command.name} -h` : '-h'} lists what there is` : `did you mean ${meant}?`;
  return `${what}; ${remedy}`;
}
