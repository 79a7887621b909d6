import { readNamedText } from '../base/text.ts';
import { parseYaml } from '../base/yaml.ts';
import { CopyPasteError, messageOf } from '../errors.ts';

/**
 * Reads a YAML or JSON file.
 *
 * @param flag option that names the file.
 * @throws {CopyPasteError} `noInput` when it cannot be read, `data` when it is not valid YAML.
 */
export async function readYaml(path: string, flag: string, encoding?: string): Promise<unknown> {
  const text = await readNamedText(path, `${flag} ${path}`, encoding);
  return parseYaml(text).catch((cause: unknown) => {
    throw new CopyPasteError('data', `${flag} ${path}: not valid YAML: ${messageOf(cause)}; correct it`, { cause });
  });
}
