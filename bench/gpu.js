// Compares `augment` on the webgpu and cpu backends, and the programs of the op with a copy of the bytes that they move. Writes
// bench/gpu.json.
//
//   node bench/gpu.js DATA [ROUNDS]     DATA in CamVid's layout
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { registerBackend, setBackend, tidy } from '@tensorflow/tfjs-core';
import { programs as built } from '../dist/engine/programs.js';
import { probeBackend } from '../dist/render/backend.js';
import { renderOnCpu } from '../dist/render/render.js';
import { upload } from '../dist/render/staging.js';
import { renderTensors, withOps } from '../dist/render/tensors.js';
import { makeData, median, printRow, renderBatches, work } from './common.js';

const kinds = [
  { name: '1920×1440 JPEG', size: [1920, 1440], samples: 528, ext: 'jpg', options: {} },
  { name: '1920×1440 JPEG, --jitter scene', size: [1920, 1440], samples: 528, ext: 'jpg', options: { jitter: 'scene' } },
  { name: '480×360 PNG', size: [480, 360], samples: 1760, ext: 'png', options: {} },
];

/** Opens a device that times its programs, unlike the backend's own, and registers it with TensorFlow.js. */
async function openTimedDevice() {
  const { create, globals } = await import('webgpu');
  const { WebGPUBackend } = await import('@tensorflow/tfjs-backend-webgpu');
  Object.assign(globalThis, globals);
  const gpu = create(['disable-dawn-features=timestamp_quantization']);
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  const device = await adapter.requestDevice({
    requiredFeatures: ['timestamp-query'],
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
  });
  Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  const backend = new WebGPUBackend(device, adapter.info);
  registerBackend('webgpu', () => backend);
  await setBackend('webgpu');
  return { backend, device };
}

/** Images and targets of the first groups that `augment -p 1` renders. */
async function groupsOf(data, given, batchPixels) {
  const groups = [];
  const render = async (images, targets, depth) => {
    if (groups.length < 6) groups.push({ images: images.map(({ pixels, bands }) => ({ pixels: pixels.slice(), bands })), targets });
    return renderOnCpu(images, targets, depth);
  };
  for await (const _ of renderBatches(data, { jobs: 4, ...given }, { batchPixels, render })) if (groups.length === 6) break;
  return groups;
}

const area = ([x0, y0, x1, y1]) => (x1 - x0) * (y1 - y0);

/** Minimum number of bytes that the programs move: each input is read once, each result is written, and read again by the next program. */
function bytesOf(targets) {
  let bytes = 0;
  for (const { width, height, scene, pastes } of targets) {
    // Owners are written and read, outputs written. Colours come from the target, or from what is pasted.
    bytes += 3 * 4 * width * height;
    if (!scene) bytes += 4 * width * height;
    // Colours and masks of sources are read, covered bits written and read.
    for (const { from, onto, instance } of scene ? [scene, ...pastes] : pastes) bytes += (instance ? 5 : 4) * area(from) + area(onto) / 4;
  }
  return bytes;
}

/** Long copies on a device, which raise it to its full clock and measure its bandwidth. */
function copiesOn(device) {
  const size = 2 ** 26;
  const buffers = Array.from({ length: 4 }, () => device.createBuffer({ size, usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST }));
  const submit = (count) => {
    const encoder = device.createCommandEncoder();
    for (let n = 0; n < count; n++) encoder.copyBufferToBuffer(buffers[(2 * n) % 4], 0, buffers[(2 * n + 1) % 4], 0, size);
    device.queue.submit([encoder.finish()]);
  };
  const timed = async (count) => {
    const start = performance.now();
    submit(count);
    await device.queue.onSubmittedWorkDone();
    return (performance.now() - start) / 1000;
  };
  return {
    submit,
    /** @returns seconds per byte read or written. */
    async secondsOfByte() {
      await timed(500);
      const [few, many] = [[], []];
      for (let round = 0; round < 5; round++) {
        few.push(await timed(100));
        many.push(await timed(500));
      }
      return (median(many) - median(few)) / (400 * 2 * size);
    },
  };
}

/** @returns the ratio of the programs' time to a copy's, and the parts of one group in milliseconds. */
async function measurePrograms({ backend, copies, perByte }, groups) {
  const ratios = [];
  let parts;
  for (const { images, targets } of groups) {
    const { tensor, release } = await upload(backend, images);
    const times = [];
    for (let n = 0; n < 15; n++) {
      copies.submit(200);
      const { kernelMs, getExtraProfileInfo } = await backend.time(() => tidy(() => void renderTensors(tensor, targets)));
      times.push(kernelMs);
      parts = getExtraProfileInfo().replaceAll('Object: ', '');
    }
    release();
    ratios.push(median(times) / 1000 / (perByte * bytesOf(targets)));
  }
  return { toCopy: Number(median(ratios).toFixed(2)), parts };
}

const [data = 'fixtures/camvid', rounds = '3'] = process.argv.slice(2);
const probe = await probeBackend('webgpu', built.command);
if (!probe.hardware) {
  console.log(`no GPU: ${probe.problem ?? probe.device}`);
  process.exit();
}
const folder = mkdtempSync(join(tmpdir(), 'copypaste-gpu-'));
const results = {};
try {
  const timed = await openTimedDevice();
  timed.copies = copiesOn(timed.device);
  timed.perByte = await timed.copies.secondsOfByte();
  console.log(`${probe.device}; a copy moves ${(1e-9 / timed.perByte).toFixed(0)} GB/s, read and written`);
  for (const { name, options, ...kind } of kinds) {
    const input = join(folder, `${kind.ext}${kind.size[0]}`);
    await makeData(data, kind, input);
    const rows = { cpu: [], webgpu: [] };
    for (let round = 0; round < Number(rounds); round++) {
      for (const backend of ['cpu', 'webgpu']) {
        const out = join(folder, `${Object.keys(results).length}-${backend}-${round}`);
        rows[backend].push(work('augment', input, out, { p: 1, backend, ...options }));
      }
    }
    const programs = await withOps(async () => measurePrograms(timed, await groupsOf(input, options, probe.batchPixels)));
    console.log(`\n${name}, ${kind.samples} samples, median of ${rounds}`);
    for (const [backend, runs] of Object.entries(rows)) {
      const of = (key) => median(runs.map((run) => run[key]));
      const each = (key) => [((1000 * of(key)) / kind.samples).toFixed(2), `ms ${key}`];
      printRow(backend, [each('seconds'), each('cpu'), each('main'), [of('mb'), 'MB']]);
    }
    printRow('programs', [
      [programs.toCopy, 'x a copy of their bytes'],
      [programs.parts, 'ms'],
    ]);
    results[name] = { samples: kind.samples, ...rows, programs };
  }
  const machine = { cpu: cpus()[0].model, cores: availableParallelism(), node: process.version, gpu: probe.device, webgpu: probe.version };
  writeFileSync(
    'bench/gpu.json',
    `${JSON.stringify({ machine, copyBytesPerSecond: Math.round(1 / timed.perByte), kinds: results }, undefined, 1)}\n`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
// Dawn keeps the process alive.
process.exit();
