import { dirname, join } from 'node:path';
import { giveBack } from '../base/buffers.ts';
import { readInput, sha256 } from '../base/digest.ts';
import { encodeImage } from '../codecs/image.ts';
import { formatOf, type ImageFormat } from '../codecs/image-names.ts';
import { writeMask } from '../codecs/masks.ts';
import { encodePng } from '../codecs/png.ts';
import type { Dataset } from '../dataset/open.ts';
import { type Format, layersAfter, layersOf, type PastedShapes, pastedShapes } from '../formats/format.ts';
import { layoutNamed } from '../formats/layouts.ts';
import type { AugmentOptions } from '../options.ts';
import type { FileRole, InputFile, InputFolder, Mask, Pasted, Sample, ShapeSet, ViewFile } from '../types.ts';
import { drawMasks } from './drawn-masks.ts';
import { createFolders, linkAtomic, writeAtomic } from './files.ts';
import type { OutputFile, Written } from './records.ts';
import { pastedFiles, pathsByRole, type VariantFile, variantFiles } from './variants.ts';

/** Options that determine the bytes of a sample's files. */
type Encoding = Pick<AugmentOptions, 'imageFormat' | 'quality' | 'maskFiles'>;

/** Facts of a data set that determine how its files are written. */
type Described = Pick<Dataset, 'layout' | 'classNames'>;

/** Uses the bytes of a file; their buffer is reused afterwards. @param from input file that the file is a copy of. */
export type Use = (file: OutputFile, bytes: Uint8Array, from?: string) => Promise<void>;

interface Encoded extends Pick<OutputFile, 'codec'> {
  readonly bytes: Uint8Array;
  /** SHA-256, if it is already known. */
  readonly digest?: string;
}

/** Makes files, one after another. */
async function makeFiles(files: readonly VariantFile[], encode: (file: VariantFile) => Promise<Encoded>, use: Use): Promise<OutputFile[]> {
  const made: OutputFile[] = [];
  for (const file of files) {
    const { bytes, codec, digest = sha256(bytes) } = await encode(file);
    const output = { role: file.role, path: file.path, sha256: digest, codec };
    made.push(output);
    await use(output, bytes, codec === 'copy' ? file.from : undefined);
    giveBack(bytes);
  }
  return made;
}

/** Encodes a sample that was pasted into, in the formats of the input. */
export async function encodeSample(
  pasted: Pasted,
  suffix: string,
  { layout, classNames }: Described,
  { imageFormat, quality, maskFiles }: Encoding,
  use: Use,
): Promise<Written> {
  const { sample, image, mask, objects, inputs } = pasted;
  const to = pastedFiles(sample, suffix, { imageFormat, maskFiles });
  const codec = imageFormat ?? (formatOf(sample.image) as ImageFormat);
  const format = await layoutNamed(layout).format?.();
  const shapes = pastedShapes(pasted);
  const drawn = maskFiles && format && shapes ? drawMasks(image, layersAfter(format, shapes), classNames) : [];
  const own = format && shapes ? encodersOf(format, shapes, pathsByRole(to).image, classNames) : {};
  const encode: Encoders = {
    image: async () => ({ bytes: await encodeImage(image, codec, quality), codec }),
    mask: ({ path }) => writeMask(mask, path),
    objects: ({ path }) => writeMask(objects as Mask, path),
    view: async ({ from }) => png(await encodeView(mask, sample.views?.find(({ path }) => path === from) as ViewFile)),
    'drawn classes': ({ path }) => writeMask(drawn[0] as Mask, path),
    'drawn objects': ({ path }) => writeMask(drawn[1] as Mask, path),
    ...own,
  };
  return { files: await makeFiles(to, (file) => (encode[file.role] as Encoder)(file), use), inputs };
}

type Encoder = (file: VariantFile) => Promise<Encoded>;
type Encoders = { readonly [role in FileRole]?: Encoder };

/** Encoders of the annotation files of one sample: a label file, or the PNG that a document refers to. */
function encodersOf(format: Format, shapes: PastedShapes, image: string, classNames: Dataset['classNames']): Encoders {
  if (format.kind === 'documents') {
    const { mask } = format;
    return mask ? { mask: async () => png(await mask(shapes)) } : {};
  }
  const text = async (): Promise<string> => format.pasted(shapes, { image }, { polygons: true, classNames });
  return { labels: async () => ({ bytes: Buffer.from(await text()), codec: 'text' }) };
}

function png(bytes: Uint8Array): Encoded {
  return { bytes, codec: 'png' };
}

/**
 * Makes the files of a sample that passes through. They are copies of its input files; only a label file that names its image is
 * rewritten for a renamed variant.
 *
 * @param shapes annotations that masks are drawn from; `undefined` if no masks are drawn.
 */
export async function passSample(
  input: InputFolder & Described,
  sample: Sample,
  suffix: string,
  shapes: ShapeSet | undefined,
  use: Use,
): Promise<Written> {
  const to = variantFiles(sample, suffix, { maskFiles: shapes !== undefined });
  const format = await layoutNamed(input.layout).format?.();
  const renamed = suffix !== '' && format?.kind === 'labels' ? format.plain : undefined;
  const drawn = shapes && format ? drawMasks(shapes.size, layersOf(format, shapes), input.classNames) : [];
  const inputs: InputFile[] = [];
  const encode = async ({ role, path, from }: VariantFile): Promise<Encoded> => {
    if (from === undefined) return writeMask(drawn[role === 'drawn classes' ? 0 : 1] as Mask, path);
    const { bytes, sha256 } = await readInput(input, from);
    inputs.push({ role, path: from, sha256 });
    if (!renamed || role !== 'labels') return { bytes, codec: 'copy', digest: sha256 };
    const text = renamed(Buffer.from(bytes).toString(), pathsByRole(to));
    giveBack(bytes);
    return { bytes: Buffer.from(text), codec: 'text' };
  };
  return { files: await makeFiles(to, encode, use), inputs };
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

/** Creates a writer of samples to an output folder in the layout of the input. */
export function createSampleWriter(input: InputFolder & Described, options: AugmentOptions) {
  const { out, link } = options;
  const makeFolder = createFolders(out);
  const write = async (path: string, data: Uint8Array): Promise<void> => {
    await makeFolder(dirname(join(out, path)));
    await writeAtomic(join(out, path), data);
  };
  return {
    /** Writes a sample that passes through: copies or links its files. */
    pass(sample: Sample, suffix: string, shapes: ShapeSet | undefined): Promise<Written> {
      return passSample(input, sample, suffix, shapes, async ({ path }, bytes, from) => {
        if (link && from !== undefined) {
          await makeFolder(dirname(join(out, path)));
          if (await linkAtomic(join(input.root, from), join(out, path))) return;
        }
        await write(path, bytes);
      });
    },

    /** Encodes and writes a sample that was pasted into. */
    paste(pasted: Pasted, suffix: string): Promise<Written> {
      return encodeSample(pasted, suffix, input, options, ({ path }, bytes) => write(path, bytes));
    },
  };
}
