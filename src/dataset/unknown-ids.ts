/** Class ids of options that a data set does not have. */
import { chunksOf, inParts } from '../base/parts.ts';
import { CopyPasteError } from '../errors.ts';
import { classIds, listed } from './classes.ts';
import type { SourcedDataset } from './sources.ts';
import { pixelsOf } from './values.ts';

/** Options that ask for classes; those that exclude classes may name any id. */
interface Asked {
  readonly classes?: readonly (string | number)[] | undefined;
  readonly pasteOn?: readonly (string | number)[] | undefined;
  readonly avoid?: readonly (string | number)[] | undefined;
}

/**
 * Refuses ids that are no class: in a data set that names its classes, an id without a name must occur in a mask. Masks are read only if
 * an option asks for such an id, and only until it is found.
 *
 * @throws {CopyPasteError} `usage` with the first one.
 */
export async function refuseUnknownIds(dataset: SourcedDataset, { classes, pasteOn, avoid }: Asked): Promise<void> {
  const { classNames, samples, sources } = dataset;
  if (classNames.size === 0) return;
  const unnamed = (wanted: Asked['classes'], flag: string): [number, string][] =>
    [...classIds(wanted ?? [], classNames, flag)].filter((id) => !classNames.has(id)).map((id) => [id, flag]);
  // Instances of a source set have named classes only.
  const never = sources ? unnamed(classes, '--classes') : [];
  const missing = new Map([
    ...(sources ? [] : unnamed(classes, '--classes')),
    ...unnamed(pasteOn, '--paste-on'),
    ...unnamed(avoid, '--avoid'),
  ]);
  for (const chunk of missing.size > 0 ? chunksOf(samples) : []) {
    if (missing.size === 0) break;
    const masked = chunk.filter(({ mask, entry }) => mask !== undefined && !entry);
    for (const pixels of await inParts(masked, 4, (sample) => pixelsOf(sample, dataset)))
      for (const id of pixels?.keys() ?? []) missing.delete(id);
  }
  const [first] = [...never, ...missing];
  if (!first) return;
  const [id, flag] = first;
  throw new CopyPasteError('usage', `${flag}: no class ${id}: it has no name, and no mask holds it; classes are ${listed(classNames)}`);
}
