import { plural } from '../base/plural.ts';
import { rangesOf } from '../base/ranges.ts';
import { exitCodes, printable } from '../errors.ts';
import type { Given, statusOptions } from '../options.ts';
import { type RunStatus, status } from '../verbs/status.ts';
import type { Streams } from './streams.ts';

/** Runs `status` and prints which shards are done, or those that are missing as a scheduler takes them. */
export async function run(given: Given<typeof statusOptions>, { stdout }: Streams): Promise<number> {
  const found = await status(given);
  const lines = given.json ? [JSON.stringify(found)] : given.missing === undefined ? describe(found) : arrayLines(found, given.missing);
  for (const line of lines) stdout.write(`${printable(line)}\n`);
  return found.missing.length > 0 ? exitCodes.skipped : 0;
}

function describe({ out, shards, merged, missing, begun }: RunStatus): string[] {
  if (merged) return [`${out} is complete`];
  if (missing.length === 0) return [`${shards === 1 ? 'the only shard is' : `all ${shards} shards are`} done; run merge`];
  const done = shards - missing.length;
  return [
    `${done} of ${plural(shards, 'shard')} ${done === 1 || shards === 1 ? 'is' : 'are'} done`,
    `missing: ${rangesOf(missing)}`,
    ...(begun.length > 0 ? [`of these, in progress or interrupted: ${rangesOf(begun)}`] : []),
  ];
}

/** A line for each array: its indices, and what `--shard NAME+N` adds to them, if anything. GNU parallel takes shards line by line. */
function arrayLines({ arrays = [], shards }: RunStatus, scheduler: string): string[] {
  if (scheduler === 'parallel') return arrays.flatMap(({ indices, offset }) => indices.map((index) => `${index + offset}/${shards}`));
  return arrays.map(({ indices, offset }) => rangesOf(indices) + (offset > 0 ? ` ${offset}` : ''));
}
