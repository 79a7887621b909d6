import type { KernelConfig, Tensor, Tensor1D, Tensor2D, Tensor4D, TensorInfo } from '@tensorflow/tfjs-core';
import type { Depth, Raster } from '../types.ts';
import type { Opened } from './backends.ts';

/**
 * The op `CopyPaste`, registered once for each TensorFlow.js backend: Simple Copy-Paste (Ghiasi et al., CVPR 2021), in integers. The
 * images of a batch, of any sizes, are one flat tensor of words, RGBA8 or RGBA16. Each target becomes an output of its own size, with its
 * placements pasted in order.
 *
 * The coverage of a target pixel is `c = Σy Σx wy·wx·[mask = instance]`, from 0 to 65536, with the weights of
 * `masks/tables.ts`. A placement owns the pixel if `c ≥ 32768`. The last owner gives the colour, from its instance alone: for each channel
 * `floor((Σy Σx wy·wx·[mask = instance]·value + floor(c / 2)) / c)`. Inside an instance `c` is 65536, and the division is a shift.
 *
 * A tone then changes each colour value `v` (not alpha): `clamp((v·gain + offset + 128) >> 8)`, where `>>` rounds down.
 *
 * A placement whose edges are blended is composed over the pixels so far wherever `0 < c`, alpha like the colours:
 * `(c·source + (65536 − c)·before + 32768) >> 16`. It still owns only pixels with `c ≥ 32768`.
 *
 * All sums are integers. With 8 bits per channel they are below 2^24, so 32-bit integers and floats give the same bytes. With 16 bits they
 * are below 2^32, which unsigned integers and doubles hold; floats sum high and low bytes separately: 2^8·Σhigh + Σlow is the same sum.
 *
 * Two more ops convert the images of a training loop to such words and back.
 */
export const opNames = { copyPaste: 'CopyPaste', pack: 'CopyPastePack', unpack: 'CopyPasteUnpack' } as const;

export type CopyPasteInputs = {
  /** int32 `[P]`: words of all images, one image after another. */
  images: Tensor1D;
  /** int32 `[Q]`: planes of the instances' boxes, one after another; one byte per pixel, 0 or 1, four per word. */
  masks: Tensor1D;
  /** int32 `[T]`: weight tables (for each target pixel, its first source pixel and then its weights) and tones. */
  tables: Tensor1D;
  /** int32 `[N, 3]`: rows of `targetFields`, read on the host. */
  targets: Tensor2D;
  /** int32 `[M, 19]`: rows of `placementFields`, grouped by target, in pasting order, read on the host. */
  placements: Tensor2D;
};

export interface CopyPasteAttrs {
  depth: Depth;
  /** Pixel that fills canvases: a word of RGBA8, or two of RGBA16. */
  padding: readonly number[];
}

/** Columns of `targets`. `image`: offset into `images` in pixels, or −1 for a canvas of padding. */
export const targetFields = ['image', 'width', 'height'] as const;

/**
 * Columns of `placements`. `target`: index of the target. `x` to `rows`: the part of the box inside the frame. `source`: offset of the
 * source image into `images` in pixels. `transpose`: 1 if the source's axes are exchanged, so that the target's columns take the source's
 * rows, else 0. `mask`: offset of the instance's plane into `masks` in bytes, or −1 if the whole box is pasted; `maskX` to `maskHeight`: the
 * instance's box in the source. Plane and box have exchanged axes if the source has. `tableX`, `tableY`: offsets of the weight tables into
 * `tables`. `tone`: offset of three gains and three offsets into `tables`, or −1 for no change. `blend`: 1 if edges are blended, else 0.
 */
export const placementFields = [
  'target',
  'x',
  'y',
  'columns',
  'rows',
  'source',
  'sourceWidth',
  'transpose',
  'mask',
  'maskX',
  'maskY',
  'maskWidth',
  'maskHeight',
  'tableX',
  'tapsX',
  'tableY',
  'tapsY',
  'tone',
  'blend',
] as const;

export type TargetRow = Record<(typeof targetFields)[number], number>;
export type PlacementRow = Record<(typeof placementFields)[number], number>;

/** A target with the offset of its output, in pixels. */
export type PlacedTarget = TargetRow & { output: number };
/** A placement with its target. */
export type Placed = PlacementRow & { into: PlacedTarget };

/** A row of numbers as an object. All have one hidden class in V8, since kernels read their fields in inner loops. */
class Row {
  constructor(fields: readonly string[], values: ArrayLike<number>, at: number) {
    for (let i = 0; i < fields.length; i++) (this as unknown as Record<string, number>)[fields[i] as string] = values[at + i]!;
  }
}

function rowsOf<T>(values: ArrayLike<number>, fields: readonly string[]): T[] {
  const rows: T[] = [];
  for (let at = 0; at < values.length; at += fields.length) rows.push(new Row(fields, values, at) as T);
  return rows;
}

/** Reads an int32 tensor on the host. */
export function readWords(backend: { readSync(dataId: object): unknown }, { dataId }: TensorInfo): Int32Array {
  return backend.readSync(dataId) as Int32Array;
}

/** Reads the rows of targets and placements. @returns also the number of pixels of all outputs together. */
export function readRows(
  targets: ArrayLike<number>,
  placements: ArrayLike<number>,
): { targets: PlacedTarget[]; placements: Placed[]; pixels: number } {
  let pixels = 0;
  const placed = rowsOf<PlacedTarget>(targets, targetFields);
  for (const row of placed) {
    row.output = pixels;
    pixels += row.width * row.height;
  }
  const rows = rowsOf<Placed>(placements, placementFields);
  for (const row of rows) row.into = placed[row.target] as PlacedTarget;
  return { targets: placed, placements: rows, pixels };
}

export type CopyPasteOutputs = {
  /** int32 `[O]`: words of all outputs, one after another. */
  images: Tensor1D;
  /**
   * int32 `[pixels]`: 1 + the index of the last owner. In pixels that no placement owns, −1 − the index of the last placement that is
   * blended there, or 0 in pixels without change.
   */
  owner: Tensor1D;
};

/** Order of values in an image tensor. */
export interface PixelLayout {
  /** True for `[N, C, H, W]`, false for `[N, H, W, C]`. */
  channelsFirst: boolean;
}

export interface PackAttrs extends PixelLayout {
  /** Bytes are `round((value − low) · scale)`, half to even, in float32; `low` and `scale` are float32 numbers. */
  low: number;
  scale: number;
}

export type UnpackInputs = {
  /** int32 `[N·H·W]`: RGBA8. */
  words: Tensor1D;
  /** int32 `[N·H·W]`: owners from the op `CopyPaste`. */
  owner: Tensor1D;
  /** int32 `[N]`: a value of `shown` for each sample. */
  shown: Tensor1D;
  /** `[256]`: value of each byte, in the type of `images`. A table makes all backends round alike. */
  values: Tensor1D;
  images: Tensor4D;
};

/** Pixels of a sample that are taken from the words instead of the input image: none, those with a placement, or all. */
export const shown = { none: 0, placed: 1, all: 2 } as const;

/** Kernels of the three ops on one backend, whose TensorFlow.js class is `B`. */
export interface Kernels<B> {
  copyPaste(backend: B, inputs: Record<keyof CopyPasteInputs, TensorInfo>, attrs: CopyPasteAttrs): [TensorInfo, TensorInfo];
  pack(backend: B, inputs: { images: TensorInfo }, attrs: PackAttrs): TensorInfo;
  unpack(backend: B, inputs: Record<keyof UnpackInputs, TensorInfo>, attrs: PixelLayout): TensorInfo;
}

/** Pixels in one call of the op on a GPU, enough to keep it busy. A larger image has a call of its own, so that it waits for no other. */
export const gpuBatchPixels = 2 ** 22;

/** A TensorFlow.js backend: its kernels, and functions that open it, transfer data and watch its device. */
export interface TensorBackend<B = unknown> {
  readonly kernels: Kernels<B>;
  /** Opens the backend. @throws {CopyPasteError} `unavailable` with packages or drivers to install. */
  open(): Promise<Opened>;
  /** Makes the next `open` use a new device, since a lost device does not return. */
  forget?(): void;
  /** Uploads images as one tensor of words, if the backend has a faster way than TensorFlow.js. */
  upload?(backend: B, images: readonly Raster[]): Promise<Uploaded>;
  /** Downloads int32 tensors, if the backend has a faster way than TensorFlow.js. */
  download?(backend: B, tensors: readonly Tensor[]): Promise<Int32Array[]>;
  /** Watches a device whose failures throw nothing. @returns a function that waits for all work and gives the first error since. */
  watch?(backend: B): () => Promise<string | undefined>;
}

/** A tensor whose memory is reused once it is released. */
export interface Uploaded {
  readonly tensor: Tensor1D;
  release(): void;
}

/** Arguments of `registerKernel` for the kernels of a backend. */
export function kernelConfigs<B>(backendName: string, kernels: Kernels<B>): KernelConfig[] {
  return (Object.keys(opNames) as (keyof typeof opNames)[]).map((name) => ({
    kernelName: opNames[name],
    backendName,
    kernelFunc: ({ inputs, backend, attrs }) => {
      const kernel = kernels[name] as (backend: B, inputs: unknown, attrs: unknown) => TensorInfo | TensorInfo[];
      return [kernel(backend as B, inputs, attrs)].flat();
    },
  }));
}

/** Number of images, pixels of each, and channels of an image tensor. */
export function imageShape({ shape }: TensorInfo, { channelsFirst }: PixelLayout): { count: number; size: number; channels: number } {
  const [count, a, b, c] = shape as [number, number, number, number];
  return channelsFirst ? { count, size: b * c, channels: a } : { count, size: a * b, channels: c };
}
