import { Command, CommanderError } from 'commander';
import { judgeWith } from '../codecs/judge.ts';
import type { Programs } from '../engine/programs.ts';
import { CopyPasteError, codeOf, type ErrorCode, exitCodes, messageOf } from '../errors.ts';
import {
  augmentOptions,
  checkOptions,
  doctorOptions,
  extractOptions,
  inspectOptions,
  type Option,
  presets,
  previewOptions,
  replayOptions,
  reportOptions,
  verifyOptions,
} from '../options.ts';
import { version } from '../version.ts';
import { addFlags, givenOf } from './flags.ts';
import type { Streams } from './streams.ts';

interface CommandRow {
  readonly name: string;
  readonly description: string;
  readonly options: Readonly<Record<string, Option>>;
  /** Loads the command's code; `run` checks the options and returns the exit code. */
  load(): Promise<{ run: (given: never, streams: Streams, programs?: Programs) => Promise<number> }>;
}

const commands: readonly CommandRow[] = [
  {
    name: 'augment',
    description: 'write an augmented data set in the same layout, with manifest.json',
    options: augmentOptions,
    load: () => import('./augment.ts'),
  },
  {
    name: 'extract',
    description: 'write the instances of a data set as cut-outs, a bank of objects for --sources',
    options: extractOptions,
    load: () => import('./extract.ts'),
  },
  {
    name: 'preview',
    description: 'draw a contact sheet: originals, augmented images, and masks with outlines of pastes',
    options: previewOptions,
    load: () => import('./preview.ts'),
  },
  {
    name: 'inspect',
    description: 'describe a data set: layout, splits, sizes, classes and possible problems',
    options: inspectOptions,
    load: () => import('./inspect.ts'),
  },
  {
    name: 'verify',
    description: 'compare an output with its manifest; with --deep, also render its samples again and compare them',
    options: verifyOptions,
    load: () => import('./verify.ts'),
  },
  {
    name: 'report',
    description: 'write a page that shows what augment did: samples before and after, classes, places, sizes',
    options: reportOptions,
    load: () => import('./report.ts'),
  },
  {
    name: 'replay',
    description: 'rebuild an output from its manifest and input, byte for byte',
    options: replayOptions,
    load: () => import('./replay.ts'),
  },
  {
    name: 'check',
    description: 'find contradictions in the annotations of any data set',
    options: checkOptions,
    load: () => import('./check.ts'),
  },
  {
    name: 'doctor',
    description: 'test each backend on this machine, and show what to install for those that are not available',
    options: doctorOptions,
    load: () => import('./doctor.ts'),
  },
];

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
  const program = new Command('copypaste')
    .description('Copy-Paste augmentation of segmentation data sets, offline.')
    .version(version)
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ writeOut: (text) => streams.stdout.write(text), writeErr: (text) => streams.stderr.write(text) });
  for (const { name, description, options, load } of commands) {
    const command = addFlags(program.command(name).description(description), options);
    if (Object.hasOwn(options, 'preset')) command.addHelpText('after', `\n${describePresets()}`);
    command.action(async () => {
      code = await (await load()).run(givenOf(command, options) as never, streams, programs);
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
    const { code: exitCode, kind, message, file, offenders } = explain(error, streams);
    if (exitCode !== 0 && argv.includes('--json')) {
      const described = { code: kind, message, ...(file !== undefined && { file }), ...(offenders && { offenders }) };
      streams.stdout.write(`${JSON.stringify({ error: described })}\n`);
    }
    return exitCode;
  }
}

/** Lines on when to use each preset. */
function describePresets(): string {
  return ['Presets:', ...Object.entries(presets).map(([name, { when }]) => `  ${name.padEnd(10)}${when}`)].join('\n');
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

/** Prints an error to standard error. */
function explain(error: unknown, { stderr }: Streams): Explained {
  const explained = (kind: ErrorCode, message: string, rest: Partial<Explained> = {}): Explained => {
    return { code: exitCodes[kind], kind, message, ...rest };
  };
  // commander has already printed its message.
  if (error instanceof CommanderError)
    return explained('usage', error.message.replace(/^error: /, ''), error.exitCode === 0 ? { code: 0 } : {});
  if (error instanceof CopyPasteError) {
    const { code, message, path, offenders } = error;
    for (const offender of offenders) stderr.write(`  ${offender}\n`);
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
