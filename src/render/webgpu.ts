/**
 * The kernels in WGSL, in two programs without a read-back between them: the first finds each pixel's owner, the topmost placement with
 * `c = Σy Σx wy·wx·[mask = instance] ≥ 32768`; the second its colour,
 * `floor((Σy Σx wy·wx·[mask = instance]·value + floor(c / 2)) / c)` (op.ts).
 *
 * The sums run over `tapsX · tapsY` source pixels, in 32-bit integers; those of 16-bit colours need all 32 bits.
 *
 * If edges are blended, the second program composes all placements of a pixel in order.
 */

import { createRequire } from 'node:module';
import type { WebGPUBackend, WebGPUProgram } from '@tensorflow/tfjs-backend-webgpu';
import { type DataType, findBackendFactory, registerBackend, removeBackend, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { CopyPasteError } from '../errors.ts';
import { fullCoverage, halfCoverage } from '../masks/coverage.ts';
import type { Depth } from '../types.ts';
import type { Opened } from './backends.ts';
import { load, unavailable } from './host.ts';
import {
  gpuBatchPixels,
  imageShape,
  type Kernels,
  type Placed,
  type PlacedTarget,
  placementFields,
  readRows,
  readWords,
  shown,
  type TensorBackend,
  targetFields,
} from './op.ts';
import { download, submit, upload } from './staging.ts';

/** Number of threads of a workgroup. */
const workgroup = 64;
/** Columns of targets in shaders: the op's fields, the offset of the output, and the range of placements. */
const targetColumns = [...targetFields, 'output', 'first', 'end'] as const;

const columnsOf = (prefix: string, columns: readonly string[]): string =>
  [`const ${prefix}Fields = ${columns.length};`, ...columns.map((name, i) => `const ${prefix}_${name} = ${i};`)].join('\n');

/** Code that reads the rows of targets and placements. */
const rowsCode = `
  ${columnsOf('placements', placementFields)}
  ${columnsOf('targets', targetColumns)}
  fn fieldOf(m : i32, field : i32) -> i32 { return placements[m * placementsFields + field]; }
  fn targetOf(n : i32, field : i32) -> i32 { return targets[n * targetsFields + field]; }

  /** The target of an output pixel: the last one whose output begins at or before it. */
  fn findTarget(pixel : i32) -> i32 {
    var low = 0;
    var high = uniforms.targets;
    while (high - low > 1) {
      let middle = (low + high) / 2;
      if (targetOf(middle, targets_output) <= pixel) { low = middle; } else { high = middle; }
    }
    return low;
  }

  /** 1 if a source pixel belongs to a placement's instance, else 0. */
  fn maskAt(m : i32, x : i32, y : i32) -> i32 {
    let plane = fieldOf(m, placements_mask);
    if (plane < 0) { return 1; }
    let column = x - fieldOf(m, placements_maskX);
    let row = y - fieldOf(m, placements_maskY);
    let width = fieldOf(m, placements_maskWidth);
    if (column < 0 || row < 0 || column >= width || row >= fieldOf(m, placements_maskHeight)) { return 0; }
    let at = plane + row * width + column;
    return (masks[at >> 2u] >> u32(8 * (at & 3))) & 1;
  }

  /** Coverage of a pixel in a placement's box. */
  fn coverageAt(m : i32, i : i32, j : i32) -> i32 {
    if (fieldOf(m, placements_mask) < 0) { return ${fullCoverage}; }
    let tapsX = fieldOf(m, placements_tapsX);
    let tapsY = fieldOf(m, placements_tapsY);
    let entryX = fieldOf(m, placements_tableX) + i * (1 + tapsX);
    let entryY = fieldOf(m, placements_tableY) + j * (1 + tapsY);
    var sum = 0;
    for (var v = 0; v < tapsY; v++) {
      var line = 0;
      for (var u = 0; u < tapsX; u++) { line += tables[entryX + 1 + u] * maskAt(m, tables[entryX] + u, tables[entryY] + v); }
      sum += tables[entryY + 1 + v] * line;
    }
    return sum;
  }`;

/** First program, one thread for each output pixel. */
const ownerCode = `
  ${rowsCode}

  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    let n = findTarget(index);
    let at = index - targetOf(n, targets_output);
    let width = targetOf(n, targets_width);
    result[index] = 0;
    for (var m = targetOf(n, targets_end) - 1; m >= targetOf(n, targets_first); m--) {
      let i = at % width - fieldOf(m, placements_x);
      let j = at / width - fieldOf(m, placements_y);
      if (i < 0 || j < 0 || i >= fieldOf(m, placements_columns) || j >= fieldOf(m, placements_rows)) { continue; }
      let coverage = coverageAt(m, i, j);
      if (coverage >= ${halfCoverage}) {
        result[index] = m + 1;
        return;
      }
      if (coverage > 0 && result[index] == 0 && fieldOf(m, placements_blend) == 1) { result[index] = -m - 1; }
    }
  }`;

/** Colours by depth: words per pixel, the vector of the channels of a word, conversions from a word to a vector and back, and its tone. */
const lanes = {
  8: {
    words: 1,
    vector: 'vec4',
    white: 255,
    from: '(vec4<u32>(bits) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u)',
    to: 'values.x | (values.y << 8u) | (values.z << 16u) | (values.w << 24u)',
    tone: (row: number, none: number) => `vec4<i32>(tables[tone + ${row}], tables[tone + ${row + 1}], tables[tone + ${row + 2}], ${none})`,
  },
  16: {
    words: 2,
    vector: 'vec2',
    white: 65535,
    from: '(vec2<u32>(bits) >> vec2<u32>(0u, 16u)) & vec2<u32>(65535u)',
    to: 'values.x | (values.y << 16u)',
    tone: (row: number, none: number) =>
      `vec2<i32>(tables[tone + ${row} + 2 * part], select(${none}, tables[tone + ${row + 1}], part == 0))`,
  },
} as const;

/** Second program, one thread for each output word. With `blended` it composes placements in order; else it takes the owner's colour. */
const colourCode = ({ words, vector, white, from, to, tone }: (typeof lanes)[Depth], blended: boolean): string => `
  ${rowsCode}

  alias Values = ${vector}<u32>;

  /** Channels of a word, and the coverage of its pixel. */
  struct Colour { values : Values, coverage : u32 }

  fn channels(word : i32) -> Values {
    let bits = bitcast<u32>(word);
    return ${from};
  }

  /** Colour of a pixel in a placement's box, from the instance alone, with the placement's tone. */
  fn colourOf(m : i32, i : i32, j : i32, part : i32) -> Colour {
    let tapsX = fieldOf(m, placements_tapsX);
    let tapsY = fieldOf(m, placements_tapsY);
    let entryX = fieldOf(m, placements_tableX) + i * (1 + tapsX);
    let entryY = fieldOf(m, placements_tableY) + j * (1 + tapsY);
    let turned = fieldOf(m, placements_transpose) == 1;
    let width = fieldOf(m, placements_sourceWidth);
    let stepX = select(1, width, turned);
    let stepY = select(width, 1, turned);
    var coverage = 0u;
    var sum = Values(0u);
    for (var v = 0; v < tapsY; v++) {
      let y = tables[entryY] + v;
      let row = fieldOf(m, placements_source) + y * stepY;
      var weight = 0u;
      var line = Values(0u);
      for (var u = 0; u < tapsX; u++) {
        let x = tables[entryX] + u;
        let tap = u32(tables[entryX + 1 + u] * maskAt(m, x, y));
        weight += tap;
        line += tap * channels(images[${words} * (row + x * stepX) + part]);
      }
      coverage += u32(tables[entryY + 1 + v]) * weight;
      sum += u32(tables[entryY + 1 + v]) * line;
    }
    if (coverage == 0u) { return Colour(sum, 0u); }
    let values = (sum + Values(coverage / 2u)) / Values(coverage);
    let tone = fieldOf(m, placements_tone);
    if (tone < 0) { return Colour(values, coverage); }
    let toned = (${vector}<i32>(values) * ${tone(0, 256)} + ${tone(3, 0)} + ${vector}<i32>(128)) >> ${vector}<u32>(8u);
    return Colour(Values(clamp(toned, ${vector}<i32>(0), ${vector}<i32>(${white}))), coverage);
  }

  /** The word of a target's image or canvas. */
  fn ownWord(n : i32, at : i32, part : i32) -> i32 {
    let image = targetOf(n, targets_image);
    if (image >= 0) { return images[${words} * (image + at) + part]; }
    return select(uniforms.padding2, uniforms.padding, part == 0);
  }

  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    let pixel = index / ${words};
    let part = index % ${words};
    let n = findTarget(pixel);
    let at = pixel - targetOf(n, targets_output);
    let k = owner[pixel];
    if (k == 0) {
      result[index] = ownWord(n, at, part);
      return;
    }
    let width = targetOf(n, targets_width);
    ${blended ? composedCode : ownedCode}
    result[index] = bitcast<i32>(${to});
  }`;

/** The colour of the owner. */
const ownedCode =
  'let values = colourOf(k - 1, at % width - fieldOf(k - 1, placements_x), at / width - fieldOf(k - 1, placements_y), part).values;';

/** The colours of all placements, composed in order over the target's own. */
const composedCode = `
    var values = channels(ownWord(n, at, part));
    for (var m = targetOf(n, targets_first); m < targetOf(n, targets_end); m++) {
      let i = at % width - fieldOf(m, placements_x);
      let j = at / width - fieldOf(m, placements_y);
      if (i < 0 || j < 0 || i >= fieldOf(m, placements_columns) || j >= fieldOf(m, placements_rows)) { continue; }
      let colour = colourOf(m, i, j, part);
      let c = colour.coverage;
      if (fieldOf(m, placements_blend) == 1) {
        values = (Values(c) * colour.values + Values(${fullCoverage}u - c) * values + Values(${halfCoverage}u)) >> Values(16u);
      } else if (c >= ${halfCoverage}u) {
        values = colour.values;
      }
    }`;

/** Index of channel `c` of pixel `i` of sample `n`. */
const channelAt = (channelsFirst: boolean): string => `
  fn channelAt(n : i32, i : i32, c : i32) -> i32 {
    return ${channelsFirst ? '(n * uniforms.channels + c) * uniforms.pixels + i' : '(n * uniforms.pixels + i) * uniforms.channels + c'};
  }`;

const packCode = (channelsFirst: boolean, float: boolean): string => `
  ${channelAt(channelsFirst)}
  fn byteAt(n : i32, i : i32, c : i32) -> i32 {
    let value = images[channelAt(n, i, c)];
    return ${float ? 'i32(clamp(round((value - uniforms.low) * uniforms.scale), 0.0, 255.0))' : 'clamp(value, 0, 255)'};
  }

  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    let n = index / uniforms.pixels;
    let i = index % uniforms.pixels;
    let step = select(1, 0, uniforms.channels == 1);
    var word = byteAt(n, i, 0) | (byteAt(n, i, step) << 8u) | (byteAt(n, i, 2 * step) << 16u);
    if (uniforms.channels == 4) { word |= byteAt(n, i, 3) << 24u; } else { word |= bitcast<i32>(0xff000000u); }
    result[index] = word;
  }`;

/** One thread for each value of the image tensor. */
const unpackCode = (channelsFirst: boolean): string => `
  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    let n = index / (uniforms.pixels * uniforms.channels);
    let rest = index % (uniforms.pixels * uniforms.channels);
    let i = ${channelsFirst ? 'rest % uniforms.pixels' : 'rest / uniforms.channels'};
    let c = ${channelsFirst ? 'rest / uniforms.pixels' : 'rest % uniforms.channels'};
    let at = n * uniforms.pixels + i;
    if (shown[n] == ${shown.all} || (shown[n] == ${shown.placed} && owner[at] != 0)) {
      result[index] = values[(words[at] >> u32(8 * c)) & 255];
    } else {
      result[index] = images[index];
    }
  }`;

interface Program {
  /** Key of the program in TensorFlow.js's cache; programs with different code need different names. */
  readonly name: string;
  readonly code: string;
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  /** int32 numbers that the code reads as `uniforms.name`. */
  readonly uniforms: Readonly<Record<string, number>>;
  /** float32 numbers that it reads in the same way. */
  readonly floats?: Readonly<Record<string, number>>;
  readonly shape: number[];
  readonly dtype?: DataType;
}

/** Dawn's GPU object, kept because Dawn is destroyed with it. */
let dawn: GPU | undefined;

async function open(): Promise<Opened> {
  const packages = ['webgpu', '@tensorflow/tfjs-backend-webgpu'];
  const { create, globals } = await load(packages, () => import('webgpu'));
  // Imported before `navigator.gpu` exists, so that it does not register a backend of its own, which would hide its adapter.
  const { WebGPUBackend } = await load(packages, () => import('@tensorflow/tfjs-backend-webgpu'));
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
  // `watch` reports errors, so Dawn need not print them.
  device.addEventListener('uncapturederror', (event) => event.preventDefault());
  const backend = withNavigator(dawn, () => new WebGPUBackend(device, info));
  registerBackend('webgpu', () => backend);
  const require = createRequire(import.meta.url);
  return {
    version: `webgpu ${(require('webgpu/package.json') as { version: string }).version} (Dawn)`,
    device: [info.vendor, info.architecture, info.device, info.description].filter((part) => part !== '').join(' '),
    hardware: !info.isFallbackAdapter && !/swiftshader|llvmpipe|lavapipe/i.test(`${info.architecture} ${info.device} ${info.description}`),
    batchPixels: Math.min(gpuBatchPixels, Math.floor(limits.maxStorageBufferBindingSize / 4)),
    limits,
  };
}

/** Provides `navigator.gpu` while `make` runs, as TensorFlow.js needs it; if it stayed, it would keep the process alive. */
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

const faults = new WeakMap<GPUDevice, string[]>();

/**
 * Watches a device. A failure on a GPU throws nothing: an event reports it, and the result is wrong.
 *
 * @returns a function that waits for all work and gives WebGPU's first error message since, if any.
 */
function watch(backend: WebGPUBackend): () => Promise<string | undefined> {
  const { device, queue } = backend;
  const messages = faults.get(device) ?? [];
  if (!faults.has(device)) {
    faults.set(device, messages);
    device.addEventListener('uncapturederror', ({ error }) => messages.push(error.message));
  }
  const before = messages.length;
  return async () => {
    submit(backend);
    await queue.onSubmittedWorkDone();
    return messages[before];
  };
}

function run(backend: WebGPUBackend, { name, code, inputs, uniforms, floats = {}, shape, dtype = 'int32' }: Program): TensorInfo {
  const program: WebGPUProgram = {
    shaderKey: `CopyPaste ${name}`,
    getUserCode: () => code,
    variableNames: Object.keys(inputs),
    uniforms: [...Object.keys(uniforms).map((key) => `${key} : i32, `), ...Object.keys(floats).map((key) => `${key} : f32, `)].join(''),
    outputShape: shape,
    size: true,
    atomic: false,
    workgroupSize: [workgroup, 1, 1],
    dispatchLayout: { x: shape.map((_, dimension) => dimension) },
    dispatch: [Math.ceil(util.sizeFromShape(shape) / workgroup), 1, 1],
  };
  const limit = backend.device.limits.maxStorageBufferBindingSize;
  for (const used of [shape, ...Object.values(inputs).map((input) => input.shape)]) {
    const bytes = 4 * util.sizeFromShape(used);
    if (bytes > limit) {
      throw new CopyPasteError(
        'unavailable',
        `backend webgpu: a buffer of ${bytes} bytes exceeds the device's limit of ${limit}; use smaller batches or the cpu backend`,
      );
    }
  }
  return backend.runWebGPUProgram(program, Object.values(inputs), dtype, [
    ...Object.values(uniforms).map((value) => ({ type: 'int32', data: [value] })),
    ...Object.values(floats).map((value) => ({ type: 'float32', data: [value] })),
  ]);
}

/** Rows of named numbers as a tensor; never empty, since a GPU buffer cannot be. */
function rowsTensor<Column extends string>(
  backend: WebGPUBackend,
  rows: readonly Readonly<Record<Column, number>>[],
  columns: readonly Column[],
): TensorInfo {
  const values = rows.length > 0 ? rows.flatMap((row) => columns.map((name) => row[name])) : [0];
  return backend.makeTensorInfo([values.length], 'int32', Int32Array.from(values));
}

/** Adds the range of their placements to targets. */
function withRanges(targets: readonly PlacedTarget[], placements: readonly Placed[]): (PlacedTarget & { first: number; end: number })[] {
  let end = 0;
  return targets.map((row, n) => {
    const first = end;
    while (placements[end]?.target === n) end++;
    return { ...row, first, end };
  });
}

const kernels: Kernels<WebGPUBackend> = {
  copyPaste(backend, { images, masks, tables, ...inputs }, { depth, padding }) {
    const { targets, placements, pixels } = readRows(readWords(backend, inputs.targets), readWords(backend, inputs.placements));
    const made: TensorInfo[] = [];
    const make = (info: TensorInfo): TensorInfo => {
      made.push(info);
      return info;
    };
    let results: [TensorInfo, TensorInfo] | [] = [];
    try {
      const rows = {
        masks,
        tables,
        placements: make(rowsTensor(backend, placements, placementFields)),
        targets: make(rowsTensor(backend, withRanges(targets, placements), targetColumns)),
      };
      const uniforms = { targets: targets.length };
      const blended = placements.some(({ blend }) => blend === 1);
      const owner = make(run(backend, { name: 'owner', code: ownerCode, inputs: rows, uniforms, shape: [pixels] }));
      const colours = make(
        run(backend, {
          name: `colour ${depth} ${blended}`,
          code: colourCode(lanes[depth], blended),
          inputs: { images, owner, ...rows },
          uniforms: { ...uniforms, padding: padding[0]!, padding2: padding[1] ?? 0 },
          shape: [lanes[depth].words * pixels],
        }),
      );
      return (results = [colours, owner]);
    } finally {
      for (const info of made) if (!(results as TensorInfo[]).includes(info)) backend.disposeData(info.dataId);
    }
  },

  pack(backend, { images }, { channelsFirst, low, scale }) {
    const { count, size, channels } = imageShape(images, { channelsFirst });
    return run(backend, {
      name: `pack ${channelsFirst}`,
      code: packCode(channelsFirst, images.dtype === 'float32'),
      inputs: { images },
      uniforms: { pixels: size, channels },
      floats: { low, scale },
      shape: [count * size],
    });
  },

  unpack(backend, { images, words, owner, shown, values }, { channelsFirst }) {
    const { size, channels } = imageShape(images, { channelsFirst });
    return run(backend, {
      name: `unpack ${channelsFirst}`,
      code: unpackCode(channelsFirst),
      inputs: { images, words, owner, shown, values },
      uniforms: { pixels: size, channels },
      shape: images.shape,
      dtype: images.dtype,
    });
  },
};

export const webgpu: TensorBackend<WebGPUBackend> = {
  open,
  forget: () => {
    if (findBackendFactory('webgpu')) removeBackend('webgpu');
  },
  kernels,
  upload,
  download,
  watch,
};
