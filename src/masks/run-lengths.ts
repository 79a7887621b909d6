/** Run lengths of masks, of 0 and 1 alternately: column by column as in COCO, also packed into text; row by row as in CVAT. */
import type { Box, Size } from '../types.ts';
import { boxOfSpans, spansOfPlane } from './spans.ts';

/** Spans of a mask from the ascending positions, in column-major order, at which it changes between 0 and 1. */
export function spansOfToggles(toggles: ArrayLike<number>, { width, height }: Size): Int32Array {
  if (toggles.length === 0) return new Int32Array(0);
  const end = (n: number): number => Math.min(toggles[n] ?? width * height, width * height);
  const left = Math.floor(toggles[0]! / height);
  const right = Math.min(width, Math.ceil(end(toggles.length - 1 + (toggles.length % 2)) / height));
  const columns = right - left;
  const pixels = new Uint8Array(Math.max(0, columns) * height);
  for (let n = 0; n < toggles.length; n += 2) {
    for (let at = toggles[n]!; at < end(n + 1); ) {
      const x = Math.floor(at / height);
      const y = at - x * height;
      const last = Math.min(height, y + end(n + 1) - at);
      for (let row = y; row < last; row++) pixels[row * columns + x - left] = 1;
      at += last - y;
    }
  }
  return spansOfPlane({ box: [left, 0, Math.max(left, right), height], pixels });
}

/**
 * Spans of run lengths, column by column, beginning with zeros.
 *
 * @returns `undefined` if they do not add up to the size of the image.
 */
export function spansOfCounts(counts: ArrayLike<number>, size: Size): Int32Array | undefined {
  const toggles: number[] = [];
  let at = 0;
  for (let n = 0; n < counts.length; n++) {
    const count = counts[n]!;
    if (!Number.isInteger(count) || count < 0) return undefined;
    at += count;
    toggles.push(at);
  }
  if (at !== size.width * size.height) return undefined;
  // A last run of ones ends with the image.
  if (counts.length % 2 === 1) toggles.pop();
  return spansOfToggles(toggles, size);
}

/** Tests if run lengths in either form are those of a number of pixels. */
export function areRunsOf(counts: string | readonly number[], pixels: number): boolean {
  const numbers = typeof counts === 'string' ? unpackCounts(counts) : counts;
  let sum = 0;
  for (const count of numbers ?? []) {
    if (!Number.isInteger(count) || count < 0) return false;
    sum += count;
  }
  return numbers !== undefined && sum === pixels;
}

/** Spans of run lengths in either form of COCO, numbers or packed text. @returns `undefined` if they are invalid. */
export function spansOfRle(counts: string | readonly number[] | undefined, size: Size): Int32Array | undefined {
  const numbers = typeof counts === 'string' ? unpackCounts(counts) : counts;
  return Array.isArray(numbers) ? spansOfCounts(numbers, size) : undefined;
}

/**
 * Spans of run lengths of a box, row by row, beginning with zeros, as in CVAT.
 *
 * @returns `undefined` if they do not add up to the size of the box.
 */
export function spansOfRuns(counts: ArrayLike<number>, [x0, y0, x1, y1]: Box): Int32Array | undefined {
  const width = x1 - x0;
  const spans: number[] = [];
  let at = 0;
  for (let n = 0; n < counts.length; n++) {
    const count = counts[n]!;
    if (!Number.isInteger(count) || count < 0 || at + count > width * (y1 - y0)) return undefined;
    for (const end = at + count; n % 2 === 1 && at < end; ) {
      const [y, x] = [Math.floor(at / width), at % width];
      const last = Math.min(width, x + end - at);
      // After an empty run of zeros, the run of ones before it continues.
      if (spans.at(-3) === y0 + y && spans.at(-1) === x0 + x) spans[spans.length - 1] = x0 + last;
      else spans.push(y0 + y, x0 + x, x0 + last);
      at += last - x;
    }
    if (n % 2 === 0) at += count;
  }
  return at === width * (y1 - y0) ? Int32Array.from(spans) : undefined;
}

/** Run lengths of spans in their own box, row by row, beginning with zeros. */
export function runsOfSpans(spans: Int32Array): { counts: number[]; box: Box } {
  const box = boxOfSpans(spans);
  const [x0, y0, x1, y1] = box;
  const toggles: number[] = [];
  for (let i = 0; i < spans.length; i += 3) {
    const row = (spans[i]! - y0) * (x1 - x0) - x0;
    const [from, to] = [row + spans[i + 1]!, row + spans[i + 2]!];
    // A run that reaches the right edge continues at the left edge of the next row.
    if (toggles.at(-1) === from) toggles[toggles.length - 1] = to;
    else toggles.push(from, to);
  }
  const end = (x1 - x0) * (y1 - y0);
  if (toggles.at(-1) !== end) toggles.push(end);
  return { counts: toggles.map((at, n) => at - (toggles[n - 1] ?? 0)), box };
}

/** Run lengths of spans, column by column, beginning with zeros. */
export function countsOfSpans(spans: Int32Array, { width, height }: Size): number[] {
  const [x0, y0, x1, y1] = boxOfSpans(spans);
  const rows = y1 - y0;
  const columns = new Uint8Array((x1 - x0) * rows);
  for (let i = 0; i < spans.length; i += 3) {
    const y = spans[i]! - y0;
    for (let x = spans[i + 1]! - x0; x < spans[i + 2]! - x0; x++) columns[x * rows + y] = 1;
  }
  const toggles: number[] = [];
  for (let x = 0; x < x1 - x0; x++) {
    for (let y = 0; y < rows; y++) {
      if (columns[x * rows + y] === 0) continue;
      const from = y;
      while (y < rows && columns[x * rows + y] !== 0) y++;
      const top = (x0 + x) * height + y0;
      // A run that reaches the bottom continues at the top of the next column.
      if (toggles.at(-1) === top + from) toggles[toggles.length - 1] = top + y;
      else toggles.push(top + from, top + y);
    }
  }
  if (toggles.at(-1) !== width * height) toggles.push(width * height);
  return toggles.map((at, n) => at - (toggles[n - 1] ?? 0));
}

/** Packs run lengths into COCO's text: from the fourth on, differences to the run two before; five bits a character (`rleToString`). */
export function packCounts(counts: readonly number[]): string {
  let text = '';
  counts.forEach((count, i) => {
    let rest = i > 2 ? count - counts[i - 2]! : count;
    for (let more = true; more; ) {
      const bits = rest & 31;
      rest >>= 5;
      more = bits & 16 ? rest !== -1 : rest !== 0;
      text += String.fromCharCode(48 + (more ? bits | 32 : bits));
    }
  });
  return text;
}

/** Unpacks run lengths from COCO's text. @returns `undefined` if the text is malformed. */
export function unpackCounts(text: string): number[] | undefined {
  const counts: number[] = [];
  for (let at = 0; at < text.length; ) {
    let value = 0;
    for (let shift = 0, more = true; more; shift += 5) {
      const bits = text.charCodeAt(at++) - 48;
      if (!(bits >= 0 && bits < 64) || shift > 30) return undefined;
      value |= (bits & 31) << shift;
      more = (bits & 32) !== 0;
      if (!more && bits & 16 && shift + 5 < 32) value |= -1 << (shift + 5);
    }
    counts.push(counts.length > 2 ? value + counts[counts.length - 2]! : value);
  }
  return counts;
}
