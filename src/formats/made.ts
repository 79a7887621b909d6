/** Data sets that the tool has written: outputs of `augment`, and packed data. */
import { joinPath } from '../base/paths.ts';
import { readStart, type Tree } from '../base/tree.ts';
import { bankFile } from './bank.ts';

/** Name of the manifest of `augment` beside archives. */
export const augmentFile = 'augment.json';

/** Command that wrote a data set, by how its manifest begins; `undefined` if none did. */
export async function makerOf(root: string): Promise<'augment' | 'pack' | undefined> {
  const start = await readStart(joinPath(root, bankFile), bankFile, 64).catch(() => undefined);
  const text = Buffer.from(start ?? []).toString('latin1');
  if (text.startsWith('{"kind":"pack"')) return 'pack';
  return /^\{"schema":\d+,"tool":\{"name":"copypaste"/.test(text) ? 'augment' : undefined;
}

/** Files beside the samples of such a data set, in which the tool records how it was made. */
export async function recordsOfMaker({ root, has }: Pick<Tree, 'root' | 'has'>): Promise<string[]> {
  const maker = has(bankFile) ? await makerOf(root) : undefined;
  return maker === undefined ? [] : maker === 'pack' ? [bankFile, augmentFile] : [bankFile];
}
