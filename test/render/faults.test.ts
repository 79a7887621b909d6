import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { backend } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { type Rendered, render } from '../../src/render/render.ts';
import { missingBackend } from '../backends.ts';

const missing = await missingBackend('webgpu');

function paste(size: number): Promise<Rendered[]> {
  const image = { offset: 0, width: size, height: size };
  const whole = { source: image, sourceBox: [0, 0, 3, 3], targetBox: [2, 2, 5, 5], flip: false, minArea: 1 } as const;
  return render(new Int32Array(size * size), [{ width: size, height: size, image, pastes: [whole] }]);
}

describe.skipIf(missing)(`faults of a GPU${missing ?? ''}`, () => {
  test('what WebGPU reports beside a wrong result is an error, and so is all that follows', async () => {
    expect((await paste(8))[0]?.areas).toEqual([9]);
    const { device } = backend() as WebGPUBackend;
    // A size that no device has.
    device.createBuffer({ size: device.limits.maxBufferSize + 4, usage: GPUBufferUsage.STORAGE });
    const failure = { code: 'unavailable', message: expect.stringMatching(/^backend webgpu failed: .*; run again, or say --backend cpu$/) };
    await expect(paste(9)).rejects.toMatchObject(failure);
    await expect(paste(8)).rejects.toMatchObject(failure);
  });

  test('a device that is lost is an error', async () => {
    (backend() as WebGPUBackend).device.destroy();
    await expect(paste(10)).rejects.toMatchObject({ code: 'unavailable' });
  });
});
