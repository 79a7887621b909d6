import { giveBack } from '../base/buffers.ts';
import { readInput, sha256 } from '../base/digest.ts';
import { decodeText } from '../base/text.ts';
import { encodeImage, lossyOf } from '../codecs/image.ts';
import { formatOf, type ImageFormat } from '../codecs/image-names.ts';
import { writeMask } from '../codecs/masks.ts';
import { encodePng } from '../codecs/png.ts';
import { ownOf, readAnnotations } from '../dataset/annotations.ts';
import type { Dataset } from '../dataset/open.ts';
import { readEntry } from '../formats/documents.ts';
import {
  type Format,
  type Layer,
  layersAfter,
  layersOf,
  type NewPaths,
  type PastedShapes,
  pastedShapes,
  pathsOfShapes,
  type ShapeFile,
  type WriteOptions,
} from '../formats/format.ts';
import { layoutNamed } from '../formats/layouts.ts';
import type { AugmentOptions } from '../options.ts';
import type { FileRole, InputFile, Mask, Pasted, Sample, SampleFile, Size, ViewFile } from '../types.ts';
import { drawMasks } from './drawn-masks.ts';
import type { OutputFile, Written } from './records.ts';
import { drawnFiles, pastedFiles, pathsByRole, type VariantFile, variantFiles } from './variants.ts';

/** Options that determine the files of a sample and its entry in a document. */
type Encoding = Pick<AugmentOptions, 'imageFormat' | 'quality' | 'maskFiles' | 'polygons'>;

/** Uses the bytes of a file; their buffer is reused afterwards. @param from input file that the file is a copy of. */
export type Use = (file: OutputFile, bytes: Uint8Array, from?: string) => Promise<void>;

interface Encoded extends Pick<OutputFile, 'codec' | 'quality' | 'sampling'> {
  readonly bytes: Uint8Array;
  readonly placement?: number;
  /** SHA-256, if it is already known. */
  readonly digest?: string;
}

/** Makes files, one after another. */
async function makeFiles<F extends SampleFile & { readonly from?: string }>(
  files: readonly F[],
  encode: (file: F) => Promise<Encoded>,
  use: Use,
): Promise<OutputFile[]> {
  const made: OutputFile[] = [];
  for (const file of files) {
    const { bytes, digest = sha256(bytes), ...encoding } = await encode(file);
    const output = { role: file.role, path: file.path, sha256: digest, ...encoding };
    made.push(output);
    await use(output, bytes, encoding.codec === 'copy' ? file.from : undefined);
    giveBack(bytes);
  }
  return made;
}

/** Encodes a sample that was pasted into, in the formats of the input. */
export async function encodeSample(
  pasted: Pasted,
  suffix: string,
  dataset: Pick<Dataset, 'layout' | 'classNames' | 'documents' | 'ofLabels'>,
  { imageFormat, quality, maskFiles, polygons }: Encoding,
  use: Use,
): Promise<Written> {
  const { sample, image, mask, objects, inputs } = pasted;
  const { layout, classNames } = dataset;
  const to = pastedFiles(sample, suffix, { imageFormat });
  const codec = imageFormat ?? (formatOf(sample.image) as ImageFormat);
  const format = await layoutNamed(layout).format?.();
  const shapes = format && pastedShapes(pasted);
  const { entry, made, encoders } = shapes
    ? await annotationOf(format, shapes, pathsByRole(to), { polygons, classNames, own: ownOf(dataset, sample) })
    : noAnnotation;
  const all: Encoders = {
    image: async () => ({ bytes: await encodeImage(image, codec, quality), codec, ...lossyOf(image, codec, quality) }),
    mask: ({ path }) => writeMask(mask, path),
    ...(objects && { objects: ({ path }) => writeMask(objects, path) }),
    view: async ({ from }) => png(await encodeView(mask, sample.views?.find(({ path }) => path === from) as ViewFile)),
    ...encoders,
  };
  const files = await makeFiles(
    to.filter(({ role }) => role !== 'shape'),
    (file) => (all[file.role] as Encoder)(file),
    use,
  );
  files.push(...(await makeFiles(shapeFilesOf(sample, suffix, made), async ({ file: { name: _, ...encoded } }) => encoded, use)));
  if (maskFiles && shapes) files.push(...(await drawFiles(sample, suffix, image, layersAfter(format, shapes), classNames, use)));
  return { files, inputs, entry };
}

type Encoder = (file: VariantFile) => Promise<Encoded>;
type Encoders = { readonly [role in FileRole]?: Encoder };

/** Annotation of a sample that was pasted into: its entry in a document, and encoders of the files that hold the rest. */
interface EncodedAnnotation {
  readonly entry?: unknown;
  /** Mask files of shapes. */
  readonly made?: readonly ShapeFile[] | undefined;
  readonly encoders: Encoders;
}

const noAnnotation: EncodedAnnotation = { encoders: {} };

async function annotationOf(format: Format, shapes: PastedShapes, paths: NewPaths, options: WriteOptions): Promise<EncodedAnnotation> {
  if (format.kind === 'labels') {
    const text = async (): Promise<string> => format.pasted(shapes, paths, { ...options, polygons: true });
    return { encoders: { labels: async () => ({ bytes: Buffer.from(await text()), codec: 'text' }) } };
  }
  if (format.kind === 'masks') return { encoders: { mask: ({ path }) => format.pasted(shapes, path) } };
  if (format.kind === 'files') return { made: await format.pasted(shapes, paths, { ...options, polygons: false }), encoders: {} };
  const { mask } = format;
  return {
    entry: await format.pasted(shapes, paths, options),
    encoders: mask ? { mask: async () => png(await mask(shapes)) } : {},
  };
}

/** Mask files of the shapes of a variant. */
function shapeFilesOf({ shapeFiles }: Sample, suffix: string, made: readonly ShapeFile[] = []) {
  if (!shapeFiles) return [];
  const paths = pathsOfShapes({ ...shapeFiles, names: made.map(({ name }) => name) }, suffix);
  return made.map((file, n) => ({ role: 'shape', path: paths[n] as string, file }) as const);
}

/** Draws the masks of a sample from its shapes. */
function drawFiles(
  sample: Sample,
  suffix: string,
  size: Size,
  layers: readonly (readonly Layer[])[],
  classNames: Dataset['classNames'],
  use: Use,
): Promise<OutputFile[]> {
  const [classes, objects] = drawMasks(size, layers, classNames);
  const masks = { 'drawn classes': classes, 'drawn objects': objects };
  return makeFiles(drawnFiles(sample, suffix), ({ role, path }) => writeMask(masks[role], path), use);
}

function png(bytes: Uint8Array): Encoded {
  return { bytes, codec: 'png' };
}

/**
 * Makes the files of a sample that passes through. They are copies of its input files; only a label file that names its image is
 * rewritten for a renamed variant.
 */
export async function passSample(
  dataset: Dataset,
  sample: Sample,
  suffix: string,
  { maskFiles }: Pick<Encoding, 'maskFiles'>,
  use: Use,
): Promise<Written> {
  const to = variantFiles(sample, suffix);
  const paths = pathsByRole(to);
  const format = await layoutNamed(dataset.layout).format?.();
  const renamed = suffix !== '' && format?.kind === 'labels' ? format.plain : undefined;
  const inputs: InputFile[] = [];
  const copy = async ({ role, from }: VariantFile): Promise<Encoded> => {
    const { bytes, sha256 } = await readInput(dataset, from);
    inputs.push({ role, path: from, sha256 });
    if (!renamed || role !== 'labels') return { bytes, codec: 'copy', digest: sha256 };
    const text = renamed(decodeText(bytes, from, dataset.encoding), paths);
    giveBack(bytes);
    return { bytes: Buffer.from(text), codec: 'text' };
  };
  // Annotations are read only if masks are drawn from them.
  const drawn =
    maskFiles && format ? (await readAnnotations(sample, dataset, { instances: 'component', jitter: 'instance' })).shapes : undefined;
  const files = await makeFiles(to, copy, use);
  if (drawn && format) files.push(...(await drawFiles(sample, suffix, drawn.size, layersOf(format, drawn), dataset.classNames, use)));
  return { files, inputs, entry: await passedEntry(dataset, sample, paths, format) };
}

/** Document entry of a sample that passes through; `undefined` for other splits, whose documents are copied. */
async function passedEntry(
  { root, encoding, documents, split }: Dataset,
  sample: Sample,
  paths: NewPaths,
  format: Format | undefined,
): Promise<unknown> {
  if (format?.kind !== 'documents' || !sample.entry || sample.entry.document !== documents.get(split)?.path) return undefined;
  return format.plain(await readEntry(root, sample.entry, encoding), sample, paths);
}

/** Encodes a view of a class mask, in ids or colours. */
function encodeView({ width, height, ids }: Mask, { view: { values, other }, alpha }: ViewFile): Promise<Uint8Array> {
  const channels = typeof other === 'number' ? 1 : alpha ? 4 : 3;
  // Filled on demand: most masks contain only a few of 65,536 possible ids.
  const table: (readonly number[])[] = [];
  const data = new Uint8Array(channels * ids.length);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    const shown = (table[id] ??= [values[id] ?? other, 255].flat());
    for (let c = 0; c < channels; c++) data[channels * i + c] = shown[c] as number;
  }
  return encodePng({ width, height, depth: 8, channels, data, filter: 'up' });
}
