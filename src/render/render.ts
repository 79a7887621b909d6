import { giveBack } from '../base/buffers.ts';
import { bytesOf, inDepth, takePixels, unpackWords, wordsPerPixel } from '../codecs/pixels.ts';
import { type WeightTable, weightTable } from '../masks/tables.ts';
import type { Bands, Box, Depth, Instance, Plan, Raster, Shape, Size } from '../types.ts';
import { copyPaste, fillOutput, locate, pixelsAt } from './cpu.ts';
import { type PlacedTarget, type PlacementRow, placementFields, readRows } from './op.ts';

/** ImageNet's mean colour, opaque: what a jittered scene leaves empty. */
const shallow = Uint8Array.of(124, 116, 104, 255);
const paddings: Record<Depth, Raster['pixels']> = { 8: shallow, 16: inDepth({ pixels: shallow, depth: 8 }, 16) };

/** A pixel of it as words. */
export function paddingOf(depth: Depth): readonly number[] {
  return [...new Int32Array(paddings[depth].slice().buffer)];
}

/** An image among the pixels of all images. */
export interface ImageRef extends Size {
  /** Where its pixels begin, in pixels. */
  readonly offset: number;
}

/** One placement with the pixels that it takes. */
export interface Paste {
  readonly source: ImageRef;
  /** Its pixels; without it the whole box is pasted. */
  readonly instance?: Shape;
  readonly sourceBox: Box;
  readonly targetBox: Box;
  readonly flip: boolean;
  /** Pixels under which it is taken out again. */
  readonly minArea: number;
}

export interface Target extends Size {
  /** The image that is pasted into; without it a canvas of padding. */
  readonly image?: ImageRef;
  /** What is laid on the canvas before anything is pasted, and counts as the target's own. */
  readonly scene?: Paste;
  readonly pastes: readonly Paste[];
  /** Nobody uses its image any more: a backend may paste into it. */
  readonly inPlace?: boolean;
}

export interface Rendered {
  /** `[H, W]`, with the bands of the target's own image. */
  readonly pixels: Raster['pixels'];
  /** `[H, W]`: 0 where untouched, else 1 + the index of the paste that shows there. */
  readonly owner: Int32Array;
  /** Pixels that each paste covers before later ones cover it, 0 where it was dropped. */
  readonly areas: readonly number[];
}

/** A plan as the op takes it. */
export function pastesOf(plan: Plan, image: ImageRef, source: ImageRef, instances: readonly Instance[]): Target {
  const { width, height } = image;
  const { scene, minArea } = plan;
  const pastes = plan.placements.map(({ instance, sourceBox, targetBox, flip }) => ({
    source,
    instance: instances[instance] as Instance,
    sourceBox,
    targetBox,
    flip,
    minArea,
  }));
  if (!scene) return { width, height, image, pastes };
  const { targetBox, flip } = scene;
  return { width, height, scene: { source: image, sourceBox: [0, 0, width, height], targetBox, flip, minArea: 0 }, pastes };
}

/**
 * Renders targets.
 *
 * @param images all that the targets refer to, of one depth, as if one after another; not changed, but where a target is `inPlace`.
 */
export type Render = (images: readonly Raster[], targets: readonly Target[], depth?: Depth) => Promise<Rendered[]>;

/** With the kernels of the cpu, as the op has them there; TensorFlow.js, which takes long to load, has no part in it. */
export const renderOnCpu: Render = async (images, targets, depth = 8) => {
  const { masks, tables, ...packed } = pack(targets);
  const rows = readRows(packed.targets, packed.placements);
  const outputs = targets.map((target, n): Raster => {
    const { width, height, image, inPlace } = target;
    const bands = bandsOfTarget(target, images);
    if (image && inPlace) return { pixels: pixelsAt(images, image.offset, width * height), bands };
    const pixels = takePixels(depth, bands * width * height);
    fillOutput(pixels, bands, rows.targets[n] as PlacedTarget, images, paddings[depth]);
    return { pixels, bands };
  });
  const { owner, area } = copyPaste({ images, depth, masks: bytesOf(masks), tables, ...rows, outputs });
  const owners = ownersOf(owner, targets);
  const areas = areasOf(area, targets);
  return outputs.map(({ pixels }, n) => ({ pixels, owner: owners[n] as Int32Array, areas: areas[n] as number[] }));
};

/** Bands of a target's own image; of a canvas, those of what is laid on it first. */
function bandsOfTarget({ image, scene, pastes }: Target, images: readonly Raster[]): Bands {
  const own = image ?? (scene ?? pastes[0])?.source;
  return own ? locate(images, own.offset).raster.bands : 4;
}

/** What comes out of the op, target by target; gives its words back. */
export function resultsOf(
  { words, owner, area }: { words: Int32Array; owner: Int32Array; area: Int32Array },
  images: readonly Raster[],
  targets: readonly Target[],
  depth: Depth,
): Rendered[] {
  const owners = ownersOf(owner, targets);
  const areas = areasOf(area, targets);
  let at = 0;
  const results = targets.map((target, n) => {
    const own = words.subarray(at, (at += wordsPerPixel(depth) * target.width * target.height));
    const pixels = unpackWords(own, depth, bandsOfTarget(target, images));
    return { pixels, owner: owners[n] as Int32Array, areas: areas[n] as number[] };
  });
  giveBack(words);
  return results;
}

/** For each target the pixels that each paste covers before later ones cover it, 0 where it was dropped. */
export function areasOf(area: Int32Array, targets: readonly Target[]): number[][] {
  let m = 0;
  return targets.map(({ scene, pastes }) => {
    if (scene) m++;
    return pastes.map(({ minArea }) => {
      const pixels = area[m++] as number;
      return pixels < minArea ? 0 : pixels;
    });
  });
}

/** For each target `[H, W]`: 0 where nothing was pasted, else 1 + the index of the paste that shows there. Numbers `owner` anew in place. */
export function ownersOf(owner: Int32Array, targets: readonly Target[]): Int32Array[] {
  let at = 0;
  let before = 0;
  return targets.map(({ width, height, scene, pastes }) => {
    const own = owner.subarray(at, (at += width * height));
    if (scene) before++;
    if (before > 0) for (let i = 0; i < own.length; i++) if (own[i] !== 0) own[i] = Math.max(0, (own[i] as number) - before);
    before += pastes.length;
    return own;
  });
}

interface Packed {
  masks: Int32Array;
  tables: Int32Array;
  targets: Int32Array;
  placements: Int32Array;
}

/** Lays targets and placements out as the op takes them; no tensor is empty, since a GPU's buffer cannot be. */
export function pack(targets: readonly Target[]): Packed {
  const rows: PlacementRow[] = [];
  const tables: WeightTable[] = [];
  const planes: Shape[] = [];
  const lengths = { tables: 0, masks: 0 };
  for (let target = 0; target < targets.length; target++) {
    const { scene, pastes, width, height } = targets[target] as Target;
    for (const paste of scene ? [scene, ...pastes] : pastes) {
      const { source, instance, sourceBox, targetBox, flip, minArea } = paste;
      const x = inFrame(targetBox[0], targetBox[2], width);
      const y = inFrame(targetBox[1], targetBox[3], height);
      // One that is out of sight needs no table.
      const seen = x[0] < x[1] && y[0] < y[1];
      const across = axisTable(sourceBox[0], sourceBox[2], source.width, targetBox[0], targetBox[2], flip, seen ? x : none);
      const down = axisTable(sourceBox[1], sourceBox[3], source.height, targetBox[1], targetBox[3], false, seen ? y : none);
      const [maskX, maskY, maskX1, maskY1] = instance?.box ?? [0, 0, 0, 0];
      rows.push({
        target,
        x: x[0],
        y: y[0],
        columns: seen ? x[1] - x[0] : 0,
        rows: seen ? y[1] - y[0] : 0,
        source: source.offset,
        sourceWidth: source.width,
        mask: instance ? lengths.masks : -1,
        maskX,
        maskY,
        maskWidth: maskX1 - maskX,
        maskHeight: maskY1 - maskY,
        tableX: lengths.tables,
        tapsX: across.taps,
        tableY: lengths.tables + across.data.length,
        tapsY: down.taps,
        minArea,
      });
      tables.push(across, down);
      lengths.tables += across.data.length + down.data.length;
      if (instance) planes.push(instance);
      lengths.masks += (maskX1 - maskX) * (maskY1 - maskY);
    }
  }
  return {
    masks: planesOf(planes, lengths.masks),
    tables: concatenate(tables, lengths.tables),
    targets: Int32Array.from(targets.flatMap(({ image, width, height }) => [image?.offset ?? -1, width, height])),
    placements: placementValues(rows),
  };
}

type Range = readonly [from: number, to: number];
const none: Range = [0, 0];

/** The part of a box's side that lies inside the frame. */
function inFrame(from: number, to: number, size: number): Range {
  return [Math.max(0, from), Math.min(size, to)];
}

function axisTable(start: number, end: number, limit: number, from: number, to: number, flip: boolean, seen: Range): WeightTable {
  const visible: Range = seen === none ? none : [seen[0] - from, seen[1] - from];
  return weightTable({ start, length: end - start, limit, target: to - from, flip, visible });
}

function placementValues(rows: readonly PlacementRow[]): Int32Array {
  const values = new Int32Array(rows.length * placementFields.length);
  let at = 0;
  for (const row of rows) for (const name of placementFields) values[at++] = row[name];
  return values;
}

function concatenate(tables: readonly WeightTable[], length: number): Int32Array {
  const all = new Int32Array(Math.max(1, length));
  let at = 0;
  for (const { data } of tables) {
    all.set(data, at);
    at += data.length;
  }
  return all;
}

/** Instances as binary planes of their boxes, one after another, a byte a pixel. */
function planesOf(shapes: readonly Shape[], length: number): Int32Array {
  const words = new Int32Array(Math.max(1, Math.ceil(length / 4)));
  const planes = bytesOf(words);
  let at = 0;
  for (const { box, spans, start, end } of shapes) {
    const [x0, y0, x1, y1] = box;
    const width = x1 - x0;
    for (let i = start; i < end; i += 3) {
      const row = at + ((spans[i] as number) - y0) * width - x0;
      planes.fill(1, row + (spans[i + 1] as number), row + (spans[i + 2] as number));
    }
    at += width * (y1 - y0);
  }
  return words;
}
