import { giveBack } from '../base/buffers.ts';
import { bytesOf, inDepth, takePixels, unpackWords, wordsPerPixel } from '../codecs/pixels.ts';
import { fillSpans, type Shape, turned } from '../masks/spans.ts';
import { type Mapping, mappingOf, sceneMapping, tablesOf, withEdges } from '../masks/tables.ts';
import type { Bands, Depth, Instance, PastePlan, Raster, Size, Tone } from '../types.ts';
import type { Backend } from './backends.ts';
import { type PlacedTarget, type PlacementRow, placementFields, readRows } from './op.ts';
import { fillOutput, locate, pasteAll, pixelsAt } from './paste.ts';

/** ImageNet's mean colour, opaque: fills the canvas around a jittered scene. */
const shallow = Uint8Array.of(124, 116, 104, 255);
const paddings: Record<Depth, Raster['pixels']> = { 8: shallow, 16: inDepth({ pixels: shallow, depth: 8 }, 16) };

/** A pixel of padding as words. */
export function paddingOf(depth: Depth): readonly number[] {
  return [...new Int32Array(paddings[depth].slice().buffer)];
}

/** An image in the concatenated pixels of all images. */
export interface ImageRef extends Size {
  /** Offset of its first pixel, in pixels. */
  readonly offset: number;
}

/** Options of how instances are pasted. */
export interface RenderOptions {
  /** Treatment of pixels that an instance covers in part: none takes those covered by half or more, antialias blends them all. */
  readonly blend: 'none' | 'antialias';
}

/** One placement with its source pixels. */
export interface Paste extends Mapping {
  readonly source: ImageRef;
  /** Mask of the instance, with exchanged axes if the mapping has them; without it, the whole box is pasted. */
  readonly instance?: Shape;
  readonly tone?: Tone | undefined;
  /** True if its edges are blended. */
  readonly blend?: boolean;
}

/** An image or a canvas, and the pastes into it. */
export interface Target extends Size {
  /** The image; without it, a canvas of padding. */
  readonly image?: ImageRef;
  /** Jittered scene of the target, pasted onto the canvas first. Its pixels have no owner. */
  readonly scene?: Paste;
  readonly pastes: readonly Paste[];
  /** True if a backend may overwrite the image, since no other plan uses it. */
  readonly inPlace?: boolean;
}

/** A rendered target. */
export interface Rendered {
  /** `[H, W, bands]`, with the bands of the target's own image. */
  readonly pixels: Raster['pixels'];
  /**
   * `[H, W]`: 1 + the index of the topmost paste that owns the pixel. In pixels that nobody owns, −1 − the index of the topmost paste that
   * is blended there, else 0. A jittered scene counts as an owner of its pixels here, so that what is blended over it stays 0.
   */
  readonly owner: Int32Array;
}

/** The target of a plan, with its pastes. */
export function pastesOf(
  { scenes, placements }: PastePlan,
  image: ImageRef,
  source: ImageRef,
  instances: readonly Instance[],
  options: RenderOptions,
): Target {
  const { width, height } = image;
  const blend = options.blend === 'antialias';
  const pastes = placements.map((one): Paste => {
    const instance = instances[one.instance] as Instance;
    const mapping = mappingOf(one, scenes?.source, source, image);
    return {
      source,
      instance: turned(instance, one),
      // In a jittered scene the box already holds every pixel with a tap on the instance.
      ...(blend && !scenes ? withEdges(mapping, source, image) : mapping),
      tone: one.tone,
      blend,
    };
  });
  if (!scenes) return { width, height, image, pastes };
  return { width, height, scene: { source: image, ...sceneMapping(scenes.target, image, image) }, pastes };
}

/**
 * Renders targets.
 *
 * @param images all images that the targets refer to, of one depth. Offsets count as if the images were concatenated. Only images of
 * targets that are `inPlace` may change.
 */
export type Render = (images: readonly Raster[], targets: readonly Target[], depth?: Depth) => Promise<Rendered[]>;

/** The part of an opened backend that renders. */
export interface Renderer extends Pick<Backend, 'batchPixels'> {
  readonly render: Render;
}

/** Renders with the cpu kernels directly, without TensorFlow.js, which takes long to load. */
export const renderOnCpu: Render = async (images, targets, depth = 8) => {
  const { tables, ...packed } = pack(targets, depth);
  const rows = readRows(packed.targets, packed.placements);
  const outputs = targets.map((target, n): Raster => {
    const { width, height, image, inPlace } = target;
    const bands = bandsOfTarget(target, images);
    if (image && inPlace) return { pixels: pixelsAt(images, image.offset, width * height), bands };
    const pixels = takePixels(depth, bands * width * height);
    fillOutput(pixels, bands, rows.targets[n] as PlacedTarget, images, paddings[depth]);
    return { pixels, bands };
  });
  const shapes = pastesIn(targets).map(({ instance }) => instance);
  const owners = ownersOf(pasteAll({ images, depth, shapes, tables, ...rows, outputs }), targets);
  return outputs.map(({ pixels }, n) => ({ pixels, owner: owners[n] as Int32Array }));
};

/** Bands of a target: those of its image or, for a canvas, of its scene or first source. */
function bandsOfTarget({ image, scene, pastes }: Target, images: readonly Raster[]): Bands {
  const own = image ?? (scene ?? pastes[0])?.source;
  return own ? locate(images, own.offset).raster.bands : 4;
}

/** Splits the op's outputs by target, and returns the words to the buffer pool. */
export function resultsOf(
  { words, owner }: { words: Int32Array; owner: Int32Array },
  images: readonly Raster[],
  targets: readonly Target[],
  depth: Depth,
): Rendered[] {
  const owners = ownersOf(owner, targets);
  let at = 0;
  const results = targets.map((target, n) => {
    const own = words.subarray(at, (at += wordsPerPixel(depth) * target.width * target.height));
    const pixels = unpackWords(own, depth, bandsOfTarget(target, images));
    return { pixels, owner: owners[n] as Int32Array };
  });
  giveBack(words);
  return results;
}

/** Splits owners by target, and renumbers them in place, so that the first paste of each target is 1. */
export function ownersOf(owner: Int32Array, targets: readonly Target[]): Int32Array[] {
  let at = 0;
  let before = 0;
  return targets.map(({ width, height, scene, pastes }) => {
    const own = owner.subarray(at, (at += width * height));
    if (scene) before++;
    if (before > 0) for (let i = 0; i < own.length; i++) own[i] = renumbered(own[i]!, before);
    before += pastes.length;
    return own;
  });
}

function renumbered(owner: number, before: number): number {
  if (owner === 0) return 0;
  return owner > 0 ? Math.max(0, owner - before) : owner + before;
}

/** All pastes in the order of the op's rows: for each target its scene first, then its pastes. */
function pastesIn(targets: readonly Target[]): Paste[] {
  return targets.flatMap(({ scene, pastes }) => (scene ? [scene, ...pastes] : pastes));
}

interface Packed {
  tables: Int32Array;
  targets: Int32Array;
  placements: Int32Array;
}

/** Packs targets, placements and weight tables as the op takes them. `tables` is never empty, since a GPU's buffer cannot be. */
export function pack(targets: readonly Target[], depth: Depth): Packed {
  const rows: PlacementRow[] = [];
  const tables: ArrayLike<number>[] = [];
  const lengths = { tables: 0, masks: 0 };
  for (const [target, own] of targets.entries()) {
    for (const paste of pastesIn([own])) {
      const { source, instance, tone, blend = false, transpose = false } = paste;
      const [x0, y0, x1, y1] = paste.seen;
      const { across, down } = tablesOf(paste, source);
      const [maskX, maskY, maskX1, maskY1] = instance?.box ?? [0, 0, 0, 0];
      rows.push({
        target,
        x: x0,
        y: y0,
        columns: x1 - x0,
        rows: y1 - y0,
        source: source.offset,
        sourceWidth: source.width,
        transpose: Number(transpose),
        mask: instance ? lengths.masks : -1,
        maskX,
        maskY,
        maskWidth: maskX1 - maskX,
        maskHeight: maskY1 - maskY,
        tableX: lengths.tables,
        tapsX: across.taps,
        tableY: lengths.tables + across.data.length,
        tapsY: down.taps,
        tone: tone ? lengths.tables + across.data.length + down.data.length : -1,
        blend: Number(blend),
      });
      const tones = tone ? [...tone.gain, ...tone.offset.map((offset) => (depth === 8 ? offset : 257 * offset))] : [];
      tables.push(across.data, down.data, tones);
      lengths.tables += across.data.length + down.data.length + tones.length;
      lengths.masks += (maskX1 - maskX) * (maskY1 - maskY);
    }
  }
  return {
    tables: concatenate(tables, lengths.tables),
    targets: Int32Array.from(targets.flatMap(({ image, width, height }) => [image?.offset ?? -1, width, height])),
    placements: placementValues(rows),
  };
}

function placementValues(rows: readonly PlacementRow[]): Int32Array {
  const values = new Int32Array(rows.length * placementFields.length);
  let at = 0;
  for (const row of rows) for (const name of placementFields) values[at++] = row[name];
  return values;
}

function concatenate(tables: readonly ArrayLike<number>[], length: number): Int32Array {
  const all = new Int32Array(Math.max(1, length));
  let at = 0;
  for (const data of tables) {
    all.set(data, at);
    at += data.length;
  }
  return all;
}

/** Packs instances as planes of their boxes, one byte per pixel. */
export function packMasks(targets: readonly Target[]): Int32Array {
  const shapes = pastesIn(targets).flatMap(({ instance }) => instance ?? []);
  const sizes = shapes.map(({ box: [x0, y0, x1, y1] }) => (x1 - x0) * (y1 - y0));
  const length = sizes.reduce((sum, size) => sum + size, 0);
  const words = new Int32Array(Math.max(1, Math.ceil(length / 4)));
  let at = 0;
  for (const [n, { box, spans, start, end }] of shapes.entries())
    fillSpans(spans.subarray(start, end), box, bytesOf(words).subarray(at, (at += sizes[n]!)), 1);
  return words;
}
