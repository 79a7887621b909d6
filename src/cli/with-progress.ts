import { plural } from '../base/plural.ts';
import type { Hooks } from '../engine/hooks.ts';
import { printable } from '../errors.ts';
import { createProgress } from './progress.ts';
import { watched } from './signals.ts';
import type { Streams } from './streams.ts';

/** Writes a line to standard error, unless the command is quiet. */
export type Say = (line: string) => void;

/** A command that runs a verb and reports its result. */
interface Work<T> {
  readonly given: { readonly quiet?: unknown; readonly backend?: unknown; readonly dryRun?: unknown };
  readonly streams: Streams;
  /** Folder that the verb writes. */
  readonly out?: string;
  run(hooks: Hooks, say: Say): Promise<T>;
  /** @returns the exit code. */
  tell(result: T, say: Say): number | Promise<number>;
}

/** Runs a verb with a progress bar, the backend's line and an orderly end on signals, then reports its result. */
export async function withProgress<T>({ given, streams: { stderr }, out, run, tell }: Work<T>): Promise<number> {
  const quiet = given.quiet === true;
  const say: Say = (line) => {
    if (!quiet) stderr.write(`${printable(line)}\n`);
  };
  const progress = await createProgress(stderr, quiet || given.dryRun === true);
  return watched(stderr, progress, out, async (stop) => {
    const hooks: Hooks = {
      stop,
      measuring: (total) => say(`reading the annotations of ${plural(total, 'sample')} before the plans are made`),
      started: (total) => progress.start(total),
      chosen: ({ name, device, version }) => {
        if (given.backend !== undefined) say(`backend ${name}: ${device}, ${version}`);
      },
      done: () => progress.tick(),
    };
    const result = await run(hooks, say);
    progress.stop();
    return tell(result, say);
  });
}
