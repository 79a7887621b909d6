/** The table of TensorFlow.js backends, a row for each; everything else about a backend is in its own file. */
import '@tensorflow/tfjs-backend-cpu';
import { version_core } from '@tensorflow/tfjs-core';
import type { BackendName } from '../types.ts';
import { cpuKernels } from './cpu.ts';
import { cpuModel } from './host.ts';
import type { TensorBackend } from './op.ts';
import { tensorflow } from './tensorflow.ts';
import { webgpu } from './webgpu.ts';

export const backends: Readonly<Record<BackendName, TensorBackend>> = {
  webgpu,
  tensorflow,
  cpu: {
    open: async () => ({ version: `TensorFlow.js ${version_core}`, device: cpuModel(), hardware: false, batchPixels: 0, limits: {} }),
    kernels: cpuKernels,
  },
};
