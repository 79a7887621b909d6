/**
 * The kernels composed of TensorFlow's own ops, one placement at a time: along each axis the taps of every target pixel are gathered,
 * weighted and summed. Coverage is `c = Σy Σx wy·wx·[mask = instance]`, and the colour of an owned pixel, with `c ≥ 32768`, is
 * `floor((Σy Σx wy·wx·[mask = instance]·value + floor(c / 2)) / c)` (op.ts), then with its tone, and blended.
 *
 * All arithmetic is on floats: float32 holds every integer up to 2^24 exactly, TensorFlow does not run int32 arithmetic on a GPU, and
 * without a matrix product TF32 is never used. Words are moved as bit patterns of float32.
 */

import util from 'node:util';
import { engine, type TensorInfo } from '@tensorflow/tfjs-core';
import { wordsPerPixel } from '../codecs/pixels.ts';
import { fullCoverage, halfCoverage } from '../masks/coverage.ts';
import type { Box } from '../types.ts';
import type { Opened } from './backends.ts';
import { cpuModel, load } from './host.ts';
import { gpuBatchPixels, imageShape, type Kernels, type Placed, readRows, readWords, type TensorBackend } from './op.ts';

/** The part of tfjs-node's backend that is used. */
interface TensorflowBackend {
  readonly binding: Binding;
  readSync(dataId: object): unknown;
  getInputTensorIds(tensors: readonly TensorInfo[]): number[];
  createOutputTensor(metadata: Handle): TensorInfo;
}

interface Binding {
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_UINT8: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_BOOL: number;
  createTensor(shape: readonly number[], dtype: number, values: ArrayLike<number>): number;
  deleteTensor(id: number): void;
  executeOp(name: string, attrs: readonly Attr[], inputs: readonly number[], outputs: number): Handle[];
}

interface Attr {
  readonly name: string;
  readonly type: number;
  readonly value: number | boolean;
}

/** A tensor of TensorFlow. */
interface Handle {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

/** Floats that one gather may produce: 16 MB. */
const blockSize = 2 ** 22;

/** TensorFlow's ops by name: a table, and so longer than a function should be. A handle is deleted at the end of the scope in which it was created. */
function createGraph(backend: TensorflowBackend) {
  const { binding } = backend;
  const types = { float: binding.TF_FLOAT, int32: binding.TF_INT32, uint8: binding.TF_UINT8 };
  let handles = new Set<number>();
  const release = (id: number): void => {
    if (handles.delete(id)) binding.deleteTensor(id);
  };
  const type = (name: string, value: number): Attr => ({ name, type: binding.TF_ATTR_TYPE, value });
  const op = (name: string, inputs: readonly Handle[], attrs: readonly Attr[]): Handle => {
    const ids = inputs.map(({ id }) => id);
    const [result] = binding.executeOp(name, attrs, ids, 1) as [Handle];
    handles.add(result.id);
    return result;
  };
  const make = (shape: readonly number[], dtype: number, values: ArrayLike<number>): Handle => {
    const id = binding.createTensor(shape, dtype, values);
    handles.add(id);
    return { id, shape: [...shape], dtype };
  };
  const ints = (values: readonly number[] | Int32Array, shape: readonly number[] = [values.length]): Handle =>
    make(shape, binding.TF_INT32, values instanceof Int32Array ? values : Int32Array.from(values));
  const floats = (values: readonly number[] | Float32Array, shape: readonly number[] = [values.length]): Handle =>
    make(shape, binding.TF_FLOAT, values instanceof Float32Array ? values : Float32Array.from(values));
  const index = type('Tidx', binding.TF_INT32);
  return {
    /** The handle of a tensor that TensorFlow.js owns. */
    of: (tensor: TensorInfo): Handle => {
      const [id] = backend.getInputTensorIds([tensor]) as [number];
      return { id, shape: tensor.shape, dtype: tensor.dtype === 'int32' ? binding.TF_INT32 : binding.TF_FLOAT };
    },
    ints,
    floats,
    constant: (value: number): Handle => floats([value], []),
    reshape: (x: Handle, shape: readonly number[]): Handle =>
      op('Reshape', [x, ints(shape)], [type('T', x.dtype), type('Tshape', binding.TF_INT32)]),
    bitcast: (x: Handle, to: keyof typeof types): Handle => op('Bitcast', [x], [type('T', x.dtype), type('type', types[to])]),
    cast: (x: Handle, to: keyof typeof types): Handle =>
      op('Cast', [x], [type('SrcT', x.dtype), type('DstT', types[to]), { name: 'Truncate', type: binding.TF_ATTR_BOOL, value: false }]),
    slice: (x: Handle, begin: readonly number[], size: readonly number[]): Handle =>
      op('Slice', [x, ints(begin), ints(size)], [type('T', x.dtype), type('Index', binding.TF_INT32)]),
    /** Adds zeros around a matrix. */
    pad: (x: Handle, around: readonly number[]): Handle =>
      op('Pad', [x, ints(around, [2, 2])], [type('T', x.dtype), type('Tpaddings', binding.TF_INT32)]),
    gather: (x: Handle, indices: Handle, axis: number): Handle =>
      op(
        'GatherV2',
        [x, indices, ints([axis], [])],
        [
          type('Tparams', x.dtype),
          type('Tindices', binding.TF_INT32),
          type('Taxis', binding.TF_INT32),
          { name: 'batch_dims', type: binding.TF_ATTR_INT, value: 0 },
        ],
      ),
    floor: (x: Handle): Handle => op('Floor', [x], [type('T', x.dtype)]),
    binary: (name: 'Mul' | 'Add' | 'Sub' | 'Div' | 'Minimum' | 'Maximum' | 'GreaterEqual' | 'Greater', a: Handle, b: Handle): Handle =>
      op(name, [a, b], [type('T', a.dtype)]),
    rint: (x: Handle): Handle => op('Rint', [x], [type('T', x.dtype)]),
    transpose: (x: Handle, order: readonly number[]): Handle =>
      op('Transpose', [x, ints(order)], [type('T', x.dtype), type('Tperm', binding.TF_INT32)]),
    sum: (x: Handle, axis: number): Handle =>
      op('Sum', [x, ints([axis])], [type('T', x.dtype), index, { name: 'keep_dims', type: binding.TF_ATTR_BOOL, value: false }]),
    select: (condition: Handle, a: Handle, b: Handle): Handle => op('SelectV2', [condition, a, b], [type('T', a.dtype)]),
    fill: (shape: readonly number[], value: Handle): Handle =>
      op('Fill', [ints(shape), value], [type('T', value.dtype), type('index_type', binding.TF_INT32)]),
    concat: (parts: readonly Handle[], axis: number): Handle =>
      parts.length === 1
        ? (parts[0] as Handle)
        : op(
            'ConcatV2',
            [...parts, ints([axis], [])],
            [type('T', (parts[0] as Handle).dtype), { name: 'N', type: binding.TF_ATTR_INT, value: parts.length }, index],
          ),
    /** A copy of `x` with `part` at `begin`. */
    replace: (x: Handle, begin: readonly number[], part: Handle): Handle =>
      op(
        'TensorStridedSliceUpdate',
        [x, ints(begin), ints(begin.map((from, axis) => from + part.shape[axis]!)), ints(begin.map(() => 1)), part],
        [
          type('T', x.dtype),
          type('Index', binding.TF_INT32),
          ...['begin_mask', 'end_mask', 'ellipsis_mask', 'new_axis_mask', 'shrink_axis_mask'].map((name) => ({
            name,
            type: binding.TF_ATTR_INT,
            value: 0,
          })),
        ],
      ),
    /** Deletes handles before their scope ends. */
    release: (...unused: readonly Handle[]): void => {
      for (const { id } of unused) release(id);
    },
    /** Runs `body`, deletes the handles that it creates, and passes those that it returns to the enclosing scope. */
    scope<T extends readonly Handle[]>(body: () => T): T {
      const outer = handles;
      handles = new Set();
      try {
        const results = body();
        for (const { id } of results) if (handles.delete(id)) outer.add(id);
        return results;
      } finally {
        for (const id of handles) binding.deleteTensor(id);
        handles = outer;
      }
    },
  };
}

type Graph = ReturnType<typeof createGraph>;

/** Taps of target pixels along one axis, on source pixels `[low, high)`, with their weights. */
interface Taps {
  readonly low: number;
  readonly high: number;
  /** int32 `[pixels, taps]`, counted from `low`. */
  readonly indices: Handle;
  /** float32 `[pixels, taps, 1]`. */
  readonly weights: Handle;
}

/** Taps of target pixels `[from, to)`, from a weight table. */
function tapsOf(graph: Graph, tables: Int32Array, table: number, taps: number, from: number, to: number): Taps {
  const pixels = to - from;
  const entry = (n: number): number => table + (from + n) * (1 + taps);
  // First taps ascend, or descend in a flipped table.
  const ends = [tables[entry(0)]!, tables[entry(pixels - 1)]!];
  const low = Math.min(...ends);
  const indices = new Int32Array(pixels * taps);
  const weights = new Float32Array(pixels * taps);
  for (let n = 0, i = 0; n < pixels; n++) {
    for (let t = 0; t < taps; t++, i++) {
      indices[i] = tables[entry(n)]! - low + t;
      weights[i] = tables[entry(n) + 1 + t]!;
    }
  }
  return {
    low,
    high: Math.max(...ends) + taps,
    indices: graph.ints(indices, [pixels, taps]),
    weights: graph.floats(weights, [pixels, taps, 1]),
  };
}

/** Sums the taps of every target pixel along the middle axis of `[outer, source pixels, inner]`. */
function sumTaps(graph: Graph, x: Handle, { indices, weights }: Taps): Handle {
  const [sum] = graph.scope(() => [graph.sum(graph.binary('Mul', graph.gather(x, indices, 1), weights), 2)] as const);
  return sum;
}

/**
 * Resamples the source pixels of a placement in blocks of rows, which bound the memory: `Σy Σx wy·wx·value`.
 *
 * @param source gives source pixels `[y1 − y0, x1 − x0, channels]`.
 * @param finish turns the sums of a block that begins at row `from`, `[rows, columns, channels]`, into its result, `[rows, columns, …]`.
 */
function resample(
  graph: Graph,
  { columns, rows, tableX, tapsX, tableY, tapsY }: Placed,
  tables: Int32Array,
  channels: number,
  source: (x0: number, y0: number, x1: number, y1: number) => Handle,
  finish: (sums: Handle, from: number) => Handle,
): Handle {
  const across = tapsOf(graph, tables, tableX, tapsX, 0, columns);
  const width = across.high - across.low;
  const step = Math.max(1, Math.floor(blockSize / (channels * Math.max(tapsY * width, tapsX * columns))));
  const blocks: Handle[] = [];
  for (let from = 0; from < rows; from += step) {
    const to = Math.min(rows, from + step);
    const block = graph.scope(() => {
      const down = tapsOf(graph, tables, tableY, tapsY, from, to);
      const pixels = source(across.low, down.low, across.high, down.high);
      const lines = sumTaps(graph, graph.reshape(pixels, [1, down.high - down.low, width * channels]), down);
      return [finish(sumTaps(graph, graph.reshape(lines, [to - from, width, channels]), across), from)] as const;
    });
    blocks.push(...block);
  }
  return graph.concat(blocks, 0);
}

/** The mask of a placement as floats `[y1 − y0, x1 − x0, 1]`: 1 on its instance, else 0. */
function maskOf(graph: Graph, row: Placed, masks: Handle, x0: number, y0: number, x1: number, y1: number): Handle {
  const { mask, maskX, maskY, maskWidth, maskHeight } = row;
  if (mask < 0) return graph.fill([y1 - y0, x1 - x0, 1], graph.constant(1));
  const [left, right] = [Math.max(x0, maskX), Math.min(x1, maskX + maskWidth)];
  const [top, bottom] = [Math.max(y0, maskY), Math.min(y1, maskY + maskHeight)];
  if (left >= right || top >= bottom) return graph.fill([y1 - y0, x1 - x0, 1], graph.constant(0));
  const lines = graph.slice(masks, [mask + (top - maskY) * maskWidth], [(bottom - top) * maskWidth]);
  const plane = graph.slice(graph.reshape(lines, [bottom - top, maskWidth]), [0, left - maskX], [bottom - top, right - left]);
  const padded = graph.pad(graph.cast(plane, 'float'), [top - y0, y1 - bottom, left - x0, x1 - right]);
  return graph.reshape(padded, [y1 - y0, x1 - x0, 1]);
}

/** Source pixels of a placement along the target's axes, as words in floats `[y1 − y0, x1 − x0, words]`. */
function sourceOf(graph: Graph, row: Placed, images: Handle, [x0, y0, x1, y1]: Box): Handle {
  const { source, sourceWidth, transpose } = row;
  const words = images.shape[1]!;
  const [left, top, right, bottom] = transpose ? [y0, x0, y1, x1] : [x0, y0, x1, y1];
  const lines = graph.slice(images, [source + top * sourceWidth, 0], [(bottom - top) * sourceWidth, words]);
  const part = graph.slice(graph.reshape(lines, [bottom - top, sourceWidth, words]), [0, left, 0], [bottom - top, right - left, words]);
  return transpose ? graph.transpose(part, [1, 0, 2]) : part;
}

/**
 * Pixels of a placement's box, as words in floats `[rows, columns, words]`, and their coverage `[rows, columns, 1]`.
 *
 * @param before words so far, over which blended edges are composed.
 */
function colours(
  graph: Graph,
  row: Placed,
  { tables, images, masks }: Arrays,
  before: Handle,
): readonly [colours: Handle, coverage: Handle] {
  const { x, y, columns, rows } = row;
  const words = images.shape[1]!;
  const channels = 4 * words;
  // Bytes of the instance alone, and its mask as a further channel.
  const taken = (x0: number, y0: number, x1: number, y1: number): Handle => {
    const part = sourceOf(graph, row, images, [x0, y0, x1, y1]);
    const bytes = graph.reshape(graph.cast(graph.bitcast(part, 'uint8'), 'float'), [y1 - y0, x1 - x0, channels]);
    const mask = maskOf(graph, row, masks, x0, y0, x1, y1);
    return graph.concat([graph.binary('Mul', bytes, mask), mask], 2);
  };
  const finished = (sums: Handle, from: number): Handle => {
    const height = sums.shape[0]!;
    const pixels = height * columns;
    const flat = graph.reshape(sums, [pixels, channels + 1]);
    const coverage = graph.slice(flat, [0, channels], [pixels, 1]);
    const [values, by] = [graph.slice(flat, [0, 0], [pixels, channels]), graph.binary('Maximum', coverage, graph.constant(1))];
    let planes = words === 1 ? dividedSums(graph, values, by) : dividedDeepSums(graph, values, by);
    if (row.tone >= 0) planes = toned(graph, planes, tables.subarray(row.tone, row.tone + 6));
    if (row.blend) {
      const under = graph.slice(before, [y + from, x, 0], [height, columns, words]);
      planes = composed(graph, planes, planesOf(graph, under), coverage);
    }
    return graph.concat([wordsOf(graph, planes, [height, columns, words]), graph.reshape(coverage, [height, columns, 1])], 2);
  };
  const both = resample(graph, row, tables, channels + 1, taken, finished);
  return [graph.slice(both, [0, 0, 0], [rows, columns, words]), graph.slice(both, [0, 0, words], [rows, columns, 1])];
}

/** Bytes of values `[pixels, 4]` as floats, one plane for 8 bits, and for 16 bits the low bytes and then the high bytes. */
type Planes = readonly [low: Handle, high?: Handle];

/** Words `[height, width, words]` of values. */
function wordsOf(graph: Graph, planes: Planes, shape: readonly [number, number, number]): Handle {
  const [height, width] = shape;
  const bytes = graph.concat(
    planes.map((plane) => graph.reshape(plane as Handle, [height * width, 4, 1])),
    2,
  );
  return graph.bitcast(graph.reshape(graph.cast(bytes, 'uint8'), [...shape, 4]), 'float');
}

/** Values of words `[height, width, words]`. */
function planesOf(graph: Graph, words: Handle): Planes {
  const [height, width, count] = words.shape as [number, number, number];
  const bytes = graph.reshape(graph.cast(graph.bitcast(words, 'uint8'), 'float'), [height * width, 4, count]);
  const plane = (n: number): Handle => graph.reshape(graph.slice(bytes, [0, 0, n], [height * width, 4, 1]), [height * width, 4]);
  return count === 1 ? [plane(0)] : [plane(0), plane(1)];
}

/** Bytes of values of 16 bits. */
function split(graph: Graph, values: Handle): Planes {
  const high = graph.floor(graph.binary('Mul', values, graph.constant(1 / 256)));
  return [graph.binary('Sub', values, graph.binary('Mul', high, graph.constant(256))), high];
}

/**
 * Values with a tone: `clamp((v·gain + offset + 128) >> 8)`, which for 16 bits is `high·gain + ((low·gain + offset + 128) >> 8)`, so that no
 * product exceeds 2^24.
 *
 * @param tone three gains, then three offsets.
 */
function toned(graph: Graph, [low, high]: Planes, tone: Int32Array): Planes {
  const { binary, constant } = graph;
  const gains = graph.floats([...tone.subarray(0, 3), 256]);
  const offsets = graph.floats([...tone.subarray(3, 6), 0].map((offset) => offset + 128));
  const shifted = graph.floor(binary('Mul', binary('Add', binary('Mul', low, gains), offsets), constant(1 / 256)));
  const values = high ? binary('Add', binary('Mul', high, gains), shifted) : shifted;
  const clamped = binary('Minimum', binary('Maximum', values, constant(0)), constant(high ? 65535 : 255));
  return high ? split(graph, clamped) : [clamped];
}

/**
 * Values composed over others: `(c·value + (65536 − c)·under + 32768) >> 16`. With 16 bits the sums of low and of high bytes, L and H, are
 * separate: `(H + ((L + 32768) >> 8)) >> 8` is the same. Where `c` is 0 it is `under`.
 */
function composed(graph: Graph, over: Planes, under: Planes, coverage: Handle): Planes {
  const { binary, constant, floor } = graph;
  const rest = binary('Sub', constant(fullCoverage), coverage);
  const sum = (a: Handle, b: Handle): Handle => binary('Add', binary('Mul', a, coverage), binary('Mul', b, rest));
  const shift = (x: Handle, bits: number): Handle => floor(binary('Mul', x, constant(1 / 2 ** bits)));
  const low = binary('Add', sum(over[0], under[0]), constant(halfCoverage));
  const [high, highUnder] = [over[1], under[1]];
  if (!high || !highUnder) return [shift(low, 16)];
  return split(graph, shift(binary('Add', sum(high, highUnder), shift(low, 8)), 8));
}

/** Quotients of integers below 2^24, rounded down, and remainders. A quotient that float division rounds wrong is corrected by one. */
function divide(graph: Graph, x: Handle, by: Handle): readonly [quotient: Handle, rest: Handle] {
  const { binary, constant } = graph;
  const above = (a: Handle, b: Handle): Handle => graph.cast(binary('GreaterEqual', a, b), 'float');
  const guess = graph.floor(binary('Div', x, by));
  const low = binary('Sub', guess, binary('Sub', constant(1), above(x, binary('Mul', guess, by))));
  const next = binary('Add', low, constant(1));
  const quotient = binary('Add', low, above(x, binary('Mul', next, by)));
  return [quotient, binary('Sub', x, binary('Mul', quotient, by))];
}

/** `floor(c / 2)`. */
function halved(graph: Graph, coverage: Handle): Handle {
  return graph.floor(graph.binary('Mul', coverage, graph.constant(0.5)));
}

/** Values from sums of bytes: `floor((sum + floor(c / 2)) / c)`. */
function dividedSums(graph: Graph, sums: Handle, coverage: Handle): Planes {
  return [divide(graph, graph.binary('Add', sums, halved(graph, coverage)), coverage)[0]];
}

/**
 * Values of 16 bits from sums L and H of their low and high bytes. A float holds only 24 bits, so `2^8·H + L + floor(c / 2)` is divided by
 * `c` in parts: H; 2^8 times the remainder of H; L + floor(c / 2); and the sum of the last two remainders.
 */
function dividedDeepSums(graph: Graph, sums: Handle, coverage: Handle): Planes {
  const pairs = graph.reshape(sums, [-1, 4, 2]);
  const pixels = pairs.shape[0]!;
  const { binary, constant } = graph;
  const part = (n: number): Handle => graph.reshape(graph.slice(pairs, [0, 0, n], [pixels, 4, 1]), [pixels, 4]);
  const [whole, rest] = divide(graph, part(1), coverage);
  const [middle, middleRest] = divide(graph, binary('Mul', rest, constant(256)), coverage);
  const [low, lowRest] = divide(graph, binary('Add', part(0), halved(graph, coverage)), coverage);
  const [carry] = divide(graph, binary('Add', middleRest, lowRest), coverage);
  return split(graph, binary('Add', binary('Add', binary('Mul', whole, constant(256)), middle), binary('Add', low, carry)));
}

/** A target with the pastes so far: words as floats `[height, width, words]`, and owners `[height, width, 1]`. */
type Canvas = readonly [words: Handle, owner: Handle];

interface Arrays {
  readonly tables: Int32Array;
  readonly images: Handle;
  readonly masks: Handle;
}

/** Pastes the `k`-th placement onto a canvas. */
function paste(graph: Graph, [words, owner]: Canvas, row: Placed, k: number, arrays: Arrays): Canvas {
  const { x, y, columns, rows } = row;
  if (columns === 0) return [words, owner];
  const { binary, constant } = graph;
  const [colour, coverage] = colours(graph, row, arrays, words);
  const owned = binary('GreaterEqual', coverage, constant(halfCoverage));
  const before = (onto: Handle): Handle => graph.slice(onto, [y, x, 0], [rows, columns, onto.shape[2]!]);
  const put = (onto: Handle, what: Handle): Handle => graph.replace(onto, [y, x, 0], graph.select(owned, what, before(onto)));
  if (!row.blend) return [put(words, colour), put(owner, constant(k))];
  // Below half coverage, a pixel that nobody owns is marked.
  const under = before(owner);
  const free = binary(
    'Mul',
    graph.cast(binary('Greater', coverage, constant(0)), 'float'),
    graph.cast(binary('GreaterEqual', constant(0), under), 'float'),
  );
  const marked = graph.select(binary('Greater', free, constant(0)), constant(-k), under);
  const owners = graph.select(owned, constant(k), marked);
  return [graph.replace(words, [y, x, 0], colour), graph.replace(owner, [y, x, 0], owners)];
}

const kernels: Kernels<TensorflowBackend> = {
  copyPaste(backend, inputs, { depth, padding }) {
    const { targets, placements } = readRows(readWords(backend, inputs.targets), readWords(backend, inputs.placements));
    const tables = readWords(backend, inputs.tables);
    return run(backend, (graph) => {
      const words = wordsPerPixel(depth);
      const images = graph.reshape(graph.bitcast(graph.of(inputs.images), 'float'), [-1, words]);
      const masks = graph.reshape(graph.bitcast(graph.of(inputs.masks), 'uint8'), [-1]);
      let m = 0;
      const canvases = targets.map(({ image, width, height }, n): Canvas => {
        const blank = (word: number): Handle =>
          graph.fill([height, width, 1], graph.floats(new Float32Array(Int32Array.of(word).buffer), []));
        let canvas: Canvas = [
          image < 0
            ? graph.concat(padding.map(blank), 2)
            : graph.reshape(graph.slice(images, [image, 0], [width * height, words]), [height, width, words]),
          graph.fill([height, width, 1], graph.constant(0)),
        ];
        for (; placements[m]?.target === n; m++) {
          const before = canvas;
          canvas = graph.scope(() => paste(graph, before, placements[m] as Placed, m + 1, { tables, images, masks }));
          graph.release(...before.filter((handle) => !canvas.includes(handle)));
        }
        return canvas;
      });
      const all = (parts: Handle[]): Handle =>
        graph.concat(
          parts.map((part) => graph.reshape(part, [-1])),
          0,
        );
      return [graph.bitcast(all(canvases.map(([words]) => words)), 'int32'), graph.cast(all(canvases.map(([, owner]) => owner)), 'int32')];
    }) as [TensorInfo, TensorInfo];
  },

  pack(backend, { images }, { channelsFirst, low, scale }) {
    const { count, size, channels } = imageShape(images, { channelsFirst });
    return run(backend, (graph) => {
      const x = graph.of(images);
      const values =
        images.dtype === 'int32'
          ? graph.cast(x, 'float')
          : graph.rint(graph.binary('Mul', graph.binary('Sub', x, graph.constant(low)), graph.constant(scale)));
      const clipped = graph.binary('Minimum', graph.binary('Maximum', values, graph.constant(0)), graph.constant(255));
      const bytes = graph.reshape(graph.cast(clipped, 'uint8'), channelsFirst ? [count, channels, size] : [count * size, channels]);
      const plane = (c: number): Handle =>
        graph.reshape(channelsFirst ? graph.slice(bytes, [0, c, 0], [count, 1, size]) : graph.slice(bytes, [0, c], [count * size, 1]), [
          count * size,
          1,
        ]);
      const opaque = (): Handle => graph.cast(graph.fill([count * size, 1], graph.constant(255)), 'uint8');
      const planes = [0, 1, 2].map((c) => plane(channels === 1 ? 0 : c));
      return [graph.bitcast(graph.concat([...planes, channels === 4 ? plane(3) : opaque()], 1), 'int32')];
    })[0] as TensorInfo;
  },

  unpack(backend, { images, words, owner, shown, values }, { channelsFirst }) {
    const { count, size, channels } = imageShape(images, { channelsFirst });
    const shape = channelsFirst ? [count, channels, size] : [count, size, channels];
    return run(backend, (graph) => {
      const bytes = graph.reshape(graph.bitcast(graph.of(words), 'uint8'), [count, size, 4]);
      const indices = graph.cast(graph.slice(bytes, [0, 0, 0], [count, size, channels]), 'int32');
      const looked = graph.gather(graph.of(values), channelsFirst ? graph.transpose(indices, [0, 2, 1]) : indices, 0);
      // A pixel is shown if `mode + min(owner², 1) > 1`: always with mode 2, if it has a placement with mode 1.
      const owners = graph.reshape(graph.cast(graph.of(owner), 'float'), [count, size]);
      const placed = graph.binary('Minimum', graph.binary('Mul', owners, owners), graph.constant(1));
      const modes = graph.reshape(graph.cast(graph.of(shown), 'float'), [count, 1]);
      const over = graph.binary('Greater', graph.binary('Add', placed, modes), graph.constant(1));
      const mask = graph.reshape(over, channelsFirst ? [count, 1, size] : [count, size, 1]);
      return [graph.reshape(graph.select(mask, looked, graph.reshape(graph.of(images), shape)), images.shape)];
    })[0] as TensorInfo;
  },
};

/** Runs ops, and passes their results to TensorFlow.js; all other handles are deleted. */
function run(backend: TensorflowBackend, body: (graph: Graph) => readonly Handle[]): TensorInfo[] {
  const graph = createGraph(backend);
  return graph.scope(() => body(graph)).map((handle) => backend.createOutputTensor(handle));
}

async function open(): Promise<Opened> {
  // tfjs-node calls these functions, which Node 23 removed.
  const old = util as unknown as Record<string, unknown>;
  old.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  old.isArray ??= Array.isArray;
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';
  // By default TensorFlow takes all memory of the GPU.
  process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true';
  await load(['@tensorflow/tfjs-node-gpu'], () =>
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
    batchPixels: gpuBatchPixels,
    limits: {},
  };
}

export const tensorflow: TensorBackend<TensorflowBackend> = { open, kernels };
