import type { BackendName } from './backends.ts';
import type { TensorBackend } from './op.ts';

/** Loads the file of a backend, and TensorFlow.js with it. */
export const loaders: Readonly<Record<BackendName, () => Promise<TensorBackend>>> = {
  webgpu: async () => (await import('./webgpu.ts')).webgpu,
  tensorflow: async () => (await import('./tensorflow.ts')).tensorflow,
  cpu: async () => (await import('./cpu.ts')).cpu,
};
