/** The table of backends, one row each. Options take the names from it, and the types of the library need no TensorFlow.js for it. */
interface Row {
  /** True if each thread can open the backend; a native binding may load only once per process. */
  readonly threads: boolean;
}

const rows = {
  webgpu: { threads: true },
  tensorflow: { threads: false },
  cpu: { threads: true },
} as const satisfies Readonly<Record<string, Row>>;

export type BackendName = keyof typeof rows;
export const backends: Readonly<Record<BackendName, Row>> = rows;
export const backendNames = Object.keys(rows) as readonly BackendName[];

/** Description of an opened backend, without its name. */
export interface Opened {
  /** Version of the library that renders. */
  readonly version: string;
  readonly device: string;
  /** True if a GPU renders; a driver that computes on the CPU does not count. */
  readonly hardware: boolean;
  /** Maximum number of pixels of targets and sources in one call of the op; with 0 each call renders one target. */
  readonly batchPixels: number;
  readonly limits: Readonly<Record<string, number>>;
}

/** An available backend, which has rendered a test batch to the bytes of the reference kernel. */
export interface Backend extends Opened {
  readonly name: BackendName;
}

/** Tests if a TensorFlow.js backend is in the table. */
export function isBackendName(name: string): name is BackendName {
  return Object.hasOwn(rows, name);
}
