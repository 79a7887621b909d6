import { engine, type NamedAttrMap, type NamedTensorMap, type Tensor, type Tensor1D, type Tensor2D } from '@tensorflow/tfjs-core';

/**
 * The op `CopyPaste`, registered once for each TensorFlow.js backend. A batch of any sizes is one flat
 * tensor of RGBA8 words; each target becomes an output of its own size, with its placements pasted in order.
 *
 * With `c = Σy Σx wy·wx·[mask]` (0 to 65536) a placement owns a pixel where `c ≥ 32768`; one that owns fewer
 * than its `minArea` pixels is dropped as if it had never been; the last kept owner colours the pixel with
 * `(Σy Σx wy·wx·value + 2^15) >> 16`, per channel, from the whole source image. All sums are integers
 * under 2^24, so that 32-bit integers and 32-bit floats give the same bytes.
 */
export const opName = 'CopyPaste';

export interface CopyPasteInputs {
  /** int32 `[P]`: RGBA8 words of all images, one image after another. */
  images: Tensor1D;
  /** bool `[Q]`: one plane for each instance, of its box's size, one after another. */
  masks: Tensor1D;
  /** int32 `[T]`: weight tables: for each target pixel its first source pixel, then its weights. */
  tables: Tensor1D;
  /** int32 `[N, 3]`: fields of `targetFields`. */
  targets: Tensor2D;
  /** int32 `[M, 18]`: fields of `placementFields`, grouped by target, in pasting order. */
  placements: Tensor2D;
}

export interface CopyPasteAttrs {
  /** RGBA8 word of canvases. */
  padding: number;
}

/** Columns of `targets`. `image` is an offset into `images`, or −1 for a canvas of padding. */
export const targetFields = ['image', 'width', 'height'] as const;

/**
 * Columns of `placements`: `output`, an offset into the outputs, with the target's width; the part of the
 * box inside the frame; the source image, an offset into `images`, with its width; the instance's plane, an
 * offset into `masks` (−1: the whole box is owned), with its box in the source; the two tables, offsets into `tables`.
 */
export const placementFields = [
  'output',
  'width',
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
  'minArea',
] as const;

export type PlacementRow = Record<(typeof placementFields)[number], number>;

/** Row `m` of `placements`. */
export function placementRow(placements: ArrayLike<number>, m: number): PlacementRow {
  const from = m * placementFields.length;
  return Object.fromEntries(placementFields.map((name, i) => [name, placements[from + i]])) as PlacementRow;
}

export type CopyPasteOutputs = {
  /** int32 `[O]`: RGBA8 words of all outputs, one after another. */
  images: Tensor1D;
  /** int32 `[O]`: 0 where untouched, else 1 + the placement's index. */
  owner: Tensor1D;
  /** int32 `[M]`: pixels each placement covers, before later ones cover it; one under its `minArea` owns nothing. */
  area: Tensor1D;
};

/** Runs the op on the active backend. */
export function copyPasteOp(inputs: CopyPasteInputs, attrs: CopyPasteAttrs): CopyPasteOutputs {
  const [images, owner, area] = engine().runKernel(
    opName,
    inputs as unknown as NamedTensorMap,
    attrs as unknown as NamedAttrMap,
  ) as unknown as [Tensor, Tensor, Tensor];
  return { images: images as Tensor1D, owner: owner as Tensor1D, area: area as Tensor1D };
}
