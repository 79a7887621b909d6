import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { drawText, letterWidth, lineHeight, shortened, widthOf } from '../../src/output/font.ts';

const blank = (width: number, height = lineHeight) => ({ data: new Uint8Array(3 * width * height), width, height });

/** A text as rows of letters `#` and spaces. */
function picture(text: string): string[] {
  const canvas = blank(widthOf(text));
  drawText(canvas, 0, 0, text, [255, 255, 255]);
  const row = (y: number): string =>
    Array.from({ length: canvas.width }, (_, x) => (canvas.data[3 * (y * canvas.width + x)] ? '#' : ' ')).join('');
  return Array.from({ length: lineHeight }, (_, y) => row(y).trimEnd());
}

describe('letters', () => {
  test('are drawn from the left and above the base line', () => {
    expect(picture('L')).toEqual([
      ...['', '', '', ''],
      ...[' #', ' #', ' #', ' #', ' #', ' #', ' #', ' #', ' #', ' #######'],
      ...['', '', '', ''],
    ]);
  });

  test('are wide in Chinese, Japanese and Korean', () => {
    for (const text of ['自行车', 'ひらが', '보행자']) expect(widthOf(text)).toBe(3 * 2 * letterWidth);
    expect(widthOf('Пешеход')).toBe(7 * letterWidth);
  });

  test('are the same for names that are composed in two ways', () => {
    expect(picture('e\u0301te\u0301')).toEqual(picture('été'));
    expect(picture('e\u0301')).not.toEqual(picture('e'));
  });

  test('are boxes where the font has none, and control characters are left out', () => {
    expect(picture('\u{1f600}')).toEqual(picture('□'));
    expect(picture('a\u001b\u0000b')).toEqual(picture('ab'));
    expect(picture('a\tb')).toEqual(picture('a b'));
  });

  test('outside the picture are left out', () => {
    const canvas = blank(20, 10);
    drawText(canvas, 15, 2, 'WW', [1, 2, 3]);
    expect(canvas.data.some((value) => value > 0)).toBe(true);
  });
});

describe('a shortened text', () => {
  const texts = fc.string({ unit: 'grapheme', maxLength: 60 });

  test('is never wider than its place', () => {
    fc.assert(fc.property(texts, fc.nat(600), (text, width) => widthOf(shortened(text, width)) <= width));
  });

  test('is the text itself if that fits', () => {
    fc.assert(fc.property(texts, (text) => shortened(text, widthOf(text)) === text));
  });

  test('keeps its start and its end', () => {
    expect(shortened('train/a_very_long_name_0001', 15 * letterWidth)).toBe('train/a…me_0001');
    expect(shortened('自行车和行人', 5 * letterWidth)).toBe('自…人');
    expect(shortened('abc', letterWidth)).toBe('…');
    expect(shortened('abc', 3)).toBe('');
  });
});
