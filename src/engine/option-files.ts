import { isKnownEncoding } from '../base/text.ts';
import { readYaml } from '../dataset/yaml.ts';
import type { Option } from '../options.ts';
import { readShares } from './balance.ts';

/**
 * Options as given, with the contents of YAML and JSON files instead of their paths, so that runs are compared by the contents.
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
    if (kind === 'balance' && value.startsWith('target:'))
      Object.assign(read, { [name]: await readShares(value.slice('target:'.length), encoding) });
  }
  return read;
}
