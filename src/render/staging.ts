/**
 * Upload to a WebGPU device and download from it, through buffers that are reused: the driver takes ten times as long to create and clear
 * a buffer as to copy into it (measured).
 */
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import type { Tensor, Tensor1D } from '@tensorflow/tfjs-core';
import { takeWords } from '../base/buffers.ts';
import { packInto, wordsOf } from '../codecs/pixels.ts';
import type { Raster } from '../types.ts';
import type { Uploaded } from './op.ts';

/** Bytes of free buffers that are kept on a device. */
const mostFree = 2 ** 27;

/** Free buffers of one device by their usage flags, the oldest first. */
type Free = Map<GPUBufferUsageFlags, GPUBuffer[]>;
const freeOf = new WeakMap<GPUDevice, Free>();

function freeBuffers(device: GPUDevice, usage: GPUBufferUsageFlags): GPUBuffer[] {
  const free: Free = freeOf.get(device) ?? new Map();
  freeOf.set(device, free);
  const buffers = free.get(usage) ?? [];
  free.set(usage, buffers);
  return buffers;
}

function take(device: GPUDevice, bytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
  const free = freeBuffers(device, usage);
  const fitting = free.findIndex(({ size }) => size >= bytes && size <= 2 * bytes);
  return fitting < 0 ? device.createBuffer({ size: bytes, usage }) : (free.splice(fitting, 1)[0] as GPUBuffer);
}

function giveBack(device: GPUDevice, buffer: GPUBuffer): void {
  const free = freeBuffers(device, buffer.usage);
  free.push(buffer);
  let waiting = free.reduce((sum, { size }) => sum + size, 0);
  for (; waiting > mostFree; waiting -= free[0]?.size ?? 0) free.shift()?.destroy();
}

/** Uploads images as one tensor of words, one after another. */
export async function upload(backend: WebGPUBackend, images: readonly Raster[]): Promise<Uploaded> {
  const { device, queue } = backend;
  const length = images.reduce((sum, image) => sum + wordsOf(image), 0);
  const staging = take(device, 4 * length, GPUBufferUsage.MAP_WRITE | GPUBufferUsage.COPY_SRC);
  await staging.mapAsync(GPUMapMode.WRITE, 0, 4 * length);
  packInto(new Int32Array(staging.getMappedRange(0, 4 * length)), images);
  staging.unmap();
  const buffer = take(device, 4 * length, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC);
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(staging, 0, buffer, 0, 4 * length);
  queue.submit([encoder.finish()]);
  giveBack(device, staging);
  const tensor = backend.createTensorFromGPUData({ buffer, zeroCopy: true }, [length], 'int32') as Tensor1D;
  return {
    tensor,
    release() {
      tensor.dispose();
      giveBack(device, buffer);
    },
  };
}

/** Downloads int32 tensors, into arrays from the buffer pool. */
export async function download(backend: WebGPUBackend, tensors: readonly Tensor[]): Promise<Int32Array[]> {
  const { device, queue } = backend;
  submit(backend);
  const bytes = 4 * tensors.reduce((sum, { size }) => sum + size, 0);
  const staging = take(device, bytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
  const encoder = device.createCommandEncoder();
  let at = 0;
  for (const { dataId, size } of tensors) {
    // An empty tensor has no buffer on the device.
    if (size > 0) encoder.copyBufferToBuffer(backend.tensorMap.get(dataId).resource as GPUBuffer, 0, staging, at, 4 * size);
    at += 4 * size;
  }
  queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ, 0, bytes);
  const mapped = staging.getMappedRange(0, bytes);
  at = 0;
  const arrays = tensors.map(({ size }) => {
    const words = takeWords(size);
    words.set(new Int32Array(mapped, at, size));
    at += 4 * size;
    return words;
  });
  staging.unmap();
  giveBack(device, staging);
  trim(backend);
  return arrays;
}

/** Submits the commands that TensorFlow.js has recorded. */
export function submit(backend: WebGPUBackend): void {
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.submitQueue();
}

/** Releases TensorFlow.js's free buffers: it keeps one of each size that it has ever used, and sizes differ from batch to batch. */
function trim({ bufferManager }: WebGPUBackend): void {
  if (bufferManager.numBytesAllocated - bufferManager.numBytesUsed <= mostFree) return;
  const pool = bufferManager as unknown as { freeBuffers: Map<string, GPUBuffer[]>; numFreeBuffers: number };
  for (const buffers of pool.freeBuffers.values()) {
    for (const buffer of buffers.splice(0)) {
      bufferManager.numBytesAllocated -= buffer.size;
      pool.numFreeBuffers--;
      buffer.destroy();
    }
  }
  pool.freeBuffers.clear();
}
