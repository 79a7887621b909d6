/** The table of backends, one row each. Options take the names from it, so it loads a backend's file only on demand. */
import type { Opened, TensorBackend } from './op.ts';

interface Row {
  /** Loads the file of the backend, and TensorFlow.js with it. */
  readonly load: () => Promise<TensorBackend>;
  /** True if each thread can open the backend; a native binding may load only once per process. */
  readonly threads: boolean;
}

const rows = {
  webgpu: { load: async (): Promise<TensorBackend> => (await import('./webgpu.ts')).webgpu, threads: true },
  tensorflow: { load: async (): Promise<TensorBackend> => (await import('./tensorflow.ts')).tensorflow, threads: false },
  cpu: { load: async (): Promise<TensorBackend> => (await import('./cpu.ts')).cpu, threads: true },
} as const satisfies Readonly<Record<string, Row>>;

export type BackendName = keyof typeof rows;
export const backends: Readonly<Record<BackendName, Row>> = rows;
export const backendNames = Object.keys(rows) as readonly BackendName[];

/** An available backend, which has rendered a test batch to the bytes of the reference kernel. */
export interface Backend extends Opened {
  readonly name: BackendName;
}

/** Tests if a TensorFlow.js backend is in the table. */
export function isBackendName(name: string): name is BackendName {
  return Object.hasOwn(rows, name);
}
