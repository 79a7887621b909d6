import { buffer } from 'node:stream/consumers';
import { decodeText, isKnownEncoding, readNamedText } from '../base/text.ts';
import { readYaml } from '../dataset/yaml.ts';
import { CopyPasteError, kindOfUnread, systemMessageOf } from '../errors.ts';
import type { Option } from '../options.ts';
import { sharesSchema } from '../schema.ts';
import type { Balancing } from '../types.ts';

/**
 * Options as given, with the contents of files instead of their paths, so that runs are compared by the contents.
 *
 * @throws {CopyPasteError} as `readYaml`.
 */
export async function withFiles<G extends object>(table: Readonly<Record<string, Option>>, given: G): Promise<G> {
  const { encoding }: { encoding?: string } = given;
  const read = { ...given };
  for (const [name, value] of Object.entries(given)) {
    const { kind, flag = '' } = table[name] ?? {};
    // An unknown encoding is refused with the other options.
    if (typeof value !== 'string' || (encoding !== undefined && !isKnownEncoding(encoding))) continue;
    if (kind === 'file of ranges') Object.assign(read, { [name]: await readYaml(value, flag.replace(/ <.*/, ''), encoding) });
    if (kind === 'list') Object.assign(read, { [name]: await readList(value, flag.replace(/ <.*/, ''), encoding) });
    if (kind === 'balance' && value.startsWith('target:'))
      Object.assign(read, { [name]: await readShares(value.slice('target:'.length), encoding) });
  }
  return read;
}

/**
 * Shares in a balance file.
 *
 * @throws {CopyPasteError} `noInput` when it cannot be read, `data` when it holds no shares.
 */
async function readShares(path: string, encoding?: string): Promise<Balancing> {
  const flag = '--balance target';
  const parsed = sharesSchema.safeParse(await readYaml(path, flag, encoding));
  if (parsed.success) return parsed.data;
  throw new CopyPasteError(
    'data',
    `${flag} ${path}: not a balance; write lines such as 'shares: {car: 3, bicyclist: 1}', with names or ids and at least one share above 0, and if needed 'of: pasted' or 'of: result', 'by: instances' or 'by: pixels'`,
  );
}

/**
 * Reads a list of names, each ended by a NUL if there is one, else by a line end.
 *
 * @param path `-` for standard input.
 * @throws {CopyPasteError} `noInput` when it cannot be read or is empty, `usage` when standard input is a terminal.
 */
async function readList(path: string, flag: string, encoding?: string): Promise<string[]> {
  const what = `${flag} ${path}`;
  const text = path === '-' ? decodeText(await standardInput(what), what, encoding) : await readNamedText(path, what, encoding);
  const names = text.split(text.includes('\0') ? '\0' : /\r?\n/).filter((name) => name !== '');
  if (names.length === 0) throw new CopyPasteError('noInput', `${what}: is empty; name the samples by id or by the path of their image`);
  return names;
}

async function standardInput(what: string): Promise<Uint8Array> {
  if (process.stdin.isTTY) throw new CopyPasteError('usage', `${what}: standard input is a terminal; pipe the names to it`);
  return buffer(process.stdin).catch((cause: unknown) => {
    throw new CopyPasteError(kindOfUnread(cause), `${what}: cannot be read: ${systemMessageOf(cause)}`, { cause });
  });
}
