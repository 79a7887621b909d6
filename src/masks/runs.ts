import type { Mask } from '../types.ts';

/** Calls `visit` for each run of equal ids in the rows of a mask: columns `[from, to)` of row `y`. */
export function eachRun({ width, height, ids }: Mask, visit: (id: number, y: number, from: number, to: number) => void): void {
  // A word holds several ids: XOR with the id of the run shows where the run ends, without a test of each pixel.
  const words = wholeWords(ids);
  const [shift, bits] = ids.BYTES_PER_ELEMENT === 1 ? [2, 3] : [1, 4];
  const spread = ids.BYTES_PER_ELEMENT === 1 ? 0x01010101 : 0x00010001;
  for (let y = 0, row = 0; y < height; y++, row += width) {
    const end = row + width;
    const last = (end - 1) >> shift;
    for (let at = row; at < end; ) {
      const from = at;
      const id = ids[at]!;
      const same = Math.imul(id, spread);
      let word = at >> shift;
      let differing = (words[word]! ^ same) & (-1 << ((at - (word << shift)) << bits));
      while (differing === 0 && word < last) differing = words[++word]! ^ same;
      // The lowest bit that differs lies in the id that ends the run.
      at = differing === 0 ? end : Math.min(end, (word << shift) + ((31 - Math.clz32(differing & -differing)) >> bits));
      visit(id, y, from - row, at - row);
    }
  }
}

/** Ids as 32-bit words; the last word may extend past the ids. */
function wholeWords(ids: Mask['ids']): Int32Array {
  const length = Math.ceil(ids.byteLength / 4);
  if (ids.byteOffset % 4 === 0 && ids.byteOffset + 4 * length <= ids.buffer.byteLength)
    return new Int32Array(ids.buffer, ids.byteOffset, length);
  const words = new Int32Array(length);
  new Uint8Array(words.buffer).set(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength));
  return words;
}
