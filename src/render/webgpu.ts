/**
 * The kernels in WGSL, in three programs with no read-back between them: which pixels each placement covers, and
 * how many; which placement is the topmost at each pixel; what colour that gives.
 *
 * Coverage and colour are the double sums of op.ts, in 32-bit integers (those of 16-bit colours need all 32 bits), over at most `tapsX · tapsY` source pixels.
 */

import type { WebGPUBackend, WebGPUProgram } from '@tensorflow/tfjs-backend-webgpu';
import { type DataType, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { CopyPasteError } from '../errors.ts';
import type { Depth } from '../types.ts';
import {
  halfCoverage,
  imageShape,
  type Kernels,
  type Placed,
  type PlacedTarget,
  placementFields,
  readRows,
  shown,
  targetFields,
} from './op.ts';
import { submit } from './staging.ts';

/** Threads of a workgroup. */
const workgroup = 64;
/** Threads of the coverage program's: the most that every device has. */
const gathering = 256;

/** Rows as shaders read them: the op's fields, and where a row's outputs begin. */
const placementColumns = [...placementFields, 'bits'] as const;
const targetColumns = [...targetFields, 'output', 'first', 'end'] as const;

const columnsOf = (prefix: string, columns: readonly string[]): string =>
  [`const ${prefix}Fields = ${columns.length};`, ...columns.map((name, i) => `const ${prefix}_${name} = ${i};`)].join('\n');

/** The last of `count` rows whose field is at most `value`; fields ascend. */
const search = (rows: string, field: string): string => `
  fn find_${field}(value : i32, count : i32) -> i32 {
    var low = 0;
    var high = count;
    while (high - low > 1) {
      let middle = (low + high) / 2;
      if (${rows}[middle * ${rows}Fields + ${rows}_${field}] <= value) { low = middle; } else { high = middle; }
    }
    return low;
  }`;

const placementsCode = `
  ${columnsOf('placements', placementColumns)}
  fn fieldOf(m : i32, field : i32) -> i32 { return placements[m * placementsFields + field]; }`;
const targetsCode = `
  ${columnsOf('targets', targetColumns)}
  ${search('targets', 'output')}
  fn targetOf(n : i32, field : i32) -> i32 { return targets[n * targetsFields + field]; }`;

/**
 * One thread for each pixel of a box, whose rows are filled up to whole words. The result holds the areas, then the covered pixels as bits, each
 * row of a box beginning on a word. A workgroup gathers its words, and adds what it has of its first word's placement at once: sums that
 * all add to are slow.
 */
const coverageCode = `
  ${placementsCode}
  ${search('placements', 'bits')}

  var<workgroup> gathered : array<atomic<u32>, ${gathering / 32}>;
  var<workgroup> first : i32;
  var<workgroup> covering : atomic<i32>;

  fn covers(m : i32, i : i32, j : i32) -> bool {
    let plane = fieldOf(m, placements_mask);
    if (plane < 0) { return true; }
    let tapsX = fieldOf(m, placements_tapsX);
    let tapsY = fieldOf(m, placements_tapsY);
    let entryX = fieldOf(m, placements_tableX) + i * (1 + tapsX);
    let entryY = fieldOf(m, placements_tableY) + j * (1 + tapsY);
    let width = fieldOf(m, placements_maskWidth);
    let height = fieldOf(m, placements_maskHeight);
    let x0 = tables[entryX] - fieldOf(m, placements_maskX);
    let y0 = tables[entryY] - fieldOf(m, placements_maskY);
    var sum = 0;
    for (var v = max(0, -y0); v < min(tapsY, height - y0); v++) {
      let row = plane + (y0 + v) * width + x0;
      var line = 0;
      for (var u = max(0, -x0); u < min(tapsX, width - x0); u++) {
        let at = row + u;
        line += tables[entryX + 1 + u] * ((masks[at >> 2u] >> u32(8 * (at & 3))) & 1);
      }
      sum += tables[entryY + 1 + v] * line;
    }
    return sum >= ${halfCoverage};
  }

  fn main(index : i32) {
    let bit = index % 32;
    let word = index / 32;
    let slot = word % ${gathering / 32};
    var m = -1;
    if (word < uniforms.words) {
      m = find_bits(word, uniforms.count);
      let columns = fieldOf(m, placements_columns);
      let rowWords = (columns + 31) / 32;
      let at = word - fieldOf(m, placements_bits);
      let i = 32 * (at % rowWords) + bit;
      if (i < columns && covers(m, i, at / rowWords)) { atomicOr(&gathered[slot], 1u << u32(bit)); }
    }
    if (index % ${gathering} == 0) { first = m; }
    workgroupBarrier();
    if (bit == 0 && m >= 0) {
      let bits = atomicLoad(&gathered[slot]);
      let covered = i32(countOneBits(bits));
      atomicStore(&result[uniforms.count + word], bitcast<i32>(bits));
      if (m == first) { atomicAdd(&covering, covered); } else { atomicAdd(&result[m], covered); }
    }
    workgroupBarrier();
    if (index % ${gathering} == 0 && m >= 0) { atomicAdd(&result[m], atomicLoad(&covering)); }
  }`;

/** One thread for each pixel of the outputs. */
const ownerCode = `
  ${placementsCode}
  ${targetsCode}

  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    let n = find_output(index, uniforms.targets);
    let at = index - targetOf(n, targets_output);
    let width = targetOf(n, targets_width);
    for (var m = targetOf(n, targets_end) - 1; m >= targetOf(n, targets_first); m--) {
      let columns = fieldOf(m, placements_columns);
      let i = at % width - fieldOf(m, placements_x);
      let j = at / width - fieldOf(m, placements_y);
      if (i < 0 || j < 0 || i >= columns || j >= fieldOf(m, placements_rows)) { continue; }
      if (coverage[m] < fieldOf(m, placements_minArea)) { continue; }
      let word = coverage[uniforms.count + fieldOf(m, placements_bits) + j * ((columns + 31) / 32) + i / 32];
      if (((bitcast<u32>(word) >> u32(i % 32)) & 1u) == 1u) {
        result[index] = m + 1;
        return;
      }
    }
    result[index] = 0;
  }`;

/** How colours of a depth lie in a word: their vector, with a sum's lanes; words that a pixel takes; vectors from words and back. */
const lanes = {
  8: {
    words: 1,
    vector: 'vec4<u32>',
    from: '(vec4<u32>(bits) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u)',
    to: 'values.x | (values.y << 8u) | (values.z << 16u) | (values.w << 24u)',
  },
  16: {
    words: 2,
    vector: 'vec2<u32>',
    from: '(vec2<u32>(bits) >> vec2<u32>(0u, 16u)) & vec2<u32>(65535u)',
    to: 'values.x | (values.y << 16u)',
  },
} as const;

/** One thread for each word of the outputs. */
const colourCode = ({ words, vector, from, to }: (typeof lanes)[Depth]): string => `
  ${placementsCode}
  ${targetsCode}

  fn channels(word : i32) -> ${vector} {
    let bits = bitcast<u32>(word);
    return ${from};
  }

  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    let pixel = index / ${words};
    let part = index % ${words};
    let n = find_output(pixel, uniforms.targets);
    let at = pixel - targetOf(n, targets_output);
    let k = owner[pixel];
    if (k == 0) {
      let image = targetOf(n, targets_image);
      if (image >= 0) { result[index] = images[${words} * (image + at) + part]; }
      else if (part == 0) { result[index] = uniforms.padding; }
      else { result[index] = uniforms.padding2; }
      return;
    }
    let m = k - 1;
    let width = targetOf(n, targets_width);
    let tapsX = fieldOf(m, placements_tapsX);
    let tapsY = fieldOf(m, placements_tapsY);
    let entryX = fieldOf(m, placements_tableX) + (at % width - fieldOf(m, placements_x)) * (1 + tapsX);
    let entryY = fieldOf(m, placements_tableY) + (at / width - fieldOf(m, placements_y)) * (1 + tapsY);
    var sum = ${vector}(32768u);
    for (var v = 0; v < tapsY; v++) {
      let row = fieldOf(m, placements_source) + (tables[entryY] + v) * fieldOf(m, placements_sourceWidth) + tables[entryX];
      var line = ${vector}(0u);
      for (var u = 0; u < tapsX; u++) { line += u32(tables[entryX + 1 + u]) * channels(images[${words} * (row + u) + part]); }
      sum += u32(tables[entryY + 1 + v]) * line;
    }
    let values = sum >> ${vector}(16u);
    result[index] = bitcast<i32>(${to});
  }`;

/** Where channel `c` of pixel `i` of sample `n` is. */
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

/** One thread for each value of the images. */
const unpackCode = (channelsFirst: boolean): string => `
  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    let n = index / (uniforms.pixels * uniforms.channels);
    let rest = index % (uniforms.pixels * uniforms.channels);
    let i = ${channelsFirst ? 'rest % uniforms.pixels' : 'rest / uniforms.channels'};
    let c = ${channelsFirst ? 'rest / uniforms.pixels' : 'rest % uniforms.channels'};
    let at = n * uniforms.pixels + i;
    if (shown[n] == ${shown.all} || (shown[n] == ${shown.owned} && owner[at] > 0)) {
      result[index] = values[(words[at] >> u32(8 * c)) & 255];
    } else {
      result[index] = images[index];
    }
  }`;

interface Program {
  /** Names the code: what has one name has one code. */
  readonly name: string;
  readonly code: string;
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  /** Numbers that the code reads as `uniforms.name`. */
  readonly uniforms: Readonly<Record<string, number>>;
  readonly floats?: Readonly<Record<string, number>>;
  readonly shape: number[];
  readonly dtype?: DataType;
  readonly threads?: number;
  readonly workgroup?: number;
  /** What the code adds to. */
  readonly atomic?: TensorInfo;
}

const faults = new WeakMap<GPUDevice, string[]>();

/**
 * Watches a device. What fails on a GPU throws nothing: it is reported beside the result, which is wrong.
 *
 * @returns what waits for all work and says what went wrong since, in WebGPU's words.
 */
export function watch(backend: WebGPUBackend): () => Promise<string | undefined> {
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

function run(backend: WebGPUBackend, { name, code, inputs, uniforms, floats = {}, shape, dtype = 'int32', ...rest }: Program): TensorInfo {
  const size = rest.workgroup ?? workgroup;
  const program: WebGPUProgram = {
    shaderKey: `CopyPaste ${name}`,
    getUserCode: () => code,
    variableNames: Object.keys(inputs),
    uniforms: [...Object.keys(uniforms).map((key) => `${key} : i32, `), ...Object.keys(floats).map((key) => `${key} : f32, `)].join(''),
    outputShape: shape,
    size: true,
    atomic: rest.atomic !== undefined,
    workgroupSize: [size, 1, 1],
    dispatchLayout: { x: shape.map((_, dimension) => dimension) },
    dispatch: [Math.ceil((rest.threads ?? util.sizeFromShape(shape)) / size), 1, 1],
  };
  const limit = backend.device.limits.maxStorageBufferBindingSize;
  for (const used of [shape, ...Object.values(inputs).map((input) => input.shape)]) {
    const bytes = 4 * util.sizeFromShape(used);
    if (bytes > limit) {
      throw new CopyPasteError(
        'unavailable',
        `backend webgpu: a buffer of ${bytes} bytes is over the device's limit of ${limit}; use smaller batches, or the cpu backend`,
      );
    }
  }
  return backend.runWebGPUProgram(
    program,
    Object.values(inputs),
    dtype,
    [
      ...Object.values(uniforms).map((value) => ({ type: 'int32', data: [value] })),
      ...Object.values(floats).map((value) => ({ type: 'float32', data: [value] })),
    ],
    rest.atomic,
  );
}

/** Rows of named numbers as a tensor; never empty, since a buffer cannot be. */
function rowsTensor<Column extends string>(
  backend: WebGPUBackend,
  rows: readonly Readonly<Record<Column, number>>[],
  columns: readonly Column[],
): TensorInfo {
  const values = rows.length > 0 ? rows.flatMap((row) => columns.map((name) => row[name])) : [0];
  return backend.makeTensorInfo([values.length], 'int32', Int32Array.from(values));
}

function withBits(placements: readonly Placed[]): { rows: (Placed & { bits: number })[]; words: number } {
  let words = 0;
  const rows = placements.map((row) => {
    const bits = words;
    words += row.rows * Math.ceil(row.columns / 32);
    return { ...row, bits };
  });
  return { rows, words };
}

/** Targets with the range of their placements. */
function withRanges(targets: readonly PlacedTarget[], placements: readonly Placed[]): (PlacedTarget & { first: number; end: number })[] {
  let end = 0;
  return targets.map((row, n) => {
    const first = end;
    while (placements[end]?.target === n) end++;
    return { ...row, first, end };
  });
}

export const webgpuKernels: Kernels<WebGPUBackend> = {
  copyPaste(backend, { images, masks, tables, ...inputs }, { depth, padding }) {
    const read = ({ dataId }: TensorInfo): Int32Array => backend.readSync(dataId) as Int32Array;
    const { targets, placements, pixels } = readRows(read(inputs.targets), read(inputs.placements));
    const { rows, words } = withBits(placements);
    const count = rows.length;
    const made: TensorInfo[] = [];
    const make = (info: TensorInfo): TensorInfo => {
      made.push(info);
      return info;
    };
    let results: [TensorInfo, TensorInfo, TensorInfo] | [] = [];
    try {
      const placementRows = make(rowsTensor(backend, rows, placementColumns));
      const targetRows = make(rowsTensor(backend, withRanges(targets, placements), targetColumns));
      const length = Math.max(1, count + words);
      const coverage = make(backend.makeTensorInfo([length], 'int32', new Int32Array(length)));
      if (words > 0) {
        run(backend, {
          name: 'coverage',
          code: coverageCode,
          inputs: { masks, tables, placements: placementRows },
          uniforms: { count, words },
          shape: coverage.shape,
          threads: 32 * words,
          workgroup: gathering,
          atomic: coverage,
        });
      }
      const owner = make(
        run(backend, {
          name: 'owner',
          code: ownerCode,
          inputs: { coverage, placements: placementRows, targets: targetRows },
          uniforms: { count, targets: targets.length },
          shape: [pixels],
        }),
      );
      const colours = make(
        run(backend, {
          name: `colour ${depth}`,
          code: colourCode(lanes[depth]),
          inputs: { images, owner, tables, placements: placementRows, targets: targetRows },
          uniforms: { targets: targets.length, padding: padding[0] as number, padding2: padding[1] ?? 0 },
          shape: [lanes[depth].words * pixels],
        }),
      );
      const area = make(
        run(backend, {
          name: 'area',
          code: 'fn main(index : i32) { if (index < uniforms.size) { result[index] = coverage[index]; } }',
          inputs: { coverage },
          uniforms: {},
          shape: [count],
        }),
      );
      return (results = [colours, owner, area]);
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
