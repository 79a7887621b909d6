import { Command, CommanderError } from 'commander';
import type { Programs } from '../engine/programs.ts';
import { CopyPasteError, exitCodes, messageOf } from '../errors.ts';
import {
  augmentOptions,
  checkOptions,
  doctorOptions,
  inspectOptions,
  type Option,
  previewOptions,
  replayOptions,
  verifyOptions,
} from '../options.ts';
import { version } from '../version.ts';
import { addFlags, givenOf } from './flags.ts';
import type { Streams } from './streams.ts';

interface CommandRow {
  readonly name: string;
  readonly description: string;
  readonly options: Readonly<Record<string, Option>>;
  /** Its code, which runs it and gives the exit code; what it is given is checked there. */
  load(): Promise<{ run: (given: never, streams: Streams, programs?: Programs) => Promise<number> }>;
}

const commands: readonly CommandRow[] = [
  {
    name: 'augment',
    description: 'write an augmented data set of the same layout, with manifest.json',
    options: augmentOptions,
    load: () => import('./augment.ts'),
  },
  {
    name: 'preview',
    description: 'draw a contact sheet: original, augmented, mask with pasted outlines',
    options: previewOptions,
    load: () => import('./preview.ts'),
  },
  {
    name: 'inspect',
    description: 'say what a data set is: layout, splits, sizes, a table of its classes, and what is odd',
    options: inspectOptions,
    load: () => import('./inspect.ts'),
  },
  {
    name: 'verify',
    description: 'compare an output with its manifest, and with --deep with what its input gives',
    options: verifyOptions,
    load: () => import('./verify.ts'),
  },
  {
    name: 'replay',
    description: 'build an output anew from its manifest and its input, to the last byte',
    options: replayOptions,
    load: () => import('./replay.ts'),
  },
  {
    name: 'check',
    description: "say where a data set's annotations contradict themselves, whoever made it",
    options: checkOptions,
    load: () => import('./check.ts'),
  },
  {
    name: 'doctor',
    description: 'say what can render on this machine, test it, and say what to install for the rest',
    options: doctorOptions,
    load: () => import('./doctor.ts'),
  },
];

/**
 * Runs a command line.
 *
 * @param argv arguments after the program's name.
 * @param programs of the built tool, where it is built.
 * @returns the exit code; never throws.
 */
export async function main(argv: readonly string[], streams: Streams, programs?: Programs): Promise<number> {
  let code = 0;
  const program = new Command('copypaste')
    .description('Copy-Paste augmentation of segmentation data sets, offline.')
    .version(version)
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ writeOut: (text) => streams.stdout.write(text), writeErr: (text) => streams.stderr.write(text) });
  for (const { name, description, options, load } of commands) {
    const command = addFlags(program.command(name).description(description), options);
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
    return explain(error, streams);
  }
}

/** Says on standard error what went wrong, and finds its exit code. */
function explain(error: unknown, { stderr }: Streams): number {
  // commander has said what it has to say.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  if (error instanceof CopyPasteError) {
    for (const offender of error.offenders) stderr.write(`  ${offender}\n`);
    stderr.write(`copypaste: ${error.message}\n`);
    return exitCodes[error.code];
  }
  // Too few file descriptors, for one, appear while a part of the program is loaded.
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall !== undefined || code === 'ERR_MODULE_NOT_FOUND') {
    stderr.write(`copypaste: the program cannot be loaded or a file cannot be read: ${messageOf(error)}\n`);
    return exitCodes.io;
  }
  stderr.write(`copypaste: this is a bug: ${messageOf(error)}\n${error instanceof Error ? `${error.stack}\n` : ''}`);
  return exitCodes.bug;
}
