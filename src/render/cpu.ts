/** The kernels of TensorFlow.js's cpu backend, on the loops of `paste.ts`. */
import '@tensorflow/tfjs-backend-cpu';
import { type DataType, type KernelBackend, type TensorInfo, type TypedArray, version_core } from '@tensorflow/tfjs-core';
import { bytesOf, valuesOf, wordsPerPixel } from '../codecs/pixels.ts';
import { type Shape, spansOfPlane } from '../masks/spans.ts';
import type { Raster } from '../types.ts';
import type { Opened } from './backends.ts';
import { cpuModel } from './host.ts';
import { imageShape, type Kernels, type Placed, readRows, readWords, shown, type TensorBackend } from './op.ts';
import { fillOutput, pasteAll } from './paste.ts';

/** Kernels that only read values from a backend and write values to it, for every backend without kernels of its own. */
const kernels: Kernels<KernelBackend> = {
  copyPaste(backend, inputs, attrs) {
    const { depth, padding } = attrs;
    const each = wordsPerPixel(depth);
    const images: Raster[] = [{ pixels: valuesOf(readWords(backend, inputs.images), depth), bands: 4 }];
    const blank = valuesOf(Int32Array.from(padding), depth);
    const rows = readRows(readWords(backend, inputs.targets), readWords(backend, inputs.placements));
    const words = new Int32Array(each * rows.pixels);
    const outputs = rows.targets.map((target): Raster => {
      const { output, width, height } = target;
      const pixels = valuesOf(words.subarray(each * output, each * (output + width * height)), depth);
      fillOutput(pixels, 4, target, images, blank);
      return { pixels, bands: 4 };
    });
    const masks = bytesOf(readWords(backend, inputs.masks));
    const shapes = rows.placements.map((row) => shapeOf(row, masks));
    const owner = pasteAll({ images, shapes, tables: readWords(backend, inputs.tables), ...rows, depth, outputs });
    return [make(backend, words, 'int32'), make(backend, owner, 'int32')];
  },

  pack(backend, { images }, { channelsFirst, low, scale }) {
    const { count, size, channels } = imageShape(images, { channelsFirst });
    const values = read(backend, images);
    const words = new Int32Array(count * size);
    const [pixel, plane] = channelsFirst ? [1, size] : [channels, 1];
    const byte =
      images.dtype === 'int32'
        ? (value: number): number => value
        : (value: number): number => roundHalfEven(Math.fround(Math.fround(value - low) * scale));
    for (let n = 0, at = 0; n < count; n++) {
      for (let i = 0, from = n * size * channels; i < size; i++, from += pixel) {
        let word = channels === 4 ? 0 : -0x1000000;
        for (let c = 0; c < Math.max(3, channels); c++) {
          const value = byte(values[from + (channels === 1 ? 0 : c * plane)]!);
          word |= Math.min(255, Math.max(0, value)) << (8 * c);
        }
        words[at++] = word;
      }
    }
    return make(backend, words, 'int32');
  },

  unpack(backend, inputs, { channelsFirst }) {
    const { count, size, channels } = imageShape(inputs.images, { channelsFirst });
    const words = readWords(backend, inputs.words);
    const owner = readWords(backend, inputs.owner);
    const values = read(backend, inputs.values);
    const images = read(backend, inputs.images).slice();
    const modes = readWords(backend, inputs.shown);
    const [pixel, plane] = channelsFirst ? [1, size] : [channels, 1];
    for (let n = 0, at = 0; n < count; n++) {
      for (let i = 0, to = n * size * channels; i < size; i++, at++, to += pixel) {
        if (modes[n] === shown.none || (modes[n] === shown.placed && owner[at] === 0)) continue;
        for (let c = 0; c < channels; c++) images[to + c * plane] = values[(words[at]! >> (8 * c)) & 255]!;
      }
    }
    return make(backend, images, inputs.images.dtype, inputs.images.shape);
  },
};

function read(backend: KernelBackend, { dataId }: TensorInfo): TypedArray {
  return backend.readSync(dataId) as TypedArray;
}

function make(backend: KernelBackend, values: TypedArray, dtype: DataType, shape = [values.length]): TensorInfo {
  return { dataId: backend.write(values, shape, dtype), shape, dtype };
}

function roundHalfEven(value: number): number {
  const low = Math.floor(value);
  return value - low < 0.5 || (value - low === 0.5 && low % 2 === 0) ? low : low + 1;
}

/** The shape of a placement, from its plane. */
function shapeOf({ mask, maskX, maskY, maskWidth, maskHeight }: Placed, masks: Uint8Array): Shape | undefined {
  if (mask < 0) return undefined;
  const box = [maskX, maskY, maskX + maskWidth, maskY + maskHeight] as const;
  const spans = spansOfPlane({ box, pixels: masks.subarray(mask, mask + maskWidth * maskHeight) });
  return { box, spans, start: 0, end: spans.length };
}

async function open(): Promise<Opened> {
  return { version: `TensorFlow.js ${version_core}`, device: cpuModel(), hardware: false, batchPixels: 0, limits: {} };
}

export const cpu: TensorBackend<KernelBackend> = { open, kernels };
