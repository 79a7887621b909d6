/** Outputs of runs that are not complete, which are no data sets yet. */
import { joinPath } from '../base/paths.ts';
import { readStart, type Tree } from '../base/tree.ts';
import { CopyPasteError, type ErrorCode } from '../errors.ts';
import { bankFile } from './bank.ts';

/** Name of the journal of a run, in its output folder. */
export const journalName = 'run.jsonl';

/** Tests if a name is that of a journal or a record file of a shard. */
export function isShardName(name: string): boolean {
  return /^shard-\d+-of-\d+(\.open)?\.jsonl$/i.test(name);
}

/** How the first line of a journal begins. */
const begun = '{"head":';

/**
 * The error of an output whose run is not complete; `undefined` if no name shows one.
 *
 * @param given its path in messages.
 * @param names of its files, of which the first journal or record file is named.
 */
export function unfinished(code: ErrorCode, given: string, names: readonly string[], cause?: unknown): CopyPasteError | undefined {
  const name = names.find((one) => one === journalName || isShardName(one));
  if (name === undefined) return undefined;
  const what = `${given}: is the output of a run that is not complete, as its file ${name} shows`;
  return new CopyPasteError(code, `${what}; ${name === journalName ? 'run its command again' : restOf(names)} first`, { cause });
}

/** What is left to do for the shards with these record files. */
function restOf(names: readonly string[]): string {
  const done = names.flatMap((name) => /^shard-\d+-of-(\d+)\.jsonl$/i.exec(name)?.[1] ?? []);
  return done.length > 0 && done.length === Number(done[0]) ? 'merge its shards' : 'do the rest of its shards and merge them';
}

/** Refuses the output of a run that is not complete. @param given its path in messages. @throws {CopyPasteError} `usage` if it is one. */
export async function refuseUnfinished(tree: Tree, given: string): Promise<void> {
  if (tree.has(bankFile)) return;
  const names = tree.files.filter((file) => file === journalName || isShardName(file));
  for (const [n, name] of names.entries()) {
    const start = await readStart(joinPath(tree.root, name), name, begun.length);
    if (Buffer.from(start).toString('latin1') === begun) throw unfinished('usage', given, names.slice(n));
  }
}
