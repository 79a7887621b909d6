import { readNamedText } from '../base/text.ts';
import { CopyPasteError, messageOf } from '../errors.ts';

/**
 * Reads a YAML or JSON file.
 *
 * @param flag option that names the file.
 * @throws {CopyPasteError} `noInput` when it cannot be read, `data` when it is not valid YAML.
 */
export async function readYaml(path: string, flag: string, encoding?: string): Promise<unknown> {
  const text = await readNamedText(path, `${flag} ${path}`, encoding);
  const { parse } = await import('yaml');
  try {
    return parse(text);
  } catch (cause) {
    const why = messageOf(cause).replace(/(line \d+, column \d+):.*/, '$1');
    throw new CopyPasteError('data', `${flag} ${path}: not valid YAML: ${why}; correct it`, { cause });
  }
}
