import { dirname, join } from 'node:path';
import { readInput, sha256 } from '../digest.ts';
import { encodeImage, formatOf, type ImageFormat } from '../image.ts';
import type { ManifestRecord } from '../manifest.ts';
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

/** What was written of a sample, and from what. */
export type Written = Pick<ManifestRecord, 'files' | 'inputs'>;

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

/** Writes samples below an output folder, which has the layout of the input. */
export function createSampleWriter(root: string, options: OutputOptions) {
  const { out, maskSuffix, quality, link } = options;
  const makeFolder = createFolders();
  const write = async (path: string, data: Uint8Array): Promise<void> => {
    await makeFolder(dirname(join(out, path)));
    await writeAtomic(join(out, path), data);
  };
  const copyFile = async (from: string, to: string): Promise<{ input: { path: string; sha256: string }; output: OutputFile }> => {
    const input = await readInput(root, from);
    await makeFolder(dirname(join(out, to)));
    if (!(link && (await linkAtomic(join(root, from), join(out, to))))) await write(to, input.bytes);
    return { input: { path: from, sha256: input.sha256 }, output: { path: to, sha256: input.sha256, codec: 'copy' } };
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

    /** Encodes a sample that was pasted into, in the input's own formats. */
    async paste({ sample, image, mask, objects, inputs }: Pasted, suffix: string): Promise<Written> {
      const format = options.imageFormat ?? (formatOf(sample.image) as ImageFormat);
      const to = outputPaths(sample, suffix, maskSuffix, options.imageFormat);
      const encode = async (path: string, data: Promise<Uint8Array>, codec: ImageFormat): Promise<OutputFile> => {
        const bytes = await data;
        await write(path, bytes);
        return { path, sha256: sha256(bytes), codec };
      };
      const encoded = {
        image: await encode(to.image, encodeImage(image, format, quality), format),
        mask: await encode(to.mask, encodeMask(mask), 'png'),
        ...(objects && { objects: await encode(to.objects as string, encodeMask(objects), 'png') }),
      };
      return {
        files: encoded,
        inputs: {
          image: { path: sample.image, sha256: inputs.image },
          mask: { path: sample.mask, sha256: inputs.mask },
          ...(sample.objects !== undefined && { objects: { path: sample.objects, sha256: inputs.objects as string } }),
        },
      };
    },

    /** Writes a text file of the layout. */
    async text(path: string, lines: readonly string[]): Promise<void> {
      await write(path, Buffer.from(lines.map((line) => `${line}\n`).join('')));
    },
  };
}

type OutputFile = ManifestRecord['files']['image'];
