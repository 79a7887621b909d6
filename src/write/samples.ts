import { dirname, join } from 'node:path';
import { type InputFolder, readInput, sha256 } from '../digest.ts';
import { encodeImage, formatOf, type ImageFormat } from '../image.ts';
import type { ManifestRecord, Written } from '../manifest.ts';
import { encodeMask } from '../png.ts';
import type { Pasted, Sample, SampleFiles } from '../types.ts';
import { createFolders, linkAtomic, writeAtomic } from './files.ts';

export interface OutputOptions {
  readonly out: string;
  readonly maskSuffix: string;
  readonly imageFormat?: ImageFormat | undefined;
  readonly quality: number;
  readonly link: boolean;
}

/**
 * The paths of a variant of a sample: its input's, with a suffix after the name that image and mask share.
 *
 * @param format the image's, where it is encoded anew.
 */
export function outputPaths(sample: Sample, suffix: string, maskSuffix: string, format?: ImageFormat): SampleFiles<string> {
  const add = (path: string, after: string, extension = (/\.[^./]+$/.exec(path) as RegExpExecArray)[0]): string => {
    const stem = path.replace(/\.[^./]+$/, '');
    return `${stem.slice(0, stem.length - after.length)}${suffix}${after}${extension}`;
  };
  const kept = format === undefined || format === formatOf(sample.image);
  return {
    image: add(sample.image, '', kept ? undefined : `.${format === 'jpeg' ? 'jpg' : format}`),
    mask: add(sample.mask, maskSuffix),
    ...(sample.objects !== undefined && { objects: add(sample.objects, '') }),
  };
}

/** Encodes a sample that was pasted into, in the input's own formats: image, mask, and instance mask where it has one. */
export async function* encodeSample(
  { sample, image, mask, objects }: Pasted,
  suffix: string,
  { maskSuffix, imageFormat, quality }: Omit<OutputOptions, 'out' | 'link'>,
): AsyncGenerator<{ readonly path: string; readonly bytes: Uint8Array; readonly codec: ImageFormat }> {
  const codec = imageFormat ?? (formatOf(sample.image) as ImageFormat);
  const to = outputPaths(sample, suffix, maskSuffix, imageFormat);
  yield { path: to.image, bytes: await encodeImage(image, codec, quality), codec };
  yield { path: to.mask, bytes: await encodeMask(mask), codec: 'png' };
  if (objects) yield { path: to.objects as string, bytes: await encodeMask(objects), codec: 'png' };
}

/** The input files of a sample that was pasted into. */
function inputsOf({ sample, inputs }: Pasted): Written['inputs'] {
  return {
    image: { path: sample.image, sha256: inputs.image },
    mask: { path: sample.mask, sha256: inputs.mask },
    ...(sample.objects !== undefined && { objects: { path: sample.objects, sha256: inputs.objects as string } }),
  };
}

function named<T>([image, mask, objects]: readonly T[]): { image: T; mask: T; objects?: T } {
  return { image: image as T, mask: mask as T, ...(objects && { objects }) };
}

/** Writes samples below an output folder, which has the layout of the input. */
export function createSampleWriter(input: InputFolder, options: OutputOptions) {
  const { out, maskSuffix, link } = options;
  const makeFolder = createFolders();
  const write = async (path: string, data: Uint8Array): Promise<void> => {
    await makeFolder(dirname(join(out, path)));
    await writeAtomic(join(out, path), data);
  };
  const copyFile = async (from: string, to: string): Promise<{ input: { path: string; sha256: string }; output: OutputFile }> => {
    const read = await readInput(input, from);
    await makeFolder(dirname(join(out, to)));
    if (!(link && (await linkAtomic(join(input.root, from), join(out, to))))) await write(to, read.bytes);
    return { input: { path: from, sha256: read.sha256 }, output: { path: to, sha256: read.sha256, codec: 'copy' } };
  };
  return {
    /** Copies or links a sample's files byte for byte. */
    async copy(sample: Sample, suffix: string): Promise<Written> {
      const to = outputPaths(sample, suffix, maskSuffix);
      const image = await copyFile(sample.image, to.image);
      const mask = await copyFile(sample.mask, to.mask);
      const objects = sample.objects === undefined ? undefined : await copyFile(sample.objects, to.objects as string);
      return {
        files: { image: image.output, mask: mask.output, ...(objects && { objects: objects.output }) },
        inputs: { image: image.input, mask: mask.input, ...(objects && { objects: objects.input }) },
      };
    },

    /** Encodes and writes a sample that was pasted into. */
    async paste(pasted: Pasted, suffix: string): Promise<Written> {
      const files: OutputFile[] = [];
      for await (const { path, bytes, codec } of encodeSample(pasted, suffix, options)) {
        await write(path, bytes);
        files.push({ path, sha256: sha256(bytes), codec });
      }
      return { files: named(files), inputs: inputsOf(pasted) };
    },
  };
}

type OutputFile = ManifestRecord['files']['image'];
