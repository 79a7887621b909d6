import { dirname, join } from 'node:path';
import { giveBack } from '../base/buffers.ts';
import { readInput, sha256 } from '../base/digest.ts';
import { encodeImage, extensions, formatOf, type ImageFormat } from '../codecs/image.ts';
import { writeMask } from '../codecs/masks.ts';
import { encodePng, encodeSegments } from '../codecs/png.ts';
import { segmentPlane } from '../formats/coco/write.ts';
import { drawMasks, pastedShapes } from '../formats/drawn-masks.ts';
import { labelmeText, renamedLabelmeText } from '../formats/labelme/write.ts';
import { labelText } from '../formats/yolo/write.ts';
import {
  drawnFolders,
  type InputFolder,
  listed,
  type Mask,
  mapFiles,
  type Pasted,
  pathsOf,
  type Sample,
  type SampleFiles,
  type ShapeSet,
  type ViewFile,
} from '../types.ts';
import { createFolders, linkAtomic, writeAtomic } from './files.ts';
import type { ManifestRecord, Written } from './manifest.ts';
import { inputFiles } from './records.ts';

export interface OutputOptions {
  readonly out: string;
  readonly imageFormat?: ImageFormat | undefined;
  readonly quality: number;
  readonly link: boolean;
  readonly maskFiles: boolean;
}

/** What is written follows from this, besides the sample. */
export type Encoding = Pick<OutputOptions, 'imageFormat' | 'quality' | 'maskFiles'> & { readonly classNames: ReadonlyMap<number, string> };

/** The paths of a variant of a sample that is pasted into. */
export function pastedPaths(
  sample: Sample,
  suffix: string,
  options: Pick<OutputOptions, 'imageFormat' | 'maskFiles'>,
): SampleFiles<string> {
  const { labels = sample.newLabels } = sample;
  return outputPaths(labels === undefined ? sample : { ...sample, labels }, suffix, options);
}

/**
 * The paths of a variant of a sample: its input's, with a suffix after the stem that its files share.
 *
 * @param options the image's format, where it is encoded anew; whether masks are drawn too.
 */
export function outputPaths(
  sample: Sample,
  suffix: string,
  { imageFormat: format, maskFiles = false }: Partial<Pick<OutputOptions, 'imageFormat' | 'maskFiles'>> = {},
): SampleFiles<string> {
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
    ...(maskFiles && { drawn: drawnFolders.map((folder) => `${folder}/${add(image, endings.image, '.png')}`) }),
  };
}

/** Encodes a sample that was pasted into, in the input's own formats. @param use may not keep the bytes. */
export async function encodeSample(
  pasted: Pasted,
  suffix: string,
  { imageFormat, quality, maskFiles, classNames }: Encoding,
  use: (path: string, bytes: Uint8Array, codec: OutputFile['codec']) => Promise<void>,
): Promise<void> {
  const each = async (path: string, bytes: Uint8Array, codec: OutputFile['codec']): Promise<void> => {
    await use(path, bytes, codec);
    giveBack(bytes);
  };
  const { sample, image, mask, objects } = pasted;
  const codec = imageFormat ?? (formatOf(sample.image) as ImageFormat);
  const to = pastedPaths(sample, suffix, { imageFormat, maskFiles });
  const eachMask = async (path: string, ids: Mask): Promise<void> => {
    const { bytes, codec } = await writeMask(ids, path);
    await each(path, bytes, codec);
  };
  await each(to.image, await encodeImage(image, codec, quality), codec);
  if (to.labels !== undefined) {
    const text = to.labels.endsWith('.json') ? await labelmeText(pasted, to.image, classNames) : labelText(pasted);
    await each(to.labels, Buffer.from(text), 'text');
  }
  if (to.mask !== undefined) {
    const segments = pasted.original.shapes?.panoptic && segmentPlane(pasted);
    if (segments) await each(to.mask, await encodeSegments(segments, image), 'png');
    else await eachMask(to.mask, mask);
  }
  if (objects) await eachMask(to.objects as string, objects);
  for (const [n, view] of (sample.views ?? []).entries()) await each(to.views?.[n] as string, await encodeView(mask, view), 'png');
  if (to.drawn)
    for (const [n, drawn] of drawMasks(pastedShapes(pasted), classNames).entries()) await eachMask(to.drawn[n] as string, drawn);
}

/** A file of a sample that passes through. */
interface PassedFile extends OutputFile {
  readonly bytes: Uint8Array;
  /** What it is a copy of. */
  readonly from?: string;
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
  each: (file: PassedFile) => Promise<void>,
): Promise<Written> {
  const to = outputPaths(sample, suffix, { maskFiles: shapes !== undefined });
  const paths = listed(to);
  const files: OutputFile[] = [];
  const add = async (bytes: Uint8Array, codec: OutputFile['codec'], digest = sha256(bytes), from?: string): Promise<void> => {
    const file = { path: paths[files.length] as string, sha256: digest, codec };
    files.push(file);
    await each({ ...file, bytes, ...(from !== undefined && { from }) });
    giveBack(bytes);
  };
  const inputs = await mapFiles(pathsOf(sample), async (path) => {
    const { bytes, sha256 } = await readInput(input, path);
    if (suffix !== '' && path === sample.labels && path.endsWith('.json'))
      await add(Buffer.from(renamedLabelmeText(Buffer.from(bytes).toString(), to.image)), 'text');
    else await add(bytes, 'copy', sha256, path);
    return { path, sha256 };
  });
  if (shapes)
    for (const mask of drawMasks(shapes, classNames)) await add((await writeMask(mask, paths[files.length] as string)).bytes, 'png');
  let n = 0;
  return { files: await mapFiles(to, async () => files[n++] as OutputFile), inputs } as Written;
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
export function createSampleWriter(input: InputFolder & Pick<Encoding, 'classNames'>, options: OutputOptions) {
  const { out, link } = options;
  const makeFolder = createFolders(out);
  const write = async (path: string, data: Uint8Array): Promise<void> => {
    await makeFolder(dirname(join(out, path)));
    await writeAtomic(join(out, path), data);
  };
  return {
    /** Writes a sample that passes through: copies or links its files. */
    pass(sample: Sample, suffix: string, shapes: ShapeSet | undefined): Promise<Written> {
      return passSample(input, sample, suffix, shapes, input, async ({ path, bytes, from }) => {
        if (link && from !== undefined) {
          await makeFolder(dirname(join(out, path)));
          if (await linkAtomic(join(input.root, from), join(out, path))) return;
        }
        await write(path, bytes);
      });
    },

    /** Encodes and writes a sample that was pasted into. */
    async paste(pasted: Pasted, suffix: string): Promise<Written> {
      const written = new Map<string, OutputFile>();
      await encodeSample(pasted, suffix, { ...options, classNames: input.classNames }, async (path, bytes, codec) => {
        await write(path, bytes);
        written.set(path, { path, sha256: sha256(bytes), codec });
      });
      const { sample, inputs } = pasted;
      return {
        files: await mapFiles(pastedPaths(sample, suffix, options), async (path) => written.get(path) as OutputFile),
        inputs: inputFiles(sample, inputs),
      } as Written;
    },
  };
}

type OutputFile = ManifestRecord['files']['image'];
