/**
 * Run lengths of Label Studio's brush: a list of bytes, read bit by bit from the highest. A head holds the number of values (32 bits), the
 * bits of a value less 1 (5), and the bits of four kinds of lengths less 1 (4 each). Then follow runs: a bit that is set if one value is
 * repeated, the kind of the length (2 bits), the length less 1, and the value or values. Values are the channels RGBA of all pixels, row by
 * row; a pixel belongs to the mask if its alpha is not 0. This is `rle-pack` of thi.ng/umbrella, as in `brush.py` of Label Studio's SDK.
 */
import type { Size } from '../types.ts';

/** Spans of the pixels of a brush. @throws {Error} when the run lengths are not those of an image of this size. */
export function spansOfBrush(bytes: readonly number[], { width, height }: Size): Int32Array {
  let at = 0;
  const read = (bits: number): number => {
    if (at + bits > 8 * bytes.length) throw new Error('the run lengths are cut short');
    let value = 0;
    for (let left = bits; left > 0; ) {
      const taken = Math.min(left, 8 - (at % 8));
      const byte = bytes[at >> 3]! >> (8 - (at % 8) - taken);
      value = value * 2 ** taken + (byte & (2 ** taken - 1));
      at += taken;
      left -= taken;
    }
    return value;
  };
  const values = read(32);
  if (values !== 4 * width * height)
    throw new Error(`the run lengths hold ${values} values, not ${4 * width * height}, four for each pixel`);
  const bitsOfValue = read(5) + 1;
  const bitsOfLength = [read(4) + 1, read(4) + 1, read(4) + 1, read(4) + 1] as const;
  const spans: number[] = [];
  /** Adds the pixels from `first` to before `end`, which follow all others. */
  const add = (first: number, end: number): void => {
    for (let pixel = first; pixel < end; ) {
      const [y, x] = [Math.floor(pixel / width), pixel % width];
      const right = Math.min(width, x + end - pixel);
      if (spans.at(-3) === y && spans.at(-1) === x) spans[spans.length - 1] = right;
      else spans.push(y, x, right);
      pixel += right - x;
    }
  };
  for (let done = 0; done < values; ) {
    const repeated = read(1) === 1;
    const length = read(bitsOfLength[read(2)] as number) + 1;
    if (done + length > values) throw new Error('the run lengths exceed the pixels of the image');
    if (repeated) {
      // Channel 3 of pixel n is value 4 n + 3.
      if (read(bitsOfValue) !== 0) add(Math.floor(done / 4), Math.floor((done + length) / 4));
    } else for (let n = done; n < done + length; n++) if (read(bitsOfValue) !== 0 && n % 4 === 3) add((n - 3) / 4, (n + 1) / 4);
    done += length;
  }
  return Int32Array.from(spans);
}

/** Bits of the kinds of lengths that are written. */
const sizes = [3, 4, 8, 16] as const;

/** Run lengths of spans: 255 in all channels of their pixels, 0 in all others. */
export function brushOfSpans(spans: Int32Array, { width, height }: Size): number[] {
  const bytes: number[] = [];
  let filled = 0;
  const write = (value: number, bits: number): void => {
    for (let left = bits; left > 0; ) {
      if (filled % 8 === 0) bytes.push(0);
      const taken = Math.min(left, 8 - (filled % 8));
      const part = Math.floor(value / 2 ** (left - taken)) % 2 ** taken;
      bytes[bytes.length - 1]! |= part << (8 - (filled % 8) - taken);
      filled += taken;
      left -= taken;
    }
  };
  const run = (length: number, value: number): void => {
    for (let left = length; left > 0; ) {
      const part = Math.min(left, 2 ** 16);
      const kind = sizes.findIndex((bits) => part <= 2 ** bits);
      write(4 + kind, 3);
      write(part - 1, sizes[kind] as number);
      write(value, 8);
      left -= part;
    }
  };
  write(4 * width * height, 32);
  write(8 - 1, 5);
  for (const bits of sizes) write(bits - 1, 4);
  let done = 0;
  for (let i = 0; i < spans.length; ) {
    const start = spans[i]! * width + spans[i + 1]!;
    let end = start;
    // Spans that go on in the next row are one run.
    for (; i < spans.length && spans[i]! * width + spans[i + 1]! === end; i += 3) end += spans[i + 2]! - spans[i + 1]!;
    run(4 * (start - done), 0);
    run(4 * (end - start), 255);
    done = end;
  }
  run(4 * (width * height - done), 0);
  return bytes;
}
