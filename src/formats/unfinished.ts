/** Outputs of runs that are not complete, which are no data sets yet. */
import { joinPath } from '../base/paths.ts';
import { readStart, type Tree } from '../base/tree.ts';
import { CopyPasteError } from '../errors.ts';
import { bankFile } from './bank.ts';

/** Name of the journal of a run, in its output folder. */
export const journalName = 'run.jsonl';

/** Tests if a name is that of a journal or a record file of a shard. */
export function isShardName(name: string): boolean {
  return /^shard-\d+-of-\d+(\.open)?\.jsonl$/i.test(name);
}

/** How the first line of a journal begins. */
const begun = '{"head":';

/** Refuses the output of a run that is not complete. @param given its path in messages. @throws {CopyPasteError} `usage` if it is one. */
export async function refuseUnfinished(tree: Tree, given: string): Promise<void> {
  if (tree.has(bankFile)) return;
  const names = tree.files.filter((file) => file === journalName || isShardName(file));
  for (const name of names) {
    const start = await readStart(joinPath(tree.root, name), name, begun.length);
    if (Buffer.from(start).toString('latin1') !== begun) continue;
    const rest = name === journalName ? 'run its command again' : 'do the rest of its shards and merge them';
    throw new CopyPasteError('usage', `${given}: is the output of a run that is not complete, as its file ${name} shows; ${rest} first`);
  }
}
