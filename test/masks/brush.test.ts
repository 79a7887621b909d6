import fc from 'fast-check';
import { expect, test } from 'vitest';
import { brushOfSpans, spansOfBrush } from '../../src/masks/brush.ts';
import { spansOfPixels } from '../../src/masks/spans.ts';

const spansOf = (width: number, height: number, holds: (x: number, y: number) => boolean) => spansOfPixels([0, 0, width, height], holds);

/** Bytes of a text of bits. */
const bytesOf = (bits: string): number[] =>
  (
    bits
      .replaceAll(' ', '')
      .padEnd(8 * Math.ceil(bits.replaceAll(' ', '').length / 8), '0')
      .match(/.{8}/g) ?? []
  ).map((byte) => Number.parseInt(byte, 2));
const head = (values: number): string => `${values.toString(2).padStart(32, '0')} 00111 0010 0011 0111 1111`;

test('a brush has the pixels that it was written with', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 20 }),
      fc.infiniteStream(fc.boolean()),
      (width, height, bits) => {
        const mask = [...bits.take(width * height)];
        const spans = spansOf(width, height, (x, y) => mask[y * width + x] as boolean);
        expect(spansOfBrush(brushOfSpans(spans, { width, height }), { width, height })).toEqual(spans);
      },
    ),
  );
  const size = { width: 700, height: 500 };
  const wide = spansOf(700, 500, (_, y) => y > 100 && y < 400);
  expect(spansOfBrush(brushOfSpans(wide, size), size)).toEqual(wide);
});

test('a brush has the pixels whose alpha is not 0, also in runs of single values', () => {
  // Two pixels: RGBA 9 9 9 0 one by one, then 7 7 7 1 as a run of three and a run of one.
  const bits = `${head(8)} 000 011 00001001 00001001 00001001 00000000 100 010 00000111 100 000 00000001`;
  expect([...spansOfBrush(bytesOf(bits), { width: 2, height: 1 })]).toEqual([0, 1, 2]);
});

test('a brush of another image, and one that is cut short or too long, is refused', () => {
  const bytes = brushOfSpans(Int32Array.of(0, 0, 2), { width: 4, height: 2 });
  expect(() => spansOfBrush(bytes, { width: 4, height: 3 })).toThrow('the run lengths hold 32 values, not 48, four for each pixel');
  expect(() => spansOfBrush(bytes.slice(0, 9), { width: 4, height: 2 })).toThrow('the run lengths are cut short');
  expect(() => spansOfBrush(bytesOf(`${head(8)} 110 11111111 00000000`), { width: 2, height: 1 })).toThrow(
    'exceed the pixels of the image',
  );
});
