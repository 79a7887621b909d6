import { createMeter } from '../base/meter.ts';
import type { Hooks } from '../engine/hooks.ts';
import { printable } from '../errors.ts';
import { createProgress, type ProgressKind } from './progress.ts';
import { watched } from './signals.ts';
import type { Streams } from './streams.ts';

/** Writes a line to standard error, unless the command is quiet. */
export type Say = (line: string) => void;

/** A command that runs a verb and reports its result. */
interface Work<T> {
  readonly given: Readonly<Partial<Record<'quiet' | 'backend' | 'progress' | 'dryRun' | 'json' | 'jsonLines', unknown>>>;
  readonly streams: Streams;
  /** Folder that the verb writes. */
  readonly out?: string | undefined;
  run(hooks: Hooks, say: Say): Promise<T>;
  /** @returns the exit code. */
  tell(result: T, say: Say): number | Promise<number>;
}

/** Runs a verb with progress, the backend's line and an orderly end on signals, then reports its result. */
export async function withProgress<T>({ given, streams: { stdout, stderr }, out, run, tell }: Work<T>): Promise<number> {
  const quiet = given.quiet === true;
  const meter = createMeter();
  const kind = (given.progress ?? (quiet ? 'none' : 'auto')) as ProgressKind;
  const prints = given.jsonLines === true || (given.dryRun === true && given.json !== true);
  const progress = createProgress(stderr, kind, meter, stdout.isTTY === true && prints);
  const say: Say = (line) => {
    if (!quiet) progress.say(printable(line));
  };
  return watched(stderr, progress, out, async (stop) => {
    const hooks: Hooks = {
      stop,
      meter,
      chosen: ({ name, device, version }) => {
        if (given.backend !== undefined) say(`backend ${name}: ${device}, ${version}`);
      },
    };
    const result = await run(hooks, say);
    progress.stop('done');
    return tell(result, say);
  });
}
