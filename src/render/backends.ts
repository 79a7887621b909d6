/** The table of TensorFlow.js backends: a row for each, whose file has all else of it. */
import '@tensorflow/tfjs-backend-cpu';
import { version_core } from '@tensorflow/tfjs-core';
import type { BackendName } from '../types.ts';
import { cpuKernels } from './cpu.ts';
import type { TensorBackend } from './op.ts';
import { cpuModel } from './rendering.ts';
import { tensorflow } from './tensorflow.ts';
import { webgpu } from './webgpu.ts';

/** A backend of which it is not known here what its tensors are. */
export type AnyBackend = TensorBackend<unknown>;

export const backends: Readonly<Record<BackendName, AnyBackend>> = {
  webgpu: webgpu as AnyBackend,
  tensorflow: tensorflow as AnyBackend,
  cpu: {
    open: async () => ({ version: `TensorFlow.js ${version_core}`, device: cpuModel(), hardware: false, batchPixels: 0, limits: {} }),
    kernels: cpuKernels as AnyBackend['kernels'],
  },
};
