import { env, findBackendFactory, getBackend, setBackend } from '@tensorflow/tfjs-core';
import { CopyPasteError } from '../errors.ts';
import { type Backend, type BackendName, backendNames } from '../types.ts';
import { backends } from './backends.ts';
import { unavailable } from './host.ts';
import type { Opened } from './op.ts';
import type { RenderingBackend } from './render.ts';
import { selfTest, selfTestDigest } from './selftest.ts';
import { render } from './tensors.ts';

const opened = new Map<BackendName, Promise<Opened>>();

/**
 * Makes a TensorFlow.js backend the active one, after it has rendered a small batch to the reference's bytes.
 *
 * @throws {CopyPasteError} `unavailable` with what to install.
 */
export async function openBackend(name: BackendName): Promise<Backend> {
  if (!backendNames.includes(name)) throw new CopyPasteError('usage', `backend ${name}: there are ${backendNames.join(', ')}`);
  const found = opened.get(name) ?? backends[name].open();
  opened.set(name, found);
  try {
    const backend = await found;
    await setBackend(name);
    if ((await selfTest(render)) !== selfTestDigest)
      throw unavailable(`gives other bytes than the reference on ${backend.device}; use the cpu backend`);
    return { name, ...backend };
  } catch (error) {
    opened.delete(name);
    backends[name].forget?.();
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
