/** The ops on tensors, on the active TensorFlow.js backend. */
import {
  backend,
  dispose,
  engine,
  getBackend,
  getKernel,
  type NamedAttrMap,
  type NamedTensorMap,
  ready,
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
import type { Depth, Raster } from '../types.ts';
import { isBackendName } from './backends.ts';
// Loaded with the library, so that a caller can make TensorFlow.js's cpu backend the active one.
import './cpu.ts';
import { loaders } from './loaders.ts';
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

/** RGBA8 words `[N·H·W]` of images with 1, 3 or 4 channels: grey becomes RGB, and a missing alpha channel becomes opaque. */
export function packOp(images: Tensor4D, attrs: PackAttrs): Tensor1D {
  return run(opNames.pack, { images }, attrs)[0] as Tensor1D;
}

/** A copy of `images` with the bytes of the words in the pixels that `shown` selects. */
export function unpackOp(inputs: UnpackInputs, attrs: PixelLayout): Tensor4D {
  return run(opNames.unpack, inputs, attrs)[0] as Tensor4D;
}

/** Files of backends that are loaded, by the name of the TensorFlow.js backend. */
const loaded = new Map<string, TensorBackend>();

/** Loads the file of a backend, and registers its kernels. A backend that is not in the table runs the cpu kernels. */
async function load(name: string): Promise<TensorBackend> {
  const file = await loaders[isBackendName(name) ? name : 'cpu']();
  if (!getKernel(opNames.copyPaste, name)) for (const config of kernelConfigs(name, file.kernels)) registerKernel(config);
  loaded.set(name, file);
  return file;
}

/** Renders with the op `CopyPaste` on the active backend. */
export const render: Render = async (images, targets, depth = 8) => {
  if (targets.length === 0) return [];
  return withOps(async ({ upload = uploadWords, download = downloadWords }) => {
    const { tensor, release } = await upload(backend(), images);
    try {
      const result = tidy(() => renderTensors(tensor, targets, depth));
      try {
        const [words, owner] = (await download(backend(), [result.images, result.owner])) as [Int32Array, Int32Array];
        return resultsOf({ words, owner }, images, targets, depth);
      } finally {
        dispose(result);
      }
    } finally {
      release();
    }
  });
};

/** Uploads images as one tensor of words, one after another, to a backend without a faster way. */
async function uploadWords(_: unknown, images: readonly Raster[]): Promise<Uploaded> {
  const words = new Int32Array(images.reduce((sum, image) => sum + wordsOf(image), 0));
  packInto(words, images);
  const tensor = tensor1d(words, 'int32');
  return { tensor, release: () => tensor.dispose() };
}

async function downloadWords(_: unknown, tensors: readonly Tensor[]): Promise<Int32Array[]> {
  return Promise.all(tensors.map((tensor) => tensor.data<'int32'>()));
}

/**
 * Runs a function that uses the ops, on the active backend.
 *
 * @throws {CopyPasteError} `unavailable` if the device fails, even silently.
 */
export async function withOps<T>(work: (active: TensorBackend) => Promise<T>): Promise<T> {
  if (!loaded.has(getBackend())) await ready();
  const name = getBackend();
  // Once it is loaded, its device is watched from the call on.
  const active = loaded.get(name) ?? (await load(name));
  const faults = active.watch?.(backend());
  try {
    const result = await work(active);
    const fault = await faults?.();
    if (fault !== undefined) throw new Error(fault);
    return result;
  } catch (cause) {
    if (cause instanceof CopyPasteError || name === 'cpu') throw cause;
    throw new CopyPasteError('unavailable', `backend ${name} failed: ${messageOf(cause)}; run again, or use the cpu backend`, { cause });
  }
}

/**
 * Runs the op for targets, inside `withOps`. Pixels stay on the backend.
 *
 * @param images int32 `[P]`: words of all images that the targets refer to.
 */
export function renderTensors(images: Tensor1D, targets: readonly Target[], depth: Depth = 8): CopyPasteOutputs {
  return tidy(() => {
    const { tables, targets: rows, placements } = pack(targets, depth);
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
