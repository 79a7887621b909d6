import { createRequire } from 'node:module';
import util from 'node:util';
import {
  engine,
  env,
  findBackendFactory,
  getBackend,
  registerBackend,
  removeBackend,
  setBackend,
  version_core,
} from '@tensorflow/tfjs-core';

import { CopyPasteError, messageOf } from '../errors.ts';
import { type Backend, type BackendName, backendNames } from '../types.ts';
import { cpuModel, type RenderingBackend } from './rendering.ts';
import { selfTest, selfTestDigest } from './selftest.ts';
import { render } from './tensors.ts';

/** Words that one call of the op takes on a GPU: enough to keep it busy. A large image is alone, so that it waits for no other. */
const batchPixels = 2 ** 22;

type Opened = Omit<Backend, 'name'>;

async function openTensorsOnCpu(): Promise<Opened> {
  return { version: `TensorFlow.js ${version_core}`, device: cpuModel(), hardware: false, batchPixels: 0, limits: {} };
}

/** Dawn lives as long as what it was created as. */
let dawn: GPU | undefined;

async function openWebgpu(): Promise<Opened> {
  const missing = 'not installed; npm install webgpu @tensorflow/tfjs-backend-webgpu';
  const { create, globals } = await load(missing, () => import('webgpu'));
  // Imported while there is no `navigator.gpu`, it registers no backend of its own, which would not say what adapter it takes.
  const { WebGPUBackend } = await load(missing, () => import('@tensorflow/tfjs-backend-webgpu'));
  Object.assign(globalThis, globals);
  dawn = create([]);
  const adapter = await dawn.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw unavailable("no adapter; install the GPU's driver with Vulkan (on Linux libvulkan1 too)");
  const limits = {
    maxBufferSize: adapter.limits.maxBufferSize,
    maxStorageBufferBindingSize: adapter.limits.maxStorageBufferBindingSize,
    maxComputeWorkgroupsPerDimension: adapter.limits.maxComputeWorkgroupsPerDimension,
    maxComputeWorkgroupStorageSize: adapter.limits.maxComputeWorkgroupStorageSize,
    maxComputeWorkgroupSizeX: adapter.limits.maxComputeWorkgroupSizeX,
    maxComputeInvocationsPerWorkgroup: adapter.limits.maxComputeInvocationsPerWorkgroup,
  };
  const { info } = adapter;
  const device = await adapter.requestDevice({ requiredLimits: limits });
  // The op says what went wrong; Dawn need not.
  device.addEventListener('uncapturederror', (event) => event.preventDefault());
  const backend = withNavigator(dawn, () => new WebGPUBackend(device, info));
  registerBackend('webgpu', () => backend);
  const require = createRequire(import.meta.url);
  return {
    version: `webgpu ${(require('webgpu/package.json') as { version: string }).version} (Dawn)`,
    device: [info.vendor, info.architecture, info.device, info.description].filter((part) => part !== '').join(' '),
    hardware: !info.isFallbackAdapter && !/swiftshader|llvmpipe|lavapipe/i.test(`${info.architecture} ${info.device} ${info.description}`),
    batchPixels: Math.min(batchPixels, Math.floor(limits.maxStorageBufferBindingSize / 4)),
    limits,
  };
}

async function openTensorflow(): Promise<Opened> {
  // tfjs-node calls these; Node 23 removed them.
  const old = util as unknown as Record<string, unknown>;
  old.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  old.isArray ??= Array.isArray;
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';
  // Without it TensorFlow takes all of a GPU's memory.
  process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true';
  await load(
    'not installed with its native part; install @tensorflow/tfjs-node-gpu with its install script, or run npm run setup:tensorflow in a clone of copypaste',
    () =>
      import('@tensorflow/tfjs-node-gpu').catch((error: unknown) =>
        import('@tensorflow/tfjs-node' as string).catch(() => Promise.reject(error)),
      ),
  );
  const backend = engine().findBackend('tensorflow') as unknown as { isUsingGpuDevice: boolean; binding: { TF_Version: string } };
  const hardware = backend.isUsingGpuDevice;
  return {
    version: `TensorFlow ${backend.binding.TF_Version}`,
    device: hardware ? 'GPU:0' : cpuModel(),
    hardware,
    batchPixels,
    limits: {},
  };
}

const opened = new Map<BackendName, Promise<Opened>>();

/**
 * Makes a TensorFlow.js backend the active one, after it has rendered a small batch to the reference's bytes.
 *
 * @throws {CopyPasteError} `unavailable` with what to install.
 */
export async function openBackend(name: BackendName): Promise<Backend> {
  const opener = { cpu: openTensorsOnCpu, webgpu: openWebgpu, tensorflow: openTensorflow }[name];
  if (!opener) throw new CopyPasteError('usage', `backend ${name}: there are ${backendNames.join(', ')}`);
  const found = opened.get(name) ?? opener();
  opened.set(name, found);
  try {
    const backend = await found;
    await setBackend(name);
    if ((await selfTest(render)) !== selfTestDigest)
      throw unavailable(`gives other bytes than the reference on ${backend.device}; use the cpu backend`);
    return { name, ...backend };
  } catch (error) {
    opened.delete(name);
    // A device that was lost does not come back; the next try takes a new one.
    if (name === 'webgpu' && findBackendFactory(name)) removeBackend(name);
    throw error instanceof CopyPasteError
      ? new CopyPasteError(error.code, `backend ${name}: ${error.message.replace(`backend ${name} `, '')}`, { cause: error })
      : error;
  }
}

/** A backend that stays active; TensorFlow.js says nothing of its own from now on. */
export async function openTensors(name: BackendName): Promise<RenderingBackend> {
  env().set('PROD', true);
  return { ...(await openBackend(name)), render };
}

/** Runs something on a backend, and makes what was active before active again. TensorFlow.js says nothing of its own meanwhile. */
export async function withTensors<T>(name: BackendName, run: (backend: RenderingBackend) => Promise<T>): Promise<T> {
  const before = getBackend();
  const production = env().getBool('PROD');
  try {
    return await run(await openTensors(name));
  } finally {
    env().set('PROD', production);
    // One whose device was lost is gone by now.
    if (before && findBackendFactory(before)) await setBackend(before);
  }
}

function unavailable(message: string, cause?: unknown): CopyPasteError {
  return new CopyPasteError('unavailable', message, { cause });
}

async function load<T>(missing: string, imports: () => Promise<T>): Promise<T> {
  return imports().catch((cause: unknown) => {
    // tfjs-node without its native part throws an error without a code.
    const absent =
      (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND' || /addon module .*can not be found/.test(messageOf(cause));
    throw unavailable(absent ? missing : `cannot be loaded: ${messageOf(cause)}`, cause);
  });
}

/** Gives TensorFlow.js the `navigator.gpu` that it looks for; left there, it would keep the process alive. */
function withNavigator<T>(gpu: GPU, make: () => T): T {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  try {
    return make();
  } finally {
    if (before) Object.defineProperty(globalThis, 'navigator', before);
    else Reflect.deleteProperty(globalThis, 'navigator');
  }
}
