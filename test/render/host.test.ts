import { describe, expect, test } from 'vitest';
import { load } from '../../src/render/host.ts';
import { peerDependencies } from '../../src/version.ts';

const names = ['webgpu', '@tensorflow/tfjs-backend-webgpu'];
const failing = (error: Error): Promise<void> => load(names, () => Promise.reject(error));

describe('a package of a backend', () => {
  test('that is not installed is named with the command that installs it in a tested version', async () => {
    const error = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
    const [webgpu, backend] = names.map((name) => peerDependencies[name]);
    await expect(failing(error)).rejects.toMatchObject({
      code: 'unavailable',
      message: `not installed; run npm install webgpu@${webgpu} @tensorflow/tfjs-backend-webgpu@${backend}`,
    });
  });

  test('whose install script did not run is named with the command that runs it', async () => {
    const error = new Error('The Node.js native addon module (tfjs_binding.node) can not be found at path: lib. \nPlease run …');
    await expect(failing(error)).rejects.toThrow(/^installed without its native part; run npm rebuild webgpu /);
  });

  test('that cannot be loaded is reported with its error', async () => {
    await expect(failing(new Error('libcudart.so.11: no such file'))).rejects.toThrow('cannot be loaded: libcudart.so.11: no such file');
  });
});
