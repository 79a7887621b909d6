import { env, findBackendFactory, getBackend, setBackend } from '@tensorflow/tfjs-core';
import { CopyPasteError } from '../errors.ts';
import { type Backend, type BackendName, backendNames, isBackendName, type Opened } from './backends.ts';
import { unavailable } from './host.ts';
import { loaders } from './loaders.ts';
import type { Renderer } from './render.ts';
import { selfTest, selfTestDigest } from './selftest.ts';
import { render } from './tensors.ts';

const opened = new Map<BackendName, Promise<Opened>>();

/**
 * Makes a TensorFlow.js backend the active one, and has it render a small batch to the reference bytes.
 *
 * @throws {CopyPasteError} `unavailable` with packages or drivers to install; `usage` for an unknown name.
 */
export async function openBackend(name: BackendName): Promise<Backend> {
  if (!isBackendName(name)) throw new CopyPasteError('usage', `backend ${name}: no such backend; use one of ${backendNames.join(', ')}`);
  const { open, forget } = await loaders[name]();
  const found = opened.get(name) ?? open();
  opened.set(name, found);
  try {
    const backend = await found;
    await setBackend(name);
    if ((await selfTest(render)) !== selfTestDigest)
      throw unavailable(`its bytes differ from the reference on ${backend.device}; use the cpu backend`);
    return { name, ...backend };
  } catch (error) {
    opened.delete(name);
    forget?.();
    throw error instanceof CopyPasteError
      ? new CopyPasteError(error.code, `backend ${name}: ${error.message.replace(`backend ${name} `, '')}`, { cause: error })
      : error;
  }
}

/** Opens a backend that stays active, and turns off the log messages of TensorFlow.js. */
export async function openTensors(name: BackendName): Promise<Backend & Renderer> {
  env().set('PROD', true);
  return { ...(await openBackend(name)), render };
}

/** Runs a function on a backend without log messages of TensorFlow.js, and then makes the previous backend active again. */
export async function withTensors<T>(name: BackendName, run: (backend: Backend & Renderer) => Promise<T>): Promise<T> {
  const before = getBackend();
  const production = env().getBool('PROD');
  try {
    return await run(await openTensors(name));
  } finally {
    env().set('PROD', production);
    // A backend whose device was lost is no longer registered.
    if (before && findBackendFactory(before)) await setBackend(before);
  }
}
