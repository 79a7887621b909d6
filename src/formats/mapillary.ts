import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CopyPasteError, messageOf } from '../errors.ts';

/** Classes of Mapillary Vistas: names by id, ids with instances, and ignore ids. */
export interface MapillaryConfig {
  readonly classNames: ReadonlyMap<number, string>;
  readonly things: readonly number[];
  readonly ignore: readonly number[];
}

/** Reads a configuration of Mapillary Vistas, which lists labels from id 0. @throws {CopyPasteError} `data` when it cannot be read. */
export async function readMapillaryConfig(root: string, file: string): Promise<MapillaryConfig> {
  try {
    const { labels } = JSON.parse(await readFile(join(root, file), 'utf8')) as { labels: { name: string; instances?: boolean }[] };
    if (!Array.isArray(labels) || labels.some((label) => typeof label?.name !== 'string')) throw new Error('labels with names are missing');
    const ids = (holds: (label: (typeof labels)[0]) => boolean): number[] => labels.flatMap((label, id) => (holds(label) ? [id] : []));
    return {
      classNames: new Map(labels.map(({ name }, id) => [id, name])),
      things: ids(({ instances }) => instances === true),
      ignore: ids(({ name }) => name === 'void--unlabeled'),
    };
  } catch (cause) {
    throw new CopyPasteError('data', `cannot be read: ${messageOf(cause)}`, { path: file, cause });
  }
}
