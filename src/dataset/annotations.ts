/** Reads the annotations of a sample from its files. */
import { giveBack } from '../base/buffers.ts';
import { readInput } from '../base/digest.ts';
import { inParts } from '../base/parts.ts';
import { decodeText } from '../base/text.ts';
import { readMask, readObjects } from '../codecs/masks.ts';
import { CopyPasteError } from '../errors.ts';
import { readEntry } from '../formats/documents.ts';
import { type Document, type Format, pathsOfShapes } from '../formats/format.ts';
import { layoutNamed } from '../formats/layouts.ts';
import { ignoreObject, largestId } from '../masks/ids.ts';
import { findInstances, paintShapes } from '../masks/instances.ts';
import type { Annotations, InputFile, Licence, Mask, Sample, ShapeSet } from '../types.ts';
import { ignoreIdOf } from './classes.ts';
import { gapOf, type Join } from './join.ts';
import type { Dataset } from './open.ts';
import { strangeValues } from './values.ts';

/** Options that change how annotations are read. */
interface ReadOptions extends Join {
  readonly jitter: 'instance' | 'scene';
}

/**
 * Reads the annotations of a sample and finds its instances.
 *
 * @throws {CopyPasteError} `data` when a file is damaged, `usage` when a mask cannot store the ignore id.
 */
export async function readAnnotations(sample: Sample, dataset: Dataset, options: ReadOptions): Promise<Annotations> {
  const format = await layoutNamed(dataset.layout).format?.();
  return format ? readShapes(sample, dataset, format) : readMasks(sample, sample.mask as string, dataset, options);
}

/** Reads the shapes of a sample from its document, label file or mask files; an image without them has none. */
async function readShapes(sample: Sample, dataset: Dataset, format: Format): Promise<Annotations> {
  const { size, entry, labels: path = '', shapeFiles } = sample;
  const labels = sample.labels === undefined ? undefined : await readInput(dataset, sample.labels);
  const role = shapeFiles ? 'shape' : 'mask';
  const paths = shapeFiles ? pathsOfShapes(shapeFiles) : sample.mask === undefined ? [] : [sample.mask];
  const masks = await inParts(paths, 4, async (path) => ({ path, ...(await readInput(dataset, path)) }));
  const parts = labels
    ? [decodeText(labels.bytes, path, dataset.encoding)]
    : (shapeFiles?.names ?? (entry ? await readEntry(dataset.root, entry, dataset.encoding) : format.kind === 'masks' ? [] : undefined));
  const { classNames, documents, crowds, threshold } = dataset;
  const document = documents.get(sample.split);
  const source = { file: entry?.document ?? path, size, classNames, document, crowds, masks, threshold, own: ownOf(dataset, sample) };
  const shapes: ShapeSet = parts ? await format.shapes({ ...source, parts }) : emptyOf(sample);
  for (const { bytes } of masks) giveBack(bytes);
  const files: InputFile[] = [
    ...masks.map(({ path, sha256 }) => ({ role, path, sha256 }) as const),
    ...(labels ? [{ role: 'labels', path, sha256: labels.sha256 } as const] : []),
  ];
  const licence = licenceOf(format, shapes, document);
  return { sample, input: dataset, shapes, ...paintShapes(shapes), files, ...(licence && { licence }) };
}

/** Licence of an image, if its document states one. */
function licenceOf(format: Format, shapes: ShapeSet, document: Document | undefined): Licence | undefined {
  return format.kind === 'documents' && document ? format.licence?.(shapes, document) : undefined;
}

/** Data of the format itself with which the shapes of a sample are read and written. */
export function ownOf({ documents, ofLabels }: Pick<Dataset, 'documents' | 'ofLabels'>, { split }: Sample): unknown {
  return documents.get(split)?.own ?? ofLabels;
}

/** Shapes of an image without a label file: it is either a background image or unlabelled. */
function emptyOf({ size, newLabels }: Sample): ShapeSet {
  return { size, own: undefined, shapes: [], ...(newLabels === undefined && { unlabelled: true }) };
}

/** Reads a sample's class mask, and its instance mask if it has one. */
async function readMasks(sample: Sample, path: string, dataset: Dataset, { instances, join, jitter }: ReadOptions): Promise<Annotations> {
  const ignore = ignoreIdOf(dataset.ignore, jitter) ?? 0;
  const read = async (
    file: string,
    padding: number,
    decode: (bytes: Uint8Array, file: string) => Promise<Mask>,
  ): Promise<{ mask: Mask; sha256: string }> => {
    const { bytes, sha256 } = await readInput(dataset, file);
    const mask = await decode(bytes, file);
    giveBack(bytes);
    if (mask.colours && padding >= mask.colours.byId.length)
      throw new CopyPasteError('usage', `--ignore ${ignore}: the colour map has no colour for this id; add one, or pass another id`);
    if (padding > largestId(mask))
      throw new CopyPasteError('usage', `--ignore ${ignore}: exceeds the 8 bits of ${file}; pass an id up to 255`);
    return { mask, sha256 };
  };
  const { mask, sha256 } = await read(path, jitter === 'scene' ? ignore : 0, (bytes, file) => readMask(bytes, file, dataset));
  const refuseStrange = ({ pixels }: Pick<Annotations, 'pixels'>): void => {
    const what = strangeValues(pixels, dataset);
    if (what !== undefined) throw new CopyPasteError('data', what, { path });
  };
  if (sample.objects === undefined) {
    if (instances === 'object') {
      throw new CopyPasteError('usage', `${sample.id}: has no instance mask, which --instances object needs; pass --instances component`);
    }
    const found = findInstances(mask, undefined, instances, dataset.leftOut, undefined, path, gapOf({ join }));
    refuseStrange(found);
    return { sample, input: dataset, mask, ...found, files: [{ role: 'mask', path, sha256 }] };
  }
  // Dropped objects get the ignore id in the instance mask.
  const objects = await read(sample.objects, ignoreObject({ ...dataset, ignore }), readObjects);
  const found = findInstances(mask, objects.mask, instances, dataset.leftOut, dataset.leftOutObjects, path, gapOf({ join }));
  refuseStrange(found);
  return {
    sample,
    input: dataset,
    mask,
    objects: objects.mask,
    ...found,
    files: [
      { role: 'mask', path, sha256 },
      { role: 'objects', path: sample.objects, sha256: objects.sha256 },
    ],
  };
}
