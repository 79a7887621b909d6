import { dirname, join } from 'node:path';
import { giveBack } from '../buffers.ts';
import { readInput, sha256 } from '../digest.ts';
import { encodeImage, extensions, formatOf, type ImageFormat } from '../image.ts';
import type { ManifestRecord, Written } from '../manifest.ts';
import { writeMask } from '../masks.ts';
import { encodePng, encodeSegments } from '../png.ts';
import { type InputFolder, listed, type Mask, mapFiles, type Pasted, pathsOf, type Sample, type SampleFiles, type View } from '../types.ts';
import { segmentPlane } from './coco.ts';
import { createFolders, linkAtomic, writeAtomic } from './files.ts';
import { labelmeText } from './labelme.ts';
import { inputFiles } from './manifest.ts';
import { labelText } from './yolo.ts';

export interface OutputOptions {
  readonly out: string;
  readonly imageFormat?: ImageFormat | undefined;
  readonly quality: number;
  readonly link: boolean;
}

/** The paths of a variant of a sample that is pasted into. @param format the image's. */
export function pastedPaths(sample: Sample, suffix: string, format: ImageFormat | undefined): SampleFiles<string> {
  const { labels = sample.newLabels } = sample;
  return outputPaths(labels === undefined ? sample : { ...sample, labels }, suffix, format);
}

/**
 * The paths of a variant of a sample: its input's, with a suffix after the stem that its files share.
 *
 * @param format the image's, where it is encoded anew.
 */
export function outputPaths(sample: Sample, suffix: string, format?: ImageFormat): SampleFiles<string> {
  const { image, mask, labels, objects, views, endings } = sample;
  const add = (path: string, ending: string, extension = (/\.[^./]+$/.exec(path) as RegExpExecArray)[0]): string => {
    const stem = path.replace(/\.[^./]+$/, '');
    return `${stem.slice(0, stem.length - ending.length)}${suffix}${ending}${extension}`;
  };
  const kept = format === undefined || format === formatOf(image);
  return {
    image: add(image, endings.image, kept ? undefined : `.${extensions[format][0]}`),
    ...(mask !== undefined && { mask: add(mask, endings.mask) }),
    ...(labels !== undefined && { labels: add(labels, endings.mask) }),
    ...(objects !== undefined && { objects: add(objects, endings.objects) }),
    ...(views && { views: views.map(({ path, view }) => add(path, view.ending)) }),
  };
}

/** Encodes a sample that was pasted into, in the input's own formats. @param use may not keep the bytes. */
export async function encodeSample(
  pasted: Pasted,
  suffix: string,
  { imageFormat, quality }: Pick<OutputOptions, 'imageFormat' | 'quality'>,
  use: (path: string, bytes: Uint8Array, codec: OutputFile['codec']) => Promise<void>,
): Promise<void> {
  const each = async (path: string, bytes: Uint8Array, codec: OutputFile['codec']): Promise<void> => {
    await use(path, bytes, codec);
    giveBack(bytes);
  };
  const { sample, image, mask, objects } = pasted;
  const codec = imageFormat ?? (formatOf(sample.image) as ImageFormat);
  const to = pastedPaths(sample, suffix, imageFormat);
  const eachMask = async (path: string, ids: Mask): Promise<void> => {
    const { bytes, codec } = await writeMask(ids, path);
    await each(path, bytes, codec);
  };
  await each(to.image, await encodeImage(image, codec, quality), codec);
  if (to.labels !== undefined) {
    const text = to.labels.endsWith('.json') ? labelmeText(pasted, to.image) : labelText(pasted);
    await each(to.labels, Buffer.from(text), 'text');
  }
  if (to.mask !== undefined) {
    const segments = pasted.original.shapes?.panoptic && segmentPlane(pasted);
    if (segments) await each(to.mask, await encodeSegments(segments, image), 'png');
    else await eachMask(to.mask, mask);
  }
  if (objects) await eachMask(to.objects as string, objects);
  for (const [n, { view }] of (sample.views ?? []).entries()) await each(to.views?.[n] as string, await encodeView(mask, view), 'png');
}

/** What a view shows of a class mask: ids as such, colours as RGBA. */
function encodeView({ width, height, ids }: Mask, { values, other }: View): Promise<Uint8Array> {
  const channels = typeof other === 'number' ? 1 : 4;
  const table = Array.from({ length: 0x10000 }, (_, id) => [values[id] ?? other, 255].flat());
  const data = new Uint8Array(channels * ids.length);
  for (let i = 0; i < ids.length; i++) for (let c = 0; c < channels; c++) data[channels * i + c] = table[ids[i] as number]?.[c] as number;
  return encodePng({ width, height, depth: 8, channels, data, filter: 'up' });
}

/** Writes samples below an output folder, which has the layout of the input. */
export function createSampleWriter(input: InputFolder, options: OutputOptions) {
  const { out, link } = options;
  const makeFolder = createFolders(out);
  const write = async (path: string, data: Uint8Array): Promise<void> => {
    await makeFolder(dirname(join(out, path)));
    await writeAtomic(join(out, path), data);
  };
  const copyFile = async (from: string, to: string): Promise<{ input: InputFile; output: OutputFile }> => {
    const read = await readInput(input, from);
    await makeFolder(dirname(join(out, to)));
    if (!(link && (await linkAtomic(join(input.root, from), join(out, to))))) await write(to, read.bytes);
    giveBack(read.bytes);
    return { input: { path: from, sha256: read.sha256 }, output: { path: to, sha256: read.sha256, codec: 'copy' } };
  };
  return {
    /** Copies or links a sample's files byte for byte. */
    async copy(sample: Sample, suffix: string): Promise<Written> {
      const to = listed(outputPaths(sample, suffix));
      let n = 0;
      const copied = await mapFiles(pathsOf(sample), (from) => copyFile(from, to[n++] as string));
      return {
        files: await mapFiles(copied, async ({ output }) => output),
        inputs: await mapFiles(copied, async ({ input }) => input),
      } as Written;
    },

    /** Encodes and writes a sample that was pasted into. */
    async paste(pasted: Pasted, suffix: string): Promise<Written> {
      const written = new Map<string, OutputFile>();
      await encodeSample(pasted, suffix, options, async (path, bytes, codec) => {
        await write(path, bytes);
        written.set(path, { path, sha256: sha256(bytes), codec });
      });
      const { sample, inputs } = pasted;
      return {
        files: await mapFiles(pastedPaths(sample, suffix, options.imageFormat), async (path) => written.get(path) as OutputFile),
        inputs: inputFiles(sample, inputs),
      } as Written;
    },
  };
}

type InputFile = ManifestRecord['inputs']['image'];
type OutputFile = ManifestRecord['files']['image'];
