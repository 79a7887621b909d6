import { enableProdMode } from '@tensorflow/tfjs-core';
import type { BackendName } from '../src/render/backends.ts';
import { openBackend } from '../src/render/open.ts';

/**
 * Opens a backend on which tests then run.
 *
 * @returns the reason to skip its tests, which is also printed, if the backend is not available. With ALL_BACKENDS set, as in CI, that is
 * an error.
 */
export async function missingBackend(name: BackendName): Promise<string | undefined> {
  enableProdMode();
  try {
    await openBackend(name);
    return undefined;
  } catch (error) {
    if (process.env.ALL_BACKENDS) throw error;
    console.warn(`\nSKIPPED, what runs on ${(error as Error).message}\n`);
    return `: ${(error as Error).message}`;
  }
}
