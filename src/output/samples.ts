import { dirname, join } from 'node:path';
import { giveBack } from '../base/buffers.ts';
import { readInput, sha256 } from '../base/digest.ts';
import { encodeImage, formatOf, type ImageFormat } from '../codecs/image.ts';
import { writeMask } from '../codecs/masks.ts';
import { encodePng, encodeSegments } from '../codecs/png.ts';
import { segmentPlane } from '../formats/coco/write.ts';
import { drawMasks, pastedShapes } from '../formats/drawn-masks.ts';
import { labelmeText, renamedLabelmeText } from '../formats/labelme/write.ts';
import { labelText } from '../formats/yolo/write.ts';
import type { AugmentOptions } from '../options.ts';
import type { FileRole, InputFile, InputFolder, Mask, Pasted, Sample, ShapeSet, ViewFile } from '../types.ts';
import { createFolders, linkAtomic, writeAtomic } from './files.ts';
import type { OutputFile, Written } from './records.ts';
import { pastedFiles, pathsByRole, type VariantFile, variantFiles } from './variants.ts';

/** How a sample is encoded. */
interface Encoding extends Pick<AugmentOptions, 'imageFormat' | 'quality' | 'maskFiles'> {
  readonly classNames: ReadonlyMap<number, string>;
}

/** Takes the bytes of a file, which it may not keep. @param from the input file that it is a copy of. */
export type Use = (file: OutputFile, bytes: Uint8Array, from?: string) => Promise<void>;

interface Encoded extends Pick<OutputFile, 'codec'> {
  readonly bytes: Uint8Array;
  /** SHA-256, where it is known. */
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

/** Encodes a sample that was pasted into, in the input's own formats. */
export async function encodeSample(
  pasted: Pasted,
  suffix: string,
  { imageFormat, quality, maskFiles, classNames }: Encoding,
  use: Use,
): Promise<Written> {
  const { sample, image, mask, objects, original, inputs } = pasted;
  const to = pastedFiles(sample, suffix, { imageFormat, maskFiles });
  const codec = imageFormat ?? (formatOf(sample.image) as ImageFormat);
  const drawn = maskFiles ? drawMasks(pastedShapes(pasted), classNames) : [];
  const labels = (path: string): Promise<string> | string =>
    path.endsWith('.json') ? labelmeText(pasted, pathsByRole(to).image, classNames) : labelText(pasted);
  const png = (bytes: Uint8Array): Encoded => ({ bytes, codec: 'png' });
  const encode: { readonly [role in FileRole]: (file: VariantFile) => Promise<Encoded> } = {
    image: async () => ({ bytes: await encodeImage(image, codec, quality), codec }),
    mask: async ({ path }) => (original.shapes?.panoptic ? png(await encodeSegments(segmentPlane(pasted), image)) : writeMask(mask, path)),
    labels: async ({ path }) => ({ bytes: Buffer.from(await labels(path)), codec: 'text' }),
    objects: ({ path }) => writeMask(objects as Mask, path),
    view: async ({ from }) => png(await encodeView(mask, sample.views?.find(({ path }) => path === from) as ViewFile)),
    'drawn classes': ({ path }) => writeMask(drawn[0] as Mask, path),
    'drawn objects': ({ path }) => writeMask(drawn[1] as Mask, path),
  };
  return { files: await makeFiles(to, (file) => encode[file.role](file), use), inputs };
}

/**
 * Makes the files of a sample that passes through: those of its input, byte for byte, but that a labelme file names its own image.
 *
 * @param shapes what masks are drawn of, where they are.
 */
export async function passSample(
  input: InputFolder,
  sample: Sample,
  suffix: string,
  shapes: ShapeSet | undefined,
  { classNames }: Pick<Encoding, 'classNames'>,
  use: Use,
): Promise<Written> {
  const to = variantFiles(sample, suffix, { maskFiles: shapes !== undefined });
  const drawn = shapes ? drawMasks(shapes, classNames) : [];
  const inputs: InputFile[] = [];
  const encode = async ({ role, path, from }: VariantFile): Promise<Encoded> => {
    if (from === undefined) return writeMask(drawn[role === 'drawn classes' ? 0 : 1] as Mask, path);
    const { bytes, sha256 } = await readInput(input, from);
    inputs.push({ role, path: from, sha256 });
    if (suffix === '' || role !== 'labels' || !path.endsWith('.json')) return { bytes, codec: 'copy', digest: sha256 };
    const text = renamedLabelmeText(Buffer.from(bytes).toString(), pathsByRole(to).image);
    giveBack(bytes);
    return { bytes: Buffer.from(text), codec: 'text' };
  };
  return { files: await makeFiles(to, encode, use), inputs };
}

/** What a view shows of a class mask: ids, or colours. */
function encodeView({ width, height, ids }: Mask, { view: { values, other }, alpha }: ViewFile): Promise<Uint8Array> {
  const channels = typeof other === 'number' ? 1 : alpha ? 4 : 3;
  // Of the ids that there are: most masks hold a few of 65,536.
  const table: (readonly number[])[] = [];
  const data = new Uint8Array(channels * ids.length);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    const shown = (table[id] ??= [values[id] ?? other, 255].flat());
    for (let c = 0; c < channels; c++) data[channels * i + c] = shown[c] as number;
  }
  return encodePng({ width, height, depth: 8, channels, data, filter: 'up' });
}

/** Writes samples below an output folder, which has the layout of the input. */
export function createSampleWriter(input: InputFolder & Pick<Encoding, 'classNames'>, options: AugmentOptions) {
  const { out, link } = options;
  const makeFolder = createFolders(out);
  const write = async (path: string, data: Uint8Array): Promise<void> => {
    await makeFolder(dirname(join(out, path)));
    await writeAtomic(join(out, path), data);
  };
  return {
    /** Writes a sample that passes through: copies or links its files. */
    pass(sample: Sample, suffix: string, shapes: ShapeSet | undefined): Promise<Written> {
      return passSample(input, sample, suffix, shapes, input, async ({ path }, bytes, from) => {
        if (link && from !== undefined) {
          await makeFolder(dirname(join(out, path)));
          if (await linkAtomic(join(input.root, from), join(out, path))) return;
        }
        await write(path, bytes);
      });
    },

    /** Encodes and writes a sample that was pasted into. */
    paste(pasted: Pasted, suffix: string): Promise<Written> {
      return encodeSample(pasted, suffix, { ...options, classNames: input.classNames }, ({ path }, bytes) => write(path, bytes));
    },
  };
}
