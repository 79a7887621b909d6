/** The ops on tensors, on the active TensorFlow.js backend. */
import {
  backend,
  dispose,
  engine,
  getBackend,
  getKernel,
  type NamedAttrMap,
  type NamedTensorMap,
  registerKernel,
  type Tensor,
  type Tensor1D,
  type Tensor4D,
  tensor1d,
  tensor2d,
  tidy,
} from '@tensorflow/tfjs-core';
import { packInto, wordsOf } from '../codecs/pixels.ts';
import { CopyPasteError, messageOf } from '../errors.ts';
import type { BackendName, Depth, Raster } from '../types.ts';
import { backends } from './backends.ts';
import {
  type CopyPasteAttrs,
  type CopyPasteInputs,
  type CopyPasteOutputs,
  kernelConfigs,
  opNames,
  type PackAttrs,
  type PixelLayout,
  placementFields,
  type TensorBackend,
  targetFields,
  type UnpackInputs,
  type Uploaded,
} from './op.ts';
import { pack, packMasks, paddingOf, type Render, resultsOf, type Target } from './render.ts';

function run(name: string, inputs: NamedTensorMap, attrs: object): Tensor[] {
  return engine().runKernel(name, inputs, attrs as NamedAttrMap) as Tensor[];
}

/** The op `CopyPaste` on the active backend. */
function copyPasteOp(inputs: CopyPasteInputs, attrs: CopyPasteAttrs): CopyPasteOutputs {
  const [images, owner] = run(opNames.copyPaste, inputs, attrs) as [Tensor1D, Tensor1D];
  return { images, owner };
}

/** RGBA8 words `[N·H·W]` of images with 1, 3 or 4 channels: grey becomes RGB, and an absent alpha opaque. */
export function packOp(images: Tensor4D, attrs: PackAttrs): Tensor1D {
  return run(opNames.pack, { images }, attrs)[0] as Tensor1D;
}

/** A copy of `images` with the bytes of the words in the pixels that `shown` selects. */
export function unpackOp(inputs: UnpackInputs, attrs: PixelLayout): Tensor4D {
  return run(opNames.unpack, inputs, attrs)[0] as Tensor4D;
}

/** The active backend's row; a backend that is not in the table runs the cpu kernels. */
function active(): TensorBackend {
  const name = getBackend();
  return isBackendName(name) ? backends[name] : backends.cpu;
}

function isBackendName(name: string): name is BackendName {
  return Object.hasOwn(backends, name);
}

/** Registers the kernels for the active backend, once. */
export function registerKernels(): void {
  const name = getBackend();
  if (getKernel(opNames.copyPaste, name)) return;
  for (const config of kernelConfigs(name, active().kernels)) registerKernel(config);
}

/** Renders with the op `CopyPaste` on the active backend. */
export const render: Render = async (images, targets, depth = 8) => {
  if (targets.length === 0) return [];
  return guard(async () => {
    const { tensor, release } = await upload(images);
    try {
      const result = tidy(() => renderTensors(tensor, targets, depth));
      try {
        const [words, owner] = (await download([result.images, result.owner])) as [Int32Array, Int32Array];
        return resultsOf({ words, owner }, images, targets, depth);
      } finally {
        dispose(result);
      }
    } finally {
      release();
    }
  });
};

/** Uploads images as one tensor of words, one after another. */
async function upload(images: readonly Raster[]): Promise<Uploaded> {
  const { upload } = active();
  if (upload) return upload(backend(), images);
  const words = new Int32Array(images.reduce((sum, image) => sum + wordsOf(image), 0));
  packInto(words, images);
  const tensor = tensor1d(words, 'int32');
  return { tensor, release: () => tensor.dispose() };
}

async function download(tensors: readonly Tensor1D[]): Promise<Int32Array[]> {
  const { download } = active();
  if (download) return download(backend(), tensors);
  return Promise.all(tensors.map((tensor) => tensor.data<'int32'>())) as Promise<Int32Array[]>;
}

/**
 * Runs a function on the active backend.
 *
 * @throws {CopyPasteError} `unavailable` if the device fails, even silently.
 */
export async function guard<T>(work: () => Promise<T>): Promise<T> {
  const name = getBackend();
  const faults = active().watch?.(backend());
  try {
    const result = await work();
    const fault = await faults?.();
    if (fault !== undefined) throw new Error(fault);
    return result;
  } catch (cause) {
    if (cause instanceof CopyPasteError || name === 'cpu') throw cause;
    throw new CopyPasteError('unavailable', `backend ${name} failed: ${messageOf(cause)}; run again, or use the cpu backend`, { cause });
  }
}

/**
 * Runs the op for targets. Pixels stay on the backend.
 *
 * @param images int32 `[P]`: words of all images that the targets refer to.
 */
export function renderTensors(images: Tensor1D, targets: readonly Target[], depth: Depth = 8): CopyPasteOutputs {
  return tidy(() => {
    registerKernels();
    const { tables, targets: rows, placements } = pack(targets);
    return copyPasteOp(
      {
        images,
        masks: tensor1d(packMasks(targets), 'int32'),
        tables: tensor1d(tables, 'int32'),
        targets: tensor2d(rows, [targets.length, targetFields.length], 'int32'),
        placements: tensor2d(placements, [placements.length / placementFields.length, placementFields.length], 'int32'),
      },
      { depth, padding: paddingOf(depth) },
    );
  });
}
