import { join } from 'node:path';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { backend, getKernel, memory, registerKernel, unregisterKernel } from '@tensorflow/tfjs-core';
import { describe, expect, test, vi } from 'vitest';
import { opNames } from '../../src/render/op.ts';
import { openBackend } from '../../src/render/open.ts';
import type { Rendered } from '../../src/render/render.ts';
import { submit } from '../../src/render/staging.ts';
import { render } from '../../src/render/tensors.ts';
import { augment } from '../../src/verbs/augment.ts';
import { missingBackend } from '../backends.ts';
import { temporaryFolder, treeDigests } from '../make.ts';

const missing = await missingBackend('webgpu');
const failure = { code: 'unavailable', message: expect.stringMatching(/^backend webgpu failed: .*; run again, or use the cpu backend$/) };

function paste(size: number): Promise<Rendered[]> {
  const image = { offset: 0, width: size, height: size };
  const whole = { source: image, from: [0, 0, 3, 3], onto: [2, 2, 5, 5], seen: [2, 2, 5, 5], flip: false } as const;
  return render([{ pixels: new Uint8Array(3 * size * size), bands: 3 }], [{ width: size, height: size, image, pastes: [whole] }]);
}

function owned([rendered]: readonly Rendered[]): number {
  return (rendered as Rendered).owner.filter((k) => k === 1).length;
}

describe.skipIf(missing)(`faults of a GPU${missing ?? ''}`, () => {
  test('an error that WebGPU reports beside a wrong result is thrown instead of that result', async () => {
    expect(owned(await paste(8))).toBe(9);
    const rendering = paste(9);
    const { device } = backend() as WebGPUBackend;
    // A size that no device has.
    device.createBuffer({ size: device.limits.maxBufferSize + 4, usage: GPUBufferUsage.STORAGE });
    await expect(rendering).rejects.toMatchObject(failure);
    expect(owned(await paste(8))).toBe(9);
  });

  test('an error in the middle leaves nothing behind on the device', async () => {
    const webgpu = backend() as WebGPUBackend;
    const runProgram = webgpu.runWebGPUProgram;
    const before = [memory().numTensors, webgpu.numDataIds()];
    for (let n = 0; n < 2; n++) {
      let calls = 0;
      webgpu.runWebGPUProgram = (...given) => {
        if (calls++ === n) throw new Error(`program ${n}`);
        return runProgram.apply(webgpu, given);
      };
      await expect(paste(8)).rejects.toMatchObject(failure);
      submit(webgpu);
      expect([memory().numTensors, webgpu.numDataIds()]).toEqual(before);
    }
    webgpu.runWebGPUProgram = runProgram;
  });

  test('memory for sizes that are no longer used is released', async () => {
    const webgpu = backend() as WebGPUBackend;
    for (let n = 0; n < 80; n++) {
      const { dataId } = webgpu.makeTensorInfo([2 ** 19 + n], 'int32');
      webgpu.uploadToGPU(dataId);
      webgpu.disposeData(dataId);
    }
    expect(webgpu.memory().numBytesAllocatedInGPU).toBeGreaterThan(2 ** 27);
    await paste(8);
    expect(webgpu.memory().numBytesAllocatedInGPU).toBeLessThan(2 ** 20);
  });

  test('a lost device is an error, and the backend can be opened again', async () => {
    (backend() as WebGPUBackend).device.destroy();
    await expect(paste(10)).rejects.toMatchObject(failure);
    await expect(openBackend('webgpu')).rejects.toMatchObject({ code: 'unavailable' });
    await openBackend('webgpu');
    expect(owned(await paste(10))).toBe(9);
  });
});

describe.skipIf(missing)('augment on a GPU that is lost midway', () => {
  const folder = temporaryFolder();
  const options = { in: 'fixtures/camvid', p: 1, batchSize: 2, backend: 'webgpu' } as const;
  const loseAfter = (samples: number) => {
    let done = 0;
    const fellBack = vi.fn();
    return { fellBack, done: () => void (++done === samples && (backend() as WebGPUBackend).device.destroy()) };
  };

  const expected = async (): Promise<Record<string, string>> => {
    await augment({ ...options, out: join(folder, 'cpu'), backend: 'cpu' });
    return treeDigests(join(folder, 'cpu'));
  };

  test('stops, and the same command goes on once it is back', async () => {
    const out = join(folder, 'stopped');
    await expect(augment({ ...options, out }, loseAfter(3))).rejects.toMatchObject({ code: 'unavailable' });
    await expect(augment({ ...options, out })).rejects.toMatchObject({ code: 'unavailable' });
    expect(await augment({ ...options, out })).toMatchObject({ samples: 8, backend: 'webgpu' });
    expect(await treeDigests(out)).toEqual(await expected());
  });

  test('continues on the cpu with --fallback, with a warning, to the same bytes', async () => {
    const out = join(folder, 'fallback');
    const events = loseAfter(3);
    const summary = await augment({ ...options, out, fallback: true }, events);
    expect(summary).toMatchObject({ samples: 8, backend: 'cpu' });
    expect(summary.reused).toBeGreaterThan(0);
    expect(events.fellBack).toHaveBeenCalledExactlyOnceWith(expect.objectContaining(failure));
    expect(await treeDigests(out)).toEqual(await expected());
    await expect(openBackend('webgpu')).rejects.toMatchObject({ code: 'unavailable' });
  });
});

test('a kernel that throws leaves no tensor behind', async () => {
  await openBackend('cpu');
  const kernel = getKernel(opNames.copyPaste, 'cpu');
  const before = memory().numTensors;
  unregisterKernel(opNames.copyPaste, 'cpu');
  registerKernel({
    ...kernel,
    kernelFunc: () => {
      throw new Error('broken');
    },
  });
  await expect(paste(8)).rejects.toThrow('broken');
  expect(memory().numTensors).toBe(before);
});
