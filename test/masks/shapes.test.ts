import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { outlineOfSpans, outlinesOfSpans } from '../../src/masks/outlines.ts';
import { outlineOfEllipse, spansOfPolygons } from '../../src/masks/polygons.ts';
import { countsOfSpans, packCounts, runsOfSpans, spansOfCounts, spansOfRuns, unpackCounts } from '../../src/masks/run-lengths.ts';
import { areaOfSpans, boxesMeet, boxOfSpans, countCommon, difference, filterSpans, shapeOfSpans } from '../../src/masks/spans.ts';

interface Case {
  h: number;
  w: number;
  polys: number[][];
  counts: string;
  area: number;
  bbox: number[];
}

describe('polygons', () => {
  test('are rasterised exactly like pycocotools, including the text of their run lengths', () => {
    const cases: Case[] = JSON.parse(readFileSync('test/golden/polygons.json', 'utf8'));
    for (const { h, w, polys, counts, area, bbox } of cases) {
      const size = { width: w, height: h };
      const spans = spansOfPolygons(polys, size);
      expect(packCounts(countsOfSpans(spans, size))).toBe(counts);
      expect(areaOfSpans(spans)).toBe(area);
      const [x0, y0, x1, y1] = boxOfSpans(spans);
      if (area > 0) expect([x0, y0, x1 - x0, y1 - y0]).toEqual(bbox);
      expect(spansOfCounts(unpackCounts(counts) as number[], size)).toEqual(spans);
    }
    expect(cases.length).toBe(80);
  });
});

describe('two shapes', () => {
  const size = { width: 9, height: 7 };
  const pixels = fc.uniqueArray(fc.nat(size.width * size.height - 1), { maxLength: 63 }).map((list) => new Set(list));
  const rows = Int32Array.from(Array.from({ length: size.height }, (_, y) => [y, 0, size.width]).flat());
  const spansOf = (plane: Set<number>): Int32Array => filterSpans(rows, size.width, (i) => plane.has(i));

  test('have the pixels in common that both have, and differ by the others', () => {
    fc.assert(
      fc.property(pixels, pixels, (a, b) => {
        const [one, other] = [shapeOfSpans(spansOf(a)), shapeOfSpans(spansOf(b))];
        const common = [...a].filter((i) => b.has(i));
        expect(countCommon(one, other)).toBe(common.length);
        expect(difference(one, other)).toEqual(spansOf(new Set([...a].filter((i) => !b.has(i)))));
        if (common.length > 0) expect(boxesMeet(one.box, other.box)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('may share their spans with others', () => {
    fc.assert(
      fc.property(pixels, pixels, (a, b) => {
        const [one, other] = [spansOf(a), spansOf(b)];
        const shared = Int32Array.from([...other, ...one, ...other]);
        const within = { box: boxOfSpans(one), spans: shared, start: other.length, end: other.length + one.length };
        const whole = shapeOfSpans(other);
        expect(countCommon(within, whole)).toBe(countCommon(shapeOfSpans(one), whole));
        expect(difference(within, whole)).toEqual(difference(shapeOfSpans(one), whole));
        expect(difference(whole, within)).toEqual(difference(whole, shapeOfSpans(one)));
      }),
    );
  });
});

describe('run lengths', () => {
  const planes = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })).chain(([width, height]) =>
    fc.record({
      width: fc.constant(width),
      height: fc.constant(height),
      plane: fc.array(fc.nat(1), { minLength: width * height, maxLength: width * height }),
    }),
  );
  const spansOf = ({ width, height, plane }: { width: number; height: number; plane: number[] }): Int32Array =>
    filterSpans(Int32Array.from(Array.from({ length: height }, (_, y) => [y, 0, width]).flat()), width, (i) => plane[i] === 1);

  test('column by column come back as the same spans, as numbers and as text', () => {
    fc.assert(
      fc.property(planes, ({ width, height, plane }) => {
        const spans = spansOf({ width, height, plane });
        const expected = [0];
        let value = 0;
        for (let i = 0; i < plane.length; i++) {
          const pixel = plane[(i % height) * width + Math.floor(i / height)] as number;
          if (pixel !== value) expected.push(0);
          value = pixel;
          expected[expected.length - 1] = (expected.at(-1) as number) + 1;
        }
        const counts = countsOfSpans(spans, { width, height });
        expect(counts).toEqual(expected);
        expect(spansOfCounts(counts, { width, height })).toEqual(spans);
        expect(unpackCounts(packCounts(counts))).toEqual(counts);
        expect(areaOfSpans(spans)).toBe(plane.filter((pixel) => pixel === 1).length);
      }),
      { numRuns: 500 },
    );
  });

  test('an outline of pixels is filled to the same pixels, whatever their holes and parts', () => {
    fc.assert(
      fc.property(planes, ({ width, height, plane }) => {
        const spans = spansOf({ width, height, plane });
        if (spans.length > 0) expect(spansOfPolygons([outlineOfSpans(spans)], { width, height })).toEqual(spans);
        else expect(outlineOfSpans(spans)).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  test('outlines of parts are filled to the same pixels, and there are none if one would lose a hole', () => {
    /** Tests if a hole exists: an empty pixel from which no path along sides leads outside the plane. */
    const hasHole = ({ width, height, plane }: { width: number; height: number; plane: number[] }): boolean => {
      const seen = new Set<number>();
      const visit = (x: number, y: number): void => {
        const at = (y + 1) * (width + 2) + x + 1;
        const out = x < -1 || y < -1 || x > width || y > height;
        const set = x >= 0 && y >= 0 && x < width && y < height && plane[y * width + x] === 1;
        if (out || set || seen.has(at)) return;
        seen.add(at);
        for (const [dx, dy] of [
          [1, 0],
          [-1, 0],
          [0, 1],
          [0, -1],
        ] as const)
          visit(x + dx, y + dy);
      };
      visit(-1, -1);
      // A path may pass between pixels that touch at a corner only.
      return plane.some((pixel, i) => pixel === 0 && !seen.has((Math.floor(i / width) + 1) * (width + 2) + (i % width) + 1));
    };
    fc.assert(
      fc.property(planes, (made) => {
        const spans = spansOf(made);
        const outlines = outlinesOfSpans(spans);
        if (!outlines) expect(hasHole(made)).toBe(true);
        else expect(spansOfPolygons(outlines, made)).toEqual(spans);
      }),
      { numRuns: 1000 },
    );
    const ring = Int32Array.from([0, 0, 3, 1, 0, 1, 1, 2, 3, 2, 0, 3]);
    expect(outlinesOfSpans(ring)).toBeUndefined();
    expect(outlinesOfSpans(Int32Array.from([0, 0, 1, 0, 2, 3]))).toEqual([
      [0, 0, 1, 0, 1, 1, 0, 1],
      [2, 0, 3, 0, 3, 1, 2, 1],
    ]);
  });

  test('row by row of their box, as in CVAT, come back as the same spans', () => {
    fc.assert(
      fc.property(planes, fc.nat(3), ({ width, height, plane }, shift) => {
        const spans = spansOf({ width, height, plane }).map((value, i) => value + (i % 3 === 0 ? 0 : shift));
        if (spans.length === 0) return;
        const { counts, box } = runsOfSpans(spans);
        const [x0, y0, x1, y1] = box;
        expect(box).toEqual(boxOfSpans(spans));
        const flat = counts.flatMap((count, n) => Array.from({ length: count }, () => n % 2));
        const rows = Array.from({ length: y1 - y0 }, (_, y) => plane.slice((y + y0) * width + x0 - shift, (y + y0) * width + x1 - shift));
        expect(flat).toEqual(rows.flat());
        expect(counts.slice(1)).not.toContain(0);
        expect(spansOfRuns(counts, box)).toEqual(spans);
      }),
      { numRuns: 500 },
    );
    expect(spansOfRuns([0, 1, 0, 1, 2], [5, 7, 7, 9])).toEqual(Int32Array.from([7, 5, 7]));
    for (const counts of [[], [3], [5], [1, -1, 4], [1.5, 2.5], [Number.NaN], [2 ** 40, 1]]) {
      expect(spansOfRuns(counts, [5, 7, 7, 9])).toBeUndefined();
    }
  });

  test('an ellipse fills to its area, turned or not', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 20, max: 60, noNaN: true }),
        fc.double({ min: 20, max: 60, noNaN: true }),
        fc.nat(360),
        (rx, ry, degrees) => {
          const spans = spansOfPolygons([outlineOfEllipse([64, 64], [rx, ry], degrees)], { width: 128, height: 128 });
          expect(areaOfSpans(spans) / (Math.PI * rx * ry)).toBeCloseTo(1, 1.5);
          const turn = (Math.PI * degrees) / 180;
          const wide = Math.hypot(rx * Math.cos(turn), ry * Math.sin(turn));
          const [x0, , x1] = boxOfSpans(spans);
          expect(Math.abs(x1 - x0 - 2 * wide)).toBeLessThan(2);
        },
      ),
    );
  });

  test('large ones survive as text', () => {
    fc.assert(fc.property(fc.array(fc.nat(2 ** 26)), (counts) => void expect(unpackCounts(packCounts(counts))).toEqual(counts)));
  });

  test('of another size than the image are refused, and malformed text never throws', () => {
    const size = { width: 3, height: 2 };
    for (const counts of [[5], [7], [3, -1, 4], [1.5, 4.5], [], [Number.NaN]]) expect(spansOfCounts(counts, size)).toBeUndefined();
    fc.assert(
      fc.property(fc.string(), (text) => {
        const counts = unpackCounts(text);
        if (counts) spansOfCounts(counts, size);
      }),
    );
  });
});
