/** Captions in pictures, in the letters of fonts/fixed-18.br: 9 pixels wide, or 18 as in Chinese, and 18 high. */
import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import { CopyPasteError, systemMessageOf } from '../errors.ts';

/** Height of a line in pixels. */
export const lineHeight = 18;
/** Width of a narrow letter in pixels; a wide one has twice that. */
export const letterWidth = 9;

const file = new URL('../../fonts/fixed-18.br', import.meta.url);

interface Glyph {
  /** Width in pixels. */
  readonly width: number;
  /** Its rows from the top, the left pixel first. */
  readonly rows: Uint8Array;
}

let loaded: ReadonlyMap<string, Glyph> | undefined;

/** Glyphs by character. @throws {CopyPasteError} `io` if the font cannot be read. */
function glyphs(): ReadonlyMap<string, Glyph> {
  loaded ??= readGlyphs();
  return loaded;
}

function readGlyphs(): ReadonlyMap<string, Glyph> {
  let bytes: Uint8Array;
  try {
    bytes = brotliDecompressSync(readFileSync(file));
  } catch (cause) {
    throw new CopyPasteError('io', `${file.pathname}: cannot be read: ${systemMessageOf(cause)}; install copypaste again`, { cause });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const all = new Map<string, Glyph>();
  let at = 0;
  for (const width of [letterWidth, 2 * letterWidth]) {
    const count = view.getUint16(at, true);
    const size = lineHeight * Math.ceil(width / 8);
    const first = at + 2 + 2 * count;
    for (let n = 0, code = 0; n < count; n++) {
      code += view.getUint16(at + 2 + 2 * n, true);
      all.set(String.fromCharCode(code), { width, rows: bytes.subarray(first + n * size, first + (n + 1) * size) });
    }
    at = first + count * size;
  }
  return all;
}

/** Stands for a character that the font lacks. */
const unknown = '□';

/** A letter at its place, in pixels from the start of the text. */
interface Letter {
  readonly glyph: Glyph;
  readonly x: number;
}

/** Letters of a text; a mark such as an accent lies over the letter before it. */
function lettersOf(text: string): { letters: readonly Letter[]; width: number } {
  const letters: Letter[] = [];
  let width = 0;
  for (const character of text.normalize('NFC').replaceAll(/\s/g, ' ').replaceAll(/\p{C}/gu, '')) {
    const glyph = glyphs().get(character) ?? glyphs().get(unknown);
    if (!glyph) continue;
    const isMark = /\p{Mn}/u.test(character);
    if (isMark && !glyphs().has(character)) continue;
    letters.push({ glyph, x: isMark ? Math.max(0, width - glyph.width) : width });
    if (!isMark) width += glyph.width;
  }
  return { letters, width };
}

/** Width of a text in pixels. */
export function widthOf(text: string): number {
  return lettersOf(text).width;
}

/** A text that is not wider than a number of pixels: its middle is left out if it is too wide. */
export function shortened(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  const parts = [...new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(text.normalize('NFC'))].map(({ segment }) => segment);
  let [low, high] = [0, parts.length];
  const kept = (count: number): string => {
    const tail = count >> 1;
    return `${parts.slice(0, count - tail).join('')}…${tail === 0 ? '' : parts.slice(-tail).join('')}`;
  };
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (widthOf(kept(middle)) <= width) low = middle;
    else high = middle - 1;
  }
  return widthOf(kept(low)) <= width ? kept(low) : '';
}

/** An opaque RGB picture, row by row. */
export interface Canvas {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

type Colour = readonly [red: number, green: number, blue: number];

/** Draws a text with its upper left corner at a pixel; what exceeds the canvas is left out. */
export function drawText({ data, width, height }: Canvas, left: number, top: number, text: string, colour: Colour): void {
  for (const { glyph, x } of lettersOf(text).letters) {
    const bytes = Math.ceil(glyph.width / 8);
    for (let row = 0; row < lineHeight && top + row < height; row++) {
      for (let column = 0; column < glyph.width && left + x + column < width; column++) {
        const bits = glyph.rows[row * bytes + (column >> 3)] as number;
        if (bits & (128 >> (column & 7))) data.set(colour, 3 * ((top + row) * width + left + x + column));
      }
    }
  }
}
