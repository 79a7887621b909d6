/**
 * Folders of cut-outs of other tools as source sets. A cut-out is an RGBA PNG that shows one instance. Its class is the first folder on its
 * path, or the name of the root for a file directly in it.
 *
 * A sample stands for about eight cut-outs, so that a target gets several. Its image shows them below one another, each in its own box with
 * a gap of a pixel to the next and to the border: outside a cut-out there is nothing.
 */
import { basename } from 'node:path';
import { giveBack } from '../base/buffers.ts';
import { readInput, sha256 } from '../base/digest.ts';
import { absolutePath } from '../base/paths.ts';
import { plural } from '../base/plural.ts';
import { utf8 } from '../base/text.ts';
import type { Tree } from '../base/tree.ts';
import { decodeImage, imageHeaderOf } from '../codecs/image.ts';
import { maxPixels, pngHeader } from '../codecs/png.ts';
import { CopyPasteError } from '../errors.ts';
import { cutoutsLayout, isPng } from '../formats/bank.ts';
import type { Folders } from '../formats/folders.ts';
import { areaOfSpans, boxOfSpans, spansOfPixels } from '../masks/spans.ts';
import type { Annotations, Cutout, Image, InputFolder, Instance, Sample, Size } from '../types.ts';
import type { Dataset } from './open.ts';
import { imageOfCutouts } from './painted.ts';

/** Tests if a source set is a folder of cut-outs that `extract` has not written. */
export function isCutoutFolder({ layout }: Pick<Dataset, 'layout'>): boolean {
  return layout === cutoutsLayout;
}

/** Opens a folder of cut-outs, each of them as a sample of its own. No PNG is read. */
export function openCutouts(folder: string, { files }: Tree): Dataset {
  const cutouts = files.filter(isPng);
  if (cutouts.length === 0) throw new CopyPasteError('noInput', `${folder}: contains no PNG; pass a folder of cut-outs`);
  const classes = [...new Set(cutouts.map(classOf))].sort();
  const others = files.length - cutouts.length;
  return {
    ...cutoutSet(
      folder,
      classes.map((name) => ({ split: '', images: name, masks: name })),
      cutouts.map((path) => sampleOf(path, [path])),
    ),
    notes: others === 0 ? [] : [`${plural(others, 'file')} of the sources ${others === 1 ? 'is' : 'are'} not a PNG and not used`],
  };
}

/**
 * Opens the cut-outs of samples that a manifest names.
 *
 * @param folders folder of each class, by class id.
 */
export function reopenCutouts(
  root: string,
  folders: readonly Folders[],
  samples: ReadonlyMap<string, readonly { readonly path: string; readonly sha256: string }[]>,
): Dataset {
  const opened = [...samples].map(([id, files]) =>
    sampleOf(
      id,
      files.map(({ path }) => path),
    ),
  );
  const digests = new Map([...samples.values()].flat().map(({ path, sha256 }) => [path, sha256]));
  return { ...cutoutSet(root, folders, opened), digests };
}

function cutoutSet(folder: string, folders: readonly Folders[], samples: readonly Sample[]): Dataset {
  const root = absolutePath(folder);
  return {
    root,
    encoding: utf8,
    layout: cutoutsLayout,
    folders,
    splits: [],
    split: '',
    samples,
    others: [],
    lists: new Map(),
    imageLists: new Map(),
    documents: new Map(),
    carried: [],
    rewritten: new Map(),
    notes: [],
    background: new Set(),
    ignore: new Set(),
    leftOut: new Set(),
    leftOutObjects: new Set(),
    classNames: new Map(folders.map(({ images }, id) => [id, images === '' ? basename(root) : images])),
    skipped: [],
    leftBehind: [],
  };
}

/** The folder that names the class of a cut-out; empty for the root. */
function classOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : '';
}

/** A sample of cut-outs; its size follows from them when they are read. */
function sampleOf(id: string, cutouts: readonly string[]): Sample {
  const none = { image: '', mask: '', objects: '' };
  return { id, split: '', image: cutouts[0] as string, cutouts, size: { width: 1, height: 1 }, endings: none, format: imageOfCutouts(8) };
}

/** Number of cut-outs in a sample. */
const perSample = 8;

/**
 * Groups the cut-outs of a folder into samples, in the order of the digests of their paths. No sample is short: if they do not divide
 * evenly, the first samples have one more. The id of a sample is the digest of its paths.
 *
 * @param mayPaste tests if a class of the folder may be pasted; other cut-outs are left out.
 */
export function groupCutouts(folder: Dataset, mayPaste: (classId: number) => boolean): Dataset {
  const ids = new Map(folder.folders.map(({ images }, id) => [images, id]));
  const keyed = folder.samples
    .filter(({ image }) => mayPaste(ids.get(classOf(image)) as number))
    .map(({ image }) => ({ path: image, key: sha256(image) }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : 1));
  const paths = keyed.map(({ path }) => path);
  const count = Math.floor(paths.length / perSample) || Math.min(1, paths.length);
  const [size, more] = [Math.floor(paths.length / count), paths.length % count];
  const start = (n: number): number => n * size + Math.min(n, more);
  const samples = Array.from({ length: count }, (_, n) => {
    const own = paths.slice(start(n), start(n + 1));
    return sampleOf(sha256(own.join('\n')).slice(0, 16), own);
  });
  return { ...folder, samples: samples.sort((a, b) => (a.id < b.id ? -1 : 1)) };
}

/**
 * Reads the instances of a sample from its cut-outs: the pixels whose alpha is at least half. None of them is truncated.
 *
 * @throws {CopyPasteError} `data` if a file is no PNG with alpha, or shows nothing.
 */
export async function readCutoutSample(
  sample: Sample,
  { root, digests, folders }: InputFolder & Pick<Dataset, 'folders'>,
): Promise<Annotations> {
  const ids = new Map(folders.map(({ images }, id) => [images, id]));
  const input: InputFolder = { root, ...(digests && { digests }) };
  const instances: Instance[] = [];
  const cutouts = new Map<number, Cutout>();
  let [width, height] = [0, 1];
  for (const path of sample.cutouts ?? []) {
    const { image, digest, format } = await decodeCutout(path, input);
    const found = spansOfAlpha(image);
    if (found.length === 0) throw new CopyPasteError('data', 'shows nothing: its alpha is below half everywhere; remove it', { path });
    const [x0, y0, x1, y1] = boxOfSpans(found);
    const at = [1 - x0, height - y0] as const;
    const spans = found.map((value, i) => value + (i % 3 === 0 ? at[1] : at[0]));
    const box = [1, height, 1 + x1 - x0, height + y1 - y0] as const;
    const size = { width: image.width, height: image.height };
    cutouts.set(instances.length, { role: 'cutout', path, sha256: digest, at, size, format });
    instances.push({
      classId: ids.get(classOf(path)) as number,
      box,
      area: areaOfSpans(spans),
      truncated: false,
      spans,
      start: 0,
      end: spans.length,
    });
    width = Math.max(width, box[2] + 1);
    height = box[3] + 1;
  }
  refuseLarge({ width, height }, sample);
  const depth = [...cutouts.values()].some(({ format }) => format.depth === 16) ? 16 : 8;
  return {
    sample: { ...sample, size: { width, height }, format: imageOfCutouts(depth) },
    input,
    mask: { width, height, ids: new Uint8Array(0) },
    pixels: new Map(),
    instances,
    files: [],
    cutouts,
  };
}

/** Refuses cut-outs that are too large together. @throws {CopyPasteError} `data` if so. */
function refuseLarge({ width, height }: Size, { cutouts = [], image: path }: Sample): void {
  if (width * height > cutouts.length * maxPixels)
    throw new CopyPasteError('data', `is too large beside ${cutouts.length - 1} other cut-outs; scale it down`, { path });
}

async function decodeCutout(
  path: string,
  input: InputFolder,
): Promise<{ readonly image: Image; readonly digest: string; readonly format: Cutout['format'] }> {
  const { bytes, sha256: digest } = await readInput(input, path);
  if (!pngHeader(bytes)) throw new CopyPasteError('data', 'is named .png but is not a PNG; convert it', { path });
  const { stored, format } = await imageHeaderOf(bytes, path);
  if (format.channels % 2 === 1)
    throw new CopyPasteError('data', 'has no alpha, so nothing tells the instance from its background; save it as RGBA', { path });
  const whole = { ...format, icc: false, upright: false };
  const image = await decodeImage(bytes, stored, path, whole);
  giveBack(bytes);
  return { image, digest, format: whole };
}

/** Spans of the pixels whose alpha is at least half. */
function spansOfAlpha({ width, height, pixels, depth }: Image): Int32Array {
  const half = depth === 16 ? 0x8000 : 0x80;
  return spansOfPixels([0, 0, width, height], (x, y) => (pixels[4 * (y * width + x) + 3] as number) >= half);
}
