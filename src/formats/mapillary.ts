import { readText } from '../base/tree.ts';
import { CopyPasteError, messageOf } from '../errors.ts';
import type { ClassConfig } from './format.ts';

/** Reads a configuration of Mapillary Vistas, which lists labels from id 0. @throws {CopyPasteError} `data` when it is invalid. */
export async function readMapillaryConfig(root: string, file: string, encoding: string): Promise<ClassConfig> {
  const text = await readText(root, file, encoding);
  try {
    const { labels } = JSON.parse(text) as { labels: { name: string; instances?: boolean }[] };
    if (!Array.isArray(labels) || labels.some((label) => typeof label?.name !== 'string')) throw new Error('labels with names are missing');
    const ids = (holds: (label: (typeof labels)[0]) => boolean): number[] => labels.flatMap((label, id) => (holds(label) ? [id] : []));
    const ignore = ids(({ name }) => name === 'void--unlabeled');
    return {
      file,
      classNames: new Map(labels.map(({ name }, id) => [id, name])),
      things: ids(({ instances }) => instances === true),
      ...(ignore.length > 0 && { ignore }),
    };
  } catch (cause) {
    throw new CopyPasteError('data', `not a configuration of Mapillary Vistas: ${messageOf(cause)}`, { path: file, cause });
  }
}
