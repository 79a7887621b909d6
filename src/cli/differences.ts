import { plural } from '../base/plural.ts';
import { exitCodes, printable } from '../errors.ts';
import type { Difference } from '../output/compare.ts';
import type { Streams } from './streams.ts';

/** Prints differences to standard error, or as JSON to standard output. @returns the exit code. */
export function tellDifferences(
  result: { readonly differences: readonly Difference[] },
  fine: string,
  { json, quiet }: { json?: unknown; quiet?: unknown },
  { stdout, stderr }: Streams,
): number {
  const { differences } = result;
  if (json) stdout.write(`${JSON.stringify(result)}\n`);
  else for (const { path, what } of differences) stderr.write(`${printable(`${path}: ${what}`)}\n`);
  if (differences.length === 0) {
    if (!quiet) stderr.write(`${fine}\n`);
    return 0;
  }
  if (!quiet) stderr.write(`copypaste: ${plural(differences.length, 'difference')}\n`);
  return exitCodes.differs;
}
