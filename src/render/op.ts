import type { KernelConfig, Tensor, Tensor1D, Tensor2D, Tensor4D, TensorInfo } from '@tensorflow/tfjs-core';
import type { Backend, Depth, Raster } from '../types.ts';

/**
 * The op `CopyPaste`, registered once for each TensorFlow.js backend. A batch of any sizes is one flat
 * tensor of words, RGBA8 or RGBA16; each target becomes an output of its own size, with its placements pasted in order.
 *
 * With `c = Σy Σx wy·wx·[mask]` (0 to 65536) a placement owns a pixel where `c ≥ 32768`; the last owner colours the pixel with
 * `(Σy Σx wy·wx·[mask]·value + c >> 1) / c`, rounded down, per channel: of the instance alone. Inside it `c` is 65536, and this is a
 * shift. All sums are integers, with 8 bits a channel under 2^24, so that 32-bit integers and 32-bit floats give the same bytes. With 16 bits
 * they are under 2^32, which unsigned integers and doubles hold; floats sum the bytes of a value apart: 2^8·Σhigh + Σlow is the same sum.
 *
 * Two more ops turn images of a training loop into such words and back.
 */
export const opNames = { copyPaste: 'CopyPaste', pack: 'CopyPastePack', unpack: 'CopyPasteUnpack' } as const;

export type CopyPasteInputs = {
  /** int32 `[P]`: words of all images, one image after another. */
  images: Tensor1D;
  /** int32 `[Q]`: one plane for each instance, of its box's size, one after another; 0 or 1 a byte, four to a word. */
  masks: Tensor1D;
  /** int32 `[T]`: weight tables: for each target pixel its first source pixel, then its weights. */
  tables: Tensor1D;
  /** int32 `[N, 3]`: fields of `targetFields`; not read from a device. */
  targets: Tensor2D;
  /** int32 `[M, 16]`: fields of `placementFields`, grouped by target, in pasting order; not read from a device. */
  placements: Tensor2D;
};

export interface CopyPasteAttrs {
  depth: Depth;
  /** A pixel of canvases: a word of RGBA8, or two of RGBA16. */
  padding: readonly number[];
}

/** Columns of `targets`. `image` is an offset into `images` in pixels, or −1 for a canvas of padding. */
export const targetFields = ['image', 'width', 'height'] as const;

/**
 * Columns of `placements`: the index of its target; the part of the box inside the frame; the source image, an
 * offset into `images` in pixels, with its width; the instance's plane, an offset into `masks` in bytes (−1: the whole box
 * is owned), with its box in the source; the two tables, offsets into `tables`.
 */
export const placementFields = [
  'target',
  'x',
  'y',
  'columns',
  'rows',
  'source',
  'sourceWidth',
  'mask',
  'maskX',
  'maskY',
  'maskWidth',
  'maskHeight',
  'tableX',
  'tapsX',
  'tableY',
  'tapsY',
] as const;

export type TargetRow = Record<(typeof targetFields)[number], number>;
export type PlacementRow = Record<(typeof placementFields)[number], number>;

/** A target with where its output begins, and a placement with its target. */
export type PlacedTarget = TargetRow & { output: number };
export type Placed = PlacementRow & { into: PlacedTarget };

/** Objects of one shape from rows of numbers: kernels read their fields in inner loops. */
class Row {
  constructor(fields: readonly string[], values: ArrayLike<number>, at: number) {
    for (let i = 0; i < fields.length; i++) (this as unknown as Record<string, number>)[fields[i] as string] = values[at + i] as number;
  }
}

function rowsOf<T>(values: ArrayLike<number>, fields: readonly string[]): T[] {
  const rows: T[] = [];
  for (let at = 0; at < values.length; at += fields.length) rows.push(new Row(fields, values, at) as T);
  return rows;
}

/** Targets and placements by name, and the pixels of all outputs together. */
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
  /** int32, one a pixel: 0 where untouched, else 1 + the placement's index. */
  owner: Tensor1D;
};

/** How pixels lie in an image tensor. */
export interface PixelLayout {
  /** `[N, C, H, W]` instead of `[N, H, W, C]`. */
  channelsFirst: boolean;
}

export interface PackAttrs extends PixelLayout {
  /** Bytes are `round((value − low) · scale)`, half to even, in float32; both are float32 numbers. */
  low: number;
  scale: number;
}

export type UnpackInputs = {
  /** int32 `[N·H·W]`. */
  words: Tensor1D;
  /** int32 `[N·H·W]`, as the op `CopyPaste` gives it. */
  owner: Tensor1D;
  /** int32 `[N]`: `shown`. */
  shown: Tensor1D;
  /** `[256]`: the value of each byte, in the type of `images`: a table, so that no backend rounds in its own way. */
  values: Tensor1D;
  images: Tensor4D;
};

/** Which words of a sample take the place of the image's own values. */
export const shown = { none: 0, owned: 1, all: 2 } as const;

/** The three ops on one backend, as functions of its own tensor type. */
export interface Kernels<B> {
  copyPaste(backend: B, inputs: Record<keyof CopyPasteInputs, TensorInfo>, attrs: CopyPasteAttrs): [TensorInfo, TensorInfo];
  pack(backend: B, inputs: { images: TensorInfo }, attrs: PackAttrs): TensorInfo;
  unpack(backend: B, inputs: Record<keyof UnpackInputs, TensorInfo>, attrs: PixelLayout): TensorInfo;
}

/** A backend that was opened. */
export type Opened = Omit<Backend, 'name'>;

/** Words that one call of the op takes on a GPU: enough to keep it busy. A large image is alone, so that it waits for no other. */
export const gpuBatchPixels = 2 ** 22;

/** One backend of TensorFlow.js: all that is its own. */
export interface TensorBackend<B = unknown> {
  readonly kernels: Kernels<B>;
  /** @throws {CopyPasteError} `unavailable` with what to install. */
  open(): Promise<Opened>;
  /** Makes the next opening take a new device, since one that was lost does not come back. */
  forget?(): void;
  /** Images as one tensor of words, one after another, where it has a faster way than TensorFlow.js. */
  upload?(backend: B, images: readonly Raster[]): Promise<Uploaded>;
  /** What int32 tensors hold, likewise. */
  download?(backend: B, tensors: readonly Tensor[]): Promise<Int32Array[]>;
  /** Watches a device whose failures throw nothing. @returns what waits for all work and says what went wrong since. */
  watch?(backend: B): () => Promise<string | undefined>;
}

/** A tensor in memory that is used again once it is released. */
export interface Uploaded {
  readonly tensor: Tensor1D;
  release(): void;
}

/** What `registerKernel` takes for them. */
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

/** Size and channels of an image tensor. */
export function imageShape({ shape }: TensorInfo, { channelsFirst }: PixelLayout): { count: number; size: number; channels: number } {
  const [count, a, b, c] = shape as [number, number, number, number];
  return channelsFirst ? { count, size: b * c, channels: a } : { count, size: a * b, channels: c };
}
