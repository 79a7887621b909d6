import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Canvas } from '../../src/output/font.ts';
import { describePastes, describeSample, drawSheet, type Sheet } from '../../src/output/sheet.ts';

const colour = [200, 30, 30] as const;

/** A tile of one colour, which no text has. */
function tileOf(width: number, height: number): Canvas {
  return { data: Uint8Array.from({ length: 3 * width * height }, (_, i) => colour[i % 3] as number), width, height };
}

/** Number of pixels of the tiles' colour. */
function countTilePixels({ data }: Canvas): number {
  let count = 0;
  for (let i = 0; i < data.length; i += 3) if (colour.every((value, c) => data[i + c] === value)) count++;
  return count;
}

describe('a contact sheet', () => {
  test('has its texts and tiles side by side: none covers or touches another, whatever the names', () => {
    const name = fc.string({ unit: 'grapheme', maxLength: 200 });
    const names = fc.array(name, { maxLength: 3 });
    const cell = fc.record({ tile: fc.boolean(), caption: names });
    const sheets = fc.record({
      legend: fc.array(fc.record({ name, colour: fc.constant([0, 0, 0] as const) }), { maxLength: 40 }),
      blocks: fc.array(
        fc.record({ caption: names, rows: fc.array(fc.array(cell, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 2 }) }),
        { minLength: 1, maxLength: 2 },
      ),
      footer: names,
    });
    fc.assert(
      fc.property(sheets, ({ legend, blocks, footer }) => {
        const sheet: Sheet = {
          legend,
          footer,
          blocks: blocks.map(({ caption, rows }) => ({
            caption,
            rows: rows.map((row) => row.map((one) => ({ caption: one.caption, ...(one.tile && { tile: tileOf(250, 20) }) }))),
          })),
        };
        const canvas = drawSheet(sheet, 'png');
        const tiles = blocks.flatMap(({ rows }) => rows.flat()).filter(({ tile }) => tile).length;
        expect(countTilePixels(canvas)).toBe(tiles * 250 * 20);
        // Nothing is drawn between the columns beside the captions and tiles, nor at the sides.
        const isWhite = (x: number, y: number): boolean => canvas.data[3 * (y * canvas.width + x)] === 255;
        for (let y = 0; y < canvas.height; y++)
          for (const x of [0, 7, canvas.width - 8, canvas.width - 1]) expect(isWhite(x, y)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test('says how many classes of a long legend are left out', () => {
    const legend = Array.from({ length: 300 }, (_, n) => ({ name: `class ${n}`, colour: [0, 0, 0] as const }));
    const blocks = [{ caption: [], rows: [[{ tile: tileOf(480, 10), caption: [] }]] }];
    const heights = [1, 40, 300].map((count) => drawSheet({ legend: legend.slice(0, count), blocks, footer: [] }, 'png').height);
    expect(heights.map((height) => (height - (heights[0] as number)) / 18)).toEqual([0, 5, 5]);
  });

  test('is refused if it is larger than its format allows', () => {
    const blocks = [{ caption: [], rows: [[{ tile: tileOf(10, 17_000), caption: [] }]] }];
    expect(() => drawSheet({ legend: [], blocks, footer: [] }, 'webp')).toThrow(
      /^-n: the picture is 256×17\d\d\d pixels, but a side of a webp has at most 16383; show fewer samples or write a \.png$/,
    );
  });

  test('counts pastes by class, the most frequent first', () => {
    expect(describePastes(['car', 'person', 'car'])).toBe('2 car, 1 person');
    expect(describeSample('train/a', '2 car')).toBe('train/a: 2 car');
    expect(describeSample('a'.repeat(200), '2 car')).toHaveLength(60 + ': 2 car'.length);
    expect(describePastes(['x'.repeat(100)])).toMatch(/^1 x{12}…x{11}$/);
  });
});
