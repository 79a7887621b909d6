import '@tensorflow/tfjs-backend-cpu';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import {
  backend,
  dispose,
  enableProdMode,
  getBackend,
  getKernel,
  type KernelConfig,
  registerKernel,
  type Tensor1D,
  tensor1d,
  tensor2d,
  tidy,
} from '@tensorflow/tfjs-core';
import { CopyPasteError, messageOf } from '../errors.ts';
import type { Box, Instance, Plan, Size } from '../types.ts';
import { bytesOf, cpuKernels } from './cpu.ts';
import { type CopyPasteOutputs, copyPasteOp, kernelConfigs, opNames, type PlacementRow, placementFields, targetFields } from './op.ts';
import { type WeightTable, weightTable } from './tables.ts';
import { tensorflowKernels } from './tensorflow.ts';
import { watch, webgpuKernels } from './webgpu.ts';

/** Keeps TensorFlow.js from advertising on standard error. */
export { enableProdMode };

/** ImageNet's mean colour, opaque: what a jittered scene leaves empty. */
const padding = 124 | (116 << 8) | (104 << 16) | (255 << 24);

/** Registers the kernels for the active backend; one that has none of its own runs those of the cpu. */
export function registerKernels(): void {
  const name = getBackend();
  if (getKernel(opNames.copyPaste, name)) return;
  const configs: Record<string, () => KernelConfig[]> = {
    webgpu: () => kernelConfigs(name, webgpuKernels),
    tensorflow: () => kernelConfigs(name, tensorflowKernels),
  };
  for (const config of (configs[name] ?? (() => kernelConfigs(name, cpuKernels)))()) registerKernel(config);
}

/** An image inside the batch's flat array of RGBA8 words. */
export interface ImageRef extends Size {
  /** Where its pixels begin, in pixels. */
  readonly offset: number;
}

/** One placement with the pixels that it takes. */
export interface Paste {
  readonly source: ImageRef;
  /** Its pixels; without it the whole box is pasted. */
  readonly instance?: Pick<Instance, 'box' | 'runs'>;
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
}

export interface Rendered {
  /** RGBA8 words `[H, W]`. */
  readonly pixels: Int32Array;
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
 * Renders targets with the op `CopyPaste` on the active backend.
 *
 * @param images RGBA8 words of all images that the targets refer to; not changed.
 */
export async function render(images: Int32Array, targets: readonly Target[]): Promise<Rendered[]> {
  if (targets.length === 0) return [];
  return guard(async () => {
    const result = tidy(() => renderTensors(tensor1d(images, 'int32'), targets));
    try {
      const [pixels, owners, areas] = await Promise.all([
        result.images.data(),
        readOwners(result.owner, targets),
        readAreas(result.area, targets),
      ]);
      let at = 0;
      return targets.map(({ width, height }, n) => {
        const from = at;
        at += width * height;
        return { pixels: (pixels as Int32Array).subarray(from, at), owner: owners[n] as Int32Array, areas: areas[n] as number[] };
      });
    } finally {
      dispose(result);
    }
  });
}

/**
 * Runs something on the active backend.
 *
 * @throws {CopyPasteError} `unavailable` where a device fails, even where it does so silently.
 */
export async function guard<T>(work: () => Promise<T>): Promise<T> {
  const name = getBackend();
  const faults = name === 'webgpu' ? watch(backend() as WebGPUBackend) : undefined;
  try {
    const result = await work();
    const fault = await faults?.();
    if (fault !== undefined) throw new Error(fault);
    return result;
  } catch (cause) {
    if (cause instanceof CopyPasteError || name === 'cpu') throw cause;
    throw new CopyPasteError('unavailable', `backend ${name} failed: ${messageOf(cause)}; run again, or on the cpu backend`, { cause });
  }
}

/**
 * Runs the op for targets; nothing leaves the backend.
 *
 * @param images int32 `[P]`, RGBA8 words of all images that the targets refer to.
 */
export function renderTensors(images: Tensor1D, targets: readonly Target[]): CopyPasteOutputs {
  return tidy(() => {
    registerKernels();
    const { masks, tables, targets: rows, placements } = pack(targets);
    return copyPasteOp(
      {
        images,
        masks: tensor1d(masks, 'int32'),
        tables: tensor1d(tables, 'int32'),
        targets: tensor2d(rows, [targets.length, targetFields.length], 'int32'),
        placements: tensor2d(placements, [placements.length / placementFields.length, placementFields.length], 'int32'),
      },
      { padding },
    );
  });
}

/** For each target the pixels that each paste covers before later ones cover it, 0 where it was dropped. */
export async function readAreas(area: Tensor1D, targets: readonly Target[]): Promise<number[][]> {
  const counts = await area.data();
  let m = 0;
  return targets.map(({ scene, pastes }) => {
    if (scene) m++;
    return pastes.map(({ minArea }) => {
      const pixels = counts[m++] as number;
      return pixels < minArea ? 0 : pixels;
    });
  });
}

/** For each target `[H, W]`: 0 where nothing was pasted, else 1 + the index of the paste that shows there. */
export async function readOwners(owner: Tensor1D, targets: readonly Target[]): Promise<Int32Array[]> {
  const owners = (await owner.data()) as Int32Array;
  let at = 0;
  let before = 0;
  return targets.map(({ width, height, scene, pastes }) => {
    const own = owners.subarray(at, (at += width * height));
    before += scene ? 1 : 0;
    const renumbered = before === 0 ? own : own.map((k) => Math.max(0, k - before));
    before += pastes.length;
    return renumbered;
  });
}

interface Packed {
  masks: Int32Array;
  tables: Int32Array;
  targets: Int32Array;
  placements: Int32Array;
}

/** Lays targets and placements out as the op takes them; no tensor is empty, since a GPU's buffer cannot be. */
function pack(targets: readonly Target[]): Packed {
  const rows: PlacementRow[] = [];
  const tables: Int32Array[] = [];
  const planes: Pick<Instance, 'box' | 'runs'>[] = [];
  let tableLength = 0;
  let maskLength = 0;
  const addTable = (table: WeightTable): number => {
    tables.push(table.data);
    tableLength += table.data.length;
    return tableLength - table.data.length;
  };
  targets.forEach(({ width, height, scene, pastes }, target) => {
    for (const { source, instance, sourceBox, targetBox, flip, minArea } of scene ? [scene, ...pastes] : pastes) {
      const [sx0, sy0, sx1, sy1] = sourceBox;
      const [x0, y0, x1, y1] = targetBox;
      const x = Math.max(0, x0);
      const y = Math.max(0, y0);
      const columns = Math.max(0, Math.min(width, x1) - x);
      const lines = Math.max(0, Math.min(height, y1) - y);
      const visible = columns > 0 && lines > 0;
      const tableX = weightTable({
        start: sx0,
        length: sx1 - sx0,
        limit: source.width,
        target: x1 - x0,
        flip,
        visible: visible ? [x - x0, x - x0 + columns] : [0, 0],
      });
      const tableY = weightTable({
        start: sy0,
        length: sy1 - sy0,
        limit: source.height,
        target: y1 - y0,
        flip: false,
        visible: visible ? [y - y0, y - y0 + lines] : [0, 0],
      });
      const [maskX, maskY, maskX1, maskY1] = instance?.box ?? [0, 0, 0, 0];
      rows.push({
        target,
        x,
        y,
        columns: visible ? columns : 0,
        rows: visible ? lines : 0,
        source: source.offset,
        sourceWidth: source.width,
        mask: instance ? maskLength : -1,
        maskX,
        maskY,
        maskWidth: maskX1 - maskX,
        maskHeight: maskY1 - maskY,
        tableX: addTable(tableX),
        tapsX: tableX.taps,
        tableY: addTable(tableY),
        tapsY: tableY.taps,
        minArea,
      });
      if (instance) {
        planes.push(instance);
        maskLength += (maskX1 - maskX) * (maskY1 - maskY);
      }
    }
  });
  return {
    masks: planesOf(planes, maskLength),
    tables: concatenate(tables, tableLength),
    targets: Int32Array.from(targets.flatMap(({ image, width, height }) => [image?.offset ?? -1, width, height])),
    placements: Int32Array.from(rows.flatMap((row) => placementFields.map((name) => row[name]))),
  };
}

function concatenate(arrays: readonly Int32Array[], length: number): Int32Array {
  const all = new Int32Array(Math.max(1, length));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}

/** Instances as binary planes of their boxes, one after another, a byte a pixel. */
function planesOf(instances: readonly Pick<Instance, 'box' | 'runs'>[], length: number): Int32Array {
  const words = new Int32Array(Math.max(1, Math.ceil(length / 4)));
  const planes = bytesOf(words);
  let at = 0;
  for (const { box, runs } of instances) {
    const [x0, y0, x1, y1] = box;
    const width = x1 - x0;
    for (let i = 0; i < runs.length; i += 3) {
      const row = at + ((runs[i] as number) - y0) * width - x0;
      planes.fill(1, row + (runs[i + 1] as number), row + (runs[i + 2] as number));
    }
    at += width * (y1 - y0);
  }
  return words;
}
