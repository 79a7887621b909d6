import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeMask } from '../../../src/codecs/png-masks.ts';
import { hasArea, spansOfShapes } from '../../../src/formats/labelme/drawing.ts';
import { contoursOfSpans } from '../../../src/masks/outlines.ts';
import { spansOfPixels } from '../../../src/masks/spans.ts';
import { maskOf } from '../../make.ts';

interface Case {
  h: number;
  w: number;
  type: string;
  points: [number, number][];
  spans: number[];
}

test("labelme's shapes are drawn as labelme draws them, to the pixel", () => {
  // From `labelme.utils.shape_to_mask` of labelme 6.3.1 with Pillow 12.3.
  const cases: Case[] = JSON.parse(readFileSync('test/golden/labelme.json', 'utf8'));
  for (const { h, w, type, points, spans } of cases) {
    expect([...spansOfShapes([{ label: 'x', points, shape_type: type }], { width: w, height: h })], JSON.stringify(points)).toEqual(spans);
  }
  expect(cases.length).toBe(72);
});

test('a type of any other name has no area', () => {
  for (const type of ['constructor', 'toString', '__proto__', 'line'])
    expect(
      hasArea({
        shape_type: type,
        points: [
          [1, 1],
          [9, 1],
          [9, 9],
        ],
      }),
    ).toBe(false);
});

test('the outlines of a shape without holes are drawn with its pixels again', () => {
  const planes = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })).chain(([width, height]) =>
    fc.record({
      width: fc.constant(width),
      height: fc.constant(height),
      pixels: fc.array(fc.boolean(), { minLength: width * height, maxLength: width * height }),
    }),
  );
  fc.assert(
    fc.property(planes, ({ width, height, pixels }) => {
      const spans = spansOfPixels([0, 0, width, height], (x, y) => pixels[y * width + x] === true);
      const contours = contoursOfSpans(spans);
      // Every outline goes through pixels of the shape alone, and all that it encloses is drawn.
      for (const contour of contours) for (const [x, y] of contour) expect(pixels[y * width + x]).toBe(true);
      const drawn = spansOfShapes(
        contours.map((points) => ({ label: '', points: points.length > 2 ? points : [...points, ...points, ...points] })),
        { width, height },
      );
      const filled = new Set<number>();
      for (let i = 0; i < drawn.length; i += 3)
        for (let x = drawn[i + 1] as number; x < (drawn[i + 2] as number); x++) filled.add((drawn[i] as number) * width + x);
      expect([...filled].sort((a, b) => a - b)).toEqual(withHolesFilled(pixels, width, height));
    }),
    { numRuns: 300 },
  );
});

/** Pixels that are set, or enclosed by set pixels. */
function withHolesFilled(pixels: readonly boolean[], width: number, height: number): number[] {
  const outside = new Set<string>(['-1 -1']);
  for (const queue = [[-1, -1]]; queue.length > 0; ) {
    const [x, y] = queue.pop() as [number, number];
    for (const [dx, dy] of [
      [1, 0],
      [-1, 0],
      [0, 1],
      [0, -1],
      [1, 1],
      [1, -1],
      [-1, 1],
      [-1, -1],
    ] as const) {
      const [nx, ny] = [x + dx, y + dy];
      if (nx < -1 || ny < -1 || nx > width || ny > height || outside.has(`${nx} ${ny}`)) continue;
      if (nx >= 0 && ny >= 0 && nx < width && ny < height && pixels[ny * width + nx]) continue;
      outside.add(`${nx} ${ny}`);
      queue.push([nx, ny]);
    }
  }
  return pixels.map((_, i) => i).filter((i) => !outside.has(`${i % width} ${Math.floor(i / width)}`));
}

test('a mask shape has the pixels of its PNG, and an invalid PNG is refused', async () => {
  const size = { width: 9, height: 7 };
  const png = Buffer.from(await encodeMask(maskOf('1.1', '111'))).toString('base64');
  const shape = (points: [number, number][], mask: string | null) => [{ label: 'x', shape_type: 'mask', points, mask }];
  const box: [number, number][] = [
    [2, 3],
    [4.9, 4],
  ];
  expect([...spansOfShapes(shape(box, png), size)]).toEqual([3, 2, 3, 3, 4, 5, 4, 2, 5]);
  expect(() => spansOfShapes(shape(box, null), size)).toThrow('the mask is missing');
  expect(() => spansOfShapes(shape(box, 'AAAA'), size)).toThrow('the mask is not a PNG');
  expect(() => spansOfShapes(shape(box, png.slice(0, 60)), size)).toThrow(/the mask: damaged PNG/);
  expect(() => spansOfShapes(shape([box[0] as [number, number], [5, 4]], png), size)).toThrow('the mask is 3×2, but its box is 4×2');
  expect(() =>
    spansOfShapes(
      shape(
        [
          [7, 3],
          [9, 4],
        ],
        png,
      ),
      size,
    ),
  ).toThrow('the mask reaches outside the image');
});

test('a circle that leaves the image has the pixels that it has in a larger image', () => {
  const far = fc.integer({ min: -400, max: 400 });
  fc.assert(
    fc.property(far, far, fc.integer({ min: 1, max: 400 }), (cx, cy, r) => {
      const size = { width: 16, height: 16 };
      const circle = (by: number) => ({
        label: 'x',
        points: [
          [cx + by, cy + by],
          [cx + by + r, cy + by],
        ] as [number, number][],
        shape_type: 'circle',
      });
      const whole = spansOfShapes([circle(800)], { width: 1616, height: 1616 });
      const cropped: number[] = [];
      for (let i = 0; i < whole.length; i += 3) {
        const [y, x0, x1] = [0, 1, 2].map((n) => (whole[i + n] as number) - 800) as [number, number, number];
        const [from, to] = [Math.max(0, x0), Math.min(16, x1)];
        if (y >= 0 && y < 16 && from < to) cropped.push(y, from, to);
      }
      expect([...spansOfShapes([circle(0)], size)]).toEqual(cropped);
    }),
    { numRuns: 20 * Number(process.env.FUZZ ?? 1) },
  );
});
